// The directory of a simulated mesh: what each server keeps in mind, and who reaches which. Without the walk of the real one, whose steps
// are its own: an answer is what all servers say that are alive and known, or known by those.
import type { NodeId } from '../../src/core/env.ts'
import { limits } from '../../src/core/limits.ts'
import type { Told } from '../../src/core/swarm/directory.ts'
import type { Directory } from '../../src/ports/directory.ts'
import { sha256 } from './crypto.ts'

/** What one server has heard: by encoding, then by node. */
type Shelf = Map<string, Map<NodeId, readonly string[]>>

/** Shared by all nodes of one world. */
export class SimDirectories {
  /** Of those that serve. */
  readonly #shelves = new Map<NodeId, Shelf>()
  readonly #known = new Map<NodeId, readonly Told[]>()

  serve(node: NodeId, on: boolean): void {
    if (on) this.#shelves.set(node, this.#shelves.get(node) ?? new Map())
    else this.#shelves.delete(node)
  }

  servers(node: NodeId, known: readonly Told[]): void {
    this.#known.set(node, known.slice(0, limits.directoryServers))
  }

  /** Its process ended, and with it what it kept in mind. */
  stopped(node: NodeId): void {
    this.#shelves.delete(node)
    this.#known.delete(node)
  }

  /** With how many servers it was left. */
  provide(node: NodeId, key: string, addresses: readonly string[]): number {
    const nearest = this.#nearest(node, key)
    const own = this.#shelves.get(node)
    for (const shelf of own === undefined ? nearest : [...nearest, own]) {
      const told = shelf.get(key) ?? new Map<NodeId, readonly string[]>()
      if (told.has(node) || told.size < limits.directoryPerKey) shelf.set(key, told.set(node, addresses))
    }
    return nearest.length
  }

  withdraw(node: NodeId, key: string): void {
    this.#shelves.get(node)?.get(key)?.delete(node)
  }

  find(node: NodeId, key: string): Told[] {
    const named = new Map<NodeId, readonly string[]>()
    const own = this.#shelves.get(node)
    const shelves = own === undefined ? this.#nearest(node, key) : [own, ...this.#nearest(node, key)]
    for (const shelf of shelves) for (const [each, addresses] of shelf.get(key) ?? []) named.set(each, addresses)
    named.delete(node)
    return [...named].slice(0, limits.directoryProviders).map(([each, addresses]) => ({ node: each, addresses }))
  }

  /** Shelves of the servers nearest to the key that the node comes to. */
  #nearest(from: NodeId, key: string): Shelf[] {
    const seen = new Set<NodeId>([from])
    const found: NodeId[] = []
    const open = [...(this.#known.get(from) ?? [])]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (seen.has(next.node) || !this.#shelves.has(next.node)) continue
      seen.add(next.node)
      found.push(next.node)
      open.push(...(this.#known.get(next.node) ?? []))
    }
    const ranked = found.map((node) => ({ node, rank: Buffer.from(sha256(Buffer.from(key + node))).toString('hex') }))
    ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1))
    return ranked.slice(0, limits.directoryNearest).map(({ node }) => this.#shelves.get(node) as Shelf)
  }
}

/** The port of one node; for the contract. */
export function simulatedDirectory(all: SimDirectories, node: NodeId): Directory {
  return {
    serve: (on) => all.serve(node, on),
    servers: (known) => all.servers(node, known),
    provide: async (key, addresses, { signal }) => (signal.aborted ? 0 : all.provide(node, key, addresses)),
    withdraw: (key) => all.withdraw(node, key),
    find: async (key, { signal }) => (signal.aborted ? [] : all.find(node, key)),
  }
}
