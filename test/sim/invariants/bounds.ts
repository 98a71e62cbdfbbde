// The times within which the invariants must hold, as formulas of the promise T, the loss and what went wrong.
// docs/simulation.md argues each of them; a bound that is only measured would be a wish.
import type { Millis } from '../../../src/core/env.ts'
import { promiseFor } from '../../../src/core/fleet/liveness.ts'
import { limits, SECOND } from '../../../src/core/limits.ts'
import { DRIFT_MAX } from '../clock.ts'
import type { Scenario } from '../scenario.ts'

/** What is believed not to happen by chance: a run checks some millions of pairs of nodes. */
const NEVER = 1e-9
/** Longest path of a record from neighbour to neighbour within a zone: 3 hops at once, then one mention at its last beat. */
const HOPS = 4
const LAST_MENTION = 3 * SECOND
/** Writes and steps of one installation: fetching, verified, staged, switched, healthy, committed; stage, switch, tidy. */
const EDGES = 6
const STEPS = 3

export interface Bounds {
  /** T: the promise of a record when all of the zone are there. */
  promise(members: number): Millis
  /** delta: the time a record takes to whoever gets it at all. */
  delivery: Millis
  /** k: more records than this are not lost in a row. */
  losses: number
  /** I1: how long a steady node may be shown `down`. */
  rumour(members: number): Millis
  /** I9: so many times at most is a living node shown as gone, when `records` could each have been missed by one mate. */
  falseDowns(records: number): number
  /** I7: when a dead node is `down`, after its end. */
  detection(promise: Millis, patience: number): Millis
  /** From the start of a node, or a failed write, until it is steady: it has links to its zone and was heard there. */
  start(members: number): Millis
  /** From the end of a separation of this length until both sides are steady again. */
  heal(separation: Millis, members: number): Millis
  /** I2: when the views of a zone agree, after the end of a separation. */
  convergence(separation: Millis, members: number): Millis
  /** I17: until all hold the newest announcements, from when nothing new breaks. */
  spread: Millis
  /** I16: until who is selected has the release in use, from then on. */
  installation: Millis
}

/** The bounds of a scenario. */
export function boundsOf(scenario: Scenario): Bounds {
  const { min, mean, max } = scenario.delay
  const longest = Math.min(max, min - Math.log(NEVER) * (mean - min))
  const delivery = Math.ceil((HOPS + 2) * longest + LAST_MENTION)
  const losses = Math.max(1, Math.ceil(Math.log(NEVER) / Math.log(Math.max(scenario.loss, 1e-4))))
  const promise = (members: number) => promiseFor(members, scenario.recordPeriodMin)
  const rumour = (members: number) => losses * limits.recordSendShare * promise(members) + delivery
  const relink = limits.linkCheckPeriod * 1.25 + limits.dialTimeout + limits.gateTimeout
  const settle = (members: number) => relink + 2 * limits.extraRecordDelay + promise(members)
  const start = (members: number) => relink + settle(members) + scenario.disk.delayMax
  const heal = (separation: Millis, members: number) => redial(separation) + settle(members)
  const whole = Math.max(...[0, ...scenario.partitions.map(({ at, until }) => until - at)].map((s) => s * SECOND))
  const members = Math.ceil(scenario.nodes / scenario.zones)
  const spread = Math.max(start(members), heal(whole, members)) + spreading(scenario)
  return {
    promise,
    delivery,
    losses,
    rumour,
    falseDowns: (records) => withMargin(records * (2 * scenario.loss) ** limits.downAfterPromises),
    detection: (T, patience) => limits.downAfterPromises * T * patience * (1 + DRIFT_MAX) + delivery + SECOND,
    start,
    heal,
    convergence: (separation, members) => heal(separation, members) + rumour(members),
    spread,
    installation: spread + fetching(scenario) + installing(scenario),
  }
}

/** Longest way of an announcement, in hellos: two links in a zone and one between zones, of which each has at least eight. */
function hops(zones: number): number {
  return 2 * (1 + Math.ceil(Math.log(zones) / Math.log(8)))
}

/** Each hop waits for the next hello; what is lost on the way, hello or body, is asked for again. */
function spreading({ zones, loss }: Scenario): Millis {
  const way = hops(zones)
  const exchange = 1 - (1 - loss) ** 4
  return way * 1.1 * limits.helloPeriod + failures(way, exchange) * (limits.requestTimeout + limits.bodyRetry)
}

/** Who searched in vain waits first. Then, so many at a time: each hop finds somebody who has it, and may ask one in vain; then all bytes come by the slowest uplink that all share. */
function fetching({ zones, releases, uploadRate }: Scenario): Millis {
  const search = limits.providerSearchPeriod + limits.dialTimeout + limits.gateTimeout + limits.requestPatienceMax
  const turns = Math.ceil(new Set(releases.map(({ path }) => path)).size / limits.downloadsAtOnce)
  const bytes = releases.reduce((sum, { pieces }) => sum + pieces * limits.pieceBytesMin, 0)
  return limits.providerSearchMax + turns * hops(zones) * search + ((bytes * limits.mateLinksMax) / uploadRate) * SECOND
}

/** Every edge of the journal is a write, and between them are steps; what the disk refuses is tried again, a step ever later. */
function installing({ disk, files }: Scenario): Millis {
  const writes = EDGES * disk.delayMax + failures(EDGES, disk.failShare) * limits.diskRetry
  const pauses = (2 ** failures(STEPS, files.failShare) - 1) * limits.diskRetry
  return writes + STEPS * files.stepMax + pauses
}

/** So many failures before `successes` successes are exceeded with probability NEVER, if each try fails with probability `share`. */
function failures(successes: number, share: number): number {
  let count = 0
  let term = 1
  while (share > 0 && term * share ** count > NEVER) {
    count++
    term = (term * (successes - 1 + count)) / count
  }
  return count
}

/** Six standard deviations above what is expected of a rare, independent event. */
function withMargin(expected: number): number {
  return Math.ceil(expected + 6 * Math.sqrt(expected) + 1)
}

/**
 * The longest pause of a dialler that failed throughout a separation S. Pauses double, each within a half to one and a half
 * of its nominal length: a nominal pause p was preceded by pauses of at least (p - 1 s) / 2 together, so p <= 2S + 1 s.
 */
export function redial(separation: Millis): Millis {
  return 1.5 * Math.min(limits.dialBackoffMax, 2 * separation + limits.dialBackoffMin)
}
