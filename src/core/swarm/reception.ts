// The reception: what comes over the streams of pieces is judged here, and handed to the machine that it concerns. Whoever sends
// what no honest peer sends (nothing that parses, an odd bitfield, a piece that does not exist, data nobody asked for) is cut off
// and counted (T20).
import type { Millis, NodeId } from '../env.ts'
import type { RefusalCode } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Refusals } from '../trust/refusals.ts'
import type { Bans } from './bans.ts'
import type { Budgets } from './budgets.ts'
import type { Downloads } from './downloads.ts'
import type { Exchange } from './exchange.ts'
import type { Fetching } from './fetching.ts'
import type { Holding } from './holding.ts'
import type { Library } from './library.ts'
import type { PieceArrival } from './messages.ts'
import type { Peer } from './peers.ts'
import { pieceBytes } from './pieces.ts'
import type { Serving } from './serving.ts'
import type { Spare } from './spare.ts'
import type { Streams } from './streams.ts'

interface Parts {
  out: Outbox
  refusals: Pick<Refusals, 'count'>
  bans: Bans
  library: Library
  spare: Pick<Spare, 'asked'>
  downloads: Downloads
  serving: Serving
  streams: Streams
  exchange: Exchange
  fetching: Fetching
  budgets: Pick<Budgets, 'paused'>
}

/** What is said of a piece that exists. */
const TELLS: ReadonlySet<PieceArrival['type']> = new Set(['have', 'claim', 'passed', 'given'])

type Piece = { encoding: string; index: number }

export class Reception {
  readonly #parts: Parts
  /** Something changed that the swarm looks at. */
  readonly #changed: (now: Millis) => void

  constructor(parts: Parts, changed: (now: Millis) => void) {
    this.#parts = parts
    this.#changed = changed
  }

  linked(node: NodeId, now: Millis): void {
    this.#parts.streams.meet(node, now)
    this.#changed(now)
  }

  unlinked(node: NodeId, now: Millis): void {
    const { streams, serving } = this.#parts
    const peer = streams.peers.get(node)
    if (peer !== undefined && peer.stream !== 'none') this.lose(peer, now)
    streams.forget(node, now)
    serving.forget(node)
  }

  moved(node: NodeId, now: Millis): void {
    this.#parts.streams.meet(node, now).moved(now)
    this.#changed(now)
  }

  opened(node: NodeId, now: Millis): void {
    const { out, bans, downloads, streams, exchange } = this.#parts
    const before = streams.open(node)
    if (before !== undefined) this.lose(before, now)
    const peer = streams.meet(node, now)
    if ((peer.offended && now < peer.reopenAt) || !this.#makeRoom(peer, now)) {
      out.emit({ type: 'piecesClose', peer: node })
      return peer.stream === 'none' ? streams.part(peer, now) : this.lose(peer, now)
    }
    peer.opened(now)
    if (bans.isBanned(node, now)) return
    for (const download of downloads.active()) exchange.tell(peer, download.holding)
  }

  closed(node: NodeId, now: Millis): void {
    const peer = this.#parts.streams.peers.get(node)
    if (peer !== undefined && peer.stream !== 'none') this.lose(peer, now)
  }

  /** Undefined: what came does not parse. */
  message(node: NodeId, message: PieceArrival | undefined, now: Millis): void {
    const { out, streams, library } = this.#parts
    const peer = streams.open(node)
    if (peer === undefined) {
      if (message?.type === 'data') out.emit({ type: 'pieceDrop', arrival: message.arrival })
      return
    }
    if (message === undefined) return this.#offend(peer, 'malformed', 'a message that does not parse', now)
    peer.heard = now
    const holding = library.get(message.encoding)
    if (message.type === 'data') this.#data(peer, message, now)
    else if (message.type === 'request') this.#requested(peer, holding, message, now)
    else if (message.type === 'bitfield' && holding !== undefined) this.#bitfield(peer, holding, message, now)
    else if (!this.#changes(peer, holding, message, now) && !peer.idle.spend(now))
      this.#offend(peer, 'tooOften', 'it sent too many messages that change nothing', now)
  }

  /** True while pieces travel between this node and the peer. */
  isBusy(peer: Peer): boolean {
    return peer.requests.length > 0 || this.#parts.serving.isBusy(peer.node)
  }

  /** Tells a peer, if it is still there, that it gets nothing. */
  refuse(node: NodeId, { encoding, index }: Piece): void {
    const { out, streams } = this.#parts
    if (streams.open(node) === undefined) return
    out.emit({ type: 'pieceSay', peer: node, message: { type: 'refuse', encoding, index } })
  }

  close(peer: Peer | undefined, now: Millis): void {
    if (peer === undefined) return
    this.#parts.out.emit({ type: 'piecesClose', peer: peer.node })
    this.lose(peer, now)
  }

  /** The stream with a peer is gone. */
  lose(peer: Peer, now: Millis): void {
    const { exchange, fetching, serving, streams } = this.#parts
    exchange.left(peer)
    fetching.left(peer, now)
    serving.left(peer.node, now)
    streams.closed(peer, now)
    this.#changed(now)
  }

  /** Takes a message that may be of no use. @returns false when it was */
  #changes(
    peer: Peer,
    holding: Holding | undefined,
    message: Exclude<PieceArrival, { type: 'request' | 'data' }>,
    now: Millis,
  ): boolean {
    const tells = message.type !== 'bitfield' && TELLS.has(message.type)
    if (tells && holding !== undefined && message.index >= holding.pieces) {
      this.#offend(peer, 'malformed', `it says ${message.type} of piece ${message.index} of ${holding.pieces}`, now)
      return true
    }
    switch (message.type) {
      case 'cancel':
        return this.#cancelled(peer, message)
      case 'refuse':
        return this.#parts.fetching.refused(peer, message.encoding, message.index, now)
      case 'have':
        return holding !== undefined && this.#have(peer, holding, message.index, now)
      case 'claim':
      case 'passed':
        return this.#claimed(peer, message, now)
      case 'unclaim':
        return this.#unclaimed(peer, message, now)
      case 'given':
        return holding !== undefined && this.#parts.exchange.given(peer, holding, message.index)
      case 'bitfield':
        this.#parts.exchange.unknown(peer, message)
        return false
    }
  }

