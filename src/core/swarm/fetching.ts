// Fetching: what is asked of whom, over all downloads and peers; which piece is next, choice.ts says. A request waits as long as its peer
// has shown to need; then the piece is asked of another, and what comes late is still welcome. All that is in flight or being written
// stays within limits.requestBytes, of which peers that have proven nothing get half; and so do late pieces that are longer than the
// shortest, which give way to what is asked for now.
// Invariant: data is kept only when its hash is in the piece list and it was asked of this peer; a banned peer is asked nothing,
// since it holds nothing as far as exchange.ts is concerned.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Refusals } from '../trust/refusals.ts'
import type { Bans } from './bans.ts'
import { hasBit } from './bitfield.ts'
import type { Budgets } from './budgets.ts'
import { Choice } from './choice.ts'
import type { Download } from './download.ts'
import { InFlight, lateBytes } from './in-flight.ts'
import type { PieceArrival } from './messages.ts'
import type { Peer, Request } from './peers.ts'
import { pieceBytes, pieceScale } from './pieces.ts'
import type { Sharing } from './sharing.ts'

type Data = Extract<PieceArrival, { type: 'data' }>
type Claimed = Extract<PieceArrival, { type: 'claim' | 'passed' }>

interface Parts {
  out: Outbox
  refusals: Pick<Refusals, 'count'>
  bans: Bans
  peers: ReadonlyMap<NodeId, Peer>
  /** All that are wanted, by encoding. */
  downloads: { get(hash: string): Download | undefined; active(): Iterable<Download> }
  sharing: Sharing
  budgets: Pick<Budgets, 'fetchAt' | 'asked' | 'released' | 'arrived'>
}

/** A request, and who was sent it. */
interface Sent {
  peer: Peer
  request: Request
}

/** Every so often a place that became free goes to a peer that waits for one, else to whoever just gave a piece. */
const HUNGRY_TURN = 4

