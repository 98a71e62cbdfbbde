// A bucket of tokens that may be overdrawn: who finds it even takes a whole piece, however long, and the next one waits until the
// debt is paid. Invariant: over any time what was taken is at most what came in, a second's worth and one piece; and whatever the
// rate, it is even again some day: nothing waits for ever.
import type { Millis } from '../env.ts'
import { SECOND } from '../limits.ts'

export class Bucket {
  /** What comes in each millisecond. */
  readonly #rate: number
  readonly #size: number
  #level: number
  #at: Millis

  /** @param rate bytes a second; the bucket holds as many. */
  constructor(rate: number, now: Millis) {
    this.#rate = rate / SECOND
    this.#size = rate
    this.#level = rate
    this.#at = now
  }

  /** When the next piece may go: now, or when the debt is paid. */
  readyAt(now: Millis): Millis {
    const level = this.#levelAt(now)
    return level > -1 ? now : now + Math.ceil(-level / this.#rate)
  }

  /** Whether nothing of what was taken is missing. */
  isFull(now: Millis): boolean {
    return this.#levelAt(now) >= this.#size
  }

  take(bytes: number, now: Millis): void {
    this.#level = this.#levelAt(now) - bytes
  }

  /** What was taken and not used. */
  give(bytes: number, now: Millis): void {
    this.#level = Math.min(this.#size, this.#levelAt(now) + bytes)
  }

  #levelAt(now: Millis): number {
    this.#level = Math.min(this.#size, this.#level + Math.max(0, now - this.#at) * this.#rate)
    this.#at = Math.max(this.#at, now)
    return this.#level
  }
}
