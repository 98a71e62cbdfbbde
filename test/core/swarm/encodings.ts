// Encodings for tests of the swarm: pieces are names, their bytes are never made, and their hashes are real.
import { createHash } from 'node:crypto'
import { toHex } from '../../../src/core/bytes.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Encoding } from '../../../src/core/trust/announcement.ts'

const sha256 = (text: string | Uint8Array) => createHash('sha256').update(text).digest()

export interface TestEncoding {
  encoding: Encoding
  list: Uint8Array
  /** Hex hash of each piece. */
  hashes: readonly string[]
}

/** An encoding of so many pieces; the last one is shorter. */
export function testEncoding(name: string, pieces: number, pieceLength: number = limits.pieceBytesMin): TestEncoding {
  const hashes = Array.from({ length: pieces }, (_, index) => sha256(`${name} ${index}`))
  const list = new Uint8Array(Buffer.concat(hashes))
  const length = pieces * pieceLength - 1_000
  const encoding = {
    type: 'identity',
    hash: toHex(sha256(name)),
    sha256: toHex(sha256(name)),
    length,
    pieceLength,
    pieceList: toHex(sha256(list)),
  }
  return { encoding: encoding as Encoding, list, hashes: hashes.map((hash) => toHex(hash)) }
}

/** The hash of bytes that are no piece of anything. */
export const JUNK = toHex(sha256('junk'))
