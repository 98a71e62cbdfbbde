// A budget: so many of something in a minute. It counts in windows of a minute, so twice as many may come around a border.
import type { Millis } from '../env.ts'
import { MINUTE } from '../limits.ts'

export class Budget {
  readonly #perMinute: number
  #since: Millis = Number.NEGATIVE_INFINITY
  #spent = 0

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** One more. @returns false when that is one too many */
  spend(now: Millis): boolean {
    if (now - this.#since >= MINUTE) {
      this.#since = now
      this.#spent = 0
    }
    this.#spent += 1
    return this.#spent <= this.#perMinute
  }
}
