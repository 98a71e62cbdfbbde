// The effects of one step, collected by the machines that a node is composed of.
import type { Change, Effect, Ticket } from './events.ts'
import type { NodeEvent } from './node-events.ts'

export class Outbox {
  #effects: Effect[] = []
  #ticket: Ticket = 0

  emit(effect: Effect): void {
    this.#effects.push(effect)
  }

  event(event: NodeEvent): void {
    this.#effects.push({ type: 'event', event })
  }

  /** Persists and returns the ticket that `persisted` will carry. */
  persist(changes: readonly Change[], sync: boolean): Ticket {
    const ticket = this.ticket()
    this.#effects.push({ type: 'persist', ticket, changes, sync })
    return ticket
  }

  /** A ticket that was never used in this run. */
  ticket(): Ticket {
    this.#ticket += 1
    return this.#ticket
  }

  /** The effects so far; the outbox is empty afterwards. */
  drain(): Effect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}
