// Gossip of one simulated machine: its records and its heads of announcements, both through the real codecs.
import type { NodeId } from '../../src/core/env.ts'
import type { Effect, Input, Verdict } from '../../src/core/events.ts'
import { limits, SECOND } from '../../src/core/limits.ts'
import type { Membership } from '../../src/core/trust/documents.ts'
import { decodeEnvelope, RECORD_KIND, sealEnvelope } from '../../src/wire/envelope.ts'
import { decodeHead } from '../../src/wire/head.ts'
import { decodeRecord, encodeRecord } from '../../src/wire/record.ts'
import type { HeadMessage, RecordMessage, SimMessage, Surroundings } from './surroundings.ts'
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
      if (message.type === 'record') judge(this.#record(message, this.#world.nodeOf(from)))
      else this.#head(message, this.#world.nodeOf(from), judge)
    })
  }

  /** Seals a record and hands it to gossip; the core hears of what was sent. */
  publish({ topic, record }: Extract<Effect, { type: 'publish' }>): void {
    const { mesh, gossip, queue } = this.#world
    const { sign, index, run, feed } = this.#owner
    const membership = this.#owner.membership().id
    const mesh8 = mesh.id.slice(0, 16)
    const bytes = sealEnvelope({ kind: RECORD_KIND, mesh8, membership, body: encodeRecord(record) }, sign)
    const envelope = decodeEnvelope(bytes)
    const sent = decodeRecord(envelope.body)
    gossip.publish({ type: 'record', kind: 'gossip', topic, author: index, bytes, envelope, record: sent })
    const started = run()
    queue.after(0, () => {
      if (run() === started) feed({ type: 'published', envelope, record: sent })
    })
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

  /** A record gets its verdict in the same step. */
  #record({ topic, envelope, record }: RecordMessage, from: NodeId): Verdict {
    const { tickets, feed, silent } = this.#owner
    let verdict: Verdict = 'ignore'
    const ticket = tickets.expect('verdict', (effect) => {
      verdict = effect.verdict
    })
    feed({ type: 'gossip', ticket, from, topic, envelope, record })
    if (tickets.has(ticket)) silent('a record')
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
