// Speaking: what this node says on gossip: sealed with its key where that is asked for, and handed to the mesh.
import type { Effect, Input } from '../core/events.ts'
import type { Envelope } from '../core/fleet/rows.ts'
import type { NodeEvent } from '../core/node-events.ts'
import type { Gossip } from '../ports/gossip.ts'
import { decodeDigest, encodeDigest } from '../wire/digest.ts'
import { DIGEST_KIND, decodeEnvelope, RECORD_KIND, SUMMARY_KIND, sealEnvelope, VOTE_KIND } from '../wire/envelope.ts'
import { encodeHead } from '../wire/head.ts'
import { decodeRecord, encodeRecord } from '../wire/record.ts'
import { decodeSummary, encodeSummary } from '../wire/summary.ts'
import { encodeVote } from '../wire/vote.ts'

/** What core asks of gossip. */
type Said = Extract<
  Effect,
  { type: 'publish' | 'publishDigest' | 'publishSummary' | 'publishHead' | 'vote' | 'subscribe' | 'unsubscribe' }
>

interface Options {
  mesh8: string
  /** Our membership id, named in every envelope. */
  membership: string
  /** Signs with the node's key. */
  sign: (bytes: Uint8Array) => Uint8Array
  feed: (input: Input) => void
  onEvent: (event: NodeEvent) => void
}

/** A body that is to be sealed. */
interface Body {
  topic: string
  /** For a person, when it cannot be sent. */
  what: string
  kind: string
  encode: () => Uint8Array
  /** What the core is told of it: what it serves is what it sent, rounding included. */
  told?: (envelope: Envelope) => Input
}

export class Speaking {
  readonly #gossip: Gossip
  readonly #o: Options
  readonly #underway = new Set<Promise<void>>()

  constructor(gossip: Gossip, options: Options) {
    this.#gossip = gossip
    this.#o = options
  }

  perform(effect: Said): void {
    const { topic } = effect
    switch (effect.type) {
      case 'subscribe':
        return this.#gossip.subscribe(topic)
      case 'unsubscribe':
        return this.#gossip.unsubscribe(topic)
      case 'publishHead':
        return this.#publish(topic, encodeHead(effect.head), 'a head')
      case 'vote':
        return this.#seal({ topic, what: 'a vote', kind: VOTE_KIND, encode: () => encodeVote(effect.vote) })
      case 'publish': {
        const told = (envelope: Envelope): Input => {
          return { type: 'published', envelope, record: decodeRecord(envelope.body) }
        }
        return this.#seal({
          topic,
          what: 'a record',
          kind: RECORD_KIND,
          encode: () => encodeRecord(effect.record),
          told,
        })
      }
      case 'publishDigest': {
        const told = (envelope: Envelope): Input => {
          return { type: 'digestPublished', envelope, digest: decodeDigest(envelope.body) }
        }
        return this.#seal({
          topic,
          what: 'a digest',
          kind: DIGEST_KIND,
          encode: () => encodeDigest(effect.digest),
          told,
        })
      }
      case 'publishSummary': {
        const told = (envelope: Envelope): Input => {
          return { type: 'summaryPublished', envelope, summary: decodeSummary(envelope.body) }
        }
        const encode = () => encodeSummary(effect.summary)
        return this.#seal({ topic, what: 'a summary', kind: SUMMARY_KIND, encode, told })
      }
    }
  }

  /** Resolves when all that was said is out, or could not be sent. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underway)
  }

  #seal({ topic, what, kind, encode, told }: Body): void {
    const { mesh8, membership, sign, feed } = this.#o
    let bytes: Uint8Array
    try {
      bytes = sealEnvelope({ kind, mesh8, membership, body: encode() }, sign)
      if (told !== undefined) feed(told(decodeEnvelope(bytes)))
    } catch (error) {
      return this.#unsent(what, error)
    }
    this.#publish(topic, bytes, what)
  }

  #publish(topic: string, bytes: Uint8Array, what: string): void {
    const publish = async () => this.#gossip.publish(topic, bytes)
    const sent: Promise<void> = publish()
      .catch((error: unknown) => this.#unsent(what, error))
      .finally(() => this.#underway.delete(sent))
    this.#underway.add(sent)
  }

  #unsent(what: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#o.onEvent({ type: 'gossipFailed', detail: `${what} was not sent: ${reason}` })
  }
}
