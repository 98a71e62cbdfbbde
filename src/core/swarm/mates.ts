// Mates: the members on this node's LAN, as far as one download is concerned. Those that want the encoding share the work; whoever
// lets requests lapse, misses claims or gave a bad piece is waited for by nobody until it gives something again.
import type { Env, Millis, NodeId } from '../env.ts'
import type { Bans } from './bans.ts'
import type { Download } from './download.ts'
import { Owners } from './owners.ts'
import type { Peer, Share } from './peers.ts'

export interface MatesParts {
  env: Pick<Env, 'sha256'>
  self: { node: NodeId }
  bans: Bans
  peers: ReadonlyMap<NodeId, Peer>
}

/** A member on the LAN, and what it told of the encoding. */
export interface Mate {
  peer: Peer
  share: Share
}

export class Mates {
  readonly #parts: MatesParts
  readonly #owners = new WeakMap<Download, Owners>()

  constructor(parts: MatesParts) {
    this.#parts = parts
  }

  /** Who told anything of it, whether it wants more or has all. */
  *near({ hash }: Download, now: Millis): IterableIterator<Mate> {
    for (const peer of this.#parts.peers.values()) {
      const share = peer.near && peer.stream === 'open' ? peer.shares.get(hash) : undefined
      if (share !== undefined && !this.#parts.bans.isBanned(peer.node, now)) yield { peer, share }
    }
  }

  /** Who wants it. */
  wanting(download: Download, now: Millis): Mate[] {
    const mates: Mate[] = []
    for (const mate of this.near(download, now)) if (mate.share.wants) mates.push(mate)
    return mates
  }

  /** Who wants it and fetches what is its to fetch: who may own pieces, besides this node. */
  fetching(download: Download, now: Millis): NodeId[] {
    const mates = this.wanting(download, now).filter(({ peer }) => peer.keepsClaims)
    return mates.map(({ peer }) => peer.node)
  }

  /** What it holds may be waited for. */
  gives({ peer, share }: Mate, now: Millis): boolean {
    const rests = now < peer.restUntil || now < share.restUntil
    return peer.gives && !rests && !this.#parts.bans.isSuspect(peer.node, now)
  }

  /** What it claims may be waited for. */
  keepsClaims(mate: Mate, now: Millis): boolean {
    return mate.peer.keepsClaims && this.gives(mate, now)
  }

  ownersOf(download: Download): Owners {
    const known = this.#owners.get(download)
    if (known !== undefined) return known
    const { env, self } = this.#parts
    const owners = new Owners(env, self.node, download.hash, download.holding.pieces)
    this.#owners.set(download, owners)
    return owners
  }
}
