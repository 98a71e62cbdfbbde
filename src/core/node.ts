// A node: one synchronous function from what happened to what should be done, composed of the machines beside it.
// It never awaits, never reads a clock, never throws on network input. Driven by daemon/driver.ts and by test/sim.
import type { Env, Millis, NodeId } from './env.ts'
import type { AnyRequest, AnyResponse, Effect, Input, Ticket, ZoneAnswer } from './events.ts'
import { type Alert, Alerts } from './fleet/alerts.ts'
import { RecordGossip } from './fleet/gossip.ts'
import { Heartbeat } from './fleet/heartbeat.ts'
import { Queries } from './fleet/query.ts'
import { compareRecords, FLAG, type HealthRecord } from './fleet/record.ts'
import type { Envelope, Row, Status, StatusCounts } from './fleet/rows.ts'
import { answerQuery, rowsOf } from './fleet/serving.ts'
import { View } from './fleet/view.ts'
import { limits } from './limits.ts'
import { Book } from './links/book.ts'
import { Greetings } from './links/greetings.ts'
import { type Link, Links } from './links/links.ts'
import { Outbox } from './outbox.ts'
import type { Contact, Hello, QueryResponse, SyncRequest, SyncResponse } from './protocols.ts'
import { Self } from './self.ts'
import type { Membership, RootDocument } from './trust/documents.ts'
import { Gatekeeper } from './trust/gatekeeper.ts'
import { Refusals } from './trust/refusals.ts'
import { Rivals } from './trust/rivals.ts'
import { RootKeeper } from './trust/root-keeper.ts'
import { Roster } from './trust/roster.ts'

/** What a node starts from: its membership, and what earlier runs wrote. */
export interface NodeSetup {
  /** Hex mesh id. */
  mesh: string
  membership: Membership
  /** All root versions held, in order; the last is in force. */
  roots: readonly RootDocument[]
  /** No root below this version is ever in force. */
  rootFloor: number
  /** The last incarnation that was persisted; 0 when there is none. */
  incarnation: number
  memberships: readonly Membership[]
  contacts: readonly { contact: Contact; wall: Millis }[]
  rows: readonly { node: NodeId; envelope: Envelope; record: HealthRecord; status: Status; heardWall: Millis }[]
  wall: Millis
  /** Shortest promise of our records. */
  recordPeriodMin: Millis
  /** How far apart the view and the address book are written. */
  viewFlushPeriod: Millis
}

/** What a person may ask at any moment; ages are relative to the `now` it was taken at. */
export interface NodeSnapshot {
  counts: StatusCounts
  isolated: boolean
  incarnation: number
  root: RootDocument
  clockTrusted: boolean
  membership: Membership
  links: readonly Link[]
  contacts: { zones: number; nodes: number }
  alerts: readonly Alert[]
  refusals: Readonly<Record<string, number>>
  listening: readonly string[]
}

/** The gossip topic of a leaf zone's records. */
export function recordTopic(mesh8: string, zone: string): string {
  return `/pimesh/1/${mesh8}/rec${zone}`
}

export class NodeCore {
  readonly #out = new Outbox()
  readonly #self: Self
  readonly #view: View
  readonly #book: Book
  readonly #links: Links
  readonly #greetings: Greetings
  readonly #roster: Roster
  readonly #alerts: Alerts
  readonly #refusals: Refusals
  readonly #gatekeeper: Gatekeeper
  readonly #rivals: Rivals
  readonly #roots: RootKeeper
  readonly #heartbeat: Heartbeat
  readonly #gossip: RecordGossip
  readonly #queries: Queries
  readonly #flushPeriod: Millis
  readonly #topic: string
  #nextFlush: Millis
  #flushTicket: Ticket | undefined
  #clockTrusted = false
  #started = false
  #stopped = false
  /** Asked a zone-mate for its rows since we last had no link to one. */
  #caughtUp = false
  #catchUpTicket: Ticket | undefined

