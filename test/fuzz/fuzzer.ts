// The loop of a fuzzer: input after input, each made from the seed and its number alone, so that every one can be made again.
// It stops at the first input that breaks an invariant, when its time is over, or when it is told to.
import { setImmediate as pause } from 'node:timers/promises'
import { Prng } from '../sim/prng.ts'

/** Something that reads or judges bytes of a stranger, and what must hold whatever they are. */
export interface Target {
  name: string
  /** The next input; it follows from the chance alone. */
  generate(chance: Prng): Uint8Array
  /**
   * Reads and judges an input. It follows from the input alone. Says what became of it, in one word, for the counts.
   * @throws anything when an invariant is broken.
   */
  run(input: Uint8Array): string
}

/** A broken invariant, in one sentence. */
export class Violation extends Error {}

export interface FuzzSettings {
  targets: readonly Target[]
  seed: number
  /** Number of the first input. */
  from?: number
  /** Ends after so many inputs. */
  inputs?: number
  /** Ends after so long, in ms. */
  time?: number
  /** Most bytes of resident memory; none when undefined. */
  memory?: number | undefined
  /** Ends it early. */
  signal?: AbortSignal
  /** Called every ten seconds with what was done so far. */
  progress?: (report: FuzzReport) => void
}

export interface FuzzReport {
  inputs: number
  /** ms. */
  elapsed: number
  /** What became of the inputs of each target. */
  outcomes: Record<string, Record<string, number>>
  /** Most bytes of resident memory that were seen. */
  peakMemory: number
  /** CPU time of the slowest input, ms. */
  slowest: { target: string; at: number; ms: number }
  failure: FuzzFailure | undefined
}

export interface FuzzFailure {
  target: string
  /** Number of the input. */
  at: number
  input: Uint8Array
  /** What broke. */
  problem: string
}

const PROGRESS = 10_000
/** How often the event loop gets its turn, and memory is looked at, in ms. */
const LOOK = 50
/** An input that takes longer than this of CPU time hangs a node that got it, in ms. */
const HANG = 2_000

export async function fuzz(settings: FuzzSettings): Promise<FuzzReport> {
  const { targets, seed, from = 0, inputs = Number.POSITIVE_INFINITY, time = Number.POSITIVE_INFINITY } = settings
  const [chance, began] = [new Prng(seed), performance.now()]
  const report: FuzzReport = {
    inputs: 0,
    elapsed: 0,
    outcomes: Object.fromEntries(targets.map(({ name }) => [name, {}])),
    peakMemory: process.memoryUsage.rss(),
    slowest: { target: '', at: 0, ms: 0 },
    failure: undefined,
  }
  let [looked, told] = [began, began]
  for (let at = from; at < from + inputs && report.failure === undefined; at++) {
    tryOne(report, targets[at % targets.length] as Target, chance.fork(String(at)), at)
    const now = performance.now()
    if (now - looked < LOOK) continue
    looked = now
    report.elapsed = now - began
    lookAtMemory(report, settings.memory, at)
    if (now - told >= PROGRESS) {
      told = now
      settings.progress?.(report)
    }
    await pause()
    if (settings.signal?.aborted || now - began >= time) break
  }
  report.elapsed = performance.now() - began
  return report
}

function tryOne(report: FuzzReport, target: Target, chance: Prng, at: number): void {
  const input = target.generate(chance)
  const before = process.cpuUsage()
  report.inputs += 1
  try {
    const outcome = target.run(input)
    const counts = report.outcomes[target.name] as Record<string, number>
    counts[outcome] = (counts[outcome] ?? 0) + 1
    const { user, system } = process.cpuUsage(before)
    const ms = (user + system) / 1_000
    if (ms > report.slowest.ms) report.slowest = { target: target.name, at, ms }
    if (ms > HANG) throw new Violation(`it took ${Math.round(ms)} ms of CPU time`)
  } catch (error) {
    report.failure = { target: target.name, at, input, problem: textOf(error) }
  }
}

function lookAtMemory(report: FuzzReport, most: number | undefined, at: number): void {
  const rss = process.memoryUsage.rss()
  report.peakMemory = Math.max(report.peakMemory, rss)
  if (most === undefined || rss <= most || report.failure !== undefined) return
  const problem = `${Math.round(rss / 1e6)} MB of memory are in use, more than ${Math.round(most / 1e6)} MB`
  report.failure = { target: 'memory', at, input: new Uint8Array(), problem }
}

function textOf(error: unknown): string {
  if (error instanceof Violation) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
