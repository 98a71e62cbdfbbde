// The processes of a demo: commands that run and end, daemons that stay, and how all of them come to an end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import { type ApiClient, apiClient } from '../../daemon/api-client.ts'
import type { NodesJson } from '../../daemon/api-types.ts'
import type { Context } from '../frame/command.ts'
import { wait } from '../frame/wait.ts'
import type { Display } from './display.ts'

export const OPERATOR = 'operator'
/** What bin/pimesh.js asks of Node where it is started as a program. */
export const DAEMON_FLAGS = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--no-parallel-scavenge',
  '--heap-growing-percent=30',
]
const POLL = 500
const QUERY_TIMEOUT = 3_000
const COMMAND_TIMEOUT = 60_000
const TAIL = 15

interface Options extends Pick<Context, 'program' | 'env'> {
  folder: string
  display: Display
  signal: AbortSignal
}

export class Fleet {
  readonly #o: Options
  readonly #daemons = new Map<string, ChildProcess>()
  readonly #commands = new Set<ChildProcess>()
  #suspect: string | undefined

  constructor(options: Options) {
    this.#o = options
  }

  /** The daemon whose log tells most about a failure: one that ended by itself, or the one that is waited for. */
  get suspect(): string | undefined {
    return this.#ended()?.[0] ?? this.#suspect
  }

  set suspect(name: string | undefined) {
    this.#suspect = name
  }

  path(name: string): string {
    return join(this.#o.folder, name)
  }

  /** Runs `pimesh WORDS...` to its end and resolves to what it printed. E_DEMO with its own sentence when it fails. */
  async command(
    words: readonly string[],
    { input = '', timeout = COMMAND_TIMEOUT }: { input?: string; timeout?: number } = {},
  ): Promise<string> {
    this.#checkInterruption()
    this.#o.display.step(`$ pimesh ${words.join(' ').replaceAll(`${this.#o.folder}/`, '')}`)
    const [node = '', ...args] = this.#o.program
    const child = spawn(node, [...args, ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: this.#env(),
      detached: true,
      timeout,
    })
    this.#commands.add(child)
    child.stdin.on('error', () => undefined).end(input)
    const [[status], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
    this.#commands.delete(child)
    this.#checkInterruption()
    if (status === 0) return out.trim()
    throw new Failure(
      'E_DEMO',
      `"pimesh ${words[0]}" failed: ${err
        .trim()
        .split('\n')
        .at(-1)
        ?.replace(/^pimesh: /, '')}`,
    )
  }

  /** Starts `pimesh up` or `attach` for the data folder `name`. Its standard input is its lifeline: it ends when we do. */
  start(name: string): void {
    this.#checkInterruption()
    const verb = name === OPERATOR ? 'attach' : 'up'
    const [node = '', ...args] = this.#o.program
    const flags = DAEMON_FLAGS.filter((flag) => !args.includes(flag))
    mkdirSync(this.path(name), { recursive: true })
    const log = openSync(`${this.path(name)}.log`, 'a')
    const child = spawn(node, [...flags, ...args, verb, '--lifeline', '--data', this.path(name)], {
      stdio: ['pipe', log, log],
      env: this.#env(),
      detached: true,
    })
    closeSync(log)
    child.stdin?.on('error', () => undefined)
    child.on('error', () => undefined)
    this.#daemons.set(name, child)
    this.#o.display.step(`started ${name}: pimesh ${verb}, pid ${child.pid}`)
  }

  /** Ends one daemon without a goodbye, as a power cut would. */
  async kill(name: string): Promise<void> {
    const child = this.#daemons.get(name)
    if (child === undefined) return
    this.#daemons.delete(name)
    child.kill('SIGKILL')
    await exited(child)
  }

  client(name: string): ApiClient {
    return apiClient(this.path(name))
  }

  operatorNodes(): Promise<NodesJson> {
    return this.client(OPERATOR).nodes({ timeoutMs: QUERY_TIMEOUT })
  }

  /** Looks again and again until nothing is missing. E_DEMO with what still is when the time is over. */
  async until(bound: number, missing: () => Promise<string | undefined>): Promise<void> {
    const started = performance.now()
    for (;;) {
      const lacking = await missing()
      this.#checkInterruption()
      if (lacking === undefined) return
      this.#checkAlive()
      if (performance.now() - started > bound) throw new Failure('E_DEMO', `after ${bound / 1_000} s ${lacking}`)
      await wait(POLL, this.#o.signal)
    }
  }

  /** Resolves when somebody asked the demo to end. */
  async interruption(): Promise<void> {
    const { signal } = this.#o
    if (!signal.aborted) await once(signal, 'abort')
  }

  logTail(name: string): string[] {
    try {
      return readFileSync(`${this.path(name)}.log`, 'utf8')
        .trimEnd()
        .split('\n')
        .slice(-TAIL)
    } catch {
      return ['(it wrote none)']
    }
  }

  /** Asks every process to end, and ends those that have not after a while. */
  async stopAll(): Promise<void> {
    const children = [...this.#daemons.values(), ...this.#commands]
    for (const child of children) child.kill('SIGTERM')
    const timer = setTimeout(() => this.killAll(), limits.stopTimeout)
    await Promise.all(children.map(exited))
    clearTimeout(timer)
    this.#daemons.clear()
    this.#commands.clear()
  }

  /** Ends every process at once. */
  killAll(): void {
    for (const child of [...this.#daemons.values(), ...this.#commands]) child.kill('SIGKILL')
  }

  whatToTry(): string[] {
    const pimesh = this.#programName()
    const line = (words: string, meaning: string) => `  ${pimesh} ${words}\n      # ${meaning}`
    return [
      'all stays up now; in another terminal, try:',
      line(`nodes --watch --data ${this.path(OPERATOR)}`, 'the fleet, live, from the operator'),
      line(`releases --data ${this.path(OPERATOR)}`, 'what is published, and how far it has come'),
      line(`events --data ${this.path('south-1')}`, 'what happened to one node'),
      line(`get node south-2 --data ${this.path(OPERATOR)}`, 'everything about one node'),
      line(`nodes --data ${this.path('north-1')}`, 'what a plain node may see: its zone, and counts of the other'),
      line(`status --data ${this.path('south-1')}`, 'one daemon on one screen'),
      line(`doctor --data ${this.path('south-1')}`, 'its self-test'),
      line(
        `invite --zone /demo/south --mesh ${this.path('mesh')} --data ${this.path('north-1')}`,
        'a token for one more node',
      ),
      `logs are in ${this.#o.folder}/*.log; Enter shows the nodes here, Ctrl-C stops and removes everything`,
    ]
  }

  #programName(): string {
    const script = this.#o.program.at(-1) as string
    if (this.#o.env.npm_execpath !== undefined) return 'npx pimesh'
    return basename(script) === 'pimesh' ? 'pimesh' : `node ${script}`
  }

  #env(): NodeJS.ProcessEnv {
    const { PIMESH_DATA, PIMESH_MESH, ...env } = this.#o.env
    return { ...env }
  }

  #checkInterruption(): void {
    if (this.#o.signal.aborted) throw new Failure('E_DEMO', 'interrupted')
  }

  #checkAlive(): void {
    const ended = this.#ended()
    if (ended === undefined) return
    const [name, { exitCode, signalCode }] = ended
    throw new Failure('E_DEMO', `the daemon ${name} ended by itself (${signalCode ?? `exit status ${exitCode}`})`)
  }

  #ended(): [string, ChildProcess] | undefined {
    return [...this.#daemons].find(([, { exitCode, signalCode }]) => exitCode !== null || signalCode !== null)
  }
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
