// The exchange: who holds what. Whoever wants an encoding tells its peers what it has, and they answer with theirs; later gains go
// to those who want them and don't have them. A bitfield replaces what its sender told before. Of an encoding that we don't know
// it is only remembered that its sender wants it: it hears of what we have when we know.
// Invariant: the picker of a download counts exactly the shares of the open streams, and a banned peer's word counts for nothing.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Bans } from './bans.ts'
import { countBits, emptyBits, hasBit, isBitfield, setBit } from './bitfield.ts'
import type { Budgets } from './budgets.ts'
import type { Download } from './download.ts'
import type { Downloads } from './downloads.ts'
import type { Holding } from './holding.ts'
import type { PieceMessage } from './messages.ts'
import { newShare, type Peer, type Share } from './peers.ts'
import type { Sharing } from './sharing.ts'

interface Parts {
  out: Outbox
  bans: Bans
  peers: ReadonlyMap<NodeId, Peer>
  downloads: Downloads
  sharing: Sharing
  budgets: Pick<Budgets, 'paused'>
}

type Bitfield = Extract<PieceMessage, { type: 'bitfield' }>

export class Exchange {
  readonly #parts: Parts
  /** Who told us that it holds all of an encoding; it is remembered when the peer leaves, since its copy stays. */
  readonly #copies = new Map<string, Set<NodeId>>()
  /** The pieces of each encoding that is all here that somebody asked for. */
  readonly #given = new Map<string, Uint8Array>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @returns why its sender is to be cut off: that is no bitfield of this encoding, or one too many */
  bitfield(peer: Peer, holding: Holding, { bits, wants }: Bitfield, now: Millis): 'malformed' | 'tooOften' | undefined {
    if (!isBitfield(bits, holding.pieces)) return 'malformed'
    const share = this.#share(peer, holding)
    if (!share.bitfields.spend(now)) return 'tooOften'
    if (!this.#parts.bans.isBanned(peer.node, now)) this.#replace(peer, holding, share, bits.slice())
    const joins = wants && !share.wants
    share.wants = wants
    const download = this.#parts.downloads.get(holding.encoding.hash)
    if (joins && download !== undefined) this.#parts.sharing.joined(download, peer, now)
    if (wants && !(share.answered && peer.told.get(holding.encoding.hash)?.fresh)) this.#answer(peer, holding, share)
    return undefined
  }

  /** A bitfield of an encoding that we don't know. */
  unknown(peer: Peer, { encoding, wants }: Bitfield): void {
    peer.unknown.delete(encoding)
    if (wants) peer.unknown.add(encoding)
    for (const oldest of peer.unknown) if (peer.unknown.size > limits.unknownWants) peer.unknown.delete(oldest)
  }

  /** More encodings are known: some may be what peers wanted before. */
  learnt(know: (hash: string) => Holding | undefined): void {
    for (const peer of this.#parts.peers.values()) {
      for (const hash of peer.unknown) {
        const holding = know(hash)
        if (holding === undefined) continue
        peer.unknown.delete(hash)
        this.#share(peer, holding).wants = true
      }
    }
  }

  /** @returns false when that was known before */
  have(peer: Peer, holding: Holding, index: number, now: Millis): boolean {
    if (this.#parts.bans.isBanned(peer.node, now)) return false
    const share = this.#share(peer, holding)
    if (hasBit(share.bits, index)) return false
    setBit(share.bits, index)
    share.count += 1
    const took = share.claims.fulfilled(index, now)
    if (took !== undefined) peer.claimKept(holding.encoding.pieceLength, took)
    const picker = this.#parts.downloads.get(holding.encoding.hash)?.picker
    picker?.gained(index)
    if (picker?.isOpen(index)) share.exhausted = false
    if (share.count === holding.pieces) this.#copied(peer, holding)
    return true
  }

  /** A peer that holds pieces gives this one to another. @returns false when that was known before */
  given(peer: Peer, holding: Holding, index: number): boolean {
    const share = this.#share(peer, holding)
    if (share.given !== undefined && hasBit(share.given, index)) return false
    share.given ??= emptyBits(holding.pieces)
    setBit(share.given, index)
    return true
  }

  /** A piece of what is all here is asked for the first time: the others outside ask better for another. */
  gives(asker: Peer, holding: Holding, index: number): void {
    const { hash: encoding } = holding.encoding
    const given = this.#given.get(encoding) ?? emptyBits(holding.pieces)
    if (!holding.isFull || hasBit(given, index)) return
    this.#given.set(encoding, given)
    setBit(given, index)
    for (const peer of this.#parts.peers.values()) {
      const share = peer === asker || peer.near ? undefined : peer.shares.get(encoding)
      if (share?.wants && !hasBit(share.bits, index))
        this.#parts.out.emit({ type: 'pieceSay', peer: peer.node, message: { type: 'given', encoding, index } })
    }
  }

  /** Tells a peer what we hold. */
  tell(peer: Peer, holding: Holding): void {
    const encoding = holding.encoding.hash
    const gives = holding.isReady && this.#mayGive(peer)
    const bits = gives ? holding.bits.slice() : emptyBits(holding.pieces)
    const wants = this.#parts.downloads.get(encoding) !== undefined
    peer.told.set(encoding, { wants, some: gives && holding.count > 0, fresh: true })
    this.#parts.out.emit({
      type: 'pieceSay',
      peer: peer.node,
      message: { type: 'bitfield', encoding, bits, wants },
    })
  }

