// `npm run sim -- scale`: what a fleet costs each of its nodes, from a hundred to ten thousand, and whether the bars of the design hold.
import { loadavg } from 'node:os'
import { UsageError } from '../options.ts'
import { Prng } from '../prng.ts'
import { BARS, missed, ratioOf, rowOf, type ScaleRow } from './figures.ts'
import { ScaleFleet } from './fleet.ts'
import { parseScaleOptions, type ScaleOptions, scaleUsage } from './options.ts'
import { nodesOf, type ScaleScenario } from './scenario.ts'
import { tableOf } from './table.ts'
import { Troubles } from './troubles.ts'

/** @returns the exit status */
export async function runScale(args: readonly string[]): Promise<number> {
  let options: ScaleOptions
  try {
    options = parseScaleOptions(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
  if (options.help) {
    process.stdout.write(`${scaleUsage()}\n`)
    return 0
  }
  const { seed, json, scenarios } = options
  const say = (text: string) => void (json || process.stdout.write(`${text}\n`))
  const rows: ScaleRow[] = []
  for (const scenario of scenarios) {
    const row = await runFleet(scenario, seed)
    rows.push(row)
    say(`${tableOf(row)}\n`)
  }
  const ratio = ratioOf(rows)
  if (ratio !== undefined) say(`a plain node's bytes in, 10,000 nodes : 100 nodes: ${ratio}\n`)
  const wrong = rows.flatMap(missed)
  if (ratio !== undefined && ratio > BARS.ratio)
    wrong.push(`the ratio of 10,000 to 100 nodes is ${ratio}, above ${BARS.ratio}`)
  for (const sentence of wrong) process.stderr.write(`${sentence}\n`)
  process.stdout.write(`${JSON.stringify({ seed, rows, ratio: ratio ?? null, missed: wrong })}\n`)
  return wrong.length > 0 ? 1 : 0
}

async function runFleet(scenario: ScaleScenario, seed: number): Promise<ScaleRow> {
  const progress = (text: string) => void process.stderr.write(`${scenario.name}: ${text}\n`)
  progress(`enrolling ${nodesOf(scenario)} nodes`)
  const fleet = new ScaleFleet(scenario, seed)
  await fleet.settle(progress)
  new Troubles(fleet, new Prng(seed).fork('troubles')).schedule()
  await fleet.run(scenario.minutes * 60_000, progress)
  return rowOf(fleet, process.resourceUsage().maxRSS * 1024, loadavg()[0] as number)
}
