// Collectors that are programs in a folder: run in turn, one at a time, once a period.
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Millis } from '../../core/env.ts'
import { limits } from '../../core/limits.ts'
import type { Platform } from '../platform.ts'
import { type Gathered, gather, without } from './gathered.ts'
import { folderProblem, programProblem, unreadable } from './permissions.ts'
import { runProgram } from './run.ts'

export interface ProgramsConfig {
  /** The folder they are in. */
  folder: string
  period: Millis
  timeLimit: Millis
}

/** What is remembered of one program. */
interface Program {
  gathered: Gathered
  /** What its file looked like; another file is tried at once. */
  file: string
  /** Runs that were cut off, one after the other. */
  cutOff: number
  /** Periods to go before it is run again. */
  rest: number
  /** Its process could not be killed and is still there. */
  stuck: boolean
}

export class Programs {
  readonly #config: ProgramsConfig
  readonly #user: number
  readonly #closing = new AbortController()
  readonly #stop: () => void
  #programs = new Map<string, Program>()
  #folderTrouble: Gathered | undefined
  #round: Promise<void> | undefined

  constructor(config: ProgramsConfig, platform: Pick<Platform, 'every' | 'user'>) {
    this.#config = config
    this.#user = platform.user()
    this.#stop = platform.every(config.period, () => this.#begin())
    this.#begin()
  }

  /** The last of each. */
  gathered(): Gathered[] {
    const all = [...this.#programs.values()].map(({ gathered }) => gathered)
    return this.#folderTrouble === undefined ? all : [...all, this.#folderTrouble]
  }

  /** The round that is under way is over. */
  async settled(): Promise<void> {
    await this.#round
  }

  /** Ends what is running. */
  close(): void {
    this.#stop()
    this.#closing.abort()
  }

  #begin(): void {
    this.#round ??= this.#runAll().finally(() => {
      this.#round = undefined
    })
  }

  async #runAll(): Promise<void> {
    const names = await this.#names()
    const before = this.#programs
    this.#programs = new Map(names.flatMap((name) => (before.has(name) ? [[name, before.get(name)!]] : [])))
    for (const name of names) {
      if (this.#closing.signal.aborted) return
      await this.#runOne(name)
    }
  }

  async #names(): Promise<string[]> {
    const { folder } = this.#config
    this.#folderTrouble = undefined
    const refuse = (code: 'refused' | 'tooMany', reason: string) => {
      this.#folderTrouble = without(folder, { code, reason })
    }
    const problem = await folderProblem(folder, this.#user)
    if (problem !== undefined) {
      refuse('refused', `no program is run: ${problem}`)
      return []
    }
    const names = await readdir(folder).catch((error: unknown) => {
      refuse('refused', `no program is run: ${unreadable(folder, error)}`)
      return []
    })
    const shown = names.filter((name) => !name.startsWith('.')).sort()
    if (shown.length > limits.collectors)
      refuse(
        'tooMany',
        `it holds ${shown.length} programs, and only the first ${limits.collectors} are run: take some out`,
      )
    return shown.slice(0, limits.collectors)
  }

  async #runOne(name: string): Promise<void> {
    const known = this.#programs.get(name)
    const file = await this.#fileOf(name)
    if (known?.file === file && (known.stuck || known.rest > 0)) {
      known.rest = Math.max(0, known.rest - 1)
      return
    }
    const problem = isPlain(name) ? await programProblem(this.#config.folder, name, this.#user) : ODD_NAME
    const cutOff = known?.file === file ? known.cutOff : 0
    const program = problem === undefined ? await this.#run(name, file, cutOff) : refused(name, file, problem)
    if (!this.#closing.signal.aborted) this.#programs.set(name, program)
  }

  /** `cutOff`: how often it was cut off before, one time after the other. */
  async #run(name: string, file: string, cutOff: number): Promise<Program> {
    const { folder, timeLimit } = this.#config
    const { output, trouble, gone } = await runProgram(join(folder, name), { timeLimit, signal: this.#closing.signal })
    const gathered = output === undefined ? without(name, trouble ?? NO_ANSWER) : gather(name, output)
    const wasCutOff = trouble?.code === 'hangs' || trouble?.code === 'floods'
    const rest = wasCutOff ? Math.min(2 ** cutOff, limits.collectorRestMax) - 1 : 0
    const program: Program = { gathered, file, cutOff: wasCutOff ? cutOff + 1 : 0, rest, stuck: true }
    void gone.then(() => {
      program.stuck = false
    })
    return program
  }

  async #fileOf(name: string): Promise<string> {
    const stats = await lstat(join(this.#config.folder, name)).catch(() => undefined)
    return stats === undefined ? '' : [stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs, stats.mode].join(' ')
  }
}

const ODD_NAME = 'its name is odd: use letters, digits, dots, dashes and underscores, at most 64'
const NO_ANSWER = { code: 'failed', reason: 'it gave nothing' } as const

function isPlain(name: string): boolean {
  return /^[a-zA-Z0-9._-]{1,64}$/.test(name)
}

function plain(name: string): string {
  return name.slice(0, 64).replace(/[^a-zA-Z0-9._-]/g, '?')
}

function refused(name: string, file: string, reason: string): Program {
  return { gathered: without(plain(name), { code: 'refused', reason }), file, cutOff: 0, rest: 0, stuck: false }
}