  /**
   * What we hold of an encoding was found out, or we begin to want it, or have all of it, or cannot read or give it: tells whom it
   * concerns. While its download has its turn, that is everybody.
   */
  announce(holding: Holding, now: Millis): void {
    const { hash } = holding.encoding
    const everybody = this.#parts.downloads.get(hash)?.active === true
    for (const peer of this.#parts.peers.values()) {
      if (peer.stream !== 'open') continue
      const told = peer.told.get(hash)
      const concerned = told !== undefined || peer.shares.has(hash)
      const gives = holding.isReady && holding.count > 0 && this.#mayGive(peer)
      if (everybody && !told?.wants && !this.#parts.bans.isBanned(peer.node, now)) this.tell(peer, holding)
      else if (gives ? concerned : told?.some) this.tell(peer, holding)
    }
  }

  /** We don't want it any more: whom we told that we do hears of it. */
  unwanted(holding: Holding): void {
    for (const peer of this.#parts.peers.values()) {
      if (peer.stream === 'open' && peer.told.get(holding.encoding.hash)?.wants) this.tell(peer, holding)
    }
  }

  /** Tells again whoever did not answer: it may have learnt of the encoding since. */
  remind(holding: Holding, now: Millis): void {
    for (const peer of this.#parts.peers.values()) {
      const silent = peer.stream === 'open' && !peer.shares.has(holding.encoding.hash)
      if (silent && !this.#parts.bans.isBanned(peer.node, now)) this.tell(peer, holding)
    }
  }

  /** A piece was written: those who want it hear of it. */
  gained(holding: Holding, index: number): void {
    const encoding = holding.encoding.hash
    for (const peer of this.#parts.peers.values()) {
      const [share, told] = [peer.shares.get(encoding), peer.told.get(encoding)]
      if (share === undefined || !share.wants || hasBit(share.bits, index) || !this.#mayGive(peer)) {
        if (told !== undefined) told.fresh = false
        continue
      }
      if (told !== undefined) told.some = true
      this.#parts.out.emit({ type: 'pieceSay', peer: peer.node, message: { type: 'have', encoding, index } })
    }
  }

  /** A download begins: counts what its peers told before. */
  joined(download: Download): void {
    for (const peer of this.#parts.peers.values()) {
      const share = peer.shares.get(download.hash)
      if (share === undefined) continue
      share.exhausted = false
      download.picker.changed(emptyBits(download.holding.pieces), share.bits)
    }
  }

  /** The stream with a peer is going. */
  left(peer: Peer): void {
    for (const [hash, share] of peer.shares) {
      this.#parts.downloads.get(hash)?.picker.changed(share.bits, emptyBits(share.bits.length * 8))
    }
  }

  /** The encoding is not known any more. */
  forget(hash: string): void {
    this.#copies.delete(hash)
    this.#given.delete(hash)
    for (const peer of this.#parts.peers.values()) {
      peer.shares.delete(hash)
      peer.told.delete(hash)
    }
  }

  /** How many told us that they hold all of it. */
  copies(hash: string): number {
    return this.#copies.get(hash)?.size ?? 0
  }

  /** How many that are linked now hold pieces of it. */
  providers(hash: string): number {
    let count = 0
    for (const peer of this.#parts.peers.values()) if ((peer.shares.get(hash)?.count ?? 0) > 0) count += 1
    return count
  }

  /** Pieces of it that the linked member has that has most. */
  most(hash: string): number {
    let most = 0
    for (const peer of this.#parts.peers.values()) most = Math.max(most, peer.shares.get(hash)?.count ?? 0)
    return most
  }

  #share(peer: Peer, holding: Holding): Share {
    const known = peer.shares.get(holding.encoding.hash)
    if (known !== undefined) return known
    const share = newShare(holding.pieces, peer.spent(holding.encoding.hash))
    peer.shares.set(holding.encoding.hash, share)
    return share
  }

  #replace(peer: Peer, holding: Holding, share: Share, bits: Uint8Array): void {
    const { hash } = holding.encoding
    this.#parts.downloads.get(hash)?.picker.changed(share.bits, bits)
    share.bits = bits
    share.count = countBits(bits)
    share.exhausted = false
    if (share.count === holding.pieces) this.#copied(peer, holding)
    else this.#copies.get(hash)?.delete(peer.node)
  }

  #answer(peer: Peer, holding: Holding, share: Share): void {
    const active = this.#parts.downloads.get(holding.encoding.hash)?.active === true
    share.answered = (holding.isReady && holding.count > 0 && this.#mayGive(peer)) || active
    if (share.answered) this.tell(peer, holding)
  }

  /** False while nothing goes there: then we hold nothing, as far as the peer is concerned. */
  #mayGive(peer: Peer): boolean {
    return this.#parts.budgets.paused(peer.near) === undefined
  }

  #copied(peer: Peer, holding: Holding): void {
    const { hash } = holding.encoding
    const copies = this.#copies.get(hash) ?? new Set()
    if (copies.size < limits.pieceStreams) copies.add(peer.node)
    this.#copies.set(hash, copies)
  }
}
