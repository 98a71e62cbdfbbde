// In flight: the bytes that pieces take which were asked for, are being written, or may still come late; within limits.requestBytes,
// of which peers that have proven nothing get half. Of late pieces only those count that are longer than the shortest: the others
// are held by none for long, and are many.
import { limits } from '../limits.ts'
import type { Request } from './peers.ts'

export class InFlight {
  /** Bytes that are asked for and not late, and of these in trial requests. */
  #asked = 0
  #trials = 0
  /** Bytes that came and are being written. */
  #writing = 0
  /** Bytes of late requests of long pieces: a stream may hold one, half arrived. */
  #late = 0

  get bytes(): number {
    return this.#asked + this.#writing + this.#late
  }

  get isOver(): boolean {
    return this.bytes > limits.requestBytes
  }

  /** One request always fits, else the longest pieces could not be fetched at all. */
  fits(bytes: number, trial: boolean): boolean {
    if (trial && this.#trials > 0 && this.#trials + bytes > limits.requestBytes / 2) return false
    const held = this.#asked + this.#writing
    return held === 0 || held + bytes <= limits.requestBytes
  }

  /** A request begins to be waited for, or (`by` -1) is waited for no longer. */
  asked({ bytes, trial }: Request, by: 1 | -1 = 1): void {
    this.#asked += by * bytes
    if (trial) this.#trials += by * bytes
  }

  /** A request is late, or (`by` -1) nothing comes of it any more. */
  late(request: Request, by: 1 | -1 = 1): void {
    this.#late += by * lateBytes(request)
  }

  /** So many bytes are being written, or (below 0) are not any longer. */
  writing(bytes: number): void {
    this.#writing += bytes
  }
}

/** What a late request counts. */
export function lateBytes({ bytes }: Request): number {
  return bytes > limits.pieceBytesMin ? bytes : 0
}
