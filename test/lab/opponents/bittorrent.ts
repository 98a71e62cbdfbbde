// What all BitTorrent clients in the laboratory have in common: a torrent, a tracker beside the publisher, a port for each, and how we
// learn that one has everything: it makes a file, of which the kernel tells us. DHT and port forwarding are off, local discovery is on.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, watch } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { addressOf } from '../plan.ts'
import type { Arrival, Field } from './entry.ts'
import { torrentOf } from './torrent.ts'
import type { Announcement } from './tracker.ts'

const TRACKER = fileURLToPath(new URL('tracker.ts', import.meta.url))
const TRACKER_PORT = 6969
/** A port for each node, so that a NAT which keeps ports can do so for all nodes of a site. */
const FIRST_PORT = 51413
const SEED_BOUND = 60_000

/** One sentence when a program of a Debian package is not there. */
export async function lacking(program: string, debian: string): Promise<string | undefined> {
  const [status] = await once(spawn('which', [program], { stdio: 'ignore' }), 'close').catch(() => [1])
  return status === 0 ? undefined : `there is no ${program} ("apt-get install ${debian}" brings it)`
}

export class Torrent {
  readonly field: Field
  /** Where the .torrent file is. */
  readonly path: string
  readonly processes = new Map<string, number>()
  readonly #seeding = Promise.withResolvers<void>()
  readonly #done = new Map<string, PromiseWithResolvers<number>>()

  private constructor(field: Field, path: string) {
    this.field = field
    this.path = path
  }

  /** Makes the torrent, starts the tracker, and makes a folder for each node. */
  static async prepare(field: Field): Promise<Torrent> {
    const { network, publisher, file, nodes } = field
    const torrent = new Torrent(field, join(network.folder, 'artifact.torrent'))
    const host = addressOf(network.site(network.node(publisher).site), network.node(publisher))
    await writeFile(torrent.path, await torrentOf(file.path, `http://${host}:${TRACKER_PORT}/announce`))
    for (const name of [publisher, ...nodes]) await mkdir(torrent.folder(name), { recursive: true })
    await torrent.#track(host)
    await torrent.#watch()
    return torrent
  }

  /** Of a node; removed with the network. */
  folder(name: string): string {
    return join(this.field.network.folder, name)
  }

  port(name: string): number {
    return FIRST_PORT + this.field.network.node(name).index
  }

  /** Starts a client in a node. What it complains of is in a file of its folder. */
  start(name: string, program: string, args: readonly string[]): ChildProcess {
    const log = openSync(join(this.folder(name), 'log'), 'a')
    const env = { ...process.env, HOME: this.folder(name) }
    const child = this.field.network.exec(name, program, args, { stdio: ['pipe', 'pipe', log], env })
    closeSync(log)
    child.stdin?.on('error', () => undefined)
    child.stdout?.resume()
    this.processes.set(name, child.pid as number)
    child.once('exit', (code, signal) =>
      this.#done.get(name)?.reject(new Error(`${program} of ${name} ended by itself with ${code ?? signal}`)),
    )
    return child
  }

  /** A program that a client runs when it has everything. @returns its path */
  async hook(name: string): Promise<string> {
    const path = join(this.folder(name), 'done.sh')
    await writeFile(path, `#!/bin/sh\n: > '${join(this.#doneFolder, name)}'\n`, { mode: 0o755 })
    return path
  }

  /** Resolves when the tracker knows that the publisher has everything. */
  async seeded(): Promise<void> {
    const timer = setTimeout(() => this.#seeding.reject(new Error('the publisher does not seed')), SEED_BOUND)
    await this.#seeding.promise.finally(() => clearTimeout(timer))
  }

  /** Resolves when every node has everything. */
  async all(bound: number): Promise<Map<string, Arrival>> {
    const timer = setTimeout(() => {
      for (const [name, { reject }] of this.#done) reject(new Error(`${name} has not all of it in ${bound / 1000} s`))
    }, bound)
    const path = (name: string) => join(this.folder(name), basename(this.field.file.path))
    const arrivals = [...this.#done].map(
      async ([name, { promise }]) => [name, { at: await promise, path: path(name) }] as const,
    )
    return new Map(await Promise.all(arrivals).finally(() => clearTimeout(timer)))
  }

  get #doneFolder(): string {
    return join(this.field.network.folder, 'done')
  }

  async #track(host: string): Promise<void> {
    const { network, publisher } = this.field
    const stdio: ('ignore' | 'pipe' | 'inherit')[] = ['ignore', 'pipe', 'inherit']
    const child = network.exec(publisher, process.execPath, [TRACKER, String(TRACKER_PORT)], { stdio })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    await once(lines, 'line')
    lines.on('line', (line) => {
      const announcement = JSON.parse(line) as Announcement
      if (announcement.host === host && announcement.left === 0) this.#seeding.resolve()
    })
  }

  /** Until the folder goes with the network. */
  async #watch(): Promise<void> {
    for (const name of this.field.nodes) {
      const done = Promise.withResolvers<number>()
      done.promise.catch(() => undefined)
      this.#done.set(name, done)
    }
    await mkdir(this.#doneFolder)
    const watcher = watch(this.#doneFolder, { persistent: false }, (_event, name) =>
      this.#done.get(name ?? '')?.resolve(performance.now()),
    )
    watcher.on('error', () => undefined)
  }
}

/** Whether anybody waits at a TCP port where this process is. */
export async function isListening(pid: number, port: number): Promise<boolean> {
  const table = await readFile(`/proc/${pid}/net/tcp`, 'utf8').catch(() => '')
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return table.split('\n').some((line) => new RegExp(`^ *\\d+: [0-9A-F]+:${hex} [0-9A-F:]+ 0A `).test(line))
}
