// A query: asks one member per zone, hedged over a few contacts, until every zone answered or the deadline passed.
// Invariant: every row in the result was signed by a member of that zone; what is missing is counted, never guessed.
import type { Env, MembershipId, Millis, NodeId } from '../env.ts'
import type { QueryResult, Ticket, ZoneAnswer } from '../events.ts'
import { limits } from '../limits.ts'
import type { Book, Entry } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { Outbox } from '../outbox.ts'
import type { QueryResponse, SyncResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { Gatekeeper } from '../trust/gatekeeper.ts'
import type { Roster } from '../trust/roster.ts'
import type { Row, StatusCounts } from './rows.ts'

interface Parts {
  env: Env
  out: Outbox
  self: Self
  book: Book
  links: Links
  roster: Roster
  gatekeeper: Gatekeeper
  /** The answer for our own zone, from our own view. */
  local: (now: Millis) => ZoneAnswer
}

/** One zone of one query. */
interface Ask {
  query: Query
  zone: string
  /** Contacts not tried yet, best first. */
  candidates: Entry[]
  /** Contacts that are being dialled or asked. */
  trying: Set<NodeId>
  nextTry: Millis
  started: boolean
  from: NodeId | undefined
  counts: StatusCounts | undefined
  forbidden: boolean
  rows: Row[]
  /** Rows whose author is not known yet. */
  strangers: Row[]
  dropped: boolean
  done: boolean
}

interface Query {
  ticket: Ticket
  deadline: Millis
  /** Pause before the next contact of a silent zone is tried beside the last. */
  hedge: Millis
  asks: Ask[]
}

export class Queries {
  readonly #p: Parts
  readonly #queries = new Set<Query>()
  /** Requests under way, by ticket. */
  readonly #asked = new Map<Ticket, Ask>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  get underway(): number {
    return this.#queries.size
  }

  start(ticket: Ticket, zones: readonly string[] | undefined, timeout: Millis, now: Millis): void {
    const known = new Set(this.#p.book.zones())
    if (this.#p.self.isNode) known.add(this.#p.self.zone)
    const query: Query = {
      ticket,
      deadline: now + timeout,
      hedge: timeout / (limits.queryContactsPerZone + 1),
      asks: [],
    }
    query.asks = [...new Set(zones ?? known)].sort().map((zone) => this.#newAsk(query, zone))
    this.#queries.add(query)
    this.check(now)
  }

  deadline(): Millis | undefined {
    let earliest: Millis | undefined
    for (const query of this.#queries) {
      for (const at of [
        query.deadline,
        ...query.asks
          .filter((ask) => !ask.done && ask.started && ask.from === undefined && ask.candidates.length > 0)
          .map((ask) => ask.nextTry),
      ]) {
        earliest = Math.min(earliest ?? at, at)
      }
    }
    return earliest
  }

  check(now: Millis): void {
    for (const query of this.#queries) {
      for (const ask of query.asks) if (!ask.done) this.#advance(ask, now)
      if (now >= query.deadline || query.asks.every((ask) => ask.done)) this.#finish(query, now)
    }
  }

  /** A link opened: whoever waited for it is asked. */
  linked(peer: NodeId): void {
    for (const ask of this.#open()) if (ask.trying.has(peer)) this.#askRows(ask, peer, undefined)
  }

  /** A dial or a link failed: the next contact's turn. */
  lost(peer: NodeId, now: Millis): void {
    for (const ask of this.#open()) if (ask.trying.delete(peer)) ask.nextTry = now
    this.check(now)
  }

  /** Takes the answer to one of our queries; false when the ticket is none of ours. */
  answered(ticket: Ticket, peer: NodeId, response: QueryResponse, now: Millis): boolean {
    const ask = this.#take(ticket)
    if (ask === undefined) return false
    if (!ask.done) this.#page(ask, peer, response, now)
    this.check(now)
    return true
  }

  /** Takes memberships that we asked for because of a row. */
  introduced(ticket: Ticket, response: SyncResponse, now: Millis): boolean {
    const ask = this.#take(ticket)
    if (ask === undefined) return false
    const strangers = ask.strangers
    ask.strangers = []
    for (const membership of response.memberships) {
      if (this.#p.gatekeeper.problemOf(membership, now) === undefined) this.#p.gatekeeper.take(membership, now)
    }
    for (const row of strangers) {
      const author = this.#p.roster.byId(row.envelope.membership)
      if (author === undefined) ask.dropped = true
      else this.#takeRow(ask, row, author)
    }
    this.#settle(ask)
    this.check(now)
    return true
  }

  failed(ticket: Ticket, peer: NodeId, now: Millis): boolean {
    const ask = this.#take(ticket)
    if (ask === undefined) return false
    ask.trying.delete(peer)
    ask.nextTry = now
    if (ask.from === peer) {
      ask.dropped = true
      ask.done = true
    }
    this.check(now)
    return true
  }

  *#open(): Generator<Ask> {
    for (const query of this.#queries) for (const ask of query.asks) if (!ask.done) yield ask
  }

  #take(ticket: Ticket): Ask | undefined {
    const ask = this.#asked.get(ticket)
    this.#asked.delete(ticket)
    return ask
  }

  #newAsk(query: Query, zone: string): Ask {
    const contacts = this.#p.book.inZone(zone).filter((entry) => entry.serves)
    const linked = (entry: Entry) => (this.#p.links.get(entry.node) === undefined ? 1 : 0)
    const candidates = contacts.sort((a, b) => linked(a) - linked(b)).slice(0, limits.queryContactsPerZone)
    return {
      query,
      zone,
      candidates,
      trying: new Set(),
      nextTry: query.deadline - query.hedge * (limits.queryContactsPerZone + 1),
      started: false,
      from: undefined,
      counts: undefined,
      forbidden: false,
      rows: [],
      strangers: [],
      dropped: false,
      done: false,
    }
  }

  #advance(ask: Ask, now: Millis): void {
    if (this.#p.self.isNode && ask.zone === this.#p.self.zone) {
      ask.done = true
      return
    }
    if (!ask.started && this.#running(ask.query) >= limits.queryZonesAtOnce) return
    ask.started = true
    const exhausted = ask.candidates.length === 0 && ask.trying.size === 0 && ask.from === undefined
    if (exhausted) ask.done = true
    if (ask.done || ask.from !== undefined || now < ask.nextTry) return
    const next = ask.candidates.shift()
    if (next === undefined) return
    ask.nextTry = now + ask.query.hedge
    ask.trying.add(next.node)
    if (this.#p.links.get(next.node) === undefined) this.#p.links.want(next)
    else this.#askRows(ask, next.node, undefined)
  }

  #running(query: Query): number {
    return query.asks.filter((ask) => ask.started && !ask.done).length
  }

  #askRows(ask: Ask, peer: NodeId, after: NodeId | undefined): void {
    const ticket = this.#p.out.ticket()
    this.#asked.set(ticket, ask)
    const want = this.#p.self.isOperator || ask.zone === this.#p.self.zone ? 'rows' : 'counts'
    this.#p.out.emit({ type: 'ask', ticket, peer, protocol: 'query', body: { zone: ask.zone, want, after } })
  }

  #page(ask: Ask, peer: NodeId, response: QueryResponse, now: Millis): void {
    if (response.refused !== undefined || (ask.from !== undefined && ask.from !== peer)) {
      ask.trying.delete(peer)
      ask.nextTry = now
      return
    }
    ask.from = peer
    ask.counts = response.counts
    ask.forbidden = !this.#p.self.isOperator && ask.zone !== this.#p.self.zone
    for (const row of response.rows) {
      const author = this.#p.roster.byId(row.envelope.membership)
      if (author === undefined) ask.strangers.push(row)
      else this.#takeRow(ask, row, author)
    }
    const last = response.rows.at(-1)?.node
    const held = ask.rows.length + ask.strangers.length
    if (response.more && last !== undefined && held < limits.viewNodes) this.#askRows(ask, peer, last)
    else if (ask.strangers.length > 0) this.#askWho(ask, peer)
    else this.#settle(ask)
  }

  #askWho(ask: Ask, peer: NodeId): void {
    const ids: MembershipId[] = [...new Set(ask.strangers.map((row) => row.envelope.membership))]
    ask.dropped ||= ids.length > limits.syncMemberships
    const ticket = this.#p.out.ticket()
    this.#asked.set(ticket, ask)
    const body = { type: 'memberships' as const, ids: ids.slice(0, limits.syncMemberships) }
    this.#p.out.emit({ type: 'ask', ticket, peer, protocol: 'sync', body })
  }

  #takeRow(ask: Ask, row: Row, author: Membership): void {
    const { env, self } = this.#p
    const { node, zone } = author.claims
    const key = env.nodeKey(node)
    const { envelope } = row
    const authentic =
      node === row.node &&
      zone === ask.zone &&
      envelope.mesh8 === self.mesh8 &&
      envelope.kind === 'rec' &&
      key !== undefined &&
      env.verify(key, envelope.signedBytes, envelope.signature)
    if (authentic) ask.rows.push(row)
    else ask.dropped = true
  }

  #settle(ask: Ask): void {
    ask.done = true
  }

  #finish(query: Query, now: Millis): void {
    this.#queries.delete(query)
    for (const [ticket, ask] of this.#asked) if (ask.query === query) this.#asked.delete(ticket)
    const zones = query.asks.map((ask) => this.#answerOf(ask, now))
    const memberships = new Map<MembershipId, Membership>()
    for (const row of zones.flatMap((zone) => zone.rows)) {
      const membership = this.#p.roster.byId(row.envelope.membership)
      if (membership !== undefined) memberships.set(membership.id, membership)
    }
    const result: QueryResult = { zones, memberships }
    this.#p.out.emit({ type: 'queryDone', ticket: query.ticket, result })
  }

  #answerOf(ask: Ask, now: Millis): ZoneAnswer {
    const { zone, from, counts, rows } = ask
    if (this.#p.self.isNode && zone === this.#p.self.zone) return this.#p.local(now)
    if (from === undefined) return { zone, state: 'silent', by: undefined, counts: undefined, rows: [], partial: true }
    const partial = ask.dropped || !ask.done || ask.strangers.length > 0
    return { zone, state: ask.forbidden ? 'forbidden' : 'answered', by: from, counts, rows, partial }
  }
}
