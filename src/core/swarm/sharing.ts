// Sharing: how the nodes of one LAN bring an encoding over their thin wire once (docs/swarm.md). A node asks outside first for the
// pieces that it owns, then for those that nobody fetches, and tells its mates what it claims; what a mate holds or claims it takes
// over the LAN. Without mates, and of a mate, a piece is chosen as by any node alone.
// Invariant: a mate's word keeps a piece from being fetched outside for a bounded time, unless the mate goes on giving pieces.
import { earliest } from '../earliest.ts'
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import { emptyBits, hasBit, setBit } from './bitfield.ts'
import type { Download } from './download.ts'
import { type Mate, Mates, type MatesParts } from './mates.ts'
import type { PieceMessage } from './messages.ts'
import { offers, type Peer, type Share } from './peers.ts'
import { pieceScale } from './pieces.ts'

interface Parts extends MatesParts {
  out: Outbox
}

type Claimed = Extract<PieceMessage, { type: 'claim' | 'passed' }>

/** What is looked at to choose a piece that a peer outside is asked for. */
interface Look {
  download: Download
  peer: Peer
  share: Share
  /** Mates that fetch. */
  nodes: readonly NodeId[]
  /** How long what can suddenly be had is left to each mate that comes before this node. */
  turn: Millis
  now: Millis
}

/** Pieces that may not be asked for outside now, and those that may only when nothing else is left. */
interface Kept {
  barred: Uint8Array
  doubted: Uint8Array
}

