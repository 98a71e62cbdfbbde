// Mates: the members on this node's LAN, as far as one download is concerned. Those that want the encoding share the work; whoever
// lets requests lapse, misses claims or gave a bad piece is waited for by nobody until it gives something again.
import type { Env, Millis, NodeId } from '../env.ts'
import type { Row } from '../fleet/rows.ts'
import type { View } from '../fleet/view.ts'
import { limits, SECOND } from '../limits.ts'
import type { InstallState } from '../rollout/states.ts'
import type { Bans } from './bans.ts'
import type { Download } from './download.ts'
import { Owners } from './owners.ts'
import type { Peer, Share } from './peers.ts'

export interface MatesParts {
  env: Pick<Env, 'sha256'>
  self: { node: NodeId }
  bans: Bans
  peers: ReadonlyMap<NodeId, Peer>
  view: Pick<View, 'rows'>
}

/** A member on the LAN, and what it told of the encoding. */
export interface Mate {
  peer: Peer
  share: Share
}

/** How often the zone is looked at for members that are not linked: they come and go with records, every 10 s at most. */
const LOOK = 5 * SECOND

/** Who says that it has come so far with a release may still fetch it; who says another state wants nothing of it. */
const WANTING: ReadonlySet<InstallState> = new Set(['announced', 'fetching'])

export class Mates {
  readonly #parts: MatesParts
  /** Zone-mates that are up and not linked, when that was last looked at. */
  #unlinked: Pick<Row, 'node' | 'record'>[] = []
  #lookAt: Millis = Number.NEGATIVE_INFINITY
  /** Those of them that may fetch. */
  #mayFetch = new WeakMap<Download, NodeId[]>()
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

  /**
   * Who may own pieces, besides this node: who wants it and fetches what is its to fetch. Of zone-mates that are not linked
   * that is not known: they count, so that all have one order, unless their record says that they have it; who else of them fetches
   * nothing is passed over in no time.
   */
  fetching(download: Download, now: Millis): NodeId[] {
    const mates = this.wanting(download, now).filter(({ peer }) => peer.keepsClaims)
    return [...mates.map(({ peer }) => peer.node), ...this.unlinked(download, now)]
  }

  /** Members of the zone that may fetch it, and hear nothing of what this node says. */
  unlinked(download: Download, now: Millis): readonly NodeId[] {
    this.#look(now)
    const known = this.#mayFetch.get(download)
    if (known !== undefined) return known
    const isDone = ({ record }: Pick<Row, 'record'>) =>
      record.installs.some(({ release8, state }) => release8 === download.wanted.release8 && !WANTING.has(state))
    const nodes = this.#unlinked.filter((row) => !isDone(row)).map(({ node }) => node)
    this.#mayFetch.set(download, nodes)
    return nodes
  }

  #look(now: Millis): void {
    if (now < this.#lookAt) return
    const { view, peers, self } = this.#parts
    const rows = view.rows(now, undefined, limits.viewNodes)
    this.#unlinked = rows.filter(({ node, status }) => status === 'up' && node !== self.node && !peers.has(node))
    this.#lookAt = now + LOOK
    this.#mayFetch = new WeakMap()
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
