// Frames: messages with a length in front (unsigned LEB128), refused by their length before they are buffered.
import type { MessageStream } from '@libp2p/interface'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'

/** Enough for 256 MiB, above every bound: the longest message is a piece of 4 MiB and its frame. */
const LENGTH_BYTES = 4

/** `waiting`: bytes that may lie unread behind a message; by default those of one more length. */
export function boundedFrames<T extends MessageStream>(
  stream: T,
  maxBytes: number,
  waiting = LENGTH_BYTES,
): LengthPrefixedStream<T> {
  const maxBufferSize = maxBytes + LENGTH_BYTES + waiting
  return lpStream(stream, { maxDataLength: maxBytes, maxBufferSize, lengthDecoder: decodeLength })
}

/** What stands in front of a message of so many bytes. */
export function framePrefix(length: number): Uint8Array {
  const prefix: number[] = []
  let rest = length
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) prefix.push((rest % 0x80) | 0x80)
  return Uint8Array.from([...prefix, rest])
}

/**
 * Cuts a stream of bytes into messages and copies each byte once, into the message it belongs to. Long messages share one
 * buffer, one after the other: a fresh one for each outlives the young generation, and collecting them costs as much CPU as
 * decryption does (measured with four senders). lpStream has a message in memory twice.
 */
export class FrameReader {
  readonly #prefix: number[] = []
  #message: Uint8Array | undefined
  #filled = 0
  #buffer = new Uint8Array(0)

  /** True when a message has begun and is not complete. */
  get within(): boolean {
    return this.#message !== undefined || this.#prefix.length > 0
  }

  /** Messages of more than `maxBytes` come no more: their buffer is free. */
  trim(maxBytes: number): void {
    if (this.#buffer.length > maxBytes) this.#buffer = new Uint8Array(0)
  }

  /**
   * Takes bytes from `unread` until a message is complete, or all of them. A message of more than limits.pieceControlBytes
   * may be overwritten by the next call.
   * @throws Failure E_PROTOCOL when the next message is longer than `maxBytes`, before any memory is taken for it
   */
  next(unread: Uint8ArrayList, maxBytes: number): Uint8Array | undefined {
    while (this.#message === undefined) {
      if (unread.byteLength === 0) return undefined
      this.#prefix.push(unread.get(0))
      unread.consume(1)
      this.#begin(maxBytes)
    }
    const message = this.#message
    this.#fill(message, unread)
    if (this.#filled < message.length) return undefined
    this.#message = undefined
    return message
  }

  #begin(maxBytes: number): void {
    const isLast = (this.#prefix.at(-1) as number) < 0x80
    if (!isLast && this.#prefix.length < LENGTH_BYTES) return
    const length = isLast ? lengthIn(this.#prefix) : Number.POSITIVE_INFINITY
    if (length > maxBytes) {
      throw new Failure('E_PROTOCOL', `a message of ${length} bytes where at most ${maxBytes} may come: refused`)
    }
    this.#prefix.length = 0
    this.#filled = 0
    this.#message = length > limits.pieceControlBytes ? this.#shared(length) : new Uint8Array(length)
  }

  /** Not zeroed: every byte is written before anybody sees the message. */
  #shared(length: number): Uint8Array {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
    return this.#buffer.subarray(0, length)
  }

  #fill(message: Uint8Array, unread: Uint8ArrayList): void {
    const wanted = Math.min(unread.byteLength, message.length - this.#filled)
    const end = this.#filled + wanted
    for (const chunk of unread) {
      if (this.#filled === end) break
      const part = chunk.subarray(0, end - this.#filled)
      message.set(part, this.#filled)
      this.#filled += part.length
    }
    unread.consume(wanted)
  }
}

/**
 * lpStream asks again with one byte more whenever this throws a RangeError, without a bound of its own.
 * @throws Failure E_PROTOCOL when there are more bytes of length than any of our messages has
 */
function decodeLength(bytes: Iterable<Uint8Array>): number {
  const prefix = Buffer.concat([...bytes])
  if (prefix.length > LENGTH_BYTES) throw new Failure('E_PROTOCOL', 'a message with an endless length: refused')
  if (prefix.length === 0 || (prefix.at(-1) as number) >= 0x80) throw new RangeError('the length goes on')
  return lengthIn([...prefix])
}

function lengthIn(prefix: readonly number[]): number {
  return prefix.reduce((sum, byte, at) => sum + (byte & 0x7f) * 2 ** (7 * at), 0)
}
