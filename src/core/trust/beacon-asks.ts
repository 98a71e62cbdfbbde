// Whom to ask for beacons: peers tell by heads, in hellos and over gossip, and one of them at a time is asked for all that it holds. Who
// was asked longest ago comes first, so that peers who promise and give nothing cannot hide the one who has it.
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Head } from './announcement.ts'

export class BeaconAsks {
  readonly #out: Outbox
  readonly #isWanted: (head: Head) => boolean
  /** What each linked peer told last; forgotten once it was asked, until it tells again. */
  readonly #told = new Map<NodeId, readonly Head[]>()
  /** When each was last asked, oldest first; outlives the link. */
  readonly #asked = new Map<NodeId, Millis>()
  #question: { ticket: Ticket; peer: NodeId; until: Millis } | undefined
  #again: Millis | undefined

  constructor(out: Outbox, isWanted: (head: Head) => boolean) {
    this.#out = out
    this.#isWanted = isWanted
  }

  get size(): number {
    return Math.max(this.#told.size, this.#asked.size)
  }

  /** A peer's hello lists all that it holds; a head of gossip is one thing more. */
  told(peer: NodeId, heads: readonly Head[], now: Millis): void {
    if (!heads.some(this.#isWanted)) return
    this.#told.set(peer, heads.slice(0, limits.beaconKeys + 1))
    this.look(now)
  }

  unlinked(peer: NodeId): void {
    this.#told.delete(peer)
    if (this.#question?.peer === peer) this.#question = undefined
  }

  /** Asks the peer that was asked longest ago, of those that told of something that is wanted. */
  look(now: Millis): void {
    this.#again = undefined
    if (this.#question !== undefined) return
    let first: { peer: NodeId; free: Millis } | undefined
    for (const [peer, heads] of this.#told) {
      if (!heads.some(this.#isWanted)) this.#told.delete(peer)
      else {
        const asked = this.#asked.get(peer)
        const free = asked === undefined ? Number.NEGATIVE_INFINITY : asked + limits.beaconAskPause
        if (first === undefined || free < first.free) first = { peer, free }
      }
    }
    if (first === undefined) return
    if (first.free > now) this.#again = first.free
    else this.#ask(first.peer, now)
  }

  /** An answer came, or will not come; the peer's name when the question was ours. */
  ended(ticket: Ticket): NodeId | undefined {
    const question = this.#question
    if (question?.ticket !== ticket) return undefined
    this.#question = undefined
    return question.peer
  }

  deadline(): Millis | undefined {
    return this.#question?.until ?? this.#again
  }

  check(now: Millis): void {
    if (this.#question !== undefined && now >= this.#question.until) this.#question = undefined
    else if (this.#again === undefined || now < this.#again) return
    this.look(now)
  }

  #ask(peer: NodeId, now: Millis): void {
    const ticket = this.#out.ticket()
    this.#told.delete(peer)
    this.#asked.delete(peer)
    this.#asked.set(peer, now)
    if (this.#asked.size > limits.connections) this.#asked.delete(this.#asked.keys().next().value as NodeId)
    this.#question = { ticket, peer, until: now + 2 * limits.requestTimeout }
    this.#out.emit({ type: 'ask', ticket, peer, protocol: 'sync', body: { type: 'beacons' } })
  }
}
