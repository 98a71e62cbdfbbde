// The day: the salt that moves reporters and witnesses each night, so that nobody holds a place for which an id was ground (T41).
// A machine without a trusted clock goes by what others name, the middle one, so that who names the day that suits it moves nobody while
// more others are heard; views that differ by a day make other speakers, never wrong answers.
import type { Millis, NodeId } from '../env.ts'
import { DAY, limits } from '../limits.ts'
import type { Self } from '../self.ts'

export class Day {
  readonly #self: Pick<Self, 'synchronised' | 'wallAt' | 'time'>
  /** By member, who was heard last at the end: when the day that it named began, on our monotonic clock less 1970. */
  readonly #named = new Map<NodeId, Millis>()
  /** The middle one of these; worked out when it is wanted. */
  #middle: Millis | undefined
  /** What a trusted clock showed last, and when: time goes on although the clock is not trusted any more. */
  #shown: { wall: Millis; at: Millis } | undefined

  constructor(self: Pick<Self, 'synchronised' | 'wallAt' | 'time'>) {
    this.#self = self
  }

  /** A member named a day, in something that it signed: one voice for each. Ignored when it lies before the lower bound on time. */
  named(day: number, by: NodeId, now: Millis): void {
    if (day < this.#earliest()) return
    this.#named.delete(by)
    this.#named.set(by, day * DAY - now)
    if (this.#named.size > limits.dayVoices) this.#named.delete(this.#named.keys().next().value as NodeId)
    this.#middle = undefined
  }

  /**
   * Days since the beginning of 1970, UTC: by a clock that the kernel trusts, or did in this run; else what most others named, and the
   * time since then; else the lower bound on time.
   */
  at(now: Millis): number {
    const wall = this.#self.synchronised ? this.#self.wallAt(now) : undefined
    if (wall !== undefined) this.#shown = { wall, at: now }
    if (this.#shown !== undefined) return dayOf(this.#shown.wall + now - this.#shown.at)
    return Math.max(dayOf(this.#middleOne() + now), this.#earliest())
  }

  /** Of an even number the lower one. */
  #middleOne(): Millis {
    if (this.#middle === undefined) {
      const sorted = [...this.#named.values()].sort((a, b) => a - b)
      this.#middle = sorted[(sorted.length - 1) >> 1] ?? Number.NEGATIVE_INFINITY
    }
    return this.#middle
  }

  #earliest(): number {
    return dayOf(this.#self.time.bound)
  }
}

function dayOf(time: Millis): number {
  return Math.floor(time / DAY)
}
