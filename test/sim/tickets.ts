// What a simulated machine waits for from its own core: one callback per ticket, as the daemon's driver keeps them.
import type { Effect, Ticket } from '../../src/core/events.ts'

/** Effects that answer an input by its ticket. */
export type Answer = Extract<Effect, { type: 'verdict' | 'admit' | 'queryDone' | 'reply' | 'submission' }>

export class Tickets {
  readonly #open = new Map<Ticket, (answer: Answer) => void>()
  #last: Ticket = 0

  /** A new ticket; its answer, which is of `type`, is handed to `done`. */
  expect<T extends Answer['type']>(type: T, done: (answer: Extract<Answer, { type: T }>) => void): Ticket {
    const ticket = ++this.#last
    this.#open.set(ticket, (answer) => {
      if (answer.type !== type) throw new Error(`ticket ${ticket} waits for "${type}" and got "${answer.type}"`)
      done(answer as Extract<Answer, { type: T }>)
    })
    return ticket
  }

  /** Hands an answer over. Throws when nobody waits for it: a core must answer an input once. */
  answer(answer: Answer): void {
    const done = this.#open.get(answer.ticket)
    if (done === undefined) throw new Error(`"${answer.type}" answers ticket ${answer.ticket}, which is not open`)
    this.#open.delete(answer.ticket)
    done(answer)
  }

  has(ticket: Ticket): boolean {
    return this.#open.has(ticket)
  }

  /** The process ended: nothing is answered any more. */
  clear(): void {
    this.#open.clear()
  }
}
