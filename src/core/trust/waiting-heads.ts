// Heads that gossip waits for: a head is passed on only once its body is in force here, and every one is answered in time.
import type { Millis, NodeId } from '../env.ts'
import type { Ticket, Verdict } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Head } from './announcement.ts'

export interface WaitingHead {
  from: NodeId
  head: Head
  until: Millis
  /** Only newer targets than those of that moment could name its role or its epoch. */
  ahead: boolean
}

export class WaitingHeads {
  readonly #out: Outbox
  /** In order of time. */
  readonly #waiting = new Map<Ticket, WaitingHead>()

  constructor(out: Outbox) {
    this.#out = out
  }

  get size(): number {
    return this.#waiting.size
  }

  get isFull(): boolean {
    return this.#waiting.size >= limits.headsWaiting
  }

  wait(ticket: Ticket, told: { from: NodeId; head: Head; ahead: boolean }, now: Millis): void {
    this.#waiting.set(ticket, { ...told, until: now + 2 * limits.requestTimeout })
  }

  has(from: NodeId, hash: string): boolean {
    return this.some((waiting) => waiting.from === from && waiting.head.hash === hash)
  }

  some(test: (waiting: WaitingHead) => boolean): boolean {
    return [...this.#waiting.values()].some(test)
  }

  /** Answers those for which `judge` has a verdict. */
  settle(judge: (waiting: WaitingHead) => Verdict | undefined): void {
    for (const [ticket, waiting] of this.#waiting) {
      const verdict = judge(waiting)
      if (verdict === undefined) continue
      this.#waiting.delete(ticket)
      this.#out.emit({ type: 'verdict', ticket, verdict })
    }
  }

  deadline(): Millis | undefined {
    return this.#waiting.values().next().value?.until
  }
}
