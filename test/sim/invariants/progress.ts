// I5: a node's deadline is never in the past after a step, and waking it at its deadline gets it on: no busy loop.
import type { Millis } from '../../../src/core/env.ts'
import { SECOND } from '../../../src/core/limits.ts'

/** Wakes in one virtual second: a node has some ten things to do at different times, and more would be spinning. */
export const WAKES_PER_SECOND = 50

export class Progress {
  readonly #wakes = new Map<number, { second: number; count: number }>()

  /** Why the step was no progress, or undefined. `now` and `deadline` are the node's own monotonic time. */
  after(node: number, woken: boolean, now: Millis, deadline: Millis | undefined): string | undefined {
    if (deadline !== undefined && !(deadline >= now)) return `wants to be woken ${now - deadline} ms ago`
    if (!woken) return undefined
    const second = Math.floor(now / SECOND)
    const held = this.#wakes.get(node)
    const count = held?.second === second ? held.count + 1 : 1
    this.#wakes.set(node, { second, count })
    return count > WAKES_PER_SECOND ? `was woken ${count} times within a second` : undefined
  }
}
