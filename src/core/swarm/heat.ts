// Heat: whether the board should rest. It is hot from a temperature on, until it is some degrees below; and while its firmware
// throttles it because of heat, until a time after that. What is not measured is unknown, and pauses nothing.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'

/** What the firmware of a Pi says it does now: under-voltage, and the frequency capped or throttled, by whatever cause. */
const UNDER_VOLTAGE = 1
const SLOWED = 2 | 4

export class Heat {
  /** Degrees Celsius; undefined: never too hot. */
  readonly limit: number | undefined
  #celsius: number | null = null
  #isHot = false
  #throttled: boolean | null = null
  #throttledUntil: Millis = Number.NEGATIVE_INFINITY

  constructor(limit: number | undefined) {
    this.limit = limit
  }

  /** Of the last sample; null is unknown. */
  get celsius(): number | null {
    return this.#celsius
  }

  /** Whether the firmware slowed the board because of heat then; null is unknown. */
  get throttled(): boolean | null {
    return this.#throttled
  }

  /** The degrees below which it goes on. */
  get resume(): number {
    return (this.limit ?? Number.POSITIVE_INFINITY) - limits.coolerBy
  }

  /** @param bits as `vcgencmd get_throttled` has them */
  sampled(celsius: number | null, bits: number | null, now: Millis): void {
    this.#celsius = celsius
    const from = this.#isHot ? this.resume : (this.limit ?? Number.POSITIVE_INFINITY)
    this.#isHot = celsius !== null && celsius >= from
    // A weak supply slows the board, too: to wait does not mend it.
    this.#throttled = bits === null ? null : (bits & SLOWED) !== 0 && (bits & UNDER_VOLTAGE) === 0
    if (this.#throttled) this.#throttledUntil = now + limits.throttledRest
  }

  /** Why the board should rest; undefined when it need not. */
  why(now: Millis): 'hot' | 'throttled' | undefined {
    if (this.limit === undefined) return undefined
    if (this.#isHot) return 'hot'
    return now < this.#throttledUntil ? 'throttled' : undefined
  }

  /** When why() may change without another sample. */
  deadline(now: Millis): Millis | undefined {
    return now < this.#throttledUntil ? this.#throttledUntil : undefined
  }
}
