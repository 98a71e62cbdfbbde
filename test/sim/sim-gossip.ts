// Gossip of one simulated machine: its records and its heads of announcements, both through the real codecs.
import type { NodeId } from '../../src/core/env.ts'
import type { Effect, Input, Ticket, Verdict } from '../../src/core/events.ts'
import type { Envelope } from '../../src/core/fleet/rows.ts'
import { limits, SECOND } from '../../src/core/limits.ts'
import type { Membership } from '../../src/core/trust/documents.ts'
import { decodeDigest, encodeDigest } from '../../src/wire/digest.ts'
import {
  DIGEST_KIND,
  decodeEnvelope,
  RECORD_KIND,
  SUMMARY_KIND,
  sealEnvelope,
  VOTE_KIND,
} from '../../src/wire/envelope.ts'
import { decodeHead } from '../../src/wire/head.ts'
import { decodeRecord, encodeRecord } from '../../src/wire/record.ts'
import { decodeSummary, encodeSummary } from '../../src/wire/summary.ts'
import { decodeVote, encodeVote } from '../../src/wire/vote.ts'
import type { FleetMessage, HeadMessage, RecordMessage, SimMessage, Surroundings, VoteMessage } from './surroundings.ts'
import type { Tickets } from './tickets.ts'

/** A head's body is fetched and written first; a second more for a clock that drifts. */
export const HEAD_PATIENCE = 2 * limits.requestTimeout + SECOND

interface Owner {
  index: number
  /** Heads neither leave this machine nor pass through it. */
  mute: boolean
  sign: (bytes: Uint8Array) => Uint8Array
  membership: () => Membership
  tickets: Tickets
  feed: (input: Input) => void
  /** The core left something without an answer. */
  silent: (what: string) => void
  run: () => number
}

export class SimGossip {
  readonly #world: Surroundings
  readonly #owner: Owner

  constructor(world: Surroundings, owner: Owner) {
    this.#world = world
    this.#owner = owner
  }

  /** A process starts to take part. */
  join(): void {
    this.#world.gossip.join(this.#owner.index, (message, from, judge) => {
      if (message.type === 'record' || message.type === 'vote') judge(this.#envelope(message, this.#world.nodeOf(from)))
      else if (message.type !== 'head') this.#fleet(message, this.#world.nodeOf(from), judge)
      else this.#head(message, this.#world.nodeOf(from), judge)
    })
  }

  /** Seals a record and hands it to gossip; the core hears of what was sent. */
  publish({ topic, record }: Extract<Effect, { type: 'publish' }>): void {
    const { envelope, bytes } = this.#seal(RECORD_KIND, encodeRecord(record))
    const sent = decodeRecord(envelope.body)
    const { index } = this.#owner
    this.#world.gossip.publish({ type: 'record', kind: 'gossip', topic, author: index, bytes, envelope, record: sent })
    this.#told({ type: 'published', envelope, record: sent })
  }

  publishDigest({ topic, digest }: Extract<Effect, { type: 'publishDigest' }>): void {
    const { envelope, bytes } = this.#seal(DIGEST_KIND, encodeDigest(digest))
    const sent = decodeDigest(envelope.body)
    const input = (ticket: Ticket, from: NodeId) =>
      ({ type: 'digestHeard', ticket, from, topic, envelope, digest: sent }) as const
    const { index } = this.#owner
    this.#world.gossip.publish({ type: 'digest', kind: 'digest', topic, author: index, bytes, input })
    this.#told({ type: 'digestPublished', envelope, digest: sent })
  }

  publishSummary({ topic, summary }: Extract<Effect, { type: 'publishSummary' }>): void {
    const { envelope, bytes } = this.#seal(SUMMARY_KIND, encodeSummary(summary))
    const sent = decodeSummary(envelope.body)
    const input = (ticket: Ticket, from: NodeId) =>
      ({ type: 'summaryHeard', ticket, from, topic, envelope, summary: sent }) as const
    const { index } = this.#owner
    this.#world.gossip.publish({ type: 'summary', kind: 'summary', topic, author: index, bytes, input })
    this.#told({ type: 'summaryPublished', envelope, summary: sent })
  }

  publishVote({ topic, vote }: Extract<Effect, { type: 'vote' }>): void {
    const { envelope, bytes } = this.#seal(VOTE_KIND, encodeVote(vote))
    const sent = decodeVote(envelope.body)
    const { index } = this.#owner
    this.#world.gossip.publish({ type: 'vote', kind: 'gossip', topic, author: index, bytes, envelope, vote: sent })
  }

  /** Gossip knows a message by its bytes: who says what another said before says the same message. */
  publishHead(topic: string, bytes: Uint8Array): void {
    const { heads, gossip } = this.#world
    const { index, mute } = this.#owner
    if (mute) return
    const key = `${topic} ${Buffer.from(bytes).toString('hex')}`
    const message: SimMessage = heads.get(key) ?? { type: 'head', kind: 'head', topic, author: index, bytes }
    heads.set(key, message as HeadMessage)
    gossip.publish(message, index)
  }

  #seal(kind: string, body: Uint8Array): { envelope: Envelope; bytes: Uint8Array } {
    const { sign, membership } = this.#owner
    const mesh8 = this.#world.mesh.id.slice(0, 16)
    const bytes = sealEnvelope({ kind, mesh8, membership: membership().id, body }, sign)
    return { envelope: decodeEnvelope(bytes), bytes }
  }

  /** The core hears of what was sent, after the step in which it asked for it. */
  #told(input: Input): void {
    const { run, feed } = this.#owner
    const started = run()
    this.#world.queue.after(0, () => {
      if (run() === started) feed(input)
    })
  }

  /** A digest may wait for the membership of its author. */
  #fleet({ input }: FleetMessage, from: NodeId, judge: (verdict: Verdict) => void): void {
    const { tickets, feed, silent } = this.#owner
    const ticket = tickets.expect('verdict', ({ verdict }) => judge(verdict))
    feed(input(ticket, from))
    this.#world.queue.after(HEAD_PATIENCE, () => {
      if (tickets.has(ticket)) silent('a digest')
    })
  }

  /** A record or a vote gets its verdict in the same step. */
  #envelope(message: RecordMessage | VoteMessage, from: NodeId): Verdict {
    const { topic, envelope } = message
    const [record, vote] = message.type === 'record' ? [message.record, undefined] : [undefined, message.vote]
    const { tickets, feed, silent } = this.#owner
    let verdict: Verdict = 'ignore'
    const ticket = tickets.expect('verdict', (effect) => {
      verdict = effect.verdict
    })
    feed({ type: 'gossip', ticket, from, topic, envelope, record, vote })
    if (tickets.has(ticket)) silent(`a ${message.type}`)
    return verdict
  }

  /** A head gets it when its body was fetched and judged, or not. */
  #head({ topic, bytes }: HeadMessage, from: NodeId, judge: (verdict: Verdict) => void): void {
    const { tickets, feed, silent, mute } = this.#owner
    const ticket = tickets.expect('verdict', ({ verdict }) => judge(mute ? 'ignore' : verdict))
    feed({ type: 'headHeard', ticket, from, topic, head: decodeHead(bytes) })
    this.#world.queue.after(HEAD_PATIENCE, () => {
      if (tickets.has(ticket)) silent('a head')
    })
  }
}
