// Half an hour of faults in the laboratory, one each twenty seconds, from a seed: after each of them every zone has its questions
// answered by every other one within the bound of that fault, and at the end nobody holds more than after ten minutes.
import { cpus, loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { SiteWords } from '../lab/description.ts'
import { Lab } from '../lab/lab.ts'
import { whyNot } from '../lab/shell.ts'
import { ms, whole } from './lab-looks.ts'
import type { Report } from './main.ts'
import { type Fault, FaultMaker } from './soak-faults.ts'
import { type Growth, type Holding, holdings, leaks } from './soak-leaks.ts'

const PERIOD = 20_000
const START_BOUND = 120_000
/** A question that is not answered by then counts as a miss, whatever the bound of the fault. */
const GIVE_UP = 60_000
/** A question to all zones; the next one is asked after that, answered or not. */
const QUESTION = 500
const LEAKS_FROM_MINUTE = 10

const PUBLIC: SiteWords = { name: 'pub', kind: 'open', nodes: 3 }
const SITES: readonly SiteWords[] = [
  PUBLIC,
  { name: 'home', kind: 'plain', nodes: 2 },
  { name: 'flat', kind: 'double' },
  { name: 'lab', kind: 'random', nodes: 2 },
  { name: 'rst', kind: 'rst' },
  { name: 'uni', kind: 'tcp443' },
]
const SMALL: readonly SiteWords[] = [
  { ...PUBLIC, nodes: 2 },
  { name: 'home', kind: 'plain' },
  { name: 'flat', kind: 'double' },
  { name: 'lab', kind: 'random' },
]
const SMALL_MINUTES = 2

interface Settings {
  minutes: number
  seed: number
  /** Three sites, two minutes. */
  small: boolean
}

interface Round {
  fault: string
  boundSeconds: number
  /** Until the last pair of zones had exchanged; null: not at all. */
  seconds: number | null
  /** Zones that did not within the bound, `FROM -> TO`. */
  missed: string[]
}

export async function benchSoak(say: (line: string) => void, settings: Settings): Promise<Report> {
  const minutes = settings.small ? SMALL_MINUTES : settings.minutes
  const load = loadavg()[0] as number
  const reason = whyNot()
  // On a machine that cannot have a laboratory .ci/run has nothing to fail at.
  if (settings.small && reason !== undefined)
    return { json: { bench: 'soak', skipped: reason }, table: [`the soak was skipped: ${reason}`] }
  say('building the laboratory')
  const lab = await Lab.up(settings.small ? SMALL : SITES)
  try {
    const began = performance.now()
    await whole(lab, lab.nodes(), START_BOUND)
    say(`whole after ${ms(performance.now() - began)}`)
    const { rounds, held } = await soak(lab, { ...settings, minutes }, say)
    const grown = minutes > LEAKS_FROM_MINUTE ? leaks(held, LEAKS_FROM_MINUTE) : null
    // A machine that is busy with something else is slow: the small one asks whether paths come back, and only tells how soon.
    const isBack = ({ seconds, missed }: Round) => (settings.small ? seconds !== null : missed.length === 0)
    const ok = rounds.every(isBack) && (grown?.every(({ met }) => met) ?? true)
    const { seed, small } = settings
    const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? null, load }
    return {
      json: { bench: 'soak', ...machine, minutes, seed, small, ok, rounds, grown },
      table: table(rounds, grown),
      ok,
    }
  } finally {
    await lab.dispose()
  }
}

