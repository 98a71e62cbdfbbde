// Offers: what linked peers said that they hold, by their last hello and by the heads they passed on since. It is kept, so that
// a body which cannot be fetched now is fetched later without another hello. Nothing here is proven.
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import { compareVersions, type Head, orderOf, type VectorEntry, type VersionVector } from './announcement.ts'

type TargetsOffer = Pick<VersionVector, 'targetsVersion' | 'targetsHash'>

interface Offer {
  targets: TargetsOffer | undefined
  heads: Map<string, VectorEntry>
}

export class Offers {
  /** Oldest hello first. */
  readonly #peers = new Map<NodeId, Offer>()

  get size(): number {
    return this.#peers.size
  }

  /** A hello of a peer: replaces what it said before. */
  told(peer: NodeId, { targetsVersion, targetsHash, heads }: VersionVector): void {
    const byRole = new Map(heads.slice(0, limits.delegatedRoles).map((entry) => [entry.role, entry]))
    this.#set(peer, { targets: { targetsVersion, targetsHash }, heads: byRole })
  }

  /** A head that a peer passed on: it holds the body. */
  heard(peer: NodeId, head: Head): void {
    const { role, hash } = head
    const offer = this.#peers.get(peer) ?? { targets: undefined, heads: new Map<string, VectorEntry>() }
    if (!this.#peers.has(peer)) this.#set(peer, offer)
    const known = offer.heads.get(role)
    const order = known === undefined ? 1 : compareVersions(head, known)
    if (known !== undefined && order === 0 && known.hash !== hash) offer.heads.set(role, { ...known, rival: hash })
    if (order <= 0 || (known === undefined && offer.heads.size >= limits.delegatedRoles)) return
    offer.heads.set(role, { role, ...orderOf(head), hash, rival: undefined })
  }

  /** What a peer said of a role turned out wrong: nothing is asked for until it says it again. */
  drop(peer: NodeId, role: string): void {
    this.#peers.get(peer)?.heads.delete(role)
  }

  unlinked(peer: NodeId): void {
    this.#peers.delete(peer)
  }

  /** All heads that `isWanted` wants, with who told of them. It is asked at every hello. */
  heads(isWanted: (head: Head) => boolean): { peer: NodeId; head: Head }[] {
    const wanted: { peer: NodeId; head: Head }[] = []
    const offer = (peer: NodeId, head: Head) => {
      if (isWanted(head)) wanted.push({ peer, head })
    }
    for (const [peer, { heads }] of this.#peers) {
      for (const head of heads.values()) {
        offer(peer, head)
        if (head.rival !== undefined) offer(peer, { ...head, hash: head.rival })
      }
    }
    return wanted
  }

  /** Hex hash of the targets that the peer said it holds in its last hello; undefined when it said of none. */
  targetsOf(peer: NodeId): string | undefined {
    return this.#peers.get(peer)?.targets?.targetsHash
  }

  *targets(): Generator<{ peer: NodeId; offer: TargetsOffer }> {
    for (const [peer, { targets }] of this.#peers) if (targets !== undefined) yield { peer, offer: targets }
  }

  #set(peer: NodeId, offer: Offer): void {
    this.#peers.delete(peer)
    this.#peers.set(peer, offer)
    if (this.#peers.size > limits.connections) this.#peers.delete(this.#peers.keys().next().value as NodeId)
  }
}
