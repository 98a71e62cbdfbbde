// Asking: what people want to know of this node beyond what it knows itself. Each question has its machine; what happens to links, dials
// and requests is told to all of them, and a ticket belongs to one.
import { earliest } from './earliest.ts'
import type { Millis, NodeId } from './env.ts'
import type { Input, Ticket } from './events.ts'
import type { Descents } from './fleet/descents.ts'
import type { Queries } from './fleet/query.ts'
import type { Sightings } from './fleet/sightings.ts'
import type { Inquiries } from './history/inquiries.ts'
import type { QueryResponse, SyncResponse } from './protocols.ts'

interface Parts {
  queries: Queries
  inquiries: Inquiries
  sightings: Sightings
  descents: Descents
}

type QuestionType = 'query' | 'askHistory' | 'askSight' | 'descend'
export type Question = Extract<Input, { type: QuestionType }>

const TYPES: readonly Input['type'][] = ['query', 'askHistory', 'askSight', 'descend'] satisfies QuestionType[]

export function isQuestion(input: Input): input is Question {
  return TYPES.includes(input.type)
}

export class Asking {
  readonly #p: Parts

  constructor(parts: Parts) {
    this.#p = parts
  }

  start(input: Question, now: Millis): void {
    const { queries, inquiries, sightings, descents } = this.#p
    switch (input.type) {
      case 'query':
        return queries.start(input.ticket, input.zones, input.timeout, now)
      case 'askHistory':
        return inquiries.start(input.ticket, input.question, now)
      case 'askSight':
        return sightings.start(input.ticket, input.question, now)
      case 'descend':
        return descents.start(input.ticket, input.zones, input.timeout, now)
    }
  }

  deadline(): Millis | undefined {
    const { queries, inquiries, sightings, descents } = this.#p
    return earliest(queries.deadline(), inquiries.deadline(), sightings.deadline(), descents.deadline())
  }

  check(now: Millis): void {
    this.#p.queries.check(now)
    this.#p.inquiries.check(now)
    this.#p.sightings.check(now)
    this.#p.descents.check(now)
  }

  /** A link opened: whoever waited for it is asked. */
  linked(peer: NodeId): void {
    this.#p.queries.linked(peer)
    this.#p.inquiries.linked(peer)
    this.#p.sightings.linked(peer)
    this.#p.descents.linked(peer)
  }

  /** A dial or a link failed. */
  lost(peer: NodeId, now: Millis): void {
    this.#p.queries.lost(peer, now)
    this.#p.inquiries.lost(peer, now)
    this.#p.sightings.lost(peer, now)
    this.#p.descents.lost(peer, now)
  }

  /** A question failed; one whose ticket is nobody's has ended. */
  failed(ticket: Ticket, peer: NodeId, now: Millis): void {
    const { queries, inquiries, sightings, descents } = this.#p
    if (queries.failed(ticket, peer, now) || inquiries.failed(ticket, peer, now)) return
    if (!sightings.failed(ticket, peer, now)) descents.failed(ticket, peer, now)
  }

  /** Takes the answer to a query; one whose ticket is nobody's has ended. */
  answered(ticket: Ticket, peer: NodeId, response: QueryResponse, now: Millis): void {
    const { queries, sightings, descents } = this.#p
    if (queries.answered(ticket, peer, response, now) || sightings.answered(ticket, peer, response, now)) return
    descents.answered(ticket, peer, response, now)
  }

  /** Takes memberships that were asked for because of an answer; false when the ticket is none of ours. */
  introduced(ticket: Ticket, response: SyncResponse, now: Millis): boolean {
    return this.#p.queries.introduced(ticket, response, now) || this.#p.descents.introduced(ticket, response, now)
  }
}
