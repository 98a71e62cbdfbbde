// `npm run sim -- swarm`: how long fleets of growing size take to fetch an encoding, beside what no schedule can beat.
import { UsageError } from '../options.ts'
import { type Faults, type Outcome, type Plan, SwarmFleet } from './fleet.ts'
import { parseSwarmOptions, SWARM_USAGE, type SwarmOptions } from './options.ts'

const SITE = 25
/** What 99 % of the nodes have to keep without faults. */
const BAR = 1.5
const CALM: Faults = { late: 0, leaving: 0, poisonous: 0 }

/** One size of fleet, over all seeds; docs/simulation.md documents every key. */
export interface SwarmRow {
  nodes: number
  faults: boolean
  seeds: number
  /** Seconds. */
  bound: number
  /** Over the nodes of all seeds, of time / bound; `null` when a node never had it. */
  p50: number | null
  p99: number | null
  worst: number | null
  /** Copies of the payload that came into a site: mean, and the most. */
  copies: number
  copiesMost: number
  /** Copies out of the publisher: mean. */
  published: number
  /** Times that a node banned a member. */
  banned: number
  cpuSeconds: number
}

/** @returns the exit status */
export async function runSwarms(args: readonly string[]): Promise<number> {
  let options: SwarmOptions
  try {
    options = parseSwarmOptions(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
  if (options.help) {
    process.stdout.write(`${SWARM_USAGE}\n`)
    return 0
  }
  const say = (line: string) => void (options.json || process.stdout.write(`${line}\n`))
  say('nodes  faults  bound s    p50    p99  worst  copies  most  published  banned  CPU s')
  const rows: SwarmRow[] = []
  for (const plan of plansOf(options)) {
    const row = await runPlan(plan, options)
    rows.push(row)
    say(line(row))
  }
  process.stdout.write(`${options.json ? '' : '\n'}${JSON.stringify({ ...options, rows })}\n`)
  return rows.every(({ p99, worst, faults }) => worst !== null && (faults || (p99 as number) <= BAR)) ? 0 : 1
}

function plansOf({ nodes, pieces, faults }: SwarmOptions): Plan[] {
  const all = Object.values(faults).some((share) => share > 0) ? [CALM, faults] : [CALM]
  return nodes.flatMap((count) => all.map((each) => ({ nodes: count, site: SITE, pieces, ...each })))
}

async function runPlan(plan: Plan, { seed, seeds }: SwarmOptions): Promise<SwarmRow> {
  const before = process.cpuUsage()
  const outcomes: Outcome[] = []
  for (let i = 0; i < seeds; i++) {
    outcomes.push(await new SwarmFleet(plan, seed + i).run())
    process.stderr.write(`${plan.nodes} nodes, seed ${seed + i}\n`)
  }
  const { user, system } = process.cpuUsage(before)
  return rowOf(plan, outcomes, (user + system) / 1e6)
}

function rowOf(plan: Plan, outcomes: readonly Outcome[], cpuSeconds: number): SwarmRow {
  const ratios = outcomes.flatMap((outcome) => outcome.ratios).sort((a, b) => a - b)
  const copies = outcomes.flatMap((outcome) => outcome.copies)
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const quantile = (share: number) => finite(ratios[Math.max(0, Math.ceil(share * ratios.length) - 1)] as number)
  return {
    nodes: plan.nodes,
    faults: plan.late + plan.leaving + plan.poisonous > 0,
    seeds: outcomes.length,
    bound: rounded((outcomes[0] as Outcome).bound / 1000),
    p50: quantile(0.5),
    p99: quantile(0.99),
    worst: quantile(1),
    copies: rounded(mean(copies)),
    copiesMost: rounded(Math.max(...copies)),
    published: rounded(mean(outcomes.map(({ published }) => published))),
    banned: outcomes.reduce((sum, { banned }) => sum + banned, 0),
    cpuSeconds: rounded(cpuSeconds),
  }
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000
const finite = (value: number): number | null => (Number.isFinite(value) ? rounded(value) : null)

function line(row: SwarmRow): string {
  const ratio = (value: number | null) => (value === null ? 'never' : value.toFixed(2)).padStart(7)
  return (
    String(row.nodes).padStart(5) +
    (row.faults ? 'yes' : 'no').padStart(8) +
    row.bound.toFixed(1).padStart(9) +
    [row.p50, row.p99, row.worst].map(ratio).join('') +
    row.copies.toFixed(2).padStart(8) +
    row.copiesMost.toFixed(2).padStart(6) +
    row.published.toFixed(2).padStart(11) +
    String(row.banned).padStart(8) +
    row.cpuSeconds.toFixed(1).padStart(7)
  )
}
