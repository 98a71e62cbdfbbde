// One stream of /pimesh/pieces/1 in the hands of a hostile member: it hears everything, and says messages, frames of anything,
// or bytes without a frame.
import type { Stream } from '@libp2p/interface'
import type { NodeId } from '../../src/core/env.ts'
import { limits } from '../../src/core/limits.ts'
import type { PieceMessage } from '../../src/core/swarm/messages.ts'
import { PieceStream } from '../../src/mesh/piece-stream.ts'
import { decodePieceMessage, encodePieceData, encodePieceMessage, type PieceData } from '../../src/wire/pieces.ts'
import { until } from './fleet.ts'

const LONGEST = limits.pieceBytesMax + limits.pieceFrameBytes
const PATIENCE = 60_000
const CHUNK_BYTES = 65_536

/** What the member may say. */
export type Heard = PieceMessage | PieceData

export class Lane {
  readonly peer: NodeId
  readonly stream: Stream
  /** What the member said on it, in order. */
  readonly heard: Heard[] = []
  /** Resolves when the member has answered, if it was us who opened it. */
  readonly answered: Promise<void>
  /** Resolves when the stream is gone, whoever closed it. */
  readonly closed: Promise<void>
  /** Called with what comes, at once. */
  onHeard: (message: Heard) => void = () => undefined
  readonly #frames: PieceStream

  constructor(peer: NodeId, stream: Stream) {
    this.peer = peer
    this.stream = stream
    const [answered, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    this.answered = answered.promise
    this.closed = closed.promise
    this.#frames = new PieceStream(stream, LONGEST, PATIENCE, {
      message: async (bytes) => {
        if (bytes.length === 0) answered.resolve()
        else this.#hear(bytes)
      },
      closed: () => {
        answered.reject(new Error('the member closed the stream of pieces'))
        closed.resolve()
      },
    })
    this.answered.catch(() => undefined) // who does not wait for it hears of it by `closed`
  }

  get isOpen(): boolean {
    return this.stream.status === 'open'
  }

  say(message: PieceMessage): void {
    this.frame(encodePieceMessage(message))
  }

  give(encoding: string, index: number, bytes: Uint8Array): void {
    this.frame(encodePieceData(encoding, index, bytes))
  }

  /** One frame with these bytes. What the stream does not take any more is lost. */
  frame(bytes: Uint8Array): void {
    this.#frames.send(bytes).catch(() => undefined)
  }

  /** Resolves with the first message that is as wanted, from the `from`-th on. */
  async hears(what: string, wanted: (message: Heard) => boolean, from = 0): Promise<Heard> {
    return until(`the member says ${what}`, () => this.heard.slice(from).find(wanted))
  }

  /** Ends it. */
  close(): void {
    this.#frames.close()
  }

  #hear(bytes: Uint8Array): void {
    const message = decodePieceMessage(bytes)
    if (message === undefined) return
    this.heard.push(message)
    this.onHeard(message)
  }
}

/** Writes one byte again and again until the other side ends the stream, or `most` bytes are written. Returns how many that were. */
export async function flood(stream: Stream, most: number, byte = 0): Promise<number> {
  const chunk = new Uint8Array(CHUNK_BYTES).fill(byte)
  let written = 0
  while (stream.status === 'open' && written < most) {
    if (stream.writableNeedsDrain) await roomOrEnd(stream)
    else {
      stream.send(chunk)
      written += chunk.length
    }
  }
  return written
}

function roomOrEnd(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['drain', 'close'] as const) stream.addEventListener(event, () => resolve(), { once: true })
  })
}
