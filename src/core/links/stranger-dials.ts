// Dials to strangers, whom only others told of: a bucket of them. Else one member that invents contacts would have us, and all others
// that it talks to, dial a third party as fast as we can.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'

export class StrangerDials {
  /** Dials that may be made now; grows by one each strangerDialPeriod. */
  #left: number = limits.strangerDials
  #countedAt: Millis | undefined

  dialled(): void {
    this.#left -= 1
  }

  /** When the next one may be made. */
  dialFrom(now: Millis): Millis {
    const earned = (now - (this.#countedAt ?? now)) / limits.strangerDialPeriod
    this.#left = Math.min(limits.strangerDials, this.#left + earned)
    this.#countedAt = now
    return now + Math.ceil(Math.max(0, 1 - this.#left) * limits.strangerDialPeriod)
  }
}
