// What artifacts are made of here: sixteen bytes stand for a piece of a quarter of a megabyte, and say themselves how many bytes
// they stand for. Hashes of pieces, piece lists and encodings are real SHA-256 over those sixteen.

import { concat, toHex, utf8 } from '../../src/core/bytes.ts'
import { limits } from '../../src/core/limits.ts'
import { pieceBytes, pieceCount, pieceLengthFor } from '../../src/core/swarm/pieces.ts'
import type { Encoding, EncodingType, Release } from '../../src/core/trust/announcement.ts'
import { encodingOf } from '../../src/wire/release.ts'
import { sha256 } from './crypto.ts'

const STANDS_FOR = 4
const SAMPLE = 16
/** An encoding is so much shorter than its pieces together: the last piece is. */
const SHORT_OF_WHOLE = 1_000
/** A packed artifact is so many times as long as its encoding. */
const UNPACKED = 2

/** One encoding with everything that can be known of it. */
export interface Content {
  encoding: Encoding
  pieces: readonly Uint8Array[]
  pieceList: Uint8Array
  /** What it unpacks to. */
  artifact: Release['artifact']
}

/** The content of an artifact of `pieces` pieces: the same for the same name. */
export function makeContent(name: string, pieces: number, type: EncodingType): Content {
  const length = pieces * limits.pieceBytesMin - SHORT_OF_WHOLE
  const pieceLength = pieceLengthFor(length)
  const count = pieceCount(length, pieceLength)
  const all = Array.from({ length: count }, (_, index) =>
    makePiece(`${name} ${index}`, pieceBytes({ length, pieceLength }, index)),
  )
  const pieceList = concat(all.map(sha256))
  const hash = hashOf(all)
  const encoding = encodingOf({ type, sha256: hash, length, pieceLength, pieceList: toHex(sha256(pieceList)) })
  const unpacked = { hash: toHex(sha256(utf8(`unpacked ${name}`))), length: UNPACKED * length }
  return { encoding, pieces: all, pieceList, artifact: type === 'identity' ? { hash, length } : unpacked }
}

/** The hash of an encoding of these pieces, in hex. */
export function hashOf(pieces: readonly Uint8Array[]): string {
  return toHex(sha256(concat([...pieces])))
}

/** How many bytes these stand for. */
export function nominalLength(piece: Uint8Array): number {
  if (piece.length !== SAMPLE) return piece.length
  return new DataView(piece.buffer, piece.byteOffset).getUint32(0)
}

/** The piece with a bit flipped; it still claims the same length. */
export function flipped(piece: Uint8Array): Uint8Array {
  const bad = piece.slice()
  bad[SAMPLE - 1] = (bad[SAMPLE - 1] as number) ^ 1
  return bad
}

function makePiece(name: string, length: number): Uint8Array {
  const bytes = new Uint8Array(SAMPLE)
  new DataView(bytes.buffer).setUint32(0, length)
  bytes.set(sha256(utf8(name)).subarray(0, SAMPLE - STANDS_FOR), STANDS_FOR)
  return bytes
}
