// Saving: when the view, the address book and history reach the disk, and what is done when they do not.
import type { Millis } from './env.ts'
import type { Ticket } from './events.ts'
import type { View } from './fleet/view.ts'
import type { History } from './history/history.ts'
import { limits } from './limits.ts'
import type { Book } from './links/book.ts'
import type { Outbox } from './outbox.ts'
import type { Self } from './self.ts'

interface Parts {
  out: Outbox
  self: Self
  view: View
  book: Book
  /** Undefined where none is kept. */
  history: History | undefined
}

export class Saving {
  readonly #out: Outbox
  readonly #self: Self
  readonly #view: View
  readonly #book: Book
  readonly #history: History | undefined
  readonly #period: Millis
  #next: Millis
  /** Of the batch that is under way. */
  #ticket: Ticket | undefined

  constructor(parts: Parts, period: Millis, now: Millis) {
    this.#out = parts.out
    this.#self = parts.self
    this.#view = parts.view
    this.#book = parts.book
    this.#history = parts.history
    this.#period = period
    this.#next = now + period
  }

  deadline(): Millis {
    return this.#next
  }

  check(now: Millis): void {
    if (this.#book.thin) this.#next = Math.min(this.#next, now + limits.contactFlushDelay)
    if (now >= this.#next) this.flush(now)
  }

  /** Writes what changed. `last`: also beside a batch that is still under way; the driver keeps their order. */
  flush(now: Millis, last = false): void {
    this.#next = now + this.#period
    if (this.#ticket !== undefined && !last) return
    const wall = this.#self.wallLabel(now)
    const values = this.#history?.flush(now, last) ?? []
    const changes = [...this.#view.flush(now, wall), ...this.#book.flush(now, wall), ...values]
    if (changes.length > 0) this.#ticket = this.#out.persist(changes, false)
  }

  persisted(ticket: Ticket): void {
    if (ticket !== this.#ticket) return
    this.#ticket = undefined
    this.#view.written()
  }

  persistFailed(ticket: Ticket): void {
    if (ticket !== this.#ticket) return
    this.#ticket = undefined
    this.#view.writeFailed()
    this.#book.writeFailed()
    this.#history?.writeFailed()
  }
}
