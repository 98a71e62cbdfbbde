// Gossip: unordered, lossy, duplicating, eventually-to-most delivery of small messages to everyone on a topic.
import type { NodeId } from '../core/env.ts'
import type { Verdict } from '../core/events.ts'

/** Decides about a message before it is delivered or forwarded; must not throw. */
export type GossipHandler = (topic: string, bytes: Uint8Array, from: NodeId) => Promise<Verdict>

export interface Gossip {
  /** Called for every message that is not a known duplicate, on every subscribed topic. Set once, before subscribe. */
  onMessage(handler: GossipHandler): void
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  /**
   * Hands the message to neighbours; resolves when it was handed over, also when there are none. Never delivers to itself.
   * Bytes that were passed on or published within two minutes are not sent again; bytes that were heard and ignored are.
   */
  publish(topic: string, bytes: Uint8Array): Promise<void>
}