  constructor(env: Env, setup: NodeSetup, now: Millis) {
    const out = this.#out
    const root = setup.roots.at(-1)
    if (root === undefined) throw new Error('a node needs a root')
    this.#self = new Self(setup.mesh, setup.membership, root, setup.wall, now)
    const self = this.#self
    this.#topic = recordTopic(self.mesh8, self.zone)
    this.#alerts = new Alerts(out)
    this.#refusals = new Refusals(out)
    this.#view = new View(self.node, out)
    this.#book = new Book(self.node, self.zone, (node) => this.#links.standing(node))
    this.#links = new Links(env, out, this.#book, self)
    this.#greetings = new Greetings(env, out, self, this.#book, this.#view)
    this.#roster = new Roster(out, (node) => this.#needed(node))
    this.#gatekeeper = new Gatekeeper(env, out, self, this.#roster, this.#alerts, this.#refusals)
    this.#rivals = new Rivals(this.#links, this.#greetings, this.#gatekeeper)
    this.#roots = new RootKeeper(env, out, self, setup.roots, setup.rootFloor)
    this.#heartbeat = new Heartbeat(env, out, this.#topic, setup, setup.recordPeriodMin)
    const parts = { env, out, self, roster: this.#roster, view: this.#view }
    const { alerts, refusals, heartbeat } = {
      alerts: this.#alerts,
      refusals: this.#refusals,
      heartbeat: this.#heartbeat,
    }
    this.#gossip = new RecordGossip({ ...parts, heartbeat, alerts, refusals, topic: this.#topic })
    const local = (at: Millis) => this.#ownZone(at)
    this.#queries = new Queries({ ...parts, book: this.#book, links: this.#links, gatekeeper: this.#gatekeeper, local })
    this.#flushPeriod = setup.viewFlushPeriod
    this.#nextFlush = now + setup.viewFlushPeriod
    this.#restore(setup, now)
  }

  /** Takes one input and returns what is to be done about it. `now` is monotonic and never decreases. */
  step(input: Input, now: Millis): Effect[] {
    if (this.#stopped) return []
    this.#forgiveSleep(now)
    if (!this.#started) this.#start()
    this.#handle(input, now)
    this.#settle(now)
    return this.#out.drain()
  }

  /** When the node next wants { type: 'woken' }. */
  deadline(): Millis | undefined {
    if (this.#stopped) return undefined
    const times = [
      this.#view.deadline(),
      this.#heartbeat.deadline(),
      this.#links.deadline(),
      this.#greetings.deadline(),
      this.#rivals.deadline(),
      this.#queries.deadline(),
      this.#nextFlush,
    ]
    return times.reduce((min, at) => (at === undefined || (min !== undefined && min <= at) ? min : at), undefined)
  }

  snapshot(): NodeSnapshot {
    return {
      counts: this.#view.counts(),
      isolated: this.#links.size === 0,
      incarnation: this.#heartbeat.incarnation,
      root: this.#self.root,
      clockTrusted: this.#clockTrusted,
      membership: this.#self.membership,
      links: [...this.#links.all()],
      contacts: { zones: this.#book.zones().length, nodes: this.#book.size },
      alerts: this.#alerts.all(),
      refusals: this.#refusals.all() as Readonly<Record<string, number>>,
      listening: this.#self.addresses,
    }
  }

  /** Rows of our own zone, all of them. */
  rows(now: Millis): Row[] {
    return rowsOf(this.#view, this.#alerts, now, undefined, limits.viewNodes)
  }

  /** The membership of who countersigned ours: shown in the gate beside it. */
  witness(): Membership | undefined {
    return this.#gatekeeper.witness()
  }

  membershipOf(node: NodeId): Membership | undefined {
    return this.#roster.byNode(node)
  }

  /** Sizes of what could grow, for invariant checks and `status`. */
  sizes(): {
    view: number
    parked: number
    memberships: number
    contacts: number
    links: number
    queries: number
    greetings: number
    rivals: number
    dialPauses: number
    alerts: number
  } {
    return {
      view: this.#view.size,
      parked: this.#gossip.parked,
      memberships: this.#roster.size,
      contacts: this.#book.size,
      links: this.#links.size,
      queries: this.#queries.underway,
      greetings: this.#greetings.size,
      rivals: this.#rivals.size,
      dialPauses: this.#links.pauses,
      alerts: this.#alerts.all().length,
    }
  }

  #restore(setup: NodeSetup, now: Millis): void {
    this.#roster.add(setup.membership, { persist: false, proven: true })
    for (const membership of setup.memberships) {
      if (this.#gatekeeper.problemOf(membership, now) === undefined)
        this.#roster.add(membership, { persist: false, proven: false })
    }
    const wall = this.#self.wallAt(now)
    for (const row of this.#self.isNode ? setup.rows : []) {
      if (this.#roster.byNode(row.node) !== undefined) this.#view.restore(row, now, wall)
    }
    for (const { contact, wall: told } of setup.contacts) {
      // A clock that is far ahead at start must not cost us every address (T29): the oldest contact is still worth a dial.
      const since = wall === undefined ? 0 : Math.max(0, wall - told)
      const age = Math.min(contact.age + since, limits.contactLifetime - 1)
      this.#book.restored({ ...contact, age }, now)
    }
  }

  /** Whose membership stays on the roster whatever else is met: ours, our witness's, and of whom we see or are linked to. */
  #needed(node: NodeId): boolean {
    const { membership } = this.#self
    const own = node === this.#self.node || node === membership.countersignature?.by
    return own || this.#links.get(node) !== undefined || this.#view.has(node)
  }

  #start(): void {
    this.#started = true
    this.#out.emit({ type: 'credential', membership: this.#self.membership })
    if (!this.#self.isNode) return
    this.#out.emit({ type: 'subscribe', topic: this.#topic })
    this.#heartbeat.start()
  }

  #handle(input: Input, now: Millis): void {
    switch (input.type) {
      case 'woken':
        return
      case 'wall':
        return this.#self.setWall(input.wall, now)
      case 'sampled':
        this.#clockTrusted = input.clockTrusted
        return this.#heartbeat.sampled(input.metrics, now, this.#flags(), this.#members())
      case 'published':
        return this.#view.accept(this.#self.node, input.record, input.envelope, now)
      case 'persisted':
        return this.#persisted(input.ticket, now)
      case 'persistFailed':
        return this.#persistFailed(input.ticket, input.reason, now)
      case 'credential': {
        const { membership, witness, claimedMesh: mesh } = input
        return this.#rivals.judge(input.ticket, input.remote, { membership, witness, mesh }, now)
      }
      case 'countersigned':
        return this.#gatekeeper.countersigned(input.membership)
      case 'connected':
        return this.#connected(input.peer, input.address, input.direction, now)
      case 'disconnected':
        return this.#disconnected(input.peer, now)
      case 'dialFailed':
        this.#links.failed(input.peer, now)
        return this.#queries.lost(input.peer, now)
      case 'discovered':
        return this.#discovered(input.peer, input.addresses, input.source, now)
      case 'listening':
        this.#self.addresses = input.addresses
        return
      case 'gossip':
        this.#greetings.heard(input.from, now)
        return this.#gossip.heard(input.ticket, input.from, input.topic, input.envelope, input.record, now)
      case 'asked':
        this.#greetings.heard(input.peer, now)
        return this.#asked(input.ticket, input.peer, input, now)
      case 'answered':
        this.#greetings.heard(input.peer, now)
        return this.#answered(input.ticket, input.peer, input, now)
      case 'askFailed':
        if (input.ticket === this.#catchUpTicket) this.#caughtUp = false
        this.#queries.failed(input.ticket, input.peer, now)
        this.#rivals.failed(input.ticket, now)
        if (input.protocol === 'hello') this.#greetings.failed(input.peer, input.ticket, now)
        return
      case 'query':
        return this.#queries.start(input.ticket, input.zones, input.timeout, now)
      case 'leaving':
        return this.#leave(now)
    }
  }

  /** What is due by now, whatever the input was. */
  #settle(now: Millis): void {
    if (this.#stopped) return
    this.#view.setIsolated(this.#links.size === 0, now)
    this.#view.check(now)
    if (this.#self.isNode) this.#heartbeat.check(now, this.#flags(), this.#members())
    this.#links.check(now)
    this.#greetings.check(now)
    this.#rivals.check(now)
    this.#queries.check(now)
    if (this.#book.thin) this.#nextFlush = Math.min(this.#nextFlush, now + limits.contactFlushDelay)
    if (now >= this.#nextFlush) this.#flush(now)
  }

  /** A process that was stopped or suspended heard nobody: the silence is its own. */
  #forgiveSleep(now: Millis): void {
    const due = this.deadline()
    if (due === undefined || !this.#started) return
    const gap = now - due
    if (gap <= limits.recordPeriodFloor) return
    this.#view.forgive(gap, now)
    this.#greetings.forgive(gap)
  }

  #connected(peer: NodeId, address: string, direction: 'inbound' | 'outbound', now: Millis): void {
    const zone = this.#roster.byNode(peer)?.claims.zone
    this.#links.opened({ peer, zone, address, direction, since: now }, now)
    this.#book.touch(peer, now)
    this.#greetings.linked(peer, direction, now)
    this.#queries.linked(peer)
    if (zone === this.#self.zone && this.#self.isNode) {
      this.#heartbeat.hurry(now)
      if (!this.#caughtUp) this.#catchUp(peer)
    }
  }

  #disconnected(peer: NodeId, now: Millis): void {
    if (!this.#links.closed(peer, now)) return
    this.#greetings.unlinked(peer)
    this.#rivals.unlinked(peer, now)
    this.#queries.lost(peer, now)
    if (this.#self.isNode && this.#links.mates().length === 0) {
      this.#caughtUp = false
      this.#greetings.alone(now)
    }
  }

  #discovered(
    peer: NodeId,
    addresses: readonly string[],
    source: 'mdns' | 'identify' | 'bootstrap',
    now: Millis,
  ): void {
    if (this.#book.get(peer)?.source === 'itself' && this.#links.get(peer) !== undefined) return
    const contact = { node: peer, zone: this.#roster.byNode(peer)?.claims.zone, addresses, age: 0, serves: true }
    if (source === 'bootstrap') this.#book.restored(contact, now)
    else this.#book.hearsay(contact, now, source === 'identify' ? peer : source)
    this.#links.soon(now)
  }

  /** After a time without zone-mates the first one tells us the zone as it knows it, so that we need not wait for T. */
  #catchUp(peer: NodeId): void {
    this.#caughtUp = true
    this.#catchUpTicket = this.#out.ticket()
    const body = { zone: this.#self.zone, want: 'rows' as const, after: undefined }
    this.#out.emit({ type: 'ask', ticket: this.#catchUpTicket, peer, protocol: 'query', body })
  }

  #asked(ticket: Ticket, peer: NodeId, request: AnyRequest, now: Millis): void {
    const asker = this.#roster.byNode(peer)
    if (request.protocol === 'hello') {
      if (asker !== undefined) this.#greetings.learn(peer, asker.claims.zone, request.body, now)
      this.#roots.offered(peer, request.body)
      this.#greetings.answer(ticket, peer, asker?.claims.zone, now)
      this.#links.soon(now)
    } else if (request.protocol === 'sync') {
      this.#out.emit({ type: 'reply', ticket, protocol: 'sync', body: this.#syncAnswer(request.body) })
    } else {
      const body = answerQuery(this.#self, this.#view, this.#alerts, asker, request.body, now)
      this.#out.emit({ type: 'reply', ticket, protocol: 'query', body })
    }
  }

  #answered(ticket: Ticket, peer: NodeId, response: AnyResponse, now: Millis): void {
    if (response.protocol === 'hello') {
      this.#rivals.answered(ticket, now)
      this.#greetings.answered(peer, ticket)
      this.#helloBack(peer, response.body, now)
    } else if (response.protocol === 'query') {
      if (!this.#queries.answered(ticket, peer, response.body, now)) this.#takeRows(peer, response.body, now)
    } else if (!this.#queries.introduced(ticket, response.body, now)) {
      for (const membership of response.body.memberships) this.#introduced(membership, now)
      this.#roots.arrived(peer, response.body.roots)
    }
  }

  #helloBack(peer: NodeId, hello: Hello, now: Millis): void {
    const zone = this.#roster.byNode(peer)?.claims.zone
    if (zone !== undefined) this.#greetings.learn(peer, zone, hello, now)
    this.#roots.offered(peer, hello)
    const { yours } = hello
    const newer = yours !== undefined && compareRecords(yours, this.#heartbeat) > 0
    if (zone === this.#self.zone && newer) this.#catchUp(peer)
    this.#links.soon(now)
  }

  /** Rows of our own zone from a zone-mate, and then the memberships that are missing to judge them. */
  #takeRows(peer: NodeId, response: QueryResponse, now: Millis): void {
    const unknown = new Set<string>()
    for (const row of response.rows) {
      if (this.#gossip.told(peer, row, now) === 'unknownMembership') unknown.add(row.envelope.membership)
    }
    const ids = [...unknown]
    for (let i = 0; i < ids.length; i += limits.syncMemberships) {
      const body = { type: 'memberships' as const, ids: ids.slice(i, i + limits.syncMemberships) }
      this.#out.emit({ type: 'ask', ticket: this.#out.ticket(), peer, protocol: 'sync', body })
    }
  }

  #introduced(membership: Membership, now: Millis): void {
    const code = this.#gatekeeper.problemOf(membership, now)
    if (code !== undefined) return this.#refusals.count(code, membership.claims.node, 'introduction', now)
    this.#gatekeeper.take(membership, now)
    this.#gossip.unpark(membership, now)
  }

  #syncAnswer(request: SyncRequest): SyncResponse {
    if (request.type === 'roots') return { memberships: [], roots: this.#roots.from(request.from) }
    const held = request.ids.slice(0, limits.syncMemberships).map((id) => this.#roster.byId(id))
    return { memberships: held.filter((membership) => membership !== undefined), roots: [] }
  }

  #persisted(ticket: Ticket, now: Millis): void {
    this.#heartbeat.persisted(ticket, now)
    if (this.#roots.persisted(ticket)) this.#strikeOff()
    if (ticket !== this.#flushTicket) return
    this.#flushTicket = undefined
    this.#view.written()
  }

  /** Whoever the new root does not cover loses its link and its row, and what it says from now on is of nobody we know. */
  #strikeOff(): void {
    for (const node of this.#gatekeeper.strikeOff()) {
      this.#view.expel(node)
      if (this.#links.get(node) !== undefined) this.#out.emit({ type: 'close', peer: node, reason: 'refused' })
    }
  }

  #persistFailed(ticket: Ticket, reason: string, now: Millis): void {
    this.#out.event({ type: 'diskFailed', detail: reason })
    this.#heartbeat.persistFailed(ticket, now)
    this.#roots.persistFailed(ticket)
    if (ticket !== this.#flushTicket) return
    this.#flushTicket = undefined
    this.#view.writeFailed()
    this.#book.writeFailed()
  }

  /** Writes what changed. `last`: also beside a batch that is still under way; the driver keeps their order. */
  #flush(now: Millis, last = false): void {
    this.#nextFlush = now + this.#flushPeriod
    if (this.#flushTicket !== undefined && !last) return
    const wall = this.#self.wallLabel(now)
    const changes = [...this.#view.flush(now, wall), ...this.#book.flush(now, wall)]
    if (changes.length > 0) this.#flushTicket = this.#out.persist(changes, false)
  }

  #leave(now: Millis): void {
    this.#flush(now, true)
    if (this.#self.isNode) this.#heartbeat.goodbye(now, this.#flags() | FLAG.leaving, this.#members())
    this.#out.emit({ type: 'left' })
    this.#stopped = true
  }

  #members(): number {
    return this.#view.members() + (this.#view.has(this.#self.node) ? 0 : 1)
  }

  #flags(): number {
    const isolated = this.#links.size === 0 ? FLAG.isolated : 0
    const cloned = this.#alerts.of(this.#self.node).includes('cloned') ? FLAG.cloned : 0
    return (this.#clockTrusted ? FLAG.clockTrusted : 0) | isolated | cloned
  }

  #ownZone(now: Millis): ZoneAnswer {
    const { zone, node } = this.#self
    const [counts, rows] = [this.#view.counts(), this.rows(now)]
    return { zone, state: 'answered', membersKnown: this.#view.size, by: node, counts, rows, partial: false }
  }
}
