// The reality check of the simulator's model at scale (acceptance of the fleet view): sixty whole daemons on real libp2p in four zones of
// this machine, and the same fleet in the simulator. Bytes that a node takes in, by kind, side by side.
import { cpus } from 'node:os'
import { KINDS } from '../sim/scale/ledger.ts'
import { namedScaleScenario } from '../sim/scale/scenario.ts'
import type { Report } from './main.ts'
import { type ModelKind, type NodeRates, ratesOf, wholeOf } from './model-rates.ts'
import { measureReal, type NodeReading, type Real } from './model-real.ts'
import { type Predicted, predict } from './model-sim.ts'

/** How far a prediction may be off, as a share of what is. */
const BAR = 0.25
/** Below so many bytes a second, of the 4,000 that a node may take in, a kind is shown and not judged. */
const SMALL = 20
const SEEDS = 5
/**
 * As long as the simulator's fleet has from the last one that joins to its window. First hellos come at doubling pauses for two minutes, and
 * of sixty that start on two cores some are found from outside only after three, and keep their relays for one more.
 */
const SETTLE_SECONDS = 300
const SHAPES = {
  whole: { zones: ['/r00/s00', '/r00/s01', '/r01/s00', '/r01/s01'], nodesPerZone: 15, settleSeconds: SETTLE_SECONDS },
  /** Too few and too new to be judged by: whether everything is counted. */
  small: { zones: ['/r00/s00', '/r01/s00'], nodesPerZone: 2, settleSeconds: 5 },
} as const

export interface ModelRow {
  kind: ModelKind | 'all'
  /** Mean and 99th percentile of the nodes, bytes a second in. */
  real: { mean: number; p99: number }
  predicted: { mean: number; p99: number }
  /** Predicted over real; null where nothing came. */
  ratio: number | null
  /** Null: too little to be judged. */
  met: boolean | null
}

export async function benchModel(
  say: (line: string) => void,
  { seconds, small }: { seconds: number; small: boolean },
): Promise<Report> {
  const { zones, nodesPerZone, settleSeconds } = small ? SHAPES.small : SHAPES.whole
  const sites = zones.length / 2
  const scenario = { ...namedScaleScenario('model'), sites, nodesPerSite: nodesPerZone, minutes: seconds / 60 }
  say(`the simulator: ${SEEDS} seeds`)
  const predicted = await predict(scenario, SEEDS)
  const summary = !small
  const real = await measureReal(say, { zones, nodesPerZone, settleSeconds, seconds, summary })
  const nodes = real.pairs.map(([first, last]) => ratesOf(first, last))
  const part = (reports: boolean) => (one: NodeRates) => one.reports === reports
  const roles = { all: () => true, plain: part(false), reporters: part(true) }
  const rows = Object.fromEntries(
    Object.entries(roles).map(([role, is]) => [role, rowsOf(nodes.filter(is), predicted.nodes.filter(is))]),
  ) as Record<keyof typeof roles, ModelRow[]>
  const facts = factsOf(real, predicted)
  const ok = small ? null : rows.all.every(({ met }) => met !== false)
  const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? null }
  const json = {
    bench: 'model',
    ...machine,
    seconds,
    nodes: nodes.length,
    zones: zones.length,
    bar: BAR,
    ...facts,
    rows,
    ok,
  }
  return { json, table: tableOf(rows, facts), ...(ok !== null && { ok }) }
}

export function rowsOf(real: readonly NodeRates[], predicted: readonly NodeRates[]): ModelRow[] {
  const kind = (one: ModelKind) =>
    row(
      one,
      real.map(({ kinds }) => kinds[one] ?? 0),
      predicted.map(({ kinds }) => kinds[one] ?? 0),
    )
  return [...[...KINDS, 'other' as const].map(kind), row('all', real.map(wholeOf), predicted.map(wholeOf))]
}

function row(kind: ModelRow['kind'], realValues: readonly number[], predictedValues: readonly number[]): ModelRow {
  const [real, predicted] = [spreadOf(realValues), spreadOf(predictedValues)]
  const ratio = real.mean === 0 ? null : predicted.mean / real.mean
  const judged = Math.max(real.mean, predicted.mean) >= SMALL
  return { kind, real, predicted, ratio, met: judged ? ratio !== null && Math.abs(ratio - 1) <= BAR : null }
}

function spreadOf(values: readonly number[]): { mean: number; p99: number } {
  const sorted = [...values].sort((a, b) => a - b)
  const mean = sorted.reduce((sum, one) => sum + one, 0) / Math.max(1, sorted.length)
  return { mean, p99: sorted[Math.max(0, Math.ceil(0.99 * sorted.length) - 1)] ?? 0 }
}

/** What bytes come of: copies of a message, links, and whether the machine had time for it. */
interface Facts {
  /** Records that came in, over those that others of the zone sent. */
  copies: { real: number; predicted: number }
  links: { real: number; predicted: number }
  /** Fleets of the simulator that had come to one summary when they were counted, and all. */
  simulated: { whole: number; tried: number }
  /** Of a core, a daemon; of the machine, everybody's; and the system's load. */
  cpuShare: number
  busy: number
  load: number
}

function factsOf({ pairs, busy, load }: Real, predicted: Predicted): Facts {
  const mean = (of: (pair: Real['pairs'][number]) => number) =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length
  const heard = mean(([first, last]) => recordsOf(last) - recordsOf(first))
  const sent = mean(([first, last]) => last.mateRecords - first.mateRecords)
  return {
    copies: { real: heard / sent, predicted: predicted.copies },
    links: { real: mean(([, last]) => last.links), predicted: predicted.links },
    simulated: { whole: predicted.whole, tried: predicted.tried },
    cpuShare: mean(([first, last]) => (last.cpuMs - first.cpuMs) / (last.at - first.at)),
    ...{ busy, load },
  }
}

const recordsOf = ({ counts }: NodeReading): number => counts.gossip.messages.rec?.messages ?? 0

function tableOf(rows: Record<string, ModelRow[]>, facts: Facts): string[] {
  const { copies, links, cpuShare, busy, load } = facts
  return [
    ...Object.entries(rows).flatMap(([role, own]) => [
      `${`bytes a second in, ${role}`.padEnd(30)}${['real', 'p99', 'predicted', 'p99', 'ratio'].map((word) => word.padStart(11)).join('')}`,
      ...own.map(line),
    ]),
    `copies of a record: ${copies.real.toFixed(2)}, predicted ${copies.predicted.toFixed(2)}; links: ${links.real.toFixed(1)}, predicted ${links.predicted.toFixed(1)}`,
    `CPU of a daemon: ${(cpuShare * 100).toFixed(2)} % of a core; of the machine ${(busy * 100).toFixed(0)} % were busy; load ${load.toFixed(1)}`,
  ]
}

function line({ kind, real, predicted, ratio, met }: ModelRow): string {
  const cells = [real.mean, real.p99, predicted.mean, predicted.p99].map((value) => value.toFixed(1).padStart(11))
  const verdict = met === null ? '' : met ? '  met' : '  missed'
  return `  ${kind.padEnd(28)}${cells.join('')}${(ratio === null ? '-' : ratio.toFixed(2)).padStart(11)}${verdict}`
}
