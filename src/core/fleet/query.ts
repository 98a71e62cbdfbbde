// A query: asks one member per zone, hedged over a few contacts, until every zone answered or the deadline passed.
// Who is linked is asked at once. The others share a few slots for dials: no zone's second contact is dialled before each zone
// had its first, and a contact that is silent gives its slot back after one hedge. So dark zones cannot hide the others.
import type { Env, MembershipId, Millis, NodeId } from '../env.ts'
import type { QueryResult, Ticket, ZoneAnswer } from '../events.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Entry } from '../links/book-entry.ts'
import type { Links } from '../links/links.ts'
import type { Outbox } from '../outbox.ts'
import type { QueryResponse, SyncResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { Gatekeeper } from '../trust/gatekeeper.ts'
import type { Roster } from '../trust/roster.ts'
import { isZonePattern, matchesZone } from '../zone.ts'
import { Authors } from './authors.ts'
import { ZoneAsk } from './zone-ask.ts'
import { ZoneRows } from './zone-rows.ts'

/** Whose word a contact rests on, the likeliest to answer first; 0 is who is linked. */
const REMOTENESS: Record<Entry['source'], number> = { itself: 1, disk: 2, others: 3 }

interface Parts {
  env: Env
  out: Outbox
  self: Self
  book: Pick<Book, 'zones' | 'inZone'>
  links: Pick<Links, 'get' | 'wantFor'>
  roster: Pick<Roster, 'byId'>
  gatekeeper: Pick<Gatekeeper, 'problemOf'>
  /** The answer for our own zone, from our own view. */
  local: (now: Millis) => ZoneAnswer
}

interface Query {
  ticket: Ticket
  deadline: Millis
  /** Our own zone is part of the answer. */
  own: boolean
  /** The zones to ask, those most likely to answer first. */
  asks: readonly ZoneAsk[]
}

export class Queries {
  readonly #p: Parts
  readonly #authors: Authors
  readonly #queries = new Set<Query>()
  /** Requests under way, by ticket. */
  readonly #asked = new Map<Ticket, ZoneAsk>()
  /** Requests under way whose query has ended, oldest first: their answers are nobody's. */
  readonly #late = new Set<Ticket>()
  /** Dials under way, until their outcome, or this moment at the latest. */
  readonly #dials = new Map<NodeId, Millis>()
  #deadline: Millis | undefined

  constructor(parts: Parts) {
    this.#p = parts
    this.#authors = new Authors(parts.self, parts.roster, parts.gatekeeper)
  }

  get underway(): number {
    return this.#queries.size
  }

  /** @param zones names, or patterns of those that are known (clause ANSWERS); undefined: all that are known. @param timeout when the answer is given, whatever is missing then. */
  start(ticket: Ticket, zones: readonly string[] | undefined, timeout: Millis, now: Millis): void {
    const { self, book } = this.#p
    const wanted = new Set(zones === undefined ? book.zones() : this.#named(zones))
    const own = self.isNode && (zones === undefined || wanted.has(self.zone))
    if (self.isNode) wanted.delete(self.zone)
    const hedge = timeout / (limits.queryContactsPerZone + 1)
    const asks = this.#inOrder([...wanted].sort()).map((zone) => this.#newAsk(zone, hedge, now))
    this.#queries.add({ ticket, deadline: now + timeout, own, asks })
    this.check(now)
  }

  /** When check is due next; later than the `now` of the last one. */
  deadline(): Millis | undefined {
    return this.#deadline
  }

  check(now: Millis): void {
    if (this.#queries.size === 0 && this.#dials.size === 0) return
    for (const [node, until] of this.#dials) if (now >= until) this.#dials.delete(node)
    this.#finishDue(now)
    this.#tryNext(now)
    this.#schedule(now)
  }

  /** A link opened: whoever waited for it is asked. */
  linked(peer: NodeId): void {
    this.#dials.delete(peer)
    for (const ask of this.#open()) if (ask.linked(peer)) this.#askRows(ask, peer, undefined)
  }

  /** A dial or a link failed: the next contact's turn. */
  lost(peer: NodeId, now: Millis): void {
    this.#dials.delete(peer)
    for (const ask of this.#open()) ask.failed(peer, now)
    this.check(now)
  }

  /** Takes the answer to one of our queries, ended ones included; false when the ticket is none of ours. */
  answered(ticket: Ticket, peer: NodeId, response: QueryResponse, now: Millis): boolean {
    const ask = this.#take(ticket)
    if (ask === undefined) return this.#late.delete(ticket)
    if (this.#speaksFor(peer, ask.zone)) this.#page(ask, peer, response, now)
    else ask.failed(peer, now)
    this.check(now)
    return true
  }

  /** Takes memberships that we asked for because of a row; false when the ticket is none of ours. */
  introduced(ticket: Ticket, response: SyncResponse, now: Millis): boolean {
    const ask = this.#take(ticket)
    if (ask === undefined) return this.#late.delete(ticket)
    if (!ask.done && ask.from !== undefined) {
      ask.rows.introduce(response.memberships, now)
      this.#askWho(ask, ask.from)
    }
    this.check(now)
    return true
  }

  /** A request failed; false when the ticket is none of ours. */
  failed(ticket: Ticket, peer: NodeId, now: Millis): boolean {
    const ask = this.#take(ticket)
    if (ask === undefined) return this.#late.delete(ticket)
    ask.failed(peer, now)
    this.check(now)
    return true
  }

  /** The zones of these names, and the known ones that their patterns match. */
  #named(zones: readonly string[]): string[] {
    const { self, book } = this.#p
    const known = [...book.zones(), ...(self.isNode ? [self.zone] : [])]
    return zones.flatMap((zone) => (isZonePattern(zone) ? known.filter((one) => matchesZone(one, zone)) : [zone]))
  }

  *#open(): Generator<ZoneAsk> {
    for (const query of this.#queries) for (const ask of query.asks) if (!ask.done) yield ask
  }

  #take(ticket: Ticket): ZoneAsk | undefined {
    const ask = this.#asked.get(ticket)
    this.#asked.delete(ticket)
    return ask
  }

  #newAsk(zone: string, hedge: Millis, now: Millis): ZoneAsk {
    const { env, self, book } = this.#p
    const known = book.inZone(zone).filter((entry) => entry.serves)
    const contacts = known
      .filter((entry) => entry.addresses.length > 0 || this.#linked(entry.node))
      .sort((a, b) => this.#remoteness(a) - this.#remoteness(b))
      .slice(0, limits.queryContactsPerZone)
    const want = self.isOperator || zone === self.zone ? 'rows' : 'counts'
    const rows = new ZoneRows(env, self, this.#authors, zone)
    return new ZoneAsk({ zone, want, contacts, membersKnown: known.length, hedge, rows }, now)
  }

  /** Zones of linked members first, then of those that spoke to us, then hearsay; shuffled, so that no name comes first. */
  #inOrder(zones: readonly string[]): string[] {
    const { env, book } = this.#p
    const placed = zones.map((zone) => {
      const members = book.inZone(zone).filter((entry) => entry.serves)
      const remoteness = Math.min(...members.map((entry) => this.#remoteness(entry)))
      return { zone, remoteness: members.length === 0 ? 0 : remoteness, lot: env.random() }
    })
    return placed.sort((a, b) => a.remoteness - b.remoteness || a.lot - b.lot).map(({ zone }) => zone)
  }

  #remoteness(entry: Entry): number {
    if (this.#linked(entry.node)) return 0
    return REMOTENESS[entry.source]
  }

  #linked(node: NodeId): boolean {
    return this.#p.links.get(node) !== undefined
  }

  /** A contact's zone is hearsay; that of a link is known from its membership. */
  #speaksFor(peer: NodeId, zone: string): boolean {
    const shown = this.#p.links.get(peer)?.zone
    return shown === undefined || shown === zone
  }

  /** Asks over open links without bound, and dials as long as slots are free: those zones first that were tried least. */
  #tryNext(now: Millis): void {
    let slots: number = limits.queryZonesAtOnce
    const due: { ask: ZoneAsk; contact: Entry }[] = []
    for (const ask of this.#open()) {
      if (ask.holdsSlot(now)) slots -= 1
      const contact = ask.next(now, (node) => this.#linked(node))
      if (contact !== undefined) due.push({ ask, contact })
    }
    for (const { ask, contact } of due.sort((a, b) => a.ask.tries - b.ask.tries)) {
      if (this.#linked(contact.node)) {
        ask.tried(contact.node, 'asked', now)
        this.#askRows(ask, contact.node, undefined)
      } else if (slots > 0 && this.#mayDial(contact.node)) {
        slots -= 1
        ask.tried(contact.node, 'dialled', now)
        this.#dials.set(contact.node, now + limits.dialTimeout)
        this.#p.links.wantFor(contact, now)
      }
    }
  }

  #mayDial(node: NodeId): boolean {
    return this.#dials.has(node) || this.#dials.size < limits.queryDialsAtOnce
  }

  #schedule(now: Millis): void {
    const times = [...this.#queries].map((query) => query.deadline)
    for (const ask of this.#open()) times.push(ask.deadline(now) ?? Number.POSITIVE_INFINITY)
    if (times.length > 0 && this.#dials.size >= limits.queryDialsAtOnce) times.push(...this.#dials.values())
    this.#deadline = times.length === 0 ? undefined : Math.min(...times)
  }

  #page(ask: ZoneAsk, peer: NodeId, response: QueryResponse, now: Millis): void {
    const { heard, after } = ask.page(peer, response, now)
    if (after !== undefined) this.#askRows(ask, peer, after)
    else if (heard) this.#askWho(ask, peer)
  }

  #askRows(ask: ZoneAsk, peer: NodeId, after: NodeId | undefined): void {
    const { zone, want } = ask
    this.#p.out.emit({ type: 'ask', ticket: this.#ticket(ask), peer, protocol: 'query', body: { zone, want, after } })
  }

  /** Asks for the next memberships that rows wait for; without any, the zone is done. */
  #askWho(ask: ZoneAsk, peer: NodeId): void {
    const ids = ask.rows.unknown()
    if (ids.length === 0) ask.done = true
    else {
      const body = { type: 'memberships' as const, ids }
      this.#p.out.emit({ type: 'ask', ticket: this.#ticket(ask), peer, protocol: 'sync', body })
    }
  }

  #ticket(ask: ZoneAsk): Ticket {
    const ticket = this.#p.out.ticket()
    this.#asked.set(ticket, ask)
    return ticket
  }

  #finishDue(now: Millis): void {
    for (const query of this.#queries) {
      if (now >= query.deadline || query.asks.every((ask) => ask.done)) this.#finish(query, now)
    }
  }

  #finish(query: Query, now: Millis): void {
    this.#queries.delete(query)
    for (const [ticket, ask] of this.#asked) if (query.asks.includes(ask)) this.#retire(ticket)
    const own = query.own ? [this.#p.local(now)] : []
    const zones = [...query.asks.map((ask) => ask.answer()), ...own].sort((a, b) => (a.zone < b.zone ? -1 : 1))
    const memberships = new Map<MembershipId, Membership>(query.asks.flatMap((ask) => [...ask.rows.memberships]))
    for (const { envelope } of own.flatMap((zone) => zone.rows)) {
      const membership = this.#p.roster.byId(envelope.membership)
      if (membership !== undefined) memberships.set(membership.id, membership)
    }
    const result: QueryResult = { zones, memberships }
    this.#p.out.emit({ type: 'queryDone', ticket: query.ticket, result })
  }

  #retire(ticket: Ticket): void {
    this.#asked.delete(ticket)
    this.#late.add(ticket)
    if (this.#late.size > limits.queryLateAnswers) this.#late.delete(this.#late.values().next().value as Ticket)
  }
}
