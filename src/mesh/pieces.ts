// Pieces: the one stream of /pimesh/pieces/1 between two linked members. Who is opened to answers with an empty message, and
// only then there is a stream. So of two that are opened at the same time one can be left unanswered: that of the lower node id stays.
// Invariant: each `opened`, and each open() that led to none, is followed by exactly one `closed`, unless the node stops.
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { PieceEvents, Pieces } from '../ports/pieces.ts'
import type { Pairing } from './pairing.ts'
import { PieceStream } from './piece-stream.ts'

export const PIECES_PROTOCOL = '/pimesh/pieces/1'

const GO = new Uint8Array(0)
const SUPERFLUOUS = new Failure('E_PROTOCOL', 'there is a stream of pieces with this peer, or too many with others')

export interface PieceBounds {
  /** From open() to the answer. */
  opening: Millis
  /** How long a peer may read nothing of a message, and what one may take beside the time that its length needs. */
  patience: Millis
  /** Peers with a stream. */
  streams: number
}

/** What there is with one peer. */
interface Pair {
  /** Once it was answered. */
  stream: PieceStream | undefined
  /** Ends our own attempt to open one. */
  attempt: AbortController
  /** They opened it while we tried as well: taken if our own comes to nothing. */
  spare: Stream | undefined
  maxBytes: number
}

export class MeshPieces implements Pieces {
  readonly #libp2p: Libp2p
  readonly #pairing: Pairing
  readonly #bounds: PieceBounds
  readonly #pairs = new Map<NodeId, Pair>()
  #events: PieceEvents | undefined

  constructor(libp2p: Libp2p, pairing: Pairing, bounds: PieceBounds) {
    this.#libp2p = libp2p
    this.#pairing = pairing
    this.#bounds = bounds
  }

  async onEvents(events: PieceEvents): Promise<void> {
    this.#events = events
    const serve = (stream: Stream, { remotePeer }: Connection) => this.#offered(remotePeer.toString(), stream)
    const options = { maxInboundStreams: limits.pieceStreamsPerPeer, maxOutboundStreams: limits.pieceStreamsPerPeer }
    await this.#libp2p.handle(PIECES_PROTOCOL, serve, options)
  }

  open(peer: NodeId): void {
    if (this.#events === undefined || this.#pairs.has(peer)) return
    const pair = this.#add(peer)
    queueMicrotask(() => this.#try(peer, pair)) // no event within a call
  }

  expect(peer: NodeId, maxBytes: number): void {
    const pair = this.#pairs.get(peer)
    if (pair === undefined) return
    pair.maxBytes = maxBytes
    pair.stream?.expect(maxBytes)
  }

  send(peer: NodeId, bytes: Uint8Array): Promise<void> {
    const stream = this.#pairs.get(peer)?.stream
    if (stream !== undefined && bytes.length > 0) return stream.send(bytes)
    const refused = Promise.reject(new Failure('E_PROTOCOL', `there is no stream of pieces with ${peer}`))
    refused.catch(() => undefined) // whoever does not wait for it hears of it by the event
    return refused
  }

  close(peer: NodeId): void {
    const pair = this.#pairs.get(peer)
    if (pair !== undefined) this.#remove(peer, pair, queueMicrotask)
  }

  /** Ends all streams. No event follows. */
  stop(): void {
    this.#events = undefined
    for (const [peer, pair] of [...this.#pairs]) this.#remove(peer, pair)
  }

  #add(peer: NodeId): Pair {
    const attempt = new AbortController()
    const maxBytes = limits.pieceControlBytes
    const pair: Pair = { stream: undefined, attempt, spare: undefined, maxBytes }
    this.#pairs.set(peer, pair)
    return pair
  }

  /** Never rejects. */
  async #try(peer: NodeId, pair: Pair): Promise<void> {
    const { signal } = pair.attempt
    try {
      if (this.#pairs.size > this.#bounds.streams) throw SUPERFLUOUS
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(this.#bounds.opening)])
      const connection = this.#pairing.connection(peer)
      if (connection === undefined) throw new Failure('E_PROTOCOL', `there is no link with ${peer}`)
      const stream = await connection.newStream([PIECES_PROTOCOL], { signal: bounded })
      await this.#answered(peer, pair, stream, bounded)
    } catch {
      if (!signal.aborted) this.#failed(peer, pair)
    }
  }

  /** Resolves when they answered. */
  #answered(peer: NodeId, pair: Pair, stream: Stream, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = () => stream.abort(SUPERFLUOUS)
    const own: PieceStream = new PieceStream(stream, GO.length, this.#bounds.patience, {
      message: async (bytes) => {
        if (pair.stream === own) return this.#message(peer, pair, bytes)
        signal.removeEventListener('abort', abort)
        resolve()
        this.#opened(peer, pair, own)
      },
      closed: () => {
        signal.removeEventListener('abort', abort)
        reject(SUPERFLUOUS)
        if (pair.stream === own) this.#remove(peer, pair)
      },
    })
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    return promise
  }

  #offered(peer: NodeId, stream: Stream): void {
    const known = this.#pairs.get(peer)
    const full = known === undefined && this.#pairs.size >= this.#bounds.streams
    if (this.#events === undefined || full || known?.stream !== undefined) return stream.abort(SUPERFLUOUS)
    if (known !== undefined && this.#libp2p.peerId.toString() < peer) {
      known.spare?.abort(SUPERFLUOUS)
      known.spare = stream
      return
    }
    known?.attempt.abort(SUPERFLUOUS)
    this.#accept(peer, known ?? this.#add(peer), stream)
  }

  #accept(peer: NodeId, pair: Pair, stream: Stream): void {
    const theirs: PieceStream = new PieceStream(stream, pair.maxBytes, this.#bounds.patience, {
      message: (bytes) => this.#message(peer, pair, bytes),
      closed: () => this.#remove(peer, pair),
    })
    void theirs.send(GO)
    this.#opened(peer, pair, theirs)
  }

  #opened(peer: NodeId, pair: Pair, stream: PieceStream): void {
    pair.stream = stream
    stream.expect(pair.maxBytes)
    pair.spare?.abort(SUPERFLUOUS)
    pair.spare = undefined
    this.#events?.opened(peer)
  }

  async #message(peer: NodeId, pair: Pair, bytes: Uint8Array): Promise<void> {
    if (this.#pairs.get(peer) === pair) await this.#events?.message(peer, bytes)
  }

  /** Our attempt came to nothing: theirs is taken if there is one. */
  #failed(peer: NodeId, pair: Pair): void {
    const { spare } = pair
    pair.spare = undefined
    if (this.#pairs.get(peer) !== pair) return
    if (spare?.status !== 'open') return this.#remove(peer, pair)
    this.#accept(peer, pair, spare)
  }

  /** The event comes before that of a link that closes; `tell` puts it off for a caller who does not expect one yet. */
  #remove(peer: NodeId, pair: Pair, tell = (closed: () => void): void => closed()): void {
    if (this.#pairs.get(peer) !== pair) return
    this.#pairs.delete(peer)
    pair.attempt.abort(SUPERFLUOUS)
    pair.stream?.close()
    pair.spare?.abort(SUPERFLUOUS)
    tell(() => this.#events?.closed(peer))
  }
}
