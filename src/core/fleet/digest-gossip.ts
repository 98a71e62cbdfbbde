// What is done with a digest or a summary that arrives: the cheap checks first, one signature check for what may be news, and a wait for
// who its author is, when that is not known. Invariant: nothing is held that its author did not sign, and may not say (clause DIGEST 5).
import type { Env, MembershipId, Millis, NodeId } from '../env.ts'
import type { RefusalCode, Ticket, Verdict } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { SyncResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { Refusals } from '../trust/refusals.ts'
import type { StatementKeeper } from '../trust/statement-keeper.ts'
import { parentOf, within } from '../zone.ts'
import type { Authors } from './authors.ts'
import type { Day } from './day.ts'
import type { Digest } from './digest.ts'
import type { FleetInput } from './fleet-inputs.ts'
import type { Level } from './level.ts'
import type { Reporting } from './reporting.ts'
import type { Envelope } from './rows.ts'
import type { Summary } from './summary.ts'

interface Parts {
  env: Env
  out: Outbox
  self: Self
  authors: Authors
  reporting: Reporting
  refusals: Refusals
  statements: Pick<StatementKeeper, 'isFound' | 'endOf'>
  day: Day
  /** Topic of our leaf zone's records. */
  topic: string
  /** Two digests of one reporter are further apart than this. */
  gap: Millis
}

/** How a message of gossip came. */
interface Heard {
  from: NodeId
  topic: string
  envelope: Envelope
}

/** A digest whose author is being asked for. */
interface Parked extends Heard {
  ticket: Ticket
  digest: Digest
}

/** Taken, known already, or refused. `notReporting`: by our view; other views may differ, so it is no offence and is not counted. */
type Outcome = 'taken' | 'old' | 'notReporting' | RefusalCode

export class DigestGossip {
  readonly #p: Parts
  /** By the ticket of the question. */
  readonly #parked = new Map<Ticket, Parked>()
  /** When a summary of a member was taken last on a topic: it has nothing to say more often than a digest. */
  readonly #handed = new Map<string, Millis>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return Math.max(this.#parked.size, this.#p.authors.size)
  }

  handle(input: FleetInput, now: Millis): void {
    switch (input.type) {
      case 'digestHeard':
        return this.heard(input.ticket, input, input.digest, now)
      case 'summaryHeard':
        return this.heardSummary(input.ticket, input, input.summary, now)
      case 'digestPublished':
        return this.#p.reporting.published(input.digest, input.envelope, now)
      case 'summaryPublished':
        return this.#p.reporting.handedDown(input.summary, input.envelope, now)
    }
  }

  /** Judges a digest; the verdict may wait for its author's membership. */
  heard(ticket: Ticket, { from, topic, envelope }: Heard, digest: Digest | undefined, now: Millis): void {
    const outcome = this.#judge({ ticket, from, topic, envelope }, digest, now)
    if (outcome !== 'parked') this.#answer(ticket, from, outcome, now)
  }

  /** Judges a summary that somebody hands down. */
  heardSummary(ticket: Ticket, { from, topic, envelope }: Heard, summary: Summary | undefined, now: Millis): void {
    this.#answer(ticket, from, this.#judgeSummary(topic, envelope, summary, now), now)
  }

  /**
   * A linked member told a summary on our asking, which it has held for so long, and who signed it. Only who has none takes it: anybody
   * could be the signer of this one, and what reporters hand down comes within a D.
   */
  told(
    from: NodeId,
    told: { envelope: Envelope; summary: Summary; held: Millis },
    memberships: readonly Membership[],
    now: Millis,
  ): void {
    const { authors, reporting } = this.#p
    if (reporting.held !== undefined) return
    const { envelope, held } = told
    for (const membership of memberships) if (membership.id === envelope.membership) authors.learn(membership, now)
    const summary = { ...told.summary, made: told.summary.made + held, age: told.summary.age + held }
    const author = authors.get(envelope.membership)
    const outcome = this.#misplaced(envelope, 'sum') ?? this.#lapsed(author, envelope, now)
    if (outcome !== undefined) return this.#count(outcome, from, now)
    if (author === undefined) return
    if (!this.#signed(author, envelope)) return this.#count('badSignature', from, now)
    reporting.heardSummary({ summary, by: author.claims.node, at: now, envelope }, undefined, now)
  }

  /** Takes memberships that we asked for because of a digest; false when the ticket is none of ours. */
  introduced(ticket: Ticket, { memberships }: SyncResponse, now: Millis): boolean {
    const parked = this.#parked.get(ticket)
    if (parked === undefined) return false
    this.#parked.delete(ticket)
    for (const membership of memberships) {
      if (membership.id === parked.envelope.membership) this.#p.authors.learn(membership, now)
    }
    const { digest } = parked
    const outcome = this.#p.authors.get(parked.envelope.membership) && this.#judge(parked, digest, now)
    if (outcome !== 'parked') this.#answer(parked.ticket, parked.from, outcome ?? 'unknownMembership', now)
    return true
  }

  /** Nobody said who signed it; false when the ticket is none of ours. */
  failed(ticket: Ticket, now: Millis): boolean {
    const parked = this.#parked.get(ticket)
    if (parked === undefined) return false
    this.#parked.delete(ticket)
    this.#answer(parked.ticket, parked.from, 'unknownMembership', now)
    return true
  }

  #judge(message: Omit<Parked, 'digest'>, digest: Digest | undefined, now: Millis): Outcome | 'parked' {
    const { authors, day, reporting, self, gap } = this.#p
    const { topic, envelope } = message
    if (topic === this.#p.topic) return 'wrongTopic'
    const level = reporting.levelOf(topic)
    // We left that topic a moment ago.
    if (level === undefined) return 'old'
    const misplaced = this.#misplaced(envelope, 'dig')
    if (misplaced !== undefined) return misplaced
    if (digest === undefined) return 'malformed'
    if (parentOf(digest.zone) !== level.zone) return 'wrongTopic'
    if (self.synchronised && Math.abs(digest.day - day.at(now)) > limits.witnessDays) return 'wrongDay'
    const author = authors.get(envelope.membership)
    if (author === undefined) return this.#park({ ...message, digest }, now)
    const lapsed = this.#lapsed(author, envelope, now)
    if (lapsed !== undefined) return lapsed
    if (!mayReport(author, digest)) return 'outsideGrant'
    const { node } = author.claims
    if (node === self.node) return 'old'
    return this.#take(level, author, digest, envelope, gap, now)
  }

  #take(level: Level, author: Membership, digest: Digest, envelope: Envelope, gap: Millis, now: Millis): Outcome {
    const by = author.claims.node
    const standing = level.standing(by, digest, gap, now)
    if (standing === 'full') return 'viewFull'
    if (standing !== 'newer') return standing
    if (!this.#signed(author, envelope)) return 'badSignature'
    this.#p.reporting.took(level, { by, digest, envelope, at: now }, now)
    return 'taken'
  }

  #judgeSummary(topic: string, envelope: Envelope, summary: Summary | undefined, now: Millis): Outcome {
    const { authors, reporting, self, topic: own } = this.#p
    const level = reporting.levelOf(topic)
    if (topic !== own && level === undefined) return 'old'
    const misplaced = this.#misplaced(envelope, 'sum')
    if (misplaced !== undefined) return misplaced
    if (summary === undefined) return 'malformed'
    const author = authors.get(envelope.membership)
    if (author === undefined) return 'unknownMembership'
    const lapsed = this.#lapsed(author, envelope, now)
    if (lapsed !== undefined) return lapsed
    const { node, zone } = author.claims
    if (node === self.node || !reporting.isNewer(summary, now)) return 'old'
    const mayHand = (level !== undefined || zone === self.zone) && reporting.mayHandDown(node, level, now)
    if (!mayHand) return 'notReporting'
    const last = this.#handed.get(`${topic} ${node}`)
    if (last !== undefined && now - last < this.#p.gap) return 'tooOften'
    if (!this.#signed(author, envelope)) return 'badSignature'
    this.#handed.delete(`${topic} ${node}`)
    this.#handed.set(`${topic} ${node}`, now)
    if (this.#handed.size > limits.summaryAuthors) this.#handed.delete(this.#handed.keys().next().value as string)
    reporting.heardSummary({ summary, by: node, at: now, envelope }, topic, now)
    return 'taken'
  }

  /** Not of this kind, or not of this mesh: nothing to check a signature for. */
  #misplaced(envelope: Envelope, kind: string): RefusalCode | undefined {
    if (envelope.mesh8 !== this.#p.self.mesh8) return 'foreignMesh'
    return envelope.kind === kind ? undefined : 'wrongKind'
  }

  #lapsed(author: Membership | undefined, envelope: Envelope, now: Millis): RefusalCode | undefined {
    const { self, statements } = this.#p
    if (statements.isFound(envelope.membership)) return 'revoked'
    const wall = self.wallAt(now)
    return author !== undefined && wall !== undefined && wall >= statements.endOf(author) ? 'expired' : undefined
  }

  #signed(author: Membership, envelope: Envelope): boolean {
    const key = this.#p.env.nodeKey(author.claims.node)
    return key !== undefined && this.#p.env.verify(key, envelope.signedBytes, envelope.signature)
  }

  /** Asks the forwarder who signed it; gossip waits for the verdict meanwhile. */
  #park(parked: Parked, now: Millis): 'parked' {
    const { out } = this.#p
    if (this.#parked.size >= limits.parkedDigests) {
      const [oldest, { ticket, from }] = this.#parked.entries().next().value as [Ticket, Parked]
      this.#parked.delete(oldest)
      this.#answer(ticket, from, 'unknownMembership', now)
    }
    const question = out.ticket()
    this.#parked.set(question, parked)
    const body = { type: 'memberships' as const, ids: [parked.envelope.membership satisfies MembershipId] }
    out.emit({ type: 'ask', ticket: question, peer: parked.from, protocol: 'sync', body })
    return 'parked'
  }

  #answer(ticket: Ticket, from: NodeId, outcome: Outcome, now: Millis): void {
    this.#p.out.emit({ type: 'verdict', ticket, verdict: verdictOn(outcome) })
    this.#count(outcome, from, now)
  }

  #count(outcome: Outcome, from: NodeId, now: Millis): void {
    if (outcome !== 'taken' && outcome !== 'old' && outcome !== 'notReporting')
      this.#p.refusals.count(outcome, from, 'digest', now)
  }
}

/** A leaf zone's reporter is a member of it, an inner zone's one of a zone below it; an operator's peer reports for nobody. */
export function mayReport({ claims, invite }: Membership, { zone, leaf }: Digest): boolean {
  if (!invite.signed.capabilities.includes('node')) return false
  return leaf ? claims.zone === zone : claims.zone !== zone && within(claims.zone, zone)
}

function verdictOn(outcome: Outcome): Verdict {
  if (outcome === 'taken') return 'accept'
  const harmless: readonly Outcome[] = [
    ...(['old', 'unknownMembership', 'viewFull', 'expired', 'tooOften', 'revoked'] as const),
    ...(['wrongDay', 'notReporting'] as const),
  ]
  return harmless.includes(outcome) ? 'ignore' : 'reject'
}
