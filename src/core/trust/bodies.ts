// Bodies: which announcement is fetched from whom. A hash is asked of one peer at a time, first of those that have not failed
// with it; a peer that did not give it is left alone with it for a while, and none can make us fetch more than its allowance.
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits, MINUTE } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Head } from './announcement.ts'
import type { Offers } from './offers.ts'

/** A body that was asked for. */
export interface Question {
  peer: NodeId
  head: Head
  /** It is given up then, though the driver should have told before. */
  until: Millis
}

interface Parts {
  out: Outbox
  offers: Offers
  /** True when the body of this head would be news. */
  wanted: (head: Head) => boolean
  /** True when the peer's allowance was charged for this hash before. */
  isPaid: (peer: NodeId, hash: string) => boolean
}

export class Bodies {
  readonly #p: Parts
  readonly #questions = new Map<Ticket, Question>()
  /** When each peer was last found not to give a hash: `peer hash`, oldest first. */
  readonly #missed = new Map<string, Millis>()
  /** Fetches of each peer within a minute, oldest first; outlives the link, or a peer would come back for more. */
  readonly #spent = new Map<NodeId, { since: Millis; count: number }>()
  #pausedUntil: Millis = Number.NEGATIVE_INFINITY
  /** Something that was passed over may be asked for then. */
  #again: Millis | undefined

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return Math.max(this.#questions.size, this.#missed.size, this.#spent.size)
  }

  isUnderway(hash: string): boolean {
    for (const { head } of this.#questions.values()) if (head.hash === hash) return true
    return false
  }

  /** Nothing is fetched until `until`. */
  pause(until: Millis): void {
    this.#pausedUntil = until
    this.#again = until
  }

  isPaused(now: Millis): boolean {
    return now < this.#pausedUntil
  }

  /** Charges a peer for one fetch; false when it has had its share of this minute. */
  spend(peer: NodeId, now: Millis): boolean {
    const spent = this.#spent.get(peer)
    if (spent !== undefined && now - spent.since < MINUTE) {
      if (spent.count >= limits.headsPerMinute) return false
      spent.count += 1
      return true
    }
    this.#spent.delete(peer)
    this.#spent.set(peer, { since: now, count: 1 })
    for (const [oldest, { since }] of this.#spent) {
      if (now - since < MINUTE && this.#spent.size <= limits.memberships) break
      this.#spent.delete(oldest)
    }
    return true
  }

  /** What a peer told in a hello was true: that costs it nothing. */
  refund(peer: NodeId): void {
    const spent = this.#spent.get(peer)
    if (spent !== undefined && spent.count > 0) spent.count -= 1
  }

  /** Asks for all that is on offer, news, and not asked for; what is passed over is looked at again in time. */
  look(now: Millis): void {
    if (this.isPaused(now)) return
    this.#again = undefined
    for (const { peer, head, missed } of this.#candidates()) {
      const free = missed + limits.bodyRetry
      if (free > now) this.#wake(free)
      else if (!this.isUnderway(head.hash) && this.#mayAsk(peer, head.role)) {
        if (this.#p.isPaid(peer, head.hash) || this.spend(peer, now)) this.#ask(peer, head, now)
        else this.#wake((this.#spent.get(peer)?.since ?? now) + MINUTE)
      }
    }
  }

  /** A question was answered or failed; undefined when the ticket is none of ours. */
  ended(ticket: Ticket): Question | undefined {
    const question = this.#questions.get(ticket)
    this.#questions.delete(ticket)
    return question
  }

  missed(peer: NodeId, hash: string, now: Millis): void {
    const key = keyOf(peer, hash)
    this.#missed.delete(key)
    this.#missed.set(key, now)
    if (this.#missed.size > limits.bodiesMissed) this.#missed.delete(this.#missed.keys().next().value as string)
  }

  /** Questions that nobody answered in time. */
  overdue(now: Millis): Ticket[] {
    const overdue: Ticket[] = []
    for (const [ticket, { until }] of this.#questions) if (now >= until) overdue.push(ticket)
    return overdue
  }

  isDue(now: Millis): boolean {
    return this.#again !== undefined && now >= this.#again
  }

  deadline(): Millis | undefined {
    let first = this.#again
    for (const { until } of this.#questions.values()) if (first === undefined || until < first) first = until
    return first
  }

  /** Those first that never failed to give the hash, then those who failed long ago: a crowd of liars cannot hide the one who has it. */
  #candidates(): { peer: NodeId; head: Head; missed: Millis }[] {
    const candidates = this.#p.offers.heads(this.#p.wanted).map(({ peer, head }) => {
      return { peer, head, missed: this.#missed.get(keyOf(peer, head.hash)) ?? Number.NEGATIVE_INFINITY }
    })
    return candidates.sort((a, b) => (a.missed === b.missed ? 0 : a.missed - b.missed))
  }

  #mayAsk(peer: NodeId, role: string): boolean {
    const asked = [...this.#questions.values()].filter((question) => question.peer === peer)
    const isBusy = asked.length >= limits.bodiesPerPeer || asked.some(({ head }) => head.role === role)
    return !isBusy && this.#questions.size < limits.bodiesAtOnce
  }

  #ask(peer: NodeId, head: Head, now: Millis): void {
    const ticket = this.#p.out.ticket()
    this.#questions.set(ticket, { peer, head, until: now + 2 * limits.requestTimeout })
    const body = { type: 'announcements' as const, hashes: [head.hash] }
    this.#p.out.emit({ type: 'ask', ticket, peer, protocol: 'sync', body })
  }

  #wake(at: Millis): void {
    this.#again = Math.min(this.#again ?? at, at)
  }
}

function keyOf(peer: NodeId, hash: string): string {
  return `${peer} ${hash}`
}
