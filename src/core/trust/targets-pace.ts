// The pace at which targets of peers are taken (clause VECTOR 4). Each that comes in force is written through to the card, has everything
// judged again and is told on every link: whoever stole the targets key could wear out a whole fleet with that. The first few are taken
// at once, since one may be a revocation; more wait, and what is the newest by then stands for all of them.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'

/** What a first burst takes beyond its turn. */
const AHEAD = (limits.targetsAtOnce - 1) * limits.targetsPause

export class TargetsPace {
  /** Until then what was taken so far would have lasted at one per pause. */
  #lasts: Millis = Number.NEGATIVE_INFINITY

  /** When the next may be taken: now, or later. */
  next(now: Millis): Millis {
    return Math.max(now, this.#lasts - AHEAD)
  }

  took(now: Millis): void {
    this.#lasts = Math.max(this.#lasts, now) + limits.targetsPause
  }

  /** Other keys may sign targets now: those before them are no reason to wait. */
  reset(): void {
    this.#lasts = Number.NEGATIVE_INFINITY
  }
}
