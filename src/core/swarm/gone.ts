// Members that are gone and owe something: who let requests lapse, left with pieces that it was asked for, or claimed what it does not have.
// A new link costs a member nothing, so it finds what this node knew of it. Invariant: bounded in number and time, and who owes
// nothing takes no place.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Peer } from './peers.ts'

export class Gone {
  /** In the order in which they left. */
  readonly #peers = new Map<NodeId, { peer: Peer; until: Millis }>()

  /** Its link is gone. */
  add(peer: Peer, now: Millis): void {
    if (!peer.owes) return
    this.#peers.delete(peer.node)
    this.#peers.set(peer.node, { peer, until: now + limits.goneRemembered })
    for (const [node, { until }] of this.#peers)
      if (this.#peers.size > limits.goneMembers || now >= until) this.#peers.delete(node)
  }

  /** It is linked again: what was known of it, if that is not long ago. */
  back(node: NodeId, now: Millis): Peer | undefined {
    const gone = this.#peers.get(node)
    this.#peers.delete(node)
    if (gone === undefined || now >= gone.until) return undefined
    gone.peer.returned()
    return gone.peer
  }
}
