// A month's budget: what went over the wire to other sites since the month began, kept over restarts. A month is one of the local
// calendar, by a clock that is believed; while none is, the count goes on, so that no clock can renew a budget. 31 days of uptime
// end a month as well: a node that never hears the time, or once believed a wrong one, is not cut off for good.
import type { Millis } from '../env.ts'
import { DAY, HOUR, limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'

/** What is on the disk of a month. */
export interface Usage {
  /** Months since the beginning of the year 0; 0 while no clock was believed. */
  month: number
  /** Bytes of pieces, out and in. */
  up: number
  down: number
  /** Uptime since something was first counted, in ms. */
  elapsed: Millis
}

const LONGEST = 31 * DAY
const MONTHS = 12

export class Month {
  readonly #out: Outbox
  /** Bytes, both ways together; undefined: as many as there are. */
  readonly limit: number | undefined
  #usage: Usage
  /** Until when `elapsed` counts. */
  #at: Millis
  /** Bytes that are counted and not on the disk, and when the first of them came. */
  #unsaved = 0
  #unsavedSince: Millis | undefined

  constructor(out: Outbox, limit: number | undefined, saved: Usage | undefined, now: Millis) {
    this.#out = out
    this.limit = limit
    this.#usage = saved ?? { month: 0, up: 0, down: 0, elapsed: 0 }
    this.#at = now
  }

  get usage(): Readonly<Usage> {
    return this.#usage
  }

  /** Bytes; undefined without a limit. */
  get left(): number | undefined {
    const { up, down } = this.#usage
    return this.limit === undefined ? undefined : Math.max(0, this.limit - up - down)
  }

  get isSpent(): boolean {
    return this.left === 0
  }

  /** Counts bytes. */
  add(way: 'up' | 'down', bytes: number, now: Millis): void {
    this.#usage = { ...this.#usage, [way]: this.#usage[way] + bytes }
    this.#unsaved += bytes
    this.#unsavedSince ??= now
    if (this.#unsaved >= limits.usageBytesUnsaved) this.save(now)
  }

  /** @param local local time, as ms since the beginning of 1970 there; undefined while no clock is believed */
  check(local: Millis | undefined, now: Millis): void {
    this.#pass(now)
    const month = local === undefined ? 0 : monthOf(local)
    const over = this.#usage.elapsed >= LONGEST
    // What was counted before the clock was believed belongs to the month that it shows.
    if (over || (month > this.#usage.month && this.#usage.month > 0)) this.#begin(month, now)
    else if (this.#usage.month === 0 && month > 0) this.#usage = { ...this.#usage, month }
    if (this.#unsavedSince !== undefined && now >= this.#unsavedSince + limits.usageUnsaved) this.save(now)
  }

  /** How long the month goes on as far as the clock says, or without it. */
  remaining(local: Millis | undefined): Millis {
    const byUptime = LONGEST - this.#usage.elapsed
    if (local === undefined || monthOf(local) < this.#usage.month) return byUptime
    return Math.min(byUptime, beginOf(monthOf(local) + 1) - local)
  }

  /** When check() is next needed. */
  deadline(): Millis | undefined {
    return this.#unsavedSince === undefined ? undefined : this.#unsavedSince + limits.usageUnsaved
  }

  /** Writes what is not on the disk yet. What a disk refuses comes with the next write. */
  save(now: Millis): void {
    this.#pass(now)
    if (this.#unsavedSince === undefined) return
    this.#unsaved = 0
    this.#unsavedSince = undefined
    this.#out.persist([{ type: 'usage', usage: this.#usage }], false)
  }

  #begin(month: number, now: Millis): void {
    this.#usage = { month, up: 0, down: 0, elapsed: 0 }
    this.#unsavedSince ??= now
  }

  /** Only a month of which something is counted gets older. */
  #pass(now: Millis): void {
    const { up, down, elapsed } = this.#usage
    const before = Math.floor(elapsed / HOUR)
    if (up + down > 0) this.#usage = { ...this.#usage, elapsed: elapsed + Math.max(0, now - this.#at) }
    this.#at = Math.max(this.#at, now)
    // Once an hour, so that restarts do not keep a month from ending: some boards are switched off every night.
    if (Math.floor(this.#usage.elapsed / HOUR) > before) this.#unsavedSince ??= now
  }
}

/** Months since the beginning of the year 0. */
export function monthOf(local: Millis): number {
  // Years from the first of March have their odd day last: of 400, of 100, of 4 and of one year.
  const days = Math.floor(local / DAY) + 719_468
  const era = Math.floor(days / 146_097)
  const day = days - era * 146_097
  const year = Math.floor((day - Math.floor(day / 1_460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365)
  const dayOfYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100))
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  return (era * 400 + year) * MONTHS + fromMarch + 2
}

/** Local time at which a month begins. */
function beginOf(month: number): Millis {
  // Never earlier than 28 days a month: a few steps forward find the first day.
  let days = Math.floor((month / MONTHS) * 365.2425) - 719_530
  while (monthOf(days * DAY) < month) days += 1
  while (monthOf((days - 1) * DAY) >= month) days -= 1
  return days * DAY
}

/** `2026-11`. */
export function monthText(month: number): string {
  return `${Math.floor(month / MONTHS)}-${String((month % MONTHS) + 1).padStart(2, '0')}`
}
