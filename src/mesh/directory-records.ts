// What a server of the directory keeps in mind: who provides which key. In memory only, as all of it is told anew twice a day. It is
// the datastore of kad-dht, which itself bounds nothing: every member may write, so each has its share (protocol clause DIRECTORY).
import type { Millis, NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'

/** A key of the datastore: `/dht/provider/<multihash>/<node>`; of a question, without the node. */
interface Key {
  toString(): string
}

interface Entry {
  key: Key
  /** When it was told, as kad-dht writes it. */
  value: Uint8Array
  until: Millis
}

const KIND = 'provider'

export class DirectoryRecords {
  readonly #now: () => Millis
  /** By key, then by node: in the order in which they first came. */
  readonly #keys = new Map<string, Map<NodeId, Entry>>()
  /** How many each node has. */
  readonly #shares = new Map<NodeId, number>()
  #size = 0

  constructor(now: () => Millis = () => performance.now()) {
    this.#now = now
  }

  get size(): number {
    return this.#size
  }

  /** Takes provider records alone, within their bounds; what is refused is no fault of who tells, so nothing is thrown. */
  async put(key: Key, value: Uint8Array): Promise<Key> {
    const { kind, hash, node } = partsOf(key)
    if (kind !== KIND || node === undefined) throw new Error('this directory keeps nothing but providers')
    const until = this.#now() + limits.directoryRecordLife
    const known = this.#keys.get(hash)?.get(node)
    if (known !== undefined) Object.assign(known, { value, until })
    else if (this.#hasRoom(hash, node))
      this.#add(hash, node, { key: { toString: () => textOf(hash, node) }, value, until })
    return key
  }

  async get(): Promise<never> {
    throw Object.assign(new Error('this directory keeps nothing but providers'), { name: 'NotFoundError' })
  }

  async delete(key: Key): Promise<void> {
    const { hash, node } = partsOf(key)
    if (node !== undefined) this.#drop(hash, node)
  }

  async *query({ prefix }: { prefix: string }): AsyncGenerator<{ key: Key; value: Uint8Array }> {
    const { hash } = partsOf({ toString: () => prefix })
    this.#expire(hash)
    for (const { key, value } of [...(this.#keys.get(hash)?.values() ?? [])]) yield { key, value }
  }

  #hasRoom(hash: string, node: NodeId): boolean {
    if ((this.#shares.get(node) ?? 0) >= limits.directoryPerMember) return false
    this.#expire(hash)
    if ((this.#keys.get(hash)?.size ?? 0) >= limits.directoryPerKey) return false
    return this.#size < limits.directoryRecords || this.#makeRoom(node)
  }

  /** Drops what is too old, or else one of the member that has most, unless that is who comes. */
  #makeRoom(comes: NodeId): boolean {
    for (const hash of [...this.#keys.keys()]) this.#expire(hash)
    if (this.#size < limits.directoryRecords) return true
    const [most, count] = [...this.#shares].reduce((a, b) => (b[1] > a[1] ? b : a))
    if (count <= (this.#shares.get(comes) ?? 0) + 1) return false
    const hash = [...this.#keys].find(([, nodes]) => nodes.has(most))?.[0]
    if (hash !== undefined) this.#drop(hash, most)
    return hash !== undefined
  }

  #add(hash: string, node: NodeId, entry: Entry): void {
    const nodes = this.#keys.get(hash) ?? new Map<NodeId, Entry>()
    this.#keys.set(hash, nodes.set(node, entry))
    this.#shares.set(node, (this.#shares.get(node) ?? 0) + 1)
    this.#size += 1
  }

  #drop(hash: string, node: NodeId): void {
    const nodes = this.#keys.get(hash)
    if (nodes?.delete(node) !== true) return
    if (nodes.size === 0) this.#keys.delete(hash)
    const share = (this.#shares.get(node) ?? 1) - 1
    if (share > 0) this.#shares.set(node, share)
    else this.#shares.delete(node)
    this.#size -= 1
  }

  #expire(hash: string): void {
    const now = this.#now()
    for (const [node, { until }] of this.#keys.get(hash) ?? []) if (until <= now) this.#drop(hash, node)
  }
}

function partsOf(key: Key): { kind: string; hash: string; node: NodeId | undefined } {
  const [, , kind = '', hash = '', node] = key.toString().split('/')
  return { kind, hash, node }
}

function textOf(hash: string, node: NodeId): string {
  return `/dht/${KIND}/${hash}/${node}`
}
