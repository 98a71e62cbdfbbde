// `npm run sim -- detect`: how soon a node that is gone is seen as gone, in its zone and at the root, and how often one is accused that is
// not: at several losses, with some nodes starved of CPU, with local health and without.
import { loadavg } from 'node:os'
import { MINUTE } from '../../../src/core/limits.ts'
import { missing, number, splitOption, UsageError, whole } from '../options.ts'
import { Prng } from '../prng.ts'
import { ScaleFleet } from './fleet.ts'
import { namedScaleScenario, nodesOf, type ScaleScenario } from './scenario.ts'
import { Troubles } from './troubles.ts'
import { Watch, type Watched } from './watch.ts'

export const DETECT_USAGE = `npm run sim -- detect [--node-days N] [--seed N] [--loss SHARE,...] [--starved N,...] [--json]

  --node-days N      simulated node-days of each line, of 100 nodes in zones of 25 (default 2; 1000 takes an hour or more on one core)
  --loss SHARE,...   shares of transmissions that are lost (default 0,0.05,0.2), without starved nodes
  --starved N,...    of 100 nodes without CPU now and then (default 1,5,32), at a loss of 0.05, with local health and without
  --seed N           what all chance follows from (default 1)
  --json             nothing on stdout but one JSON object

The last line of stdout is always that object; docs/simulation.md has its keys. Exit 0: the bars hold; 1: one does not, and which; 2: a
mistake in these options.`

/** Seconds; and false downs with local health over those without, at 32 starved nodes: of nodes that were not silent for as long as they promise. */
const BARS = { kill: 8, powerCut: 2 * 12.5 + 8, falseShare: 1 / 50 }

interface Options {
  nodeDays: number
  losses: readonly number[]
  starved: readonly number[]
  seed: number
  json: boolean
  help: boolean
}

export interface DetectRow extends Watched {
  loss: number
  starved: number
  localHealth: boolean
}

export function parseDetectOptions(args: readonly string[]): Options {
  const flags = { json: false, help: false }
  const values = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const [option, inline] = splitOption(args[i] as string)
    if (option in flags) flags[option as keyof typeof flags] = true
    else values.set(option, inline ?? args[++i] ?? missing(option))
  }
  const take = (option: string, otherwise: string) => {
    const value = values.get(option) ?? otherwise
    values.delete(option)
    return value
  }
  const list = (text: string) => (text === '' ? [] : text.split(','))
  const options = {
    ...flags,
    nodeDays: bounded('node-days', take('node-days', '2'), 0.01, 10_000),
    seed: whole('seed', take('seed', '1'), 0, 2 ** 32 - 1),
    losses: list(take('loss', '0,0.05,0.2')).map((text) => bounded('loss', text, 0, 0.9)),
    starved: list(take('starved', '1,5,32')).map((text) => whole('starved', text, 0, 100)),
  }
  for (const option of values.keys()) throw new UsageError(`--${option} is no option of "detect"; --help lists them`)
  return options
}

function bounded(option: string, text: string, from: number, to: number): number {
  const value = number(option, text)
  if (value < from || value > to) throw new UsageError(`--${option} must be from ${from} to ${to}`)
  return value
}

