// Conversations: what linked members ask of us, what they answer to us, and what we ask of the first zone-mate we meet.
import type { Millis, NodeId } from './env.ts'
import type { AnyRequest, AnyResponse, Ticket } from './events.ts'
import { compareRecords } from './fleet/record.ts'
import { answerChildren, answerQuery } from './fleet/serving.ts'
import { answerSight } from './fleet/sight.ts'
import { NO_HISTORY } from './history/history.ts'
import { limits } from './limits.ts'
import type { Machines } from './machines.ts'
import {
  type Hello,
  NOTHING,
  type QueryRequest,
  type QueryResponse,
  type SyncRequest,
  type SyncResponse,
} from './protocols.ts'
import type { Membership } from './trust/documents.ts'

/** Pages of a zone at its bound: who answers more than that is not believed. */
const PAGES = Math.ceil(limits.viewNodes / limits.queryRows)

/** Catching up with one zone-mate, page by page. */
interface CatchUp {
  ticket: Ticket
  peer: NodeId
  after: NodeId | undefined
  pages: number
}

export class Conversations {
  readonly #m: Machines
  /** Asked a zone-mate for its rows since we last had no link to one. */
  #caughtUp = false
  /** Under way, one with each peer at most: who claims to know more takes the place of nobody else's answer. */
  readonly #catchUps = new Map<NodeId, CatchUp>()

  constructor(machines: Machines) {
    this.#m = machines
  }

