// What is done with a record that arrives: the cheap checks first, one signature check for what may be news, and a wait
// for the author's membership when it is not known yet. Invariant: nothing enters the view that its author did not sign.
import type { Env, MembershipId, Millis, NodeId } from '../env.ts'
import type { RefusalCode, Ticket, Verdict } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { Refusals } from '../trust/refusals.ts'
import type { Roster } from '../trust/roster.ts'
import type { StatementKeeper } from '../trust/statement-keeper.ts'
import type { Alerts } from './alerts.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { HealthRecord } from './record.ts'
import type { Envelope, Row } from './rows.ts'
import type { View } from './view.ts'

interface Parts {
  env: Env
  out: Outbox
  self: Self
  roster: Roster
  view: View
  heartbeat: Heartbeat
  alerts: Alerts
  refusals: Refusals
  statements: Pick<StatementKeeper, 'isFound' | 'endOf'>
  topic: string
  /** A record was taken into the view: `at` is when it was heard. */
  heardOf: (node: NodeId, record: HealthRecord, at: Millis, now: Millis) => void
}

interface Parked {
  from: NodeId
  envelope: Envelope
  record: HealthRecord
  at: Millis
  /** When each forwarder was asked who the author is. */
  asked: Map<NodeId, Millis>
}

/** Outcome of one record: taken into the view, nothing new, or refused. */
type Outcome = 'taken' | 'old' | RefusalCode

export class RecordGossip {
  readonly #p: Parts
  readonly #parked = new Map<MembershipId, Parked>()
  /** The last record that was taken brought nothing but figures. */
  #calm = false

  constructor(parts: Parts) {
    this.#p = parts
  }

  get parked(): number {
    return this.#parked.size
  }

  /**
   * Judges a message on our zone's topic and tells gossip whether to forward it.
   * @returns true when it was the next record of a node that was up and says nothing new but figures
   */
  heard(
    ticket: Ticket,
    from: NodeId,
    topic: string,
    envelope: Envelope,
    record: HealthRecord | undefined,
    now: Millis,
  ): boolean {
    this.#calm = false
    const outcome = this.#judge(from, topic, envelope, record, now)
    this.#p.out.emit({ type: 'verdict', ticket, verdict: verdictOn(outcome) })
    this.#count(outcome, from, now)
    return this.#calm && outcome === 'taken'
  }

  /**
   * Judges a row of our zone that a zone-mate told us: signed by its author, so as good as gossip but for its age. A row whose
   * author is not known is no offence, and waits for nobody: the author's next record does.
   */
  told(from: NodeId, { envelope, record, age }: Row, now: Millis): Outcome {
    const author = this.#p.roster.byId(envelope.membership)
    const heardAgo = age ?? limits.downAfterPromises * record.promise
    const outcome =
      this.#misplaced(envelope) ??
      (author === undefined ? 'unknownMembership' : this.consider(author, envelope, record, now, heardAgo))
    if (outcome !== 'unknownMembership') this.#count(outcome, from, now)
    return outcome
  }

  /** A membership arrived: the records that waited for it are judged again, for our own view only. */
  unpark(membership: Membership, now: Millis): void {
    const waiting = this.#parked.get(membership.id)
    if (waiting === undefined) return
    this.#parked.delete(membership.id)
    const { from, envelope, record, at } = waiting
    this.#count(this.consider(membership, envelope, record, now, now - at), from, now)
  }

  /** Takes a record of a member of our zone, however it came. `age`: how long ago it was heard by whom we have it from. */
  consider(author: Membership, envelope: Envelope, record: HealthRecord, now: Millis, age: Millis): Outcome {
    const { env, view, self, alerts } = this.#p
    const { node } = author.claims
    if (author.claims.zone !== self.zone) return 'outsideGrant'
    const { promise } = record
    if (promise < limits.recordPeriodFloor || promise > limits.recordPeriodMax) return 'malformed'
    if (node === self.node) return this.#considerOwn(envelope, record, now)
    const standing = view.standing(node, record, envelope.body, now)
    if (standing === 'old' || standing === 'tooOften') return standing
    if (standing === 'full') return 'viewFull'
    const key = env.nodeKey(node)
    if (key === undefined || !env.verify(key, envelope.signedBytes, envelope.signature)) return 'badSignature'
    this.#p.roster.touch(author.id)
    if (standing === 'newer') {
      this.#calm = view.accept(node, record, envelope, now, age)
      this.#p.heardOf(node, record, now - age, now)
      return 'taken'
    }
    if (view.suspect(node, record, now))
      alerts.raise('cloned', node, 'two machines sign records with the key of this node', now)
    return 'old'
  }

