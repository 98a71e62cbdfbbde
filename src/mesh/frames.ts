// Frames: messages with a length in front (unsigned LEB128), refused by their length before they are buffered.
import type { MessageStream } from '@libp2p/interface'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import { Failure } from '../core/failure.ts'

/** Enough for 2 MiB, above every bound. */
const LENGTH_BYTES = 3

/** `waiting`: bytes that may lie unread behind a message; by default those of one more length. */
export function boundedFrames<T extends MessageStream>(
  stream: T,
  maxBytes: number,
  waiting = LENGTH_BYTES,
): LengthPrefixedStream<T> {
  const maxBufferSize = maxBytes + LENGTH_BYTES + waiting
  return lpStream(stream, { maxDataLength: maxBytes, maxBufferSize, lengthDecoder: decodeLength })
}

/**
 * lpStream asks again with one byte more whenever this throws a RangeError, without a bound of its own.
 * @throws Failure E_PROTOCOL when there are more bytes of length than any of our messages has
 */
function decodeLength(bytes: Iterable<Uint8Array>): number {
  const prefix = Buffer.concat([...bytes])
  const length = prefix.reduce((sum, byte, at) => sum + (byte & 0x7f) * 2 ** (7 * at), 0)
  if (prefix.length > LENGTH_BYTES) throw new Failure('E_PROTOCOL', 'a message with an endless length: refused')
  if (prefix.length === 0 || (prefix.at(-1) as number) >= 0x80) throw new RangeError('the length goes on')
  return length
}
