// A download: one encoding that this node wants and does not have yet. It knows which pieces are asked of whom, and which one
// a peer should be asked for next. Each missing piece is open, asked, or being written; the picker holds the open ones.
// Invariant: a piece that is here or being written is never chosen, and no piece is asked of more than two peers at once.
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Encoding } from '../trust/announcement.ts'
import type { Holding } from './holding.ts'
import { Meter } from './meter.ts'
import { offers, type Peer, type Share } from './peers.ts'
import { Picker } from './picker.ts'
import type { Sources } from './progress.ts'

/** What the node wants. */
export interface Wanted {
  encoding: Encoding
  /** First 8 bytes of the release's hash, hex: whose record reports it may have pieces. */
  release8: string
  /** Multiaddrs with /p2p/ID of members that had it first. */
  origin: readonly string[]
  /** Bytes that unpacking it needs. */
  decoded: number
}

/** A piece that is asked of one peer, or in the endgame of two. */
interface Ask {
  peers: NodeId[]
  /** When the first of them was asked. */
  since: Millis
}

export class Download {
  readonly holding: Holding
  readonly picker: Picker
  readonly meter = new Meter()
  wanted: Wanted
  /** It has its turn; others wait. */
  active = false
  /** When its turn began, or a piece came: since when nothing moves. */
  movedAt: Millis = Number.POSITIVE_INFINITY
  /** When to look for other providers, and how long to wait after that. */
  searchAt: Millis = 0
  searchPause: Millis = limits.providerSearchPeriod
  /** Questions for the piece list that are out, and when to give them up; when to ask more; and who was asked since the last search. */
  readonly listAsks = new Map<Ticket, Millis>()
  listAskAt: Millis = 0
  readonly listAsked = new Set<NodeId>()
  /** When those that were asked in vain are asked again. */
  listRetryAt: Millis = Number.POSITIVE_INFINITY
  /** Searches since a piece came. */
  searches = 0
  readonly #asks = new Map<number, Ask>()
  readonly #random: () => number

  constructor(holding: Holding, wanted: Wanted, random: () => number) {
    this.holding = holding
    this.wanted = wanted
    this.picker = new Picker(holding.pieces, random)
    this.#random = random
  }

  get hash(): string {
    return this.holding.encoding.hash
  }

  /** True when a linked peer is known to hold a piece that is missing. */
  get hasProvider(): boolean {
    return this.#asks.size > 0 || !this.picker.exhausted
  }

  /** What a peer is that gives a piece. */
  sourceOf({ node, near }: Peer): keyof Sources {
    if (near) return 'site'
    return this.wanted.origin.some((address) => address.endsWith(`/p2p/${node}`)) ? 'publisher' : 'members'
  }

  /** The peers that are asked for a piece now. */
  askedOf(index: number): readonly NodeId[] {
    return this.#asks.get(index)?.peers ?? []
  }

  /** Its turn begins. */
  begin(now: Millis): void {
    this.active = true
    this.movedAt = now
    this.#searchSoon(now)
    this.listAsked.clear()
  }

  /** A piece was written. */
  moved(bytes: number, now: Millis): void {
    this.movedAt = now
    this.searches = 0
    this.#searchSoon(now)
    this.meter.add(bytes, now)
  }

  /** Others were looked for. In vain, it seems, when that comes soon again. */
  searched(now: Millis): void {
    this.searches += 1
    this.searchAt = now + this.searchPause * (0.5 + this.#random())
    this.searchPause = Math.min(limits.providerSearchMax, 2 * this.searchPause)
    this.listAsked.clear()
  }

  /** What is here was found out anew. */
  settle(): void {
    for (let index = 0; index < this.holding.pieces; index++) {
      if (this.holding.hasOrKeeps(index) || this.#asks.has(index)) this.picker.take(index)
      else this.picker.release(index)
    }
  }

  ask(index: number, peer: NodeId, now: Millis): void {
    const ask = this.#asks.get(index)
    if (ask === undefined) this.#asks.set(index, { peers: [peer], since: now })
    else ask.peers.push(peer)
    this.picker.take(index)
  }

  /** Nobody waits any more for this peer to send the piece. Returns true when it is open again. */
  unasked(index: number, peer: NodeId): boolean {
    const ask = this.#asks.get(index)
    if (ask === undefined) return false
    ask.peers = ask.peers.filter((asked) => asked !== peer)
    if (ask.peers.length > 0) return false
    this.#asks.delete(index)
    return this.reopen(index)
  }

  /** A piece that could not be written, or that nobody is asked for any more. Returns true when it is open again. */
  reopen(index: number): boolean {
    if (this.#asks.has(index) || this.holding.hasOrKeeps(index)) return false
    this.picker.release(index)
    return true
  }

  /** What is asked for now, and of whom first. */
  *asks(): IterableIterator<{ index: number; node: NodeId }> {
    for (const [index, { peers }] of this.#asks) yield { index, node: peers[0] as NodeId }
  }

  /** The piece to ask of a peer next. */
  choose(peer: Peer, share: Share, now: Millis): number | undefined {
    this.refresh(share, now)
    if (!share.exhausted) {
      const index = this.picker.pick(share.bits, share.avoid)
      if (index !== undefined) return index
      share.exhausted = true
    }
    return this.overdue(peer, share, now)
  }

  /** What it refused or let lapse long ago may be asked of it again. */
  refresh(share: Share, now: Millis): void {
    if (share.avoid === undefined || now < share.avoidUntil) return
    share.avoid = undefined
    share.exhausted = false
  }

  /** When a peer that has nothing else to do could take over a piece from another; undefined when there is none. */
  overdueAt(peer: Peer, share: Share): Millis | undefined {
    const oldest = this.picker.exhausted ? this.#oldestElsewhere(peer, share) : undefined
    if (oldest === undefined) return undefined
    return (
      oldest.since +
      Math.max(
        limits.endgamePatienceMin,
        limits.endgamePatienceFactor * peer.typical(this.holding.encoding.pieceLength),
      )
    )
  }

  /** After the shortest pause. Each node waits another time: they began together, when the release was announced. */
  #searchSoon(now: Millis): void {
    this.searchPause = limits.providerSearchPeriod
    this.searchAt = now + this.searchPause * (0.5 + this.#random())
  }

  /**
   * The endgame: every missing piece is asked of somebody, and this peer, which is quick, would by all it showed have sent one
   * of them by now. So the last pieces don't wait for the slowest.
   */
  overdue(peer: Peer, share: Share, now: Millis): number | undefined {
    const at = this.overdueAt(peer, share)
    return at === undefined || now < at ? undefined : this.#oldestElsewhere(peer, share)?.index
  }

  /** Of the pieces that are asked of one other peer, the one that was asked first, if this peer, which is quick, has it. */
  #oldestElsewhere(peer: Peer, share: Share): { index: number; since: Millis } | undefined {
    if (!peer.proven) return undefined
    let oldest: { index: number; since: Millis } | undefined
    for (const [index, { peers, since }] of this.#asks) {
      if (oldest !== undefined && since >= oldest.since) continue
      if (peers.length === 1 && peers[0] !== peer.node && offers(share, index)) oldest = { index, since }
    }
    return oldest
  }
}