export class Fetching {
  readonly #parts: Parts
  readonly #inFlight = new InFlight()
  readonly #choice: Choice
  /** Peers that could be asked for more if the budget had room, in order. */
  readonly #hungry = new Set<Peer>()
  #turn = 0
  /** When something may be due: a lapse, the end of a rest, an overdue piece. */
  #alarm: Millis | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#choice = new Choice({ ...parts, inFlight: this.#inFlight }, (at) => this.#wake(at))
  }

  /** Bytes in flight or being written, and what may come late of long pieces. */
  get bytes(): number {
    return this.#inFlight.bytes
  }

  deadline(): Millis | undefined {
    return this.#alarm
  }

  /** Something changed for many peers: look at all of them at the end of this step. */
  soon(now: Millis): void {
    this.#wake(now)
  }

  /** Takes data that a peer sent. @returns why it is to be cut off: it was never asked, or that was a bad piece too many */
  data(peer: Peer, data: Data, now: Millis): 'unasked' | 'banned' | undefined {
    const request = peer.awaited(data.encoding, data.index) ?? peer.find(data.encoding, data.index)
    if (request === undefined) {
      this.#parts.out.emit({ type: 'pieceDrop', arrival: data.arrival })
      return 'unasked'
    }
    peer.remove(request)
    if (request.counted) this.#parts.budgets.arrived(request.bytes, now)
    const download = this.#parts.downloads.get(data.encoding)
    const right = download === undefined ? undefined : download.holding.isRight(data.index, data.hash)
    if (right === true && download !== undefined) this.#good(peer, request, download, data, now)
    else this.#parts.out.emit({ type: 'pieceDrop', arrival: data.arrival })
    this.#end(peer, request, now)
    while (this.#inFlight.isOver && this.#cancelNewest(now));
    if (right === false && this.#bad(peer, data, now)) return 'banned'
    this.#next(peer, now)
    return undefined
  }

  /** A piece was written, or could not be. */
  written(bytes: number, now: Millis): void {
    this.#inFlight.writing(-bytes)
    this.#feed(now)
  }

  /** A peer can't give what it was asked for. @returns false when it was not */
  refused(peer: Peer, encoding: string, index: number, now: Millis): boolean {
    const request = peer.find(encoding, index)
    if (request === undefined) return false
    this.#end(peer, request, now)
    if (!request.late) peer.refused(request, now)
    this.#wake(peer.shares.get(encoding)?.restUntil)
    this.pump(peer, now)
    this.#feed(now)
    return true
  }

  /** This machine slept so long: its peers are not to blame for that time. */
  forgive(gap: Millis): void {
    for (const peer of this.#parts.peers.values()) peer.forgive(gap)
  }

  /** The stream with a peer is going: what it was asked for is open again. */
  left(peer: Peer, now: Millis): void {
    this.#hungry.delete(peer)
    for (const download of this.#parts.downloads.active()) this.#parts.sharing.left(download, peer, now)
    for (const request of peer.requests.splice(0)) {
      if (request.late) this.#inFlight.late(request, -1)
      else this.#release(peer, request, now)
    }
    this.#wake(now)
  }

  /** Nobody wants this encoding any more, or it is here: `writing` bytes of it will not be reported. */
  ended(encoding: string, writing: number, now: Millis): void {
    this.#inFlight.writing(-writing)
    for (const peer of this.#parts.peers.values()) {
      for (const request of peer.requests) if (request.encoding === encoding) this.#cancel(peer, request, now)
    }
    this.#wake(now)
  }

  /** The disk told anew what is here: whoever had nothing else to give may have what is missing now. */
  settled(download: Download, now: Millis): void {
    for (const peer of this.#parts.peers.values()) {
      const share = peer.shares.get(download.hash)
      if (share !== undefined) share.exhausted = false
    }
    this.#wake(now)
  }

  /** A piece of a download is open again: whoever holds it may be asked. */
  reopened(download: Download, index: number, now: Millis): void {
    for (const peer of this.#parts.peers.values()) {
      const share = peer.shares.get(download.hash)
      if (share !== undefined && index < share.bits.length * 8 && hasBit(share.bits, index)) share.exhausted = false
    }
    this.#wake(now)
  }

  /** A peer has a piece more. When that is a mate, it need not come from outside any longer. */
  appeared(peer: Peer, download: Download, index: number, now: Millis): void {
    const share = peer.shares.get(download.hash)
    if (!peer.near) this.#parts.sharing.appeared(download, index, now)
    else if (share !== undefined && this.#parts.sharing.mayWaitFor({ peer, share }, now))
      this.#leave(download, index, peer, now)
  }

  /** A mate takes back a claim. @returns false when that changes nothing */
  unclaimed(mate: Peer, download: Download, index: number, now: Millis): boolean {
    if (!mate.shares.get(download.hash)?.claims.drop(index)) return false
    this.#parts.sharing.dropped(download, mate, index, now)
    this.#parts.sharing.appeared(download, index, now)
    this.#wake(now)
    return true
  }

  /** A mate claims a piece. @returns false when that changes nothing */
  claimed(mate: Peer, download: Download, claim: Claimed, now: Millis): boolean {
    const share = mate.shares.get(download.hash)
    if (share === undefined) return false
    const news = this.#parts.sharing.claimed(download, { peer: mate, share }, claim, now)
    if (news === 'yield') this.#leave(download, claim.index, mate, now)
    return news !== 'nothing'
  }

  /** A piece comes from this peer: others outside who were asked for it need not send it. */
  #leave(download: Download, index: number, to: Peer, now: Millis): void {
    for (const node of download.askedOf(index)) {
      const peer = this.#parts.peers.get(node)
      const request = peer === to || peer?.near ? undefined : peer?.awaited(download.hash, index)
      if (peer !== undefined && request !== undefined) this.#cancel(peer, request, now)
    }
  }

  /** Asks a peer for as much as it may be asked for. */
  pump(peer: Peer, now: Millis): void {
    for (let room = peer.room(now, this.#parts.bans.isSuspect(peer.node, now)); room > 0; room--) {
      if (!this.#choice.isAffordable(peer, now)) return
      const choice = this.#choice.next(peer, now)
      if (choice === undefined) return
      if (choice === 'full') {
        this.#hungry.add(peer)
        return
      }
      this.#ask(peer, choice.download, choice.index, now)
    }
  }

  /** What is due. @returns the peers whose stream seems dead */
  check(now: Millis): Peer[] {
    if (this.#alarm === undefined || now < this.#alarm) return []
    const dead: Peer[] = []
    for (const peer of this.#parts.peers.values()) if (this.#lapses(peer, now)) dead.push(peer)
    this.#parts.sharing.forgetDeadline()
    this.#feed(now)
    for (const peer of this.#parts.peers.values()) if (!dead.includes(peer)) this.pump(peer, now)
    this.#alarm = this.#parts.sharing.deadline()
    for (const peer of this.#parts.peers.values()) this.#choice.wakeFor(peer, now)
    return dead
  }

  #ask(peer: Peer, download: Download, index: number, now: Millis): void {
    const { hash, holding } = download
    const bytes = pieceBytes(holding.encoding, index)
    const due = now + peer.patience(bytes)
    const trial = !peer.proven
    const counted = this.#parts.budgets.asked(peer.near, bytes, now)
    const request = { encoding: hash, index, bytes, asked: now, trial, due, late: false, counted }
    peer.requests.push(request)
    this.#parts.sharing.asked(download, peer, index, now)
    download.ask(index, peer.node, now)
    if (this.#parts.sharing.isShared(download, peer, now)) this.#leave(download, index, peer, now)
    this.#inFlight.asked(request)
    while (this.#inFlight.isOver && this.#dropLate(now));
    this.#expect(peer)
    this.#parts.out.emit({ type: 'pieceSay', peer: peer.node, message: { type: 'request', encoding: hash, index } })
    this.#wake(due)
  }

  #good(peer: Peer, request: Request, download: Download, data: Data, now: Millis): void {
    peer.gave(request, now - request.asked, now)
    const { holding } = download
    // Who gave it over a wire waits for that before it sends more.
    const said = { type: 'have', encoding: data.encoding, index: data.index } as const
    if (!peer.near) this.#parts.out.emit({ type: 'pieceSay', peer: peer.node, message: said })
    if (holding.isReady && !holding.hasOrKeeps(data.index)) {
      holding.keep(data.arrival, data.index)
      holding.came[download.sourceOf(peer)] += request.bytes
      this.#inFlight.writing(request.bytes)
      download.picker.take(data.index)
    } else {
      this.#parts.out.emit({ type: 'pieceDrop', arrival: data.arrival })
    }
    for (const node of download.askedOf(data.index)) {
      const other = this.#parts.peers.get(node)
      const doubled = other?.awaited(data.encoding, data.index)
      if (other !== undefined && doubled !== undefined) this.#cancel(other, doubled, now)
    }
  }

  /** A late piece that nobody waited for took the room of one that is waited for: the last one that was asked for. */
  #cancelNewest(now: Millis): boolean {
    let newest: Sent | undefined
    for (const sent of this.#requests()) {
      const { late, asked } = sent.request
      if (!late && (newest === undefined || asked > newest.request.asked)) newest = sent
    }
    if (newest !== undefined) this.#cancel(newest.peer, newest.request, now)
    return newest !== undefined
  }

  /** True when that was one bad piece too many. */
  #bad(peer: Peer, { encoding, index }: Data, now: Millis): boolean {
    const { refusals, bans, out } = this.#parts
    refusals.count('badPiece', peer.node, `piece ${index} of encoding ${encoding} is not what the piece list says`, now)
    if (!bans.add(peer.node, now)) return false
    out.event({ type: 'providerBanned', peer: peer.node, encoding })
    return true
  }

  /** After a peer gave something: its next request, and those who wait for room. */
  #next(peer: Peer, now: Millis): void {
    this.#turn = (this.#turn + 1) % HUNGRY_TURN
    if (this.#turn === 0) this.#feed(now)
    this.pump(peer, now)
    this.#feed(now)
  }

  #feed(now: Millis): void {
    if (this.#hungry.size === 0 || !this.#inFlight.fits(limits.pieceBytesMin, false)) return
    for (const peer of [...this.#hungry]) {
      if (!this.#inFlight.fits(limits.pieceBytesMin, !peer.proven)) continue
      this.#hungry.delete(peer)
      this.pump(peer, now)
    }
  }

  /** Nothing is awaited of this request any more, and nothing comes of it. */
  #end(peer: Peer, request: Request, now: Millis): void {
    peer.remove(request)
    if (request.late) this.#inFlight.late(request, -1)
    else this.#release(peer, request, now)
    this.#expect(peer)
  }

  /** The request does not count any more, and its piece is open again unless it is here or asked of another. */
  #release(peer: Peer, request: Request, now: Millis): void {
    peer.unawaited(request, now)
    this.#inFlight.asked(request, -1)
    if (request.counted) this.#parts.budgets.released(request.bytes, now)
    const download = this.#parts.downloads.get(request.encoding)
    if (!download?.unasked(request.index, peer.node)) return
    this.#parts.sharing.reopened(download, peer, request.index, now)
    this.reopened(download, request.index, now)
  }

  /** What still comes of it is no offence for a time that the slowest needs for a piece. */
  #cancel(peer: Peer, request: Request, now: Millis): void {
    if (request.late) return
    const { encoding, index } = request
    const scale = pieceScale(request.bytes)
    request.late = true
    request.due = Math.max(now + limits.requestPatienceMax * scale, request.asked + limits.lonePatience * scale)
    this.#release(peer, request, now)
    this.#inFlight.late(request)
    while (this.#inFlight.isOver && this.#dropLate(now));
    this.#parts.out.emit({ type: 'pieceSay', peer: peer.node, message: { type: 'cancel', encoding, index } })
    this.#wake(request.due)
  }

  /** Gives up the late request of a long piece that is welcome for the shortest time. False when there is none. */
  #dropLate(now: Millis): boolean {
    let first: Sent | undefined
    for (const sent of this.#requests()) {
      const { late, due } = sent.request
      if (late && lateBytes(sent.request) > 0 && (first === undefined || due < first.request.due)) first = sent
    }
    if (first !== undefined) this.#end(first.peer, first.request, now)
    return first !== undefined
  }

  *#requests(): IterableIterator<Sent> {
    for (const peer of this.#parts.peers.values()) for (const request of peer.requests) yield { peer, request }
  }

  /** Gives up requests of a peer that are due. True when the stream seems dead. */
  #lapses(peer: Peer, now: Millis): boolean {
    for (const request of [...peer.requests]) {
      if (now < request.due) continue
      if (request.late) {
        this.#end(peer, request, now)
        if (peer.heard <= request.asked) return true
      } else if (this.#isAlone(peer, request, now)) {
        request.due = now + limits.requestPatienceMin
      } else {
        peer.lapsed(request, now)
        this.#cancel(peer, request, now)
      }
    }
    return false
  }

  /** Nobody else holds the piece: to ask the same peer anew would only take longer. But not for ever. */
  #isAlone(peer: Peer, request: Request, now: Millis): boolean {
    const download = this.#parts.downloads.get(request.encoding)
    if (download === undefined || now >= request.asked + limits.lonePatience * pieceScale(request.bytes)) return false
    return download.picker.copies(request.index) <= 1 && download.askedOf(request.index).includes(peer.node)
  }

  #expect(peer: Peer): void {
    const longest = peer.requests.reduce((max, { bytes }) => Math.max(max, bytes), 0)
    const expected = longest === 0 ? limits.pieceControlBytes : longest + limits.pieceFrameBytes
    if (expected === peer.expected || peer.stream !== 'open') return
    peer.expected = expected
    this.#parts.out.emit({ type: 'piecesExpect', peer: peer.node, maxBytes: expected })
  }

  #wake(at: Millis | undefined): void {
    if (at !== undefined) this.#alarm = Math.min(this.#alarm ?? at, at)
  }
}