async function soak(
  lab: Lab,
  { minutes, seed }: Settings,
  say: (line: string) => void,
): Promise<{ rounds: Round[]; held: Holding[] }> {
  const faults = new FaultMaker(lab, seed)
  const { network } = lab
  // Where a node was enrolled, wherever it is carried.
  const zoneOf = new Map(network.plan.nodes.map(({ name, site }) => [name, network.site(site).zone]))
  const began = performance.now()
  const rounds: Round[] = []
  const held: Holding[] = []
  for (let number = 1; performance.now() - began < minutes * 60_000; number++) {
    const minute = (performance.now() - began) / 60_000
    const fault = await faults.next({ restarts: minute < LEAKS_FROM_MINUTE })
    const over = await fault.happens()
    const round = await exchangeAgain(lab, askers(lab, zoneOf, number), fault, over)
    rounds.push(round)
    say(
      `${number}: ${round.fault}: ${ms(round.seconds === null ? null : round.seconds * 1000)} ${round.missed.join(', ')}`,
    )
    await pause(Math.max(0, began + number * PERIOD - performance.now()))
    held.push(...(await holdings(lab, (performance.now() - began) / 60_000)))
  }
  return { rounds, held }
}

/**
 * Of each zone one node that runs, by turns, and its zone. Were it all of them, fifty dials in one moment would be measured on two cores,
 * and not how soon a path is back.
 */
function askers(lab: Lab, zoneOf: Map<string, string>, round: number): { name: string; zone: string }[] {
  const running = lab.nodes().filter((name) => lab.daemons.runs(name))
  const zones = Map.groupBy(running, (name) => zoneOf.get(name) as string)
  return [...zones].map(([zone, names]) => ({ name: names[round % names.length] as string, zone }))
}

/** These ask each other's zones again and again until each has answered. */
async function exchangeAgain(
  lab: Lab,
  asking: readonly { name: string; zone: string }[],
  fault: Fault,
  over: number,
): Promise<Round> {
  const asked = asking.map(async ({ name, zone: own }) => {
    const others = asking.map(({ zone }) => zone).filter((zone) => zone !== own)
    return { name, after: await answersOf(lab, name, others, over) }
  })
  const pairs = (await Promise.all(asked)).flatMap(({ name, after }) =>
    [...after].map(([zone, took]) => ({ pair: `${name} -> ${zone}`, took })),
  )
  const slowest = Math.max(...pairs.map(({ took }) => took))
  return {
    fault: fault.what,
    boundSeconds: fault.bound / 1000,
    seconds: Number.isFinite(slowest) ? slowest / 1000 : null,
    missed: pairs
      .filter(({ took }) => took > fault.bound)
      .map(({ pair, took }) => `${pair} after ${ms(Number.isFinite(took) ? took : null)}`),
  }
}

/** How long after `over` each zone had answered this node, in ms; infinite when it did not. */
async function answersOf(
  { daemons }: Lab,
  name: string,
  zones: readonly string[],
  over: number,
): Promise<Map<string, number>> {
  const after = new Map(zones.map((zone) => [zone, Number.POSITIVE_INFINITY]))
  for (;;) {
    const asked = performance.now()
    const missing = zones.filter((zone) => after.get(zone) === Number.POSITIVE_INFINITY)
    if (missing.length === 0 || asked - over > GIVE_UP) return after
    const answer = await daemons
      .client(name)
      .nodes({ zones: missing, timeoutMs: QUESTION })
      .catch(() => undefined) // it is not up again
    const took = performance.now() - over
    for (const { zone, state } of answer?.zones ?? []) if (state !== 'silent') after.set(zone, took)
    await pause(Math.max(0, asked + QUESTION / 2 - performance.now()))
  }
}

function table(rounds: readonly Round[], grown: readonly Growth[] | null): string[] {
  const faults = rounds.map(({ fault, boundSeconds, seconds, missed }) => {
    const took = ms(seconds === null ? null : seconds * 1000)
    const verdict = missed.length === 0 ? 'met' : `missed: ${missed.join(', ')}`
    return `${fault.padEnd(34)} ${took} (bound ${boundSeconds} s: ${verdict})`
  })
  const growth = (grown ?? []).map(
    ({ what, first, last, met }) =>
      `${what.padEnd(34)} ${first.toFixed(1)} -> ${last.toFixed(1)} (${met ? 'met' : 'grew'})`,
  )
  return [...faults, ...growth]
}
