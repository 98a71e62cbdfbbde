// The day: the salt that moves reporters and witnesses each night, so that nobody holds a place for which an id was ground (T41).
// A machine without a trusted clock goes by what others name; views that differ by a day make other speakers, never wrong answers.
import type { Millis } from '../env.ts'
import { DAY } from '../limits.ts'
import type { Self } from '../self.ts'

export class Day {
  readonly #self: Pick<Self, 'synchronised' | 'wallAt' | 'time'>
  /** Named last by a member; whoever names a wrong one is outdone by the next who names another. */
  #named = 0
  /** What a trusted clock showed last, and when: time goes on although the clock is not trusted any more. */
  #shown: { wall: Millis; at: Millis } | undefined

  constructor(self: Pick<Self, 'synchronised' | 'wallAt' | 'time'>) {
    this.#self = self
  }

  /** A member named a day, in something that it signed. Ignored when it lies before the lower bound on time. */
  named(day: number): void {
    if (day >= this.#earliest()) this.#named = day
  }

  /**
   * Days since the beginning of 1970, UTC: by a clock that the kernel trusts, or did in this run; else what others named, else the
   * lower bound on time.
   */
  at(now: Millis): number {
    const wall = this.#self.synchronised ? this.#self.wallAt(now) : undefined
    if (wall !== undefined) this.#shown = { wall, at: now }
    if (this.#shown !== undefined) return dayOf(this.#shown.wall + now - this.#shown.at)
    return Math.max(this.#named, this.#earliest())
  }

  #earliest(): number {
    return dayOf(this.#self.time.bound)
  }
}

function dayOf(time: Millis): number {
  return Math.floor(time / DAY)
}
