// One run of a collector's program: without a shell, with nearly no environment, as a process group of its own that is ended as a whole,
// and with no more of its output in memory than is taken.
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import type { Millis } from '../../core/env.ts'
import { limits } from '../../core/limits.ts'
import type { Trouble } from './gathered.ts'

const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C.UTF-8' }
const KB = 1024

export interface RunOptions {
  timeLimit: Millis
  /** Ends it. */
  signal: AbortSignal
}

export interface Outcome {
  /** What it printed, when it ended well. */
  output?: Uint8Array
  trouble?: Trouble
  /** Resolves when the process is gone: at once, unless it could not be killed. */
  gone: Promise<void>
}

/** Runs the program at `path` once. Never rejects. */
export function runProgram(path: string, options: RunOptions): Promise<Outcome> {
  return new Run(path, options).outcome
}

class Run {
  readonly outcome: Promise<Outcome>
  readonly #child: ChildProcess
  readonly #output: Buffer[] = []
  readonly #timers: NodeJS.Timeout[] = []
  readonly #gone = Promise.withResolvers<void>()
  #printed = 0
  #said = 0
  #firstWords = ''
  #trouble: Trouble | undefined

  constructor(path: string, { timeLimit, signal }: RunOptions) {
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    this.outcome = promise.finally(() => {
      for (const timer of this.#timers) clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    })
    const done = () => resolve(this.#result())
    const stop = () => this.#cut({ code: 'failed', reason: 'the daemon ended it' }, done)
    this.#child = spawn(path, [], { detached: true, cwd: '/', env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.once('error', (error: NodeJS.ErrnoException) => {
      this.#trouble ??= { code: 'refused', reason: notStarted(error) }
      this.#gone.resolve()
      done()
    })
    lower(this.#child.pid)
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#print(chunk, done))
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#say(chunk, done))
    this.#child.once('exit', (code, by) => this.#exited(code, by, done))
    this.#child.once('close', done)
    const reason = `it had not ended after ${timeLimit / 1_000} s: make it faster, or raise collectors.timeout`
    this.#after(timeLimit, () => this.#cut({ code: 'hangs', reason }, done))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  }

  #after(time: Millis, task: () => void): void {
    this.#timers.push(setTimeout(task, time).unref())
  }

  #print(chunk: Buffer, done: () => void): void {
    this.#printed += chunk.length
    if (this.#trouble !== undefined) return
    const most = limits.collectorOutputBytes
    if (this.#printed <= most) return void this.#output.push(chunk)
    this.#cut({ code: 'floods', reason: `it prints more than ${most / KB} kB: leave out what nobody looks at` }, done)
  }

  #say(chunk: Buffer, done: () => void): void {
    this.#said += chunk.length
    if (this.#firstWords.length < limits.factLength) this.#firstWords += chunk.subarray(0, limits.factLength).toString()
    const most = limits.collectorErrorBytes
    if (this.#said <= most) return
    const reason = `it prints more than ${most / KB} kB on its standard error output: let it say less`
    this.#cut({ code: 'floods', reason }, done)
  }

  /** Ends it with everything that it started, and takes nothing more of it. */
  #cut(trouble: Trouble, done: () => void): void {
    if (this.#trouble !== undefined) return
    this.#trouble = trouble
    this.#output.length = 0
    this.#kill()
    this.#after(limits.collectorKillWait, () => {
      const still = this.#child.exitCode === null && this.#child.signalCode === null
      if (still)
        this.#trouble = {
          code: trouble.code,
          reason: `${trouble.reason}; it cannot even be killed, so it is not run again before it is gone`,
        }
      this.#release()
      done()
    })
  }

  #exited(code: number | null, by: string | null, done: () => void): void {
    this.#gone.resolve()
    // What it started and did not wait for.
    this.#kill()
    if (code !== 0) this.#trouble ??= { code: 'failed', reason: `${endedHow(code, by)}${this.#words()}` }
    this.#after(limits.collectorDrain, () => {
      const reason = 'it leaves a process behind that holds its output: let it wait for what it starts'
      this.#trouble ??= { code: 'failed', reason }
      this.#release()
      done()
    })
  }

  #words(): string {
    const line = this.#firstWords
      .split('\n', 1)[0]
      ?.replace(/[\p{Cc}\p{Cf}]/gu, '?')
      .trim()
    return line ? `: ${line.slice(0, limits.factLength)}` : ''
  }

  #kill(): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // The whole group is gone.
    }
  }

  /** Nobody reads what comes from there any more, and no process of ours waits for it. */
  #release(): void {
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
    this.#child.unref()
  }

  #result(): Outcome {
    const gone = this.#gone.promise
    if (this.#trouble !== undefined) return { trouble: this.#trouble, gone }
    return { output: Buffer.concat(this.#output), gone }
  }
}

/** The machine's own work goes first; and where memory is short the kernel ends this before it ends the daemon. */
function lower(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW)
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000')
  } catch {
    // It has ended already, or the sandbox hides /proc: it runs as it is.
  }
}

function notStarted(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'what its first line names is not there: correct the line that begins with #!'
  return `it cannot be started (${error.code ?? error.message})`
}

function endedHow(code: number | null, by: string | null): string {
  return by === null ? `it ended with status ${code}` : `it was ended by ${by}`
}
