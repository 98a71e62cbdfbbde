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
import type { Alerts } from './alerts.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { HealthRecord } from './record.ts'
import type { Envelope } from './rows.ts'
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
  topic: string
}

interface Parked {
  envelope: Envelope
  record: HealthRecord
  at: Millis
}

/** Outcome of one record: taken into the view, nothing new, or refused. */
type Outcome = 'taken' | 'old' | RefusalCode

export class RecordGossip {
  readonly #p: Parts
  readonly #parked = new Map<MembershipId, Parked>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  get parked(): number {
    return this.#parked.size
  }

  /** Judges a message on our zone's topic and tells gossip whether to forward it. */
  heard(
    ticket: Ticket,
    from: NodeId,
    topic: string,
    envelope: Envelope,
    record: HealthRecord | undefined,
    now: Millis,
  ): void {
    const outcome = this.#judge(from, topic, envelope, record, now)
    this.#p.out.emit({ type: 'verdict', ticket, verdict: verdictOn(outcome) })
    if (outcome !== 'taken' && outcome !== 'old') this.#p.refusals.count(outcome, from, 'record', now)
  }

  /** A membership arrived: the records that waited for it are judged again, for our own view only. */
  unpark(membership: Membership, now: Millis): void {
    const waiting = this.#parked.get(membership.id)
    if (waiting === undefined) return
    this.#parked.delete(membership.id)
    this.consider(membership, waiting.envelope, waiting.record, now, now - waiting.at)
  }

  /** Takes a record of a member of our zone, however it came. `age`: how long ago it was heard by whom we have it from. */
  consider(author: Membership, envelope: Envelope, record: HealthRecord, now: Millis, age: Millis): Outcome {
    const { env, view, self, alerts } = this.#p
    const { node } = author.claims
    if (author.claims.zone !== self.zone) return 'outsideGrant'
    if (record.promise > limits.recordPeriodMax) return 'malformed'
    if (node === self.node) return this.#considerOwn(envelope, record, now)
    const standing = view.standing(node, record, envelope.body)
    if (standing === 'old') return 'old'
    if (standing === 'full') return 'viewFull'
    const key = env.nodeKey(node)
    if (key === undefined || !env.verify(key, envelope.signedBytes, envelope.signature)) return 'badSignature'
    this.#p.roster.touch(author.id)
    if (standing === 'newer') {
      view.accept(node, record, envelope, now, age)
      return 'taken'
    }
    if (view.suspect(node, record, now))
      alerts.raise('cloned', node, 'two machines sign records with the key of this node', now)
    return 'old'
  }

  #judge(from: NodeId, topic: string, envelope: Envelope, record: HealthRecord | undefined, now: Millis): Outcome {
    const { self, roster } = this.#p
    if (topic !== this.#p.topic) return 'wrongTopic'
    if (envelope.mesh8 !== self.mesh8) return 'foreignMesh'
    if (envelope.kind !== 'rec') return 'wrongKind'
    if (record === undefined) return 'malformed'
    const author = roster.byId(envelope.membership)
    if (author === undefined) {
      this.#park(from, envelope, record, now)
      return 'unknownMembership'
    }
    const wall = self.wallAt(now)
    if (wall !== undefined && wall > author.claims.expires) return 'expired'
    return this.consider(author, envelope, record, now, 0)
  }

  /** A record under our own key: an echo of what we sent, or a sign that our disk was reset or our card copied. */
  #considerOwn(envelope: Envelope, record: HealthRecord, now: Millis): Outcome {
    const { env, self, view, heartbeat, alerts } = this.#p
    const standing = view.standing(self.node, record, envelope.body)
    if (standing === 'old') return 'old'
    const key = env.nodeKey(self.node)
    if (key === undefined || !env.verify(key, envelope.signedBytes, envelope.signature)) return 'badSignature'
    const foreign = standing === 'suspect' ? view.suspect(self.node, record, now) : heartbeat.heardOwn(record)
    if (foreign) alerts.raise('cloned', self.node, 'another machine signs records with the key of this node', now)
    return standing === 'newer' ? 'taken' : 'old'
  }

  /** Keeps the newest record of an unknown author and asks the forwarder who it is: once, until the next record comes. */
  #park(from: NodeId, envelope: Envelope, record: HealthRecord, now: Millis): void {
    const asked = this.#parked.get(envelope.membership)
    if (asked === undefined && this.#parked.size >= limits.parkedRecords) {
      this.#parked.delete(this.#parked.keys().next().value as MembershipId)
    }
    this.#parked.set(envelope.membership, { envelope, record, at: now })
    if (asked !== undefined && now - asked.at < limits.requestTimeout) return
    const body = { type: 'memberships' as const, ids: [envelope.membership] }
    this.#p.out.emit({ type: 'ask', ticket: this.#p.out.ticket(), peer: from, protocol: 'sync', body })
  }
}

function verdictOn(outcome: Outcome): Verdict {
  if (outcome === 'taken') return 'accept'
  const harmless: readonly Outcome[] = ['old', 'unknownMembership', 'viewFull', 'expired']
  return harmless.includes(outcome) ? 'ignore' : 'reject'
}
