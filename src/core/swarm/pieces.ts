// How an encoding is cut into pieces (clause PIECES 1): follows from its length alone, so that everybody cuts alike.
import { limits } from '../limits.ts'
import type { Encoding } from '../trust/announcement.ts'

/** The longest encoding that can be cut, in bytes: 16 GiB. */
export const ENCODING_BYTES_MAX = limits.pieces * limits.pieceBytesMax

/** Bytes of a piece of an encoding of `length` bytes: the shortest piece, doubled until there are few enough of them. */
export function pieceLengthFor(length: number): number {
  let pieceLength: number = limits.pieceBytesMin
  while (pieceCount(length, pieceLength) > limits.pieces && pieceLength < limits.pieceBytesMax) pieceLength *= 2
  return pieceLength
}

/** How many pieces of `pieceLength` bytes hold `length` bytes; the last one may be shorter. */
export function pieceCount(length: number, pieceLength: number): number {
  return Math.ceil(length / pieceLength)
}

/** How many times as long a piece of so many bytes may take as the shortest, for which patience is measured: at least 1. */
export function pieceScale(bytes: number): number {
  return Math.max(1, bytes / limits.pieceBytesMin)
}

/** Bytes of the piece `index`, from 0; 0 when there is no such piece. */
export function pieceBytes(encoding: Pick<Encoding, 'length' | 'pieceLength'>, index: number): number {
  const start = index * encoding.pieceLength
  return index < 0 ? 0 : Math.max(0, Math.min(encoding.pieceLength, encoding.length - start))
}
