// `npm run sim`: runs one scenario with one seed, or with many. Progress goes to stderr, the report to stdout, the JSON object last.

import { addTo, emptySummary, runMany } from './many.ts'
import { parseOptions, type SimOptions, USAGE, UsageError } from './options.ts'
import { explain, line, readable } from './report.ts'
import { runDetect } from './scale/detect.ts'
import { runScale } from './scale/main.ts'
import { clockText } from './surroundings.ts'
import { runSwarms } from './swarm/main.ts'
import { type Report, simulate } from './world.ts'

async function main(args: readonly string[]): Promise<number> {
  let options: SimOptions
  try {
    options = parseOptions(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
  if (options.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  return options.seeds === undefined ? runOne(options) : runAll(options, options.seeds)
}

async function runAll({ seed, scenario, json, all }: SimOptions, seeds: number): Promise<number> {
  const began = performance.now()
  const summary = emptySummary(scenario.name)
  const reported = (report: Report) => {
    addTo(summary, report)
    for (const violation of report.violations) process.stderr.write(`${explain(violation, report)}\n`)
    if (!json) process.stdout.write(`${line(report)}\n`)
  }
  await runMany({ scenario, seed, seeds, stopAtViolation: !all, reported })
  summary.wallMs = Math.round(performance.now() - began)
  summary.failed.sort((a, b) => a.seed - b.seed)
  summary.seedsWith = Object.fromEntries(Object.entries(summary.seedsWith).sort())
  if (!json) process.stdout.write('\n')
  process.stdout.write(`${JSON.stringify(summary)}\n`)
  return summary.failed.length > 0 ? 1 : 0
}

async function runOne({ seed, scenario, json, all }: SimOptions): Promise<number> {
  const began = performance.now()
  const progress = (virtual: number, steps: number) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    process.stderr.write(
      `${clockText(virtual)} of ${clockText(scenario.minutes * 60_000)}: ${steps} steps, ${seconds} s\n`,
    )
  }
  const report = await simulate(scenario, seed, { progress, stopAtViolation: !all })
  for (const violation of report.violations) process.stderr.write(`${explain(violation, report)}\n`)
  if (report.violations.length > 0) {
    const kept = JSON.stringify({ seed, scenario: scenario.name, why: report.violations[0]?.invariant })
    process.stderr.write(`keep this seed: add ${kept} to test/sim/seeds.json\n`)
  }
  if (!json) process.stdout.write(`${readable(report)}\n\n`)
  process.stdout.write(`${JSON.stringify(report)}\n`)
  return report.violations.length > 0 ? 1 : 0
}

const [first, ...rest] = process.argv.slice(2)
const commands: Record<string, (args: readonly string[]) => Promise<number>> = {
  swarm: runSwarms,
  scale: runScale,
  detect: runDetect,
}
process.exitCode = await (commands[first ?? '']?.(rest) ?? main(process.argv.slice(2)))
