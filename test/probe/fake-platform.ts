// A machine of files in place of the real one: time, timers, programs and file systems are in the hands of the test.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { FileSystemSize, Platform } from '../../src/probe/platform.ts'

export const boards = ['pi4', 'pi5', 'pi-zero-2', 'x86'] as const
export type Board = (typeof boards)[number]

export function boardFolder(board: Board): string {
  return join(import.meta.dirname, '../fixtures/probe', board)
}

/** A folder of files that a test may change: a copy of a board, or empty. */
export class Machine {
  readonly root = mkdtempSync(join(tmpdir(), 'pimesh-probe-'))

  constructor(board?: Board) {
    if (board) cpSync(boardFolder(board), this.root, { recursive: true })
  }

  write(path: string, text: string | Uint8Array): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), text)
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true, force: true })
  }

  replaceByFolder(path: string): void {
    this.remove(path)
    this.write(`${path}/file`, '1')
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

export class FakePlatform implements Platform {
  time = 1_000
  /** What a program prints, by its name, alone or with its arguments; none: it fails. */
  outputs: Record<string, string> = {}
  /** Sizes of file systems by path; none: statfs fails. */
  sizes: Record<string, FileSystemSize> = {}
  readonly runs: { file: string; args: readonly string[]; signal: AbortSignal }[] = []
  readonly #timers = new Set<{ period: number; task: () => void }>()
  readonly #underWay: Promise<unknown>[] = []

  statfs = async (path: string): Promise<FileSystemSize> => {
    const size = this.sizes[path]
    if (size === undefined) throw new Error(`no file system at ${path}`)
    return size
  }

  run = (file: string, args: readonly string[], signal: AbortSignal): Promise<string> => {
    this.runs.push({ file, args, signal })
    const output = this.outputs[[basename(file), ...args].join(' ')] ?? this.outputs[basename(file)]
    const ended = output === undefined ? Promise.reject(new Error('failed')) : Promise.resolve(output)
    this.#underWay.push(ended)
    return ended
  }

  every = (period: number, task: () => void): (() => void) => {
    const timer = { period, task }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  now = (): number => this.time
  wall = (): number => this.time
  user = (): number => 0
  ownCost = () => ({ residentBytes: 98_765_824, cpuSeconds: 12.34 })

  /** Runs of programs for metrics of the record: what is asked beside it has tests of its own. */
  get recordRuns() {
    return this.runs.filter(({ args }) => !/^(measure_|pmic_)/.test(args[0] ?? ''))
  }

  /** Periods of the timers that run. */
  get periods(): number[] {
    return [...this.#timers].map((timer) => timer.period).sort((a, b) => a - b)
  }

  /** A period passes: its timers fire, once each. */
  fire(period: number): void {
    this.time += period
    for (const timer of [...this.#timers]) if (timer.period === period) timer.task()
  }

  /** All programs have ended, and who waited for them has seen it. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
