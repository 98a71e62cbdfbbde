// The daemons of a laboratory: one real process for each node, in the node's namespace, with a data folder of its own, all of one mesh
// that was made by the real commands. Their local API is a socket in the data folder, which every namespace shares with this process.
//
// Every node is enrolled where the first member is, as cards are written at a desk before they are carried out: so a laboratory stands
// whatever its NATs let through, and what a node does from its first start on is the product's.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ApiClient, apiClient } from '../../src/daemon/api-client.ts'
import { FLAGS } from '../fixtures/flags.ts'
import type { Site } from './description.ts'
import type { Network } from './network.ts'
import { addressOf, type NodePlan, openV6 } from './plan.ts'
import { each } from './shell.ts'

export const BIN = fileURLToPath(new URL('../../bin/pimesh.js', import.meta.url))
const BUNDLE = fileURLToPath(new URL('../../dist/pimesh.js', import.meta.url))
export const PUBLISHER = 'lab'
/** Where public members listen: pimesh's own port, and the one that strict firewalls let out. */
const PORTS = [31415, 443]
/** A token has room for so many of them with all their addresses. */
const NAMED_IN_INVITES = 2
const POLL = 50
/** Start-up takes half a second of CPU; forty daemons share what a machine has. */
const ANSWER_BOUND = 60_000
const LOG_TAIL = 2_000

export class Daemons {
  readonly #network: Network
  readonly #program: readonly string[]
  readonly #running = new Map<string, ChildProcess>()
  readonly #ids = new Map<string, string>()

  /** @param program what Node is given to run as a daemon, flags included; without it the bundle, as people run it. */
  constructor(network: Network, program: readonly string[] = [...FLAGS, BIN]) {
    this.#network = network
    this.#program = program
  }