/** @returns the exit status */
export async function runDetect(args: readonly string[]): Promise<number> {
  let options: Options
  try {
    options = parseDetectOptions(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
  if (options.help) {
    process.stdout.write(`${DETECT_USAGE}\n`)
    return 0
  }
  const say = (text: string) => void (options.json || process.stdout.write(`${text}\n`))
  say(HEAD)
  const rows: DetectRow[] = []
  for (const plan of plansOf(options)) {
    const row = await detect(namedScaleScenario('detection'), plan, options)
    rows.push(row)
    say(lineOf(row))
  }
  const wrong = rows.flatMap(missedBy)
  wrong.push(...healthMissed(rows))
  for (const sentence of wrong) process.stderr.write(`${sentence}\n`)
  const { nodeDays, seed } = options
  process.stdout.write(`${JSON.stringify({ nodeDays, seed, load: loadavg()[0], rows, missed: wrong })}\n`)
  return wrong.length > 0 ? 1 : 0
}

interface Plan {
  loss: number
  starved: number
  localHealth: boolean
}

function plansOf({ losses, starved }: Options): Plan[] {
  const calm = losses.map((loss) => ({ loss, starved: 0, localHealth: true }))
  const hungry = starved.flatMap((nodes) =>
    [true, false].map((localHealth) => ({ loss: 0.05, starved: nodes, localHealth })),
  )
  return [...calm, ...hungry]
}

/** Runs the scenario for so many node-days: its troubles come in the first part, and what follows looks for false accusations. */
export async function detect(
  scenario: ScaleScenario,
  plan: Plan,
  { nodeDays, seed }: Pick<Options, 'nodeDays' | 'seed'>,
): Promise<DetectRow> {
  const { loss, starved, localHealth } = plan
  const whole = { ...scenario, loss, localHealth, starving: { ...scenario.starving, nodes: starved } }
  let watch: Watch | undefined
  const fleet = new ScaleFleet(whole, seed, {
    told: (machine, event) => watch?.told(machine, event),
    tick: () => watch?.tick(),
  })
  await fleet.settle()
  const troubles = new Troubles(fleet, new Prng(seed).fork('troubles'), (machine, at, how) =>
    watch?.ended(machine, at, how),
  )
  watch = new Watch(fleet, troubles.starved)
  troubles.schedule()
  await fleet.run(
    ((nodeDays * 24 * 60) / nodesOf(scenario)) * MINUTE,
    (text) => void process.stderr.write(`loss ${loss}, ${starved} starved: ${text}\n`),
  )
  return { ...plan, ...watch.result() }
}

const HEAD = `loss  starved  health  |  killed: zone p50  p99   root p50  p99  |  power cut: zone p50  p99   root p50  p99  |  false per node-day: well  starved   brief`

function lineOf({
  loss,
  starved,
  localHealth,
  kill,
  powerCut,
  falseOfWell,
  falseOfStarved,
  falseOfBrief,
  nodeDays,
}: DetectRow): string {
  const cell = (value: number | undefined, width: number) =>
    (value === undefined ? '-' : value.toFixed(1)).padStart(width)
  const times = ({ zone, root }: Watched['kill'], width: number) =>
    cell(zone?.median, width) + cell(zone?.p99, 6) + cell(root?.median, 10) + cell(root?.p99, 6)
  const rate = (count: number) => (count / nodeDays).toFixed(3)
  return (
    `${loss.toFixed(2)}${String(starved).padStart(9)}${(localHealth ? 'on' : 'off').padStart(8)}  |` +
    `${times(kill, 18)}  |${times(powerCut, 21)}  |${rate(falseOfWell).padStart(27)}${rate(falseOfStarved).padStart(9)}${rate(falseOfBrief).padStart(8)}`
  )
}

function missedBy({ loss, starved, kill, powerCut, falseOfWell, nodeDays }: DetectRow): string[] {
  const wrong: string[] = []
  const name = `at a loss of ${loss} with ${starved} starved`
  if (starved > 0) return wrong
  if (loss <= 0.05 && (kill.zone?.p99 ?? 0) > BARS.kill)
    wrong.push(`${name}: killed nodes are down after ${kill.zone?.p99} s (p99), above ${BARS.kill}`)
  if (loss <= 0.05 && (powerCut.zone?.p99 ?? 0) > BARS.powerCut)
    wrong.push(`${name}: nodes without power are down after ${powerCut.zone?.p99} s (p99), above ${BARS.powerCut}`)
  if (kill.missed + powerCut.missed > 0) wrong.push(`${name}: ${kill.missed + powerCut.missed} mates never noticed`)
  if (loss === 0.05 && falseOfWell > 0)
    wrong.push(`${name}: ${falseOfWell} false downs in ${nodeDays} node-days, and none is allowed`)
  return wrong
}

function healthMissed(rows: readonly DetectRow[]): string[] {
  const of = (localHealth: boolean) => rows.find((row) => row.starved === 32 && row.localHealth === localHealth)
  const [on, off] = [of(true), of(false)]
  if (on === undefined || off === undefined) return []
  const [doubting, sure] = [on, off].map(({ falseOfWell, falseOfBrief }) => falseOfWell + falseOfBrief) as [
    number,
    number,
  ]
  if (doubting <= sure * BARS.falseShare) return []
  return [
    `with 32 starved nodes there are ${doubting} false downs with local health and ${sure} without, of nodes that were not silent: fewer than 50 to 1`,
  ]
}
