// Real processes for the end-to-end tests: commands that run and end, daemons that stay, all of the bundle and all of one
// temporary folder. Whatever happens, dispose() leaves no process and no file behind.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ApiClient, apiClient } from '../../src/daemon/api-client.ts'
import { FLAGS } from '../fixtures/flags.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const BIN = join(root, 'bin', 'pimesh.js')
/** No command of these tests takes this long on any machine: whoever waits longer waits for ever. */
const COMMAND_BOUND = 45_000
const POLL = 100

export interface Outcome {
  /** Exit status; null when a signal ended it. */
  status: number | null
  signal: NodeJS.Signals | null
  out: string
  err: string
}

export interface RunOptions {
  /** What stands on standard input; default nothing. */
  input?: string
  /** Another Node than the one that runs the tests. */
  node?: string
  env?: Readonly<Record<string, string>>
  /** A program that starts the command, with its first arguments. */
  by?: readonly string[]
  /** Called with the process as soon as it runs, and with each piece of its stderr. */
  onProcess?: (child: ChildProcess) => void
  onNotice?: (text: string, child: ChildProcess) => void
}

/** What a daemon may be started with. */
export type LaunchOptions = Pick<RunOptions, 'env' | 'by'>

/** How a data folder is set up. */
export interface Place {
  /** health.period, in seconds. */
  period?: number
  /** More lines of the configuration; keys without a table first. */
  extra?: string
  /** False: it dials others, and nobody can dial it. */
  listens?: boolean
}

/** A daemon that was started, and what it wrote to its log. */
export interface Running {
  child: ChildProcess
  log: () => string
  /** Resolves to how it ended. */
  ended: Promise<Outcome>
}

export class Fleet {
  readonly folder: string
  readonly #children = new Set<ChildProcess>()
  readonly #daemons = new Map<string, Running>()
  readonly #ports = new Map<string, number>()
  #disposed = false

  private constructor(folder: string) {
    this.folder = folder
  }

  /** An empty fleet in a temporary folder of its own. Fails when there is no bundle. */
  static async make(): Promise<Fleet> {
    if (!existsSync(join(root, 'dist', 'pimesh.js'))) {
      throw new Error('there is no bundle to test: run "npm run bundle" first ("npm test" does)')
    }
    return new Fleet(await mkdtemp(join(tmpdir(), 'pimesh-e2e-')))
  }

  path(...names: string[]): string {
    return join(this.folder, ...names)
  }

  /** Makes the data folder `name` with a configuration: loopback, a free port that stays the same, no mDNS. */
  async prepare(name: string, { period = 2, extra = '', listens = true }: Place = {}): Promise<void> {
    const port = this.#ports.get(name) ?? (await freePort())
    this.#ports.set(name, port)
    await mkdir(this.path(name), { recursive: true })
    const listen = listens ? `"/ip4/127.0.0.1/tcp/${port}"` : ''
    const config = `listen = [${listen}]\n${extra}\n[health]\nperiod = ${period}\n[discovery]\nmdns = false\n`
    await writeFile(this.path(name, 'pimesh.toml'), config)
  }

  /** The port of a folder that was prepared. */
  port(name: string): number {
    const port = this.#ports.get(name)
    if (port === undefined) throw new Error(`${name} was not prepared`)
    return port
  }

