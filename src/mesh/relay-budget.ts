// What a relay may spend on others: bytes a second, and bytes a month in daily portions. Both are buckets that fill by themselves,
// so nothing has to be remembered on disk: who restarts begins with one day's portion at most.
import type { Millis } from '../core/env.ts'
import { DAY, SECOND } from '../core/limits.ts'

export interface RelayAllowance {
  /** Members that are taken in for at a time. */
  reservations: number
  /** Bytes a second, all circuits together, both directions together. */
  rate: number
  /** Bytes in 30 days. */
  monthly: number
}

const DAYS = 30
/** A relay that used up its portion begins again with an hour's share of it. */
const AGAIN_SHARE = 1 / 24

export class RelayBudget {
  readonly #second: Bucket
  readonly #day: Bucket
  #spent = false

  constructor({ rate, monthly }: RelayAllowance, now: () => Millis = () => performance.now()) {
    this.#second = new Bucket(rate / SECOND, rate, now)
    this.#day = new Bucket(monthly / DAYS / DAY, monthly / DAYS, now)
  }

  /** Whether nothing is left of the day's portion. */
  get spent(): boolean {
    const left = this.#day.left()
    this.#spent = this.#spent ? left < this.#day.size * AGAIN_SHARE : left <= 0
    return this.#spent
  }

  /** Takes so many bytes; returns the milliseconds to wait before the next. */
  take(bytes: number): Millis {
    this.#day.take(bytes)
    return this.#second.take(bytes)
  }
}

/** May be overdrawn: whoever did so waits until it is even again. */
class Bucket {
  readonly #rate: number
  readonly size: number
  readonly #now: () => Millis
  #left: number
  #at: Millis

  /** `rate`: what comes in each millisecond. */
  constructor(rate: number, size: number, now: () => Millis) {
    this.#rate = rate
    this.size = size
    this.#now = now
    this.#left = size
    this.#at = now()
  }

  left(): number {
    const now = this.#now()
    this.#left = Math.min(this.size, this.#left + (now - this.#at) * this.#rate)
    this.#at = now
    return this.#left
  }

  /** Milliseconds until it is even. */
  take(amount: number): Millis {
    this.#left = this.left() - amount
    return this.#left >= 0 ? 0 : -this.#left / this.#rate
  }
}
