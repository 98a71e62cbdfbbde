// Turns: how often one peer may have this node do something that costs others, or itself. Some at once, and one more each period.
import type { Millis, NodeId } from '../core/env.ts'

export interface TurnsOptions {
  atOnce: number
  /** Until there is one more. */
  period: Millis
  now?: () => Millis
}

export class Turns {
  readonly #atOnce: number
  readonly #period: Millis
  readonly #now: () => Millis
  /** When each has all its turns again; who has them is forgotten. */
  readonly #whole = new Map<NodeId, Millis>()

  constructor({ atOnce, period, now = () => performance.now() }: TurnsOptions) {
    this.#atOnce = atOnce
    this.#period = period
    this.#now = now
  }

  get size(): number {
    return this.#whole.size
  }

  /** True when the peer has one left, which is used up. */
  take(peer: NodeId): boolean {
    const now = this.#now()
    for (const [each, whole] of this.#whole) if (whole <= now) this.#whole.delete(each)
    const whole = (this.#whole.get(peer) ?? now) + this.#period
    if (whole > now + this.#atOnce * this.#period) return false
    this.#whole.set(peer, whole)
    return true
  }
}