export class Sharing {
  readonly #parts: Parts
  readonly #mates: Mates
  /** Pieces that suddenly may be fetched outside, of each download, and since when: all mates heard of that at the same time. */
  readonly #appeared = new WeakMap<Download, Map<number, Millis>>()
  /** Pieces that a mate claims and that others, who may not be linked with it, were told of. */
  readonly #passed = new WeakMap<Download, Map<number, NodeId>>()
  /** When next a piece may be asked for outside that may not now. */
  #freesAt: Millis | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#mates = new Mates(parts)
  }

  /** When the next look at peers outside may find more, as far as choose() saw since forgetDeadline(). */
  deadline(): Millis | undefined {
    return this.#freesAt
  }

  forgetDeadline(): void {
    this.#freesAt = undefined
  }

  /** True when what this peer sends comes over a wire that mates share. */
  isShared(download: Download, peer: Peer, now: Millis): boolean {
    return !peer.near && this.#mates.wanting(download, now).length > 0
  }

  /** False while what is asked of this peer, whose wire others use too, would only wait there for long. */
  mayAsk(download: Download, peer: Peer, now: Millis): boolean {
    const bytes = download.holding.encoding.pieceLength
    if (peer.depth(bytes) <= 0) return false
    if (peer.proven && this.#exceedsQueues(peer, bytes, now)) return false
    const typical = peer.typical(bytes)
    const rest = typical - limits.sharedQueue * pieceScale(bytes)
    const from = peer.gaveAt + rest
    if (rest <= 0 || now >= from || !this.#hasQuicker(download, typical / 2)) return true
    this.#frees(from, now)
    return false
  }

  /** The piece to ask of a peer next; undefined when there is none now. */
  choose(download: Download, peer: Peer, share: Share, now: Millis): number | undefined {
    const mates = peer.near ? [] : this.#mates.wanting(download, now)
    const alone = mates.length === 0 && share.given === undefined && peer.relay === undefined
    if (peer.near || alone) return download.choose(peer, share, now)
    download.refresh(share, now)
    const look = { download, peer, share, nodes: this.#mates.fetching(download, now), turn: turnOf(mates), now }
    const kept = this.#kept(look, mates)
    const index = this.#pick(look, kept)
    if (index !== undefined) return index
    const plain = mates.length === 0 && peer.relay === undefined
    return plain ? download.overdue(peer, share, now) : this.#slower(look, kept.barred)
  }

  /** A piece is about to be asked for: when that is outside, the mates hear of it. */
  asked(download: Download, peer: Peer, index: number, now: Millis): void {
    if (!peer.near && this.#askedOutside(download, index) === undefined) this.#claimAll(download, index, now)
  }

  /** A piece is not asked of this peer any more, and is open again. */
  reopened(download: Download, peer: Peer, index: number, now: Millis): void {
    if (!peer.near && this.#passed.get(download)?.has(index) !== true) this.#sayAll(download, 'unclaim', index, now)
  }

  /** A mate is gone: what it claimed is free. */
  left(download: Download, mate: Peer, now: Millis): void {
    for (const [index, node] of this.#passed.get(download) ?? [])
      if (node === mate.node) this.dropped(download, mate, index, now)
  }

  /** A mate takes back a claim that was passed on perhaps. */
  dropped(download: Download, mate: Peer, index: number, now: Millis): void {
    const passed = this.#passed.get(download)
    if (passed?.get(index) !== mate.node) return
    passed.delete(index)
    const comes = download.holding.hasOrKeeps(index) || this.#askedOutside(download, index) !== undefined
    if (!comes) this.#sayAll(download, 'unclaim', index, now)
  }

  /** A piece can be had from outside that could not before, as all mates may have heard. */
  appeared(download: Download, index: number, now: Millis): void {
    const appeared = this.#appeared.get(download) ?? new Map<number, Millis>()
    this.#appeared.set(download, appeared)
    if (!download.holding.hasOrKeeps(index)) appeared.set(index, now)
  }

  /** A mate begins to want what this node fetches: it hears what is claimed. */
  joined(download: Download, mate: Peer, now: Millis): void {
    if (!mate.near) return
    for (const { index } of download.asks())
      if (this.#askedOutside(download, index) !== undefined) this.#claim(download, mate.node, index, now)
    for (const [index, node] of this.#passed.get(download) ?? [])
      if (node !== mate.node && !download.holding.hasOrKeeps(index)) this.#say(download, mate.node, 'passed', index)
  }

  /**
   * A mate claims a piece, or passes on that one of its own mates does.
   * @returns 'new' when that changes something, 'yield' when this node is to leave the piece to it
   */
  claimed(download: Download, mate: Mate, claim: Claimed, now: Millis): 'new' | 'yield' | 'nothing' {
    const { index } = claim
    const patience = mate.peer.claimPatience(download.holding.encoding.pieceLength)
    const passed = claim.type === 'passed'
    const { peer, share } = mate
    if (!share.claims.claim(index, now, patience, passed) || share.claims.isSpent(index)) return 'nothing'
    if (!this.#mates.keepsClaims(mate, now) || share.claims.open(passed) > peer.claims(passed)) return 'new'
    if (claim.type === 'claim' && claim.passOn) this.#passOn(download, mate, index, now)
    const since = this.#askedOutside(download, index)
    if (since === undefined) return 'new'
    // Who has long known that it was claimed does not claim it without reason.
    if (passed || now - since >= limits.matePatience / 2) return 'yield'
    return this.#mates.ownersOf(download).goesFirst(mate.peer.node, this.#parts.self.node, index) ? 'yield' : 'new'
  }

  /** What this mate holds need not come from outside. */
  mayWaitFor(mate: Mate, now: Millis): boolean {
    return this.#mates.gives(mate, now) && mate.peer.slowness(now) <= limits.matePatience
  }

  /**
   * Whether what is asked outside would keep members busy for too long together, if this one were asked for a piece more: it is looked at
   * again when all of that should have come. Who let a request lapse counts for nothing: what it was asked for may never come.
   */
  #exceedsQueues(peer: Peer, bytes: number, now: Millis): boolean {
    let busy = 0
    for (const other of this.#parts.peers.values())
      if (!other.near && other.proven) busy += other.awaitedCount * other.typical(bytes)
    if (busy === 0 || busy + peer.typical(bytes) <= limits.sharedQueues * pieceScale(bytes)) return false
    this.#frees(now + busy, now)
    return true
  }

  #hasQuicker({ hash, holding }: Download, than: Millis): boolean {
    for (const peer of this.#parts.peers.values()) {
      const offersSome = !peer.near && peer.stream === 'open' && (peer.shares.get(hash)?.count ?? 0) > 0
      if (offersSome && peer.proven && peer.typical(holding.encoding.pieceLength) < than) return true
    }
    return false
  }

  /** What may not be asked for outside, and what only if nothing else is left: a claim that is overdue may still be kept. */
  #kept(look: Look, mates: readonly Mate[]): Kept {
    const { download, share, now } = look
    const nothing = emptyBits(download.holding.pieces)
    const kept = { barred: share.avoid?.slice() ?? nothing.slice(), doubted: nothing }
    for (const mate of this.#mates.near(download, now)) this.#barHeld(kept, look, mate)
    for (const mate of mates) this.#barClaimed(kept, look, mate)
    if (look.peer.relay !== undefined) this.#barDirect(kept, look, look.peer.relay)
    return kept
  }

  /**
   * What comes through a relay goes over the relay's wire twice. So what the relay has it is asked for itself, and what others have
   * who are linked without one is asked of them, unless they are slow.
   */
  #barDirect({ barred }: Kept, look: Look, relay: NodeId): void {
    for (const peer of this.#parts.peers.values()) {
      const share = peer.stream === 'open' ? peer.shares.get(look.download.hash) : undefined
      if (share === undefined || peer.near || peer.relay !== undefined || !this.#mates.gives({ peer, share }, look.now))
        continue
      if (peer.node === relay || this.#isQuick(peer, look)) barHeld(barred, share, look.download)
    }
  }

  /** What a mate holds comes from there, unless the mate is slow, and slower than the wire. */
  #barHeld({ barred }: Kept, look: Look, { peer, share }: Mate): void {
    if (share.count === 0 || !this.#mates.gives({ peer, share }, look.now) || !this.#isQuick(peer, look)) return
    barHeld(barred, share, look.download)
  }

  /** What this peer was asked for is not out for long, by what the peer outside would take. */
  #isQuick(peer: Peer, { peer: outside, now }: Look): boolean {
    const bound = Math.max(limits.matePatience, 2 * outside.typical(limits.pieceBytesMin))
    if (peer.slowness(now) > bound) return false
    for (const request of peer.requests) if (!request.late) this.#frees(peer.slowAt(request, bound), now)
    return true
  }

  /** What a mate claims comes from there, until its deadline; then it is the turn of the others, one after the other. */
  #barClaimed({ barred, doubted }: Kept, { download, peer: outside, nodes, turn, now }: Look, mate: Mate): void {
    const { peer, share } = mate
    peer.claimsMissed(share.claims.missed(now), now)
    const reliable = this.#mates.keepsClaims(mate, now)
    const owners = this.#mates.ownersOf(download)
    const room = [peer.claims(false), peer.claims(true)] as [number, number]
    const least = limits.claimPatience * pieceScale(download.holding.encoding.pieceLength)
    share.claims.eachOpen((index, { since, due, passed, spent }) => {
      if (spent) return setBit(doubted, index)
      // Whoever claims it asks elsewhere after one patience: it goes first.
      const quick = outside.proven ? since + 2 * this.#patience(download, outside) : due
      const until = reliable ? Math.max(since + 2 * least, Math.min(due, quick)) : Math.max(since, peer.failedAt)
      if (download.holding.hasOrKeeps(index)) return
      const end = now < until ? until : until + turn * owners.place(nodes, index)
      if (now < end && room[passed ? 1 : 0] > 0) {
        setBit(barred, index)
        this.#frees(end, now)
        room[passed ? 1 : 0] -= 1
      } else setBit(doubted, index)
    })
  }

  /** How long what is asked for or claimed elsewhere may take when a peer has nothing else to do. */
  #patience({ holding }: Download, peer: Peer): Millis {
    const bytes = holding.encoding.pieceLength
    return Math.max(limits.claimPatience * pieceScale(bytes), limits.requestPatienceFactor * peer.typical(bytes))
  }

  /** Own before others', of these the next before the last, what the peer gave to nobody before what it gave, and last what a mate claimed too long ago. */
  #pick(look: Look, { barred, doubted }: Kept): number | undefined {
    const { download, share, nodes } = look
    const { picker } = download
    const [mine, ...next] = this.#mates.ownersOf(download).turns(nodes)
    const own = mapped(barred, doubted, (bar, doubt) => bar | doubt)
    const others = this.#withoutNew(look, own)
    const among = (holds: Uint8Array, turn: Uint8Array | undefined, not: Uint8Array) =>
      turn === undefined
        ? undefined
        : picker.pick(
            mapped(holds, turn, (held, its) => held & its),
            not,
          )
    const choose = (holds: Uint8Array) => {
      const owned = among(holds, mine, own)
      if (owned !== undefined) return owned
      for (const turn of next) {
        const index = among(holds, turn, others)
        if (index !== undefined) return index
      }
      return picker.pick(holds, others)
    }
    const { bits, given } = share
    const fresh = given === undefined ? undefined : choose(mapped(bits, given, (held, gave) => held & ~gave))
    return fresh ?? choose(bits) ?? picker.pick(bits, this.#withoutNew(look, barred))
  }

  /** What just appeared goes to its owner if that can have it, else to the next: each waits for those before it to claim it. */
  #withoutNew({ download, nodes, turn, now }: Look, barred: Uint8Array): Uint8Array {
    const appeared = this.#appeared.get(download)
    if (appeared === undefined || appeared.size === 0) return barred
    const owners = this.#mates.ownersOf(download)
    const all = barred.slice()
    for (const [index, since] of appeared) {
      const at = since + turn * owners.place(nodes, index)
      if (now >= at) appeared.delete(index)
      else {
        setBit(all, index)
        this.#frees(at, now)
      }
    }
    return all
  }

  /** A piece that waits for another peer outside, or for a mate that is slow, and that this one, which has nothing else to do, would bring sooner. */
  #slower(look: Look, barred: Uint8Array): number | undefined {
    const { download, peer, share, now } = look
    if (!peer.proven) return undefined
    const bytes = download.holding.encoding.pieceLength
    for (const { index, node } of download.asks()) {
      const other = this.#parts.peers.get(node)
      // A mate that stays linked and sends nothing keeps what it was asked for no longer than what it says that it holds.
      if (other?.near && this.#isOpenTo(look, index, barred) && !this.#isQuick(other, look)) return index
      const since = other === peer || other?.near ? undefined : other?.awaited(download.hash, index)?.asked
      if (other === undefined || since === undefined || !offers(share, index) || hasBit(barred, index)) continue
      const overdue = since + Math.max(this.#patience(download, peer), 3 * other.typical(bytes))
      // As long as it waits there in a queue, it costs nothing to ask elsewhere.
      const gains = since + other.typical(bytes) - now > 2 * peer.typical(bytes) + limits.endgamePatienceMin
      if (gains || now >= overdue) return index
      this.#frees(overdue, now)
    }
    return undefined
  }

  /** A piece that is asked of a mate may be asked of this peer outside too. */
  #isOpenTo({ download, peer, share }: Look, index: number, barred: Uint8Array): boolean {
    const isAsked = this.#askedOutside(download, index) !== undefined || peer.find(download.hash, index) !== undefined
    return !isAsked && offers(share, index) && !hasBit(barred, index)
  }

  /** Since when a piece is asked for outside; undefined when it is not. */
  #askedOutside(download: Download, index: number): Millis | undefined {
    for (const node of download.askedOf(index)) {
      const peer = this.#parts.peers.get(node)
      if (peer?.near === false) return peer.awaited(download.hash, index)?.asked
    }
    return undefined
  }

  /** Tells the others, who may not be linked with it: but not who claims it too and goes first. */
  #passOn(download: Download, { peer: mate }: Mate, index: number, now: Millis): void {
    const passed = this.#passed.get(download) ?? new Map<number, NodeId>()
    this.#passed.set(download, passed.set(index, mate.node))
    const owners = this.#mates.ownersOf(download)
    for (const { peer, share } of this.#mates.wanting(download, now)) {
      const first = share.claims.isOpen(index) && owners.goesFirst(peer.node, mate.node, index)
      if (peer !== mate && !first && !hasBit(share.bits, index)) this.#say(download, peer.node, 'passed', index)
    }
  }

  #claimAll(download: Download, index: number, now: Millis): void {
    for (const { peer } of this.#mates.wanting(download, now)) this.#claim(download, peer.node, index, now)
  }

  #claim(download: Download, peer: NodeId, index: number, now: Millis): void {
    const passOn = this.#mates.unlinked(download, now).length > 0
    const message = { type: 'claim', encoding: download.hash, index, passOn } as const
    this.#parts.out.emit({ type: 'pieceSay', peer, message })
  }

  #sayAll(download: Download, type: 'unclaim', index: number, now: Millis): void {
    for (const { peer } of this.#mates.wanting(download, now)) this.#say(download, peer.node, type, index)
  }

  #say({ hash: encoding }: Download, peer: NodeId, type: 'unclaim' | 'passed', index: number): void {
    this.#parts.out.emit({ type: 'pieceSay', peer, message: { type, encoding, index } })
  }

  #frees(at: Millis, now: Millis): void {
    if (at > now) this.#freesAt = earliest(this.#freesAt, at)
  }
}

/** A claim is heard late where mates are slow to read: on a busy machine, or behind pieces on a crowded Wi-Fi. */
function turnOf(mates: readonly Mate[]): Millis {
  const slowest = mates.reduce((most, { peer }) => Math.max(most, peer.typical(limits.pieceBytesMin)), 0)
  return Math.min(limits.claimTurnMax, Math.max(limits.claimTurn, 2 * slowest))
}

/** What this peer holds and does not refuse is not to be asked for. */
function barHeld(barred: Uint8Array, share: Share, { holding }: Download): void {
  for (const [i, bits] of share.bits.entries()) {
    const missing = bits & ~(share.avoid?.[i] ?? 0) & ~(holding.bits[i] as number)
    barred[i] = (barred[i] as number) | missing
  }
}

function mapped(a: Uint8Array, b: Uint8Array, of: (a: number, b: number) => number): Uint8Array {
  return a.map((byte, i) => of(byte, b[i] as number))
}
