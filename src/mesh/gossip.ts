// Gossip: the port on gossipsub. Our handler is gossipsub's topic validator, so a message goes no further than it is accepted.

import { type GossipSub, TopicValidatorResult } from '@libp2p/gossipsub'
import type { Connection } from '@libp2p/interface'
import type { Verdict } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { Gossip, GossipHandler } from '../ports/gossip.ts'
import { messageKey } from './gossip-settings.ts'

const RESULTS: Record<Verdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

/** What gossipsub's class has and its interface does not show. */
interface Insides {
  streamsInbound: ReadonlyMap<string, unknown>
  streamsOutbound: ReadonlyMap<string, unknown>
  status: { heartbeatTimeout?: NodeJS.Timeout }
  /** What came or was published within two minutes; gossipsub publishes nothing that is in it. */
  seenCache: { entries: Map<string, unknown> }
}

export class MeshGossip implements Gossip {
  readonly #pubsub: GossipSub & Insides
  readonly #topics: Set<string>
  /** Messages that came and went no further, oldest first. */
  readonly #ignored = new Set<string>()
  #handler: GossipHandler = async () => 'ignore'

  /** `topics`: kept to what is subscribed; the settings of `pubsub` read it. */
  constructor(pubsub: GossipSub, topics: Set<string>) {
    this.#topics = topics
    this.#pubsub = pubsub as GossipSub & Insides
  }

  onMessage(handler: GossipHandler): void {
    this.#handler = handler
  }

  /** Needs a started node, as unsubscribe and publish do. */
  subscribe(topic: string): void {
    this.#pubsub.topicValidators.set(topic, (peer, message) => this.#judge(topic, message.data, peer.toString()))
    this.#topics.add(topic)
    this.#pubsub.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.#pubsub.unsubscribe(topic)
    this.#topics.delete(topic)
    this.#pubsub.topicValidators.delete(topic)
  }

  async publish(topic: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > limits.gossipMessageBytes) {
      throw new Failure(
        'E_PROTOCOL',
        `a gossip message of ${bytes.length} bytes is longer than ${limits.gossipMessageBytes}`,
      )
    }
    const key = messageKey(topic, bytes)
    // What we could not judge when a neighbour sent it, and now say ourselves, goes out.
    if (this.#ignored.delete(key)) this.#pubsub.seenCache.entries.delete(key)
    await this.#pubsub.publish(topic, bytes)
  }

  /**
   * gossipsub drops a peer in silence when a stream of theirs fails, and never opens another on that connection. Calls `deaf`
   * for each link on which it has had no stream for some heartbeats: a fresh link is the only cure.
   */
  watch(connections: () => readonly Connection[], deaf: (connection: Connection) => void): void {
    const silentBeats = new WeakMap<Connection, number>()
    this.#pubsub.addEventListener('gossipsub:heartbeat', () => {
      for (const connection of connections()) {
        const beats = this.#hears(connection.remotePeer.toString()) ? 0 : (silentBeats.get(connection) ?? 0) + 1
        silentBeats.set(connection, beats)
        if (beats >= limits.gossipDeafBeats) deaf(connection)
      }
    })
  }

  /** Ends the heartbeat's timer, which gossipsub's own stop leaves running for up to a second. Call before that. */
  quiet(): void {
    clearTimeout(this.#pubsub.status.heartbeatTimeout)
  }

  /** The bytes are copied: a view of them would keep the socket's whole buffer alive for as long as core keeps a record. */
  async #judge(topic: string, data: Uint8Array, from: string): Promise<TopicValidatorResult> {
    const verdict = await this.#verdict(topic, data, from)
    if (verdict === 'ignore') this.#ignore(messageKey(topic, data))
    return RESULTS[verdict]
  }

  async #verdict(topic: string, data: Uint8Array, from: string): Promise<Verdict> {
    try {
      return await this.#handler(topic, new Uint8Array(data), from)
    } catch {
      return 'ignore'
    }
  }

  #ignore(key: string): void {
    this.#ignored.add(key)
    if (this.#ignored.size > limits.gossipIgnored) this.#ignored.delete(this.#ignored.values().next().value as string)
  }

  #hears(peer: string): boolean {
    return this.#pubsub.streamsInbound.has(peer) && this.#pubsub.streamsOutbound.has(peer)
  }
}
