// `npm run fuzz`: inputs of a stranger, as fast as they are refused, until the time is over or an invariant breaks. Progress goes to
// stderr, a table to stdout, one JSON object last. An input that breaks something is kept in a file, and can be tried again.
import { readFileSync } from 'node:fs'
import { type FuzzReport, fuzz, type Target } from './fuzzer.ts'
import { parseOptions, USAGE, UsageError } from './options.ts'
import { keep, lineOf, tableOf } from './report.ts'
import { trustTargets } from './trust/index.ts'

const FUZZED: Record<string, readonly Target[]> = { trust: trustTargets }
/**
 * Most resident memory, in bytes: twice what a daemon may take (a Pi has 512 MB). `npm run fuzz` bundles this file first, since Node
 * takes 50 MB to read TypeScript.
 */
const MEMORY = 200e6

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, Object.keys(FUZZED), Math.floor(Math.random() * 2 ** 32))
  if (options.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const { name, seed, from, only, input } = options
  const targets = chosen(FUZZED[name] as readonly Target[], only)
  if (input !== undefined) return tryFile(targets[0] as Target, input)
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
  process.stderr.write(`fuzzing ${name} for ${options.seconds} s with seed ${seed}\n`)
  const progress = (report: FuzzReport) => process.stderr.write(`${lineOf(report)}\n`)
  const time = options.seconds * 1_000
  const report = await fuzz({ targets, seed, from, time, memory: MEMORY, signal: stopped.signal, progress })
  report.peakMemory = Math.max(report.peakMemory, highWaterMark())
  process.stdout.write(`${tableOf(report)}\n`)
  if (report.failure !== undefined) process.stderr.write(`${keep(report.failure, { name, seed, only }).text}\n`)
  const { failure, ...figures } = report
  process.stdout.write(`${JSON.stringify({ name, seed, ...figures, failed: failure?.target ?? null })}\n`)
  if (failure !== undefined) return 1
  return stopped.signal.aborted ? 130 : 0
}

/**
 * Most resident memory so far, in bytes; 0 where the kernel does not tell. It saw every moment, we only looked now and then. Not
 * getrusage: its figure begins with that of whoever started this process.
 */
function highWaterMark(): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kib ?? 0) * 1_024
}

function chosen(targets: readonly Target[], only: string | undefined): readonly Target[] {
  if (only === undefined) return targets
  const one = targets.filter(({ name }) => name === only)
  if (one.length === 0)
    throw new UsageError(`"${only}" is no target; there is ${targets.map(({ name }) => name).join(', ')}`)
  return one
}

function tryFile(target: Target, path: string): number {
  try {
    process.stdout.write(`${target.name}: ${target.run(readFileSync(path))}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`${target.name}: ${(error as Error).stack}\n`)
    return 1
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`fuzz: ${error.message}\n`)
  process.exitCode = 2
}
