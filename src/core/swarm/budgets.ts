// The budgets of this node: what of its wires, its months, its hours and its cool the swarm may take (docs/budgets.md). Serving asks
// before a piece goes out, fetching before one is asked for. A rate that is used up makes pieces wait; all else pauses them.
// Invariant: nothing that is unknown but the hour pauses anything, and no budget keeps a piece back for ever by its length.
import { earliest } from '../earliest.ts'
import type { Millis, NodeId } from '../env.ts'
import { type MetricValues, metricIndex } from '../fleet/metrics.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import { Bucket } from './bucket.ts'
import { Heat } from './heat.ts'
import { isOpen, turn, type Window } from './hours.ts'
import { Meter } from './meter.ts'
import { Month, type Usage } from './month.ts'

/** What the owner of this node allows. Rates are bytes a second; what is undefined has no bound. */
export interface Allowance {
  /** To all members together, to each, and from all. */
  upload?: number | undefined
  each?: number | undefined
  download?: number | undefined
  /** Bytes in a calendar month, both ways together. */
  monthly?: number | undefined
  /** When anything goes over the wire to other sites; empty: always. */
  hours?: readonly Window[]
  /** Degrees Celsius of the processor. */
  hot?: number | undefined
  /** What goes over the LAN counts too. */
  lan?: boolean
}

/** Why nothing goes. `clock`: nobody vouches for it, so that the hour is not known. */
export type Pause =
  | { why: 'month' | 'throttled' | 'clock' }
  /** `opens`: minute of the local day. */
  | { why: 'hours'; opens: number }
  /** `below`: degrees Celsius at which it goes on. */
  | { why: 'hot'; below: number }

export interface BudgetSnapshot {
  lan: boolean
  upload: { limit: number | undefined; rate: number }
  each: number | undefined
  download: { limit: number | undefined; rate: number }
  /** `remaining`: ms until it ends. */
  month: Usage & { limit: number | undefined; left: number | undefined; remaining: Millis }
  /** `open` is undefined while the hour is not known; `next`: when that changes. */
  hours: {
    windows: readonly Window[]
    open: boolean | undefined
    next: { after: Millis; minute: number } | undefined
  }
  heat: { limit: number | undefined; celsius: number | null; throttled: boolean | null }
  /** Why nothing goes over the wire to other sites, `lan`: nor over the LAN; undefined when it does. */
  paused: (Pause & { lan: boolean; since: Millis }) | undefined
}

export interface BudgetParts {
  out: Outbox
  /** Local time, as ms since the beginning of 1970 there; undefined while nobody vouches for the clock. */
  localAt: (now: Millis) => Millis | undefined
  /** Whether a member is on one LAN with this node. */
  isNear: (node: NodeId) => boolean
  /** No heartbeat asks for samples: an operator's peer has none. */
  asksForSamples: boolean
}

/** A sentence for a person. */
export function pauseText(pause: Pause): string {
  switch (pause.why) {
    case 'month':
      return 'the budget of this month (swarm.monthly) is used up: it goes on next month'
    case 'hours':
      return `nothing comes from or goes to other sites outside of swarm.hours: it goes on at ${clockText(pause.opens)}`
    case 'clock':
      return "this machine's clock is not synchronised, so whether it is time for other sites (swarm.hours) is not known"
    case 'hot':
      return `the board is too hot (swarm.hot): it goes on below ${pause.below} °C`
    case 'throttled':
      return 'the firmware throttles the board because of heat: it goes on a minute after that ends'
  }
}

/** `06:00` of a minute of the day. */
export function clockText(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0')).join(':')
}

const [CELSIUS, THROTTLED] = [metricIndex('node_thermal_zone_temp'), metricIndex('rpi_throttled')] as [number, number]

