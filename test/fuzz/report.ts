// What a fuzzer says: a line now and then, a table at the end, and where the input is that broke something.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FuzzFailure, FuzzReport } from './fuzzer.ts'

/** Writes the input into a file of the temporary folder, and says how to come to it again. */
export function keep(
  { target, at, input, problem }: FuzzFailure,
  run: { name: string; seed: number; only: string | undefined },
): { path: string; text: string } {
  const path = join(mkdtempSync(join(tmpdir(), 'pimesh-fuzz-')), `${target}-${run.seed}-${at}`)
  writeFileSync(path, input)
  const only = run.only === undefined ? '' : ` --only ${run.only}`
  const lines = [
    `${target}: ${problem}`,
    `the input is in ${path}; again: npm run fuzz -- ${run.name} --seed ${run.seed} --from ${at}${only}`,
  ]
  if (target !== 'memory') lines.push(`alone: npm run fuzz -- ${run.name} --only ${target} --input ${path}`)
  return { path, text: lines.join('\n') }
}

export function lineOf({ inputs, elapsed, peakMemory, slowest }: FuzzReport): string {
  const rate = Math.round((1_000 * inputs) / Math.max(1, elapsed))
  const megabytes = Math.round(peakMemory / 1e6)
  const slow = `slowest ${Math.round(slowest.ms)} ms (${slowest.target} ${slowest.at})`
  return `${(elapsed / 1_000).toFixed(0).padStart(5)} s: ${inputs} inputs, ${rate} a second, at most ${megabytes} MB, ${slow}`
}

/** One line per target with what became of its inputs, and the figures. */
export function tableOf(report: FuzzReport): string {
  const rows = Object.entries(report.outcomes).map(([target, counts]) => {
    const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a)
    return `${target.padEnd(13)} ${sorted.map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`
  })
  return [...rows, lineOf(report)].join('\n')
}