  #have(peer: Peer, holding: Holding, index: number, now: Millis): boolean {
    this.#parts.serving.landed(peer.node, { encoding: holding.encoding.hash, index }, now)
    const news = this.#parts.exchange.have(peer, holding, index, now)
    const download = this.#parts.downloads.get(holding.encoding.hash)
    if (news && download !== undefined) this.#parts.fetching.appeared(peer, download, index, now)
    if (news) this.#toldNews(peer, holding, now)
    return news
  }

  /** What was taken back and is claimed again counts as of no use: each time the mates hear of it, and all peers are looked at. */
  #claimed(peer: Peer, message: Extract<PieceArrival, { type: 'claim' | 'passed' }>, now: Millis): boolean {
    const download = peer.near ? this.#parts.downloads.get(message.encoding) : undefined
    const again = peer.shares.get(message.encoding)?.claims.isTakenBack(message.index) === true
    return download !== undefined && this.#parts.fetching.claimed(peer, download, message, now) && !again
  }

  #unclaimed(peer: Peer, { encoding, index }: Piece, now: Millis): boolean {
    const download = this.#parts.downloads.get(encoding)
    return download !== undefined && this.#parts.fetching.unclaimed(peer, download, index, now)
  }

  #bitfield(peer: Peer, holding: Holding, message: Extract<PieceArrival, { type: 'bitfield' }>, now: Millis): void {
    const problem = this.#parts.exchange.bitfield(peer, holding, message, now)
    if (problem === undefined) {
      this.#toldNews(peer, holding, now)
      // What a mate wants or no longer has changes what is asked for outside.
      if (peer.near) this.#parts.fetching.soon(now)
    } else if (problem === 'malformed') this.#offend(peer, problem, 'a bitfield that does not fit its encoding', now)
    else this.#offend(peer, problem, `it sent more than ${limits.bitfieldsPerMinute} bitfields in a minute`, now)
  }

  #toldNews(peer: Peer, holding: Holding, now: Millis): void {
    const { fetching, downloads } = this.#parts
    if (holding.list === undefined && downloads.get(holding.encoding.hash)?.active) this.#changed(now)
    fetching.pump(peer, now)
  }

  #data(peer: Peer, message: Extract<PieceArrival, { type: 'data' }>, now: Millis): void {
    const problem = this.#parts.fetching.data(peer, message, now)
    if (problem === 'unasked') this.#offend(peer, 'unasked', `piece ${message.index} was not asked for`, now)
    else if (problem === 'banned') this.close(peer, now)
  }

  #requested(peer: Peer, holding: Holding | undefined, piece: Piece, now: Millis): void {
    if (holding !== undefined && piece.index >= holding.pieces)
      return this.#offend(peer, 'malformed', `it asked for piece ${piece.index} of ${holding.pieces}`, now)
    const gives = this.#parts.budgets.paused(peer.near) === undefined
    if (!gives || !holding?.isReady || !holding.has(piece.index)) return this.#refuseAgain(peer, piece, now)
    const bytes = pieceBytes(holding.encoding, piece.index)
    const asked = { ...piece, whole: holding.isFull }
    const problem = this.#parts.serving.asked(peer.node, asked, bytes, now)
    this.#parts.spare.asked(piece.encoding)
    if (problem === undefined) this.#parts.exchange.gives(peer, holding, piece.index)
    else if (problem === 'twice') this.#offend(peer, 'tooOften', `it asked twice for piece ${piece.index}`, now)
    else if (problem === 'tooMany') this.#offend(peer, 'tooOften', 'it asked for too many pieces at once', now)
  }

  /** What is not here, or not given now, was asked for: an honest peer asks ever more rarely then. */
  #refuseAgain(peer: Peer, piece: Piece, now: Millis): void {
    if (peer.idle.spend(now)) this.refuse(peer.node, piece)
    else this.#offend(peer, 'tooOften', 'it asked too often for what is not here', now)
  }

  /** Every request is answered, by the piece or by a refusal: so the asker knows that nothing comes any more. */
  #cancelled(peer: Peer, piece: Piece): boolean {
    const waited = this.#parts.serving.cancelled(peer.node, piece)
    if (waited) this.refuse(peer.node, piece)
    return waited
  }

  #offend(peer: Peer, code: RefusalCode, detail: string, now: Millis): void {
    this.#parts.refusals.count(code, peer.node, detail, now)
    peer.offended = true
    this.close(peer, now)
  }

  /** True when one more stream may be open. */
  #makeRoom(peer: Peer, now: Millis): boolean {
    const { streams } = this.#parts
    if (peer.stream !== 'none' || streams.count < limits.pieceStreams) return true
    const idlest = streams.idlest((other) => this.isBusy(other), now)
    this.close(idlest, now)
    return idlest !== undefined
  }
}