export class Budgets {
  readonly #parts: BudgetParts
  readonly #allowed: Allowance
  readonly #upload: Bucket | undefined
  readonly #download: Bucket | undefined
  /** Of members that were served lately, those last that were served last. */
  readonly #each = new Map<NodeId, Bucket>()
  readonly #month: Month
  readonly #heat: Heat
  readonly #sent = new Meter()
  readonly #came = new Meter()
  /** Why nothing goes over the wire to other sites, and over the LAN. */
  #far: Pause | undefined
  #near: Pause | undefined
  /** Since when `far` is as it is, and when what it was before began. */
  #since: Millis
  #began: Millis
  /** Both, as whoever asked last was told. */
  #checked: [Pause['why'] | undefined, Pause['why'] | undefined] = [undefined, undefined]
  #lookAt: Millis | undefined
  #sampleAt: Millis | undefined

  constructor(parts: BudgetParts, allowed: Allowance, saved: Usage | undefined, now: Millis) {
    const { upload, download, monthly, hot, hours = [] } = allowed
    this.#parts = parts
    this.#allowed = allowed
    this.#upload = upload === undefined ? undefined : new Bucket(upload, now)
    this.#download = download === undefined ? undefined : new Bucket(download, now)
    this.#month = new Month(parts.out, monthly, saved, now)
    this.#heat = new Heat(parts.asksForSamples ? undefined : hot)
    this.#sampleAt = parts.asksForSamples && hours.length > 0 ? now : undefined
    this.#since = now
    this.#began = now
    this.#look(now)
    this.#lookAt = now
  }

  /** Why no piece goes to or comes from members there; undefined when they do. */
  paused(near: boolean): Pause | undefined {
    return near ? this.#near : this.#far
  }

