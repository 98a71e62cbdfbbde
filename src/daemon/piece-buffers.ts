// Buffers for pieces that are served: read from the disk into one, sent from it, and used again. A fresh one for each piece costs
// as much CPU as hashing it: its pages are mapped, zeroed and collected every time.
import { limits } from '../core/limits.ts'

/** With room for what a message of data has before its piece. */
const LENGTH = limits.pieceFrameBytes + limits.pieceBytesMin

export class PieceBuffers {
  readonly #free: Uint8Array[] = []

  /** At least so many bytes, with whatever was in them. Longer ones than most encodings need are made anew each time. */
  take(length: number): Uint8Array {
    if (length > LENGTH) return new Uint8Array(length)
    return this.#free.pop() ?? new Uint8Array(LENGTH)
  }

  /** Nobody reads or writes this one any more. */
  give(buffer: Uint8Array): void {
    if (buffer.length === LENGTH && this.#free.length < limits.servedAtOnce) this.#free.push(buffer)
  }
}
