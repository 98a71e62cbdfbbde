// A meter: bytes per second over the last five to ten seconds, with two counters.
import type { Millis } from '../env.ts'
import { SECOND } from '../limits.ts'

const WINDOW = 5 * SECOND

export class Meter {
  #since: Millis = Number.NEGATIVE_INFINITY
  #current = 0
  #last = 0

  add(bytes: number, now: Millis): void {
    this.#turn(now)
    this.#current += bytes
  }

  /** Bytes per second. */
  rate(now: Millis): number {
    this.#turn(now)
    const into = Math.max(0, now - this.#since)
    if (this.#last === 0) return (this.#current * SECOND) / Math.max(SECOND, into)
    // The current window as far as it went, and what is missing of a whole one from the window before.
    return ((this.#current + this.#last * (1 - into / WINDOW)) * SECOND) / WINDOW
  }

  #turn(now: Millis): void {
    if (now - this.#since < WINDOW) return
    this.#last = now - this.#since < 2 * WINDOW ? this.#current : 0
    this.#current = 0
    this.#since = now
  }
}
