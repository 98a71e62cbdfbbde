// One zone of one query: which of its contacts are tried, in which order, and what the first one that answered has told.
// A contact has one hedge of time; then the next one is tried beside it, and the first that answers is the one that is heard.
import type { Millis, NodeId } from '../env.ts'
import type { ZoneAnswer } from '../events.ts'
import { limits } from '../limits.ts'
import type { Entry } from '../links/book-entry.ts'
import type { QueryResponse } from '../protocols.ts'
import type { StatusCounts } from './rows.ts'
import type { ZoneRows } from './zone-rows.ts'

export interface Terms {
  zone: string
  /** Rows are for operators and zone-mates; others get counts. */
  want: 'rows' | 'counts'
  /** Members to ask, best first. */
  contacts: readonly Entry[]
  /** Members of the zone that are known at all. */
  membersKnown: number
  /** How long one contact has before the next is tried beside it. */
  hedge: Millis
  rows: ZoneRows
}

export class ZoneAsk {
  readonly zone: string
  readonly want: 'rows' | 'counts'
  readonly rows: ZoneRows
  done = false
  /** Contacts tried so far. */
  tries = 0
  readonly #membersKnown: number
  readonly #hedge: Millis
  #untried: Entry[]
  /** Contacts from which an answer may still come. */
  readonly #trying = new Map<NodeId, 'dialled' | 'asked'>()
  /** The contact that was dialled last, until its link opens or fails. */
  #dialled: NodeId | undefined
  /** From then on the next contact may be tried. */
  #nextTry: Millis
  #from: NodeId | undefined
  #counts: StatusCounts | undefined

  constructor(terms: Terms, now: Millis) {
    this.zone = terms.zone
    this.want = terms.want
    this.rows = terms.rows
    this.#membersKnown = terms.membersKnown
    this.#hedge = terms.hedge
    this.#untried = [...terms.contacts]
    this.#nextTry = now
    this.#closeExhausted()
  }

  /** The contact that is heard. */
  get from(): NodeId | undefined {
    return this.#from
  }

  /** The contact to try now, one that is linked before others; undefined when it is not time, or nobody is left. */
  next(now: Millis, linked: (node: NodeId) => boolean): Entry | undefined {
    if (this.done || this.#from !== undefined || now < this.#nextTry) return undefined
    return this.#untried.find((entry) => linked(entry.node)) ?? this.#untried[0]
  }

  /** Keeps others from being dialled: its own dial was the last one, and has not had its hedge yet. */
  holdsSlot(now: Millis): boolean {
    return !this.done && this.#dialled !== undefined && now < this.#nextTry
  }

  /** The next moment after `now` at which the next contact is due, or another zone may have the slot. */
  deadline(now: Millis): Millis | undefined {
    const waits = !this.done && this.#from === undefined && this.#nextTry > now
    return waits && (this.#untried.length > 0 || this.#dialled !== undefined) ? this.#nextTry : undefined
  }

  /** A contact is tried from now on: it was dialled, or asked over an open link. */
  tried(node: NodeId, how: 'dialled' | 'asked', now: Millis): void {
    this.#untried = this.#untried.filter((entry) => entry.node !== node)
    this.#trying.set(node, how)
    this.#dialled = how === 'dialled' ? node : undefined
    this.#nextTry = now + this.#hedge
    this.tries += 1
  }

  /** A link opened; true when it was dialled for this, and is to be asked. */
  linked(peer: NodeId): boolean {
    if (this.done || this.#from !== undefined || this.#trying.get(peer) !== 'dialled') return false
    this.#trying.set(peer, 'asked')
    if (this.#dialled === peer) this.#dialled = undefined
    return true
  }

  /** Nothing will come from this contact: the turn of the next, unless it had begun to answer. */
  failed(peer: NodeId, now: Millis): void {
    if (this.done || !this.#trying.delete(peer)) return
    if (this.#dialled === peer) this.#dialled = undefined
    this.#nextTry = Math.min(this.#nextTry, now)
    if (this.#from === peer) {
      this.rows.cutOff()
      this.done = true
    }
    this.#closeExhausted()
  }

  /** Takes an answer. Returns true when it is the one that is heard, and where its next page begins, if there is one. */
  page(peer: NodeId, response: QueryResponse, now: Millis): { heard: boolean; after: NodeId | undefined } {
    const due = !this.done && this.#trying.has(peer) && (this.#from ?? peer) === peer
    // No view holds more than viewNodes: who counts more makes it up.
    if (!due || response.refused !== undefined || total(response.counts) > limits.viewNodes) {
      this.failed(peer, now)
      return { heard: false, after: undefined }
    }
    this.#from = peer
    this.#counts = response.counts
    return { heard: true, after: this.want === 'rows' ? this.rows.take(response, now) : undefined }
  }

  answer(): ZoneAnswer {
    const { zone, want } = this
    const counts = this.#counts
    const shared = { zone, membersKnown: this.#membersKnown, by: this.#from, counts }
    if (counts === undefined) return { ...shared, state: 'silent', rows: [], partial: true }
    if (want === 'counts') return { ...shared, state: 'forbidden', rows: [], partial: false }
    const { rows } = this.rows
    const partial = !this.done || this.rows.partial || rows.length < total(counts)
    return { ...shared, state: 'answered', rows, partial }
  }

  #closeExhausted(): void {
    if (this.#from === undefined && this.#untried.length === 0 && this.#trying.size === 0) this.done = true
  }
}

function total({ up, late, down, left }: StatusCounts): number {
  return up + late + down + left
}