  #judge(from: NodeId, topic: string, envelope: Envelope, record: HealthRecord | undefined, now: Millis): Outcome {
    const { self, roster, statements } = this.#p
    if (topic !== this.#p.topic) return 'wrongTopic'
    const misplaced = this.#misplaced(envelope)
    if (misplaced !== undefined) return misplaced
    if (record === undefined) return 'malformed'
    // It was struck off, or refused when somebody introduced it: nobody has to be asked who that is.
    if (statements.isFound(envelope.membership)) return 'revoked'
    const author = roster.byId(envelope.membership)
    if (author === undefined) {
      this.#park(from, envelope, record, now)
      return 'unknownMembership'
    }
    const wall = self.wallAt(now)
    if (wall !== undefined && wall >= statements.endOf(author)) return 'expired'
    return this.consider(author, envelope, record, now, 0)
  }

  /** Not a record, or not one of this mesh: nothing to check a signature for. */
  #misplaced(envelope: Envelope): RefusalCode | undefined {
    if (envelope.mesh8 !== this.#p.self.mesh8) return 'foreignMesh'
    return envelope.kind === 'rec' ? undefined : 'wrongKind'
  }

  #count(outcome: Outcome, from: NodeId, now: Millis): void {
    if (outcome !== 'taken' && outcome !== 'old') this.#p.refusals.count(outcome, from, 'record', now)
  }

  /** A record under our own key: an echo of what we sent, or a sign that our disk was reset or our card copied. */
  #considerOwn(envelope: Envelope, record: HealthRecord, now: Millis): Outcome {
    const { env, self, view, heartbeat, alerts } = this.#p
    const standing = view.standing(self.node, record, envelope.body, now)
    if (standing === 'old') return 'old'
    const key = env.nodeKey(self.node)
    if (key === undefined || !env.verify(key, envelope.signedBytes, envelope.signature)) return 'badSignature'
    const foreign = standing === 'suspect' ? view.suspect(self.node, record, now) : heartbeat.heardOwn(record)
    if (foreign) alerts.raise('cloned', self.node, 'another machine signs records with the key of this node', now)
    return standing === 'newer' ? 'taken' : 'old'
  }

  /** Keeps the last record of an unknown author and asks the forwarder who it is: one that does not tell cannot keep others from it. */
  #park(from: NodeId, envelope: Envelope, record: HealthRecord, now: Millis): void {
    const id = envelope.membership
    const asked = this.#parked.get(id)?.asked ?? new Map<NodeId, Millis>()
    if (!this.#parked.has(id) && this.#parked.size >= limits.parkedRecords) {
      this.#parked.delete(this.#parked.keys().next().value as MembershipId)
    }
    this.#parked.set(id, { from, envelope, record, at: now, asked })
    const last = asked.get(from)
    if (last !== undefined && now - last < limits.requestTimeout) return
    for (const [peer, at] of asked) if (now - at >= limits.requestTimeout) asked.delete(peer)
    asked.set(from, now)
    const body = { type: 'memberships' as const, ids: [id] }
    this.#p.out.emit({ type: 'ask', ticket: this.#p.out.ticket(), peer: from, protocol: 'sync', body })
  }
}

function verdictOn(outcome: Outcome): Verdict {
  if (outcome === 'taken') return 'accept'
  const harmless: readonly Outcome[] = ['old', 'unknownMembership', 'viewFull', 'expired', 'tooOften', 'revoked']
  return harmless.includes(outcome) ? 'ignore' : 'reject'
}