  /** When a piece may go to this member: now or later; undefined while that is paused. */
  serveAt(node: NodeId, now: Millis): Millis | undefined {
    const near = this.#parts.isNear(node)
    if (this.paused(near) !== undefined) return undefined
    if (!this.#counts(near)) return now
    return Math.max(this.#upload?.readyAt(now) ?? now, this.#each.get(node)?.readyAt(now) ?? now)
  }

  /** A piece begins to go to this member. */
  serve(node: NodeId, bytes: number, now: Millis): void {
    if (!this.#counts(this.#parts.isNear(node))) return
    this.#upload?.take(bytes, now)
    this.#bucketOf(node, now)?.take(bytes, now)
    this.#sent.add(bytes, now)
    this.#count('up', bytes, now)
  }

  /** When a piece may be asked of a member there: now or later; undefined while that is paused. */
  fetchAt(near: boolean, now: Millis): Millis | undefined {
    if (this.paused(near) !== undefined) return undefined
    return this.#counts(near) ? (this.#download?.readyAt(now) ?? now) : now
  }

  /** A piece is asked of a member there. @returns whether that counts: only then it is told what became of it */
  asked(near: boolean, bytes: number, now: Millis): boolean {
    if (this.#counts(near)) this.#download?.take(bytes, now)
    return this.#counts(near)
  }

  /** Nobody waits any more for what was asked for, whether it came or not. */
  released(bytes: number, now: Millis): void {
    this.#download?.give(bytes, now)
  }

  /** A piece came that was asked for, and may have been given up meanwhile. */
  arrived(bytes: number, now: Millis): void {
    this.#download?.take(bytes, now)
    this.#came.add(bytes, now)
    this.#count('down', bytes, now)
  }

  sampled(metrics: MetricValues, now: Millis): void {
    this.#heat.sampled(metrics[CELSIUS] ?? null, metrics[THROTTLED] ?? null, now)
    if (this.#sampleAt !== undefined) this.#sampleAt = now + limits.budgetSamples
  }

  /** Looks at the clock, the month and the board. @returns true when something was paused since the last check, or goes on */
  check(now: Millis): boolean {
    if (this.#sampleAt !== undefined && now >= this.#sampleAt) {
      this.#sampleAt = now + limits.budgetSamples
      this.#parts.out.emit({ type: 'sample' })
    }
    this.#month.check(this.#parts.localAt(now), now)
    this.#look(now)
    const turned = this.#hasTurned
    if (turned) this.#tell(now)
    this.#checked = [this.#far?.why, this.#near?.why]
    this.#lookAt = this.#turnsAt(now)
    return turned
  }

  deadline(): Millis | undefined {
    return earliest(this.#lookAt, this.#sampleAt, this.#month.deadline())
  }

  /** Writes what is not on the disk yet. */
  save(now: Millis): void {
    this.#month.save(now)
  }

  /** What there is to show; rates are bytes a second. */
  snapshot(now: Millis): BudgetSnapshot {
    const { upload, each, download, hours = [], lan = false } = this.#allowed
    const local = this.#parts.localAt(now)
    const next = local === undefined ? undefined : turn(hours, local)
    const always = turn(hours, 0) === undefined
    const { limit, usage, left } = this.#month
    return {
      lan,
      upload: { limit: upload, rate: this.#sent.rate(now) },
      each,
      download: { limit: download, rate: this.#came.rate(now) },
      month: { limit, left, ...usage, remaining: this.#month.remaining(local) },
      hours: { windows: hours, open: local === undefined && !always ? undefined : isOpen(hours, local ?? 0), next },
      heat: { limit: this.#heat.limit, celsius: this.#heat.celsius, throttled: this.#heat.throttled },
      paused: this.#far && { ...this.#far, lan: this.#near !== undefined, since: this.#since },
    }
  }

  #counts(near: boolean): boolean {
    return !near || this.#allowed.lan === true
  }

  #count(way: 'up' | 'down', bytes: number, now: Millis): void {
    this.#month.check(this.#parts.localAt(now), now)
    this.#month.add(way, bytes, now)
    this.#look(now)
    // What turned is told in this step.
    if (this.#hasTurned) this.#lookAt = now
  }

  get #hasTurned(): boolean {
    const [far, near] = this.#checked
    return far !== this.#far?.why || near !== this.#near?.why
  }

  /** That the hour is not known is so at every start, until the clock was looked at. */
  #tell(now: Millis): void {
    const [before] = this.#checked
    const pause = this.#far
    if (before === pause?.why) return
    if (pause !== undefined && pause.why !== 'clock') this.#parts.out.event({ type: 'paused', pause })
    else if (pause === undefined && before !== undefined && before !== 'clock')
      this.#parts.out.event({ type: 'wentOn', after: now - this.#began })
  }

  #look(now: Millis): void {
    const why = this.#heat.why(now)
    const near: Pause | undefined = why === 'hot' ? { why, below: this.#heat.resume } : why && { why }
    const far = this.#month.isSpent ? ({ why: 'month' } as const) : (near ?? this.#closed(this.#parts.localAt(now)))
    if (far?.why !== this.#far?.why) [this.#began, this.#since] = [this.#since, now]
    this.#far = far
    this.#near = this.#counts(true) ? far : near
  }

  #closed(local: Millis | undefined): Pause | undefined {
    const { hours = [] } = this.#allowed
    // Hours that never close need no clock.
    if (turn(hours, 0) === undefined) return undefined
    if (local === undefined) return { why: 'clock' }
    if (isOpen(hours, local)) return undefined
    return { why: 'hours', opens: turn(hours, local)?.minute ?? 0 }
  }

  /** When hours begin or end, a month that is used up, or the rest of a board. */
  #turnsAt(now: Millis): Millis | undefined {
    const local = this.#parts.localAt(now)
    const hours = local === undefined ? undefined : turn(this.#allowed.hours ?? [], local)?.after
    const month = this.#month.isSpent ? this.#month.remaining(local) : undefined
    const after = earliest(hours, month)
    const at = after === undefined ? undefined : now + Math.max(1, Math.ceil(after))
    return earliest(at, this.#heat.deadline(now))
  }

  /** Those who owe nothing are forgotten when there are many. */
  #bucketOf(node: NodeId, now: Millis): Bucket | undefined {
    const { each } = this.#allowed
    if (each === undefined) return undefined
    const bucket = this.#each.get(node) ?? new Bucket(each, now)
    this.#each.delete(node)
    this.#each.set(node, bucket)
    if (this.#each.size > limits.meteredMembers) {
      for (const [other, its] of this.#each) if (other !== node && its.isFull(now)) this.#each.delete(other)
      for (const oldest of this.#each.keys()) if (this.#each.size > limits.meteredMembers) this.#each.delete(oldest)
    }
    return bucket
  }
}