  /** Runs `pimesh WORDS...` to its end, whatever that is. */
  async run(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const child = this.#spawn(words, options)
    options.onProcess?.(child)
    if (options.onNotice !== undefined) child.stderr?.on('data', (piece) => options.onNotice?.(String(piece), child))
    child.stdin?.end(options.input ?? '')
    const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_BOUND)
    const outcome = await outcomeOf(child)
    clearTimeout(timer)
    return outcome
  }

  /** Runs a command that must succeed, and resolves to what it printed. */
  async done(...words: string[]): Promise<string> {
    const { status, signal, out, err } = await this.run(words)
    if (status !== 0) throw new Error(`pimesh ${words.join(' ')} ended with ${signal ?? status}: ${err}`)
    return out.trim()
  }

  /** Runs a command that must succeed, and resolves to the JSON that it printed. */
  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.done(...words, '-o', 'json')) as T
  }

  /** A token of `pimesh invite` for a mesh of this fleet; `options` as on the command line. */
  invite(zone: string, ...options: string[]): Promise<string> {
    return this.done('invite', '--zone', zone, '--mesh', this.path('mesh'), ...options)
  }

  /** Joins as `name` into its own folder, and starts the daemon there. */
  async add(name: string, token: string, verb: 'up' | 'attach' = 'up', place: Place = {}): Promise<void> {
    await this.prepare(name, place)
    await this.done('join', token, '--name', name, '--data', this.path(name))
    await this.start(name, verb)
  }

  /** Starts the daemon of the folder `name` and waits until its local API answers. */
  async start(name: string, verb: 'up' | 'attach' = 'up', options: LaunchOptions = {}): Promise<Running> {
    const running = this.launch(name, verb, options)
    await this.until(`the API of ${name} answers`, 60_000, async () => {
      if (running.child.exitCode !== null) throw new Error(`${name} ended by itself: ${running.log()}`)
      return await this.answers(name)
    })
    return running
  }

  /** Starts it and waits for nothing. Its standard input is its lifeline: should this process die, it ends too. */
  launch(name: string, verb: 'up' | 'attach' = 'up', options: LaunchOptions = {}): Running {
    const child = this.#spawn([verb, '--lifeline', '--data', this.path(name)], options)
    let log = ''
    child.stderr?.on('data', (piece) => {
      log += String(piece)
    })
    const running = { child, log: () => log, ended: outcomeOf(child) }
    this.#daemons.set(name, running)
    return running
  }

  /** The daemon of the folder `name` that was started last. */
  running(name: string): Running {
    const running = this.#daemons.get(name)
    if (running === undefined) throw new Error(`${name} does not run`)
    return running
  }

  /** Sends the daemon a signal and waits for its end. */
  async stop(name: string, signal: NodeJS.Signals): Promise<Outcome> {
    const running = this.running(name)
    this.#daemons.delete(name)
    running.child.kill(signal)
    return await running.ended
  }

  client(name: string): ApiClient {
    return apiClient(this.path(name))
  }

  answers(name: string): Promise<boolean> {
    return this.client(name)
      .status()
      .then(
        () => true,
        () => false,
      )
  }

  /** Address of a daemon of this fleet, for --via. */
  async address(name: string): Promise<string> {
    const { listening, node } = await this.client(name).status()
    return `${listening[0]}/p2p/${node}`
  }

  /**
   * Looks again and again until `holds` gives something that is neither false nor undefined, and resolves to it. Fails after
   * `bound` ms, with what was awaited and the logs. The bound is what the product promises, or far above it.
   */
  async until<T>(what: string, bound: number, holds: () => Promise<T | false | undefined>): Promise<T> {
    const end = performance.now() + bound
    for (let last = ''; ; ) {
      const found = await holds()
      if (found !== false && found !== undefined) return found
      if (this.#disposed) throw new Error(`the fleet was disposed while waiting: ${what}`)
      if (performance.now() > end) {
        for (const [name, { log }] of this.#daemons) last += `\n--- ${name}\n${log().slice(-2_000)}`
        throw new Error(`not within ${bound} ms: ${what}${last}`)
      }
      await pause(POLL)
    }
  }

  /** Ends every process that is left, and removes the folder. */
  async dispose(): Promise<void> {
    this.#disposed = true
    const ends = [...this.#children].map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    })
    await Promise.all(ends)
    await rm(this.folder, { recursive: true, force: true })
  }

  #spawn(words: readonly string[], { node = process.execPath, env = {}, by }: RunOptions): ChildProcess {
    const { PIMESH_DATA, PIMESH_MESH, PIMESH_DEBUG, NODE_OPTIONS, ...inherited } = process.env
    const flags = node === process.execPath ? FLAGS : []
    const [program, ...args] = [...(by ?? []), node, ...flags, BIN, ...words] as [string, ...string[]]
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { ...inherited, HOME: this.folder, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child.stdin.on('error', () => undefined)
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const [[status, signal], out, err] = await Promise.all([
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    text(child.stdout as NodeJS.ReadableStream as never),
    text(child.stderr as NodeJS.ReadableStream as never),
  ])
  return { status, signal, out, err }
}

/** A TCP port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