  /** A link to a zone-mate opened: the first one tells us the zone as it knows it, so that we need not wait for T. */
  metMate(peer: NodeId): void {
    if (!this.#caughtUp) this.#askRows({ peer, after: undefined, pages: 1 })
  }

  /** Who knows nothing of the fleet yet asks whom it meets, so that the first answer need not wait for the next summary. */
  met(peer: NodeId): void {
    const { out, reporting } = this.#m
    if (reporting.held !== undefined) return
    out.emit({ type: 'ask', ticket: out.ticket(), peer, protocol: 'sync', body: { type: 'summary' } })
  }

  /** The last link to a zone-mate is gone: the next one is asked again. */
  alone(): void {
    this.#caughtUp = false
  }

  asked(ticket: Ticket, peer: NodeId, request: AnyRequest, now: Millis): void {
    const { out, roster, greetings, links, reach } = this.#m
    const asker = roster.byNode(peer)
    if (request.protocol === 'hello') {
      const known = this.#m.book.news
      if (asker !== undefined) greetings.learn(peer, asker.claims.zone, request.body, now)
      reach.learnt(peer, request.body, now)
      this.#versions(peer, request.body, now)
      greetings.answer(ticket, peer, asker?.claims.zone, now)
      if (this.#m.book.news !== known) links.soon(now)
    } else if (request.protocol === 'sync') {
      out.emit({ type: 'reply', ticket, protocol: 'sync', body: this.#syncAnswer(request.body, now) })
    } else if (request.protocol === 'history') {
      const body = this.#m.history?.answer(request.body, asker, now) ?? NO_HISTORY
      out.emit({ type: 'reply', ticket, protocol: 'history', body })
    } else {
      const body = this.#queryAnswer(request.body, asker, now)
      out.emit({ type: 'reply', ticket, protocol: 'query', body })
    }
  }

  #queryAnswer(question: QueryRequest, asker: Membership | undefined, now: Millis): QueryResponse {
    const { self, view, alerts, reporting, links, witnesses, reach, book } = this.#m
    if (question.want === 'children') return answerChildren(reporting, asker, question, now)
    if (question.want !== 'sight') return answerQuery(self, view, alerts, asker, question, now)
    return answerSight({ self, view, links, witnesses, book, watchdog: reach.watchdog }, asker, question, now)
  }

  answered(ticket: Ticket, peer: NodeId, response: AnyResponse, now: Millis): void {
    const { rivals, greetings, asking, releases, statements } = this.#m
    if (response.protocol === 'hello') {
      rivals.answered(ticket, now)
      greetings.answered(peer, ticket)
      this.#helloBack(peer, response.body, now)
    } else if (response.protocol === 'query') {
      const catchUp = this.#catchUps.get(peer)
      if (ticket === catchUp?.ticket) this.#takeRows(catchUp, response.body, now)
      else if (!this.#m.reporting.checks.answered(ticket, peer, response.body, now))
        asking.answered(ticket, peer, response.body, now)
    } else if (response.protocol === 'history') {
      this.#m.inquiries.answered(ticket, peer, response.body, now)
    } else {
      const { announcements, pieceList, beacons = [] } = response.body
      const taken =
        this.#m.digests.introduced(ticket, response.body, now) ||
        asking.introduced(ticket, response.body, now) ||
        statements.arrived(ticket, peer, response.body.statements, now) ||
        releases.announcing.arrived(ticket, peer, announcements, now) ||
        releases.beacons.arrived(ticket, beacons, now) ||
        releases.swarm.listArrived(ticket, peer, pieceList, now)
      if (!taken) this.#unticketed(peer, response.body, now)
    }
  }

  failed(ticket: Ticket, peer: NodeId, answer: { malformed?: boolean }, now: Millis): void {
    const { announcing, beacons, swarm } = this.#m.releases
    if (this.#m.statements.failed(ticket, peer, now) || this.#m.digests.failed(ticket, now)) return
    if (this.#m.reporting.checks.failed(ticket)) return
    if (announcing.failed(ticket, answer, now) || beacons.failed(ticket, now) || swarm.askFailed(ticket, now)) return
    if (ticket !== this.#catchUps.get(peer)?.ticket) return
    this.#catchUps.delete(peer)
    this.#caughtUp = false
  }

  #helloBack(peer: NodeId, hello: Hello, now: Millis): void {
    const { self, roster, greetings, heartbeat, links, reach } = this.#m
    const zone = roster.byNode(peer)?.claims.zone
    const known = this.#m.book.news
    if (zone !== undefined) greetings.learn(peer, zone, hello, now)
    reach.learnt(peer, hello, now)
    this.#versions(peer, hello, now)
    const { yours } = hello
    // Only a signed record is proof, and the rows hold it.
    const newer = yours !== undefined && compareRecords(yours, heartbeat) > 0
    if (zone === self.zone && newer) this.#askRows({ peer, after: undefined, pages: 1 })
    if (this.#m.book.news !== known) links.soon(now)
  }

  /** Newer versions than ours of the root, of statements, the targets or an announcement are asked for. */
  #versions(peer: NodeId, hello: Hello, now: Millis): void {
    this.#m.roots.offered(peer, hello)
    this.#m.statements.offered(peer, hello.statements, now)
    this.#m.releases.targets.offered(peer, hello.vector, now)
    this.#m.releases.announcing.offered(peer, hello.vector, now)
    this.#m.releases.beacons.offered(peer, hello.beacons ?? [], now)
  }

  #unticketed(peer: NodeId, { memberships, roots, targets, summary }: SyncResponse, now: Millis): void {
    if (summary !== undefined) return this.#m.digests.told(peer, summary, memberships, now)
    for (const membership of memberships) this.#introduced(membership, now)
    this.#m.roots.arrived(peer, roots, now)
    this.#m.releases.targets.arrived(peer, targets, now)
  }

  #askRows(page: Omit<CatchUp, 'ticket'>): void {
    const { out, self } = this.#m
    const ticket = out.ticket()
    this.#caughtUp = true
    this.#catchUps.set(page.peer, { ...page, ticket })
    const body = { zone: self.zone, want: 'rows' as const, after: page.after }
    out.emit({ type: 'ask', ticket, peer: page.peer, protocol: 'query', body })
  }

  /** Rows of our own zone from a zone-mate, then the memberships that are missing to judge them, and the next page. */
  #takeRows({ peer, after, pages }: CatchUp, response: QueryResponse, now: Millis): void {
    this.#catchUps.delete(peer)
    const unknown = new Set<string>()
    for (const row of response.rows) {
      if (this.#m.gossip.told(peer, row, now) === 'unknownMembership') unknown.add(row.envelope.membership)
    }
    const ids = [...unknown]
    for (let i = 0; i < ids.length; i += limits.syncMemberships) {
      const body = { type: 'memberships' as const, ids: ids.slice(i, i + limits.syncMemberships) }
      this.#m.out.emit({ type: 'ask', ticket: this.#m.out.ticket(), peer, protocol: 'sync', body })
    }
    const last = response.rows.at(-1)?.node
    const further = response.more && last !== undefined && (after === undefined || last > after) && pages < PAGES
    if (further) this.#askRows({ peer, after: last, pages: pages + 1 })
  }

  #introduced(membership: Membership, now: Millis): void {
    const { gatekeeper, refusals, gossip } = this.#m
    const code = gatekeeper.problemOf(membership, now)
    if (code !== undefined) return refusals.count(code, membership.claims.node, 'introduction', now)
    gatekeeper.take(membership, now)
    gossip.unpark(membership, now)
  }

  #syncAnswer(request: SyncRequest, now: Millis): SyncResponse {
    const { roots, authors, reporting } = this.#m
    const { targets, announcing, beacons, swarm } = this.#m.releases
    switch (request.type) {
      case 'roots':
        return { ...NOTHING, roots: roots.from(request.from) }
      case 'targets':
        return { ...NOTHING, targets: targets.current }
      case 'announcements': {
        const bodies = request.hashes.slice(0, limits.syncAnnouncements).map((hash) => announcing.body(hash))
        return { ...NOTHING, announcements: bodies.filter((body) => body !== undefined) }
      }
      case 'statements':
        return { ...NOTHING, statements: this.#m.statements.missing(request.held) }
      case 'beacons':
        return { ...NOTHING, beacons: beacons.documents() }
      case 'summary': {
        const { held } = reporting
        if (held === undefined) return NOTHING
        // Who has just come may know nobody of the signer's zone.
        const author = authors.get(held.envelope.membership)
        return { ...NOTHING, memberships: author ? [author] : [], summary: { ...held, held: now - held.at } }
      }
      case 'pieceList':
        return { ...NOTHING, pieceList: swarm.pieceList(request.hash) }
      case 'memberships': {
        const held = request.ids.slice(0, limits.syncMemberships).map((id) => authors.get(id))
        return { ...NOTHING, memberships: held.filter((membership) => membership !== undefined) }
      }
    }
  }
}
