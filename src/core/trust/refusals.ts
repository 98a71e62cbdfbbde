// Refusals: how often this node said no, by reason (clause REFUSALS). Counting is all that a flood of bad input may cost.
import type { Millis, NodeId } from '../env.ts'
import type { RefusalCode } from '../events.ts'
import { SECOND } from '../limits.ts'
import type { Outbox } from '../outbox.ts'

/** One event per code in this time: the count tells the rest. */
const QUIET = 10 * SECOND

export class Refusals {
  readonly #out: Outbox
  readonly #counts = new Map<RefusalCode, number>()
  readonly #told = new Map<RefusalCode, Millis>()

  constructor(out: Outbox) {
    this.#out = out
  }

  count(code: RefusalCode, peer: NodeId, detail: string, now: Millis): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1)
    const told = this.#told.get(code)
    if (told !== undefined && now - told < QUIET) return
    this.#told.set(code, now)
    this.#out.event({ type: 'refused', code, peer, detail })
  }

  all(): Readonly<Partial<Record<RefusalCode, number>>> {
    return Object.fromEntries(this.#counts)
  }
}