  /** The folder of a node, or of the mesh's keys (`mesh`). */
  path(...names: string[]): string {
    return join(this.#network.folder, ...names)
  }

  client(name: string): ApiClient {
    return apiClient(this.path(name))
  }

  /** Node id of a node that was enrolled. */
  id(name: string): string {
    const id = this.#ids.get(name)
    if (id === undefined) throw new Error(`${name} was not enrolled`)
    return id
  }

  runs(name: string): boolean {
    return this.#running.has(name)
  }

  pid(name: string): number {
    const pid = this.#running.get(name)?.pid
    if (pid === undefined) throw new Error(`${name} does not run`)
    return pid
  }

  /** Makes the mesh and enrols every node. The first member runs afterwards, no other. */
  async enrol(): Promise<void> {
    if (!existsSync(BUNDLE)) throw new Error('there is no bundle to run: "npm run bundle" makes it')
    const { sites, nodes } = this.#network.plan
    const open = nodes.filter((node) => this.#network.site(node.site).kind === 'open')
    const first = this.#first
    await this.pimesh(first.name, 'init', '--name', PUBLISHER, '--mesh', this.path('mesh'))
    await this.#join(first, await this.#invite(first.site, '--first'), 0)
    await this.start(first.name)
    const [named, rest] = [open.slice(1, NAMED_IN_INVITES), new Set(nodes)]
    for (const node of [first, ...named]) rest.delete(node)
    for (const node of named) await this.#join(node, await this.#invite(node.site, ...this.#via(first)), 0)
    const via = [first, ...named].flatMap((node) => this.#via(node))
    for (const zone of new Set(sites.map((site) => site.zone))) {
      const members = [...rest].filter((node) => this.#network.site(node.site).zone === zone)
      if (members.length === 0) continue
      const token = await this.#invite((members[0] as NodePlan).site, '--seats', String(members.length), ...via)
      await each(members.entries(), ([seat, node]) => this.#join(node, token, seat), 2)
    }
  }

  /** Starts a node's daemon and resolves when its API answers. */
  async start(name: string): Promise<void> {
    if (this.runs(name)) return
    const log = openSync(this.path(`${name}.log`), 'a')
    const words = [...this.#program, 'up', '--lifeline', '--data', this.path(name)]
    const child = this.#network.exec(name, process.execPath, words, { stdio: ['pipe', log, log], env: this.#env() })
    closeSync(log)
    child.stdin?.on('error', () => undefined)
    this.#running.set(name, child)
    await this.until(`the API of ${name} answers`, ANSWER_BOUND, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended by itself: ${await this.log(name)}`)
      return await this.client(name)
        .status()
        .then(Boolean, () => false)
    })
  }

  /** Ends it: by SIGKILL as a power cut would, or with a goodbye by SIGTERM. */
  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#running.get(name)
    this.#running.delete(name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** Ends all that run in one moment, and starts those of `names` again together. */
  async restartAll(names: readonly string[] = [...this.#running.keys()]): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.kill(name)))
    await Promise.all(names.map((name) => this.start(name)))
  }

  /** Runs `pimesh WORDS...` to its end in the namespace of a node, and resolves to what it printed. */
  async pimesh(at: string, ...words: string[]): Promise<string> {
    const options = { stdio: ['ignore', 'pipe', 'pipe'] as ('ignore' | 'pipe')[], env: this.#env() }
    const child = this.#network.exec(at, process.execPath, [BIN, ...words], options)
    const [out, err, [status]] = await Promise.all([
      text(child.stdout as NodeJS.ReadableStream as never),
      text(child.stderr as NodeJS.ReadableStream as never),
      once(child, 'close'),
    ])
    if (status === 0) return out.trim()
    throw new Error(`pimesh ${words[0]} ended with ${status}: ${err.trim()}`)
  }

  /** The end of what a daemon wrote. */
  async log(name: string): Promise<string> {
    return (await readFile(this.path(`${name}.log`), 'utf8').catch(() => '')).slice(-LOG_TAIL)
  }

  /** Looks again and again until `holds` gives something that is neither false nor undefined, and resolves to it. */
  async until<T>(what: string, bound: number, holds: () => Promise<T | false | undefined>): Promise<T> {
    const end = performance.now() + bound
    for (;;) {
      const found = await holds()
      if (found !== false && found !== undefined) return found
      if (performance.now() > end) throw new Error(`not within ${bound / 1000} s: ${what}`)
      await pause(POLL)
    }
  }

  /** The first member of the mesh: a public one where there is any. */
  get #first(): NodePlan {
    const { nodes } = this.#network.plan
    return nodes.find(({ site }) => this.#network.site(site).kind === 'open') ?? (nodes[0] as NodePlan)
  }

  #invite(site: string, ...options: string[]): Promise<string> {
    const { zone } = this.#network.site(site)
    return this.pimesh(this.#first.name, 'invite', '--zone', zone, ...options, '--mesh', this.path('mesh'))
  }

  /** Joins from where the first member is, and leaves the configuration for where the node will be. */
  async #join(node: NodePlan, token: string, seat: number): Promise<void> {
    const words = [
      'join',
      token,
      '--name',
      node.name,
      '--seat',
      String(seat),
      '--data',
      this.path(node.name),
      '-o',
      'json',
    ]
    this.#ids.set(node.name, JSON.parse(await this.pimesh(this.#first.name, ...words)).node)
    await mkdir(this.path(node.name), { recursive: true })
    await writeFile(this.path(node.name, 'pimesh.toml'), configOf(this.#network.site(node.site)))
  }

  /** Where a first or public member can be met, in words for `pimesh invite`. */
  #via(node: NodePlan): string[] {
    const site = this.#network.site(node.site)
    const v4 = `/ip4/${addressOf(site, node)}`
    const hosts =
      site.kind === 'open' ? [v4, `/ip6/${openV6(node)}`] : [site.kind === 'ipv6' ? v4.replace('ip4', 'ip6') : v4]
    const ports = site.kind === 'open' ? PORTS : PORTS.slice(0, 1)
    const addresses = hosts.flatMap((host) => ports.map((port) => `${host}/tcp/${port}`))
    return addresses.flatMap((address) => ['--via', `${address}/p2p/${this.id(node.name)}`])
  }

  #env(): NodeJS.ProcessEnv {
    const { PIMESH_DATA, PIMESH_MESH, PIMESH_DEBUG, NODE_OPTIONS, ...env } = process.env
    return { ...env, HOME: this.#network.folder }
  }
}

/** pimesh.toml: the defaults, but that public members listen on 443 too. Multicast is the network's matter. */
function configOf({ kind, config }: Site): string {
  const listen = PORTS.flatMap((port) => [`"/ip4/0.0.0.0/tcp/${port}"`, `"/ip6/::/tcp/${port}"`])
  return `${kind === 'open' ? `listen = [${listen.join(', ')}]\n` : ''}${config}\n`
}
