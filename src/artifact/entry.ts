// What the store knows of an encoding: which of its pieces are here, and how much room the others were promised.
import { limits } from '../core/limits.ts'
import { pieceBytes, pieceCount } from '../core/swarm/pieces.ts'
import type { Encoding } from '../core/trust/announcement.ts'

export const HASH_BYTES = 32
export const HASH = /^[0-9a-f]{64}$/

/** An encoding that was prepared or imported since this process started. */
export class Entry {
  readonly encoding: Encoding
  readonly pieceList: Uint8Array
  /** Bytes that unpacking will still need. */
  #decoded: number
  readonly #have: Uint8Array
  /** Bytes of the pieces that are not here. */
  #absent = 0
  /** Encodings that found no room because of this one since it was last written to. */
  readonly #refused = new Set<string>()

  /** `have`: the pieces that are here; becomes the entry's own. */
  constructor(encoding: Encoding, pieceList: Uint8Array, have: Uint8Array, decoded: number) {
    this.encoding = encoding
    this.pieceList = pieceList
    this.#decoded = decoded
    this.#have = have
    const pieces = pieceCount(encoding.length, encoding.pieceLength)
    for (let index = 0; index < pieces; index++) if (!hasBit(have, index)) this.#absent += pieceBytes(encoding, index)
  }

  get absent(): number {
    return this.#absent
  }

  /** Bytes that will still be written for it: the pieces that are not here, and what comes out of them. */
  get needed(): number {
    return this.#absent + this.#decoded
  }

  /** It was unpacked: its room is used. */
  unpacked(): void {
    this.#decoded = 0
  }

  /** A copy of the bitfield. */
  get have(): Uint8Array {
    return this.#have.slice()
  }

  /** Bytes that will still be written for this encoding, as `other` has to count them. */
  promisedBefore(other: string): number {
    return this.#refused.has(other) ? 0 : this.needed
  }

  /** `other` asked for room and found none. */
  stoodInTheWay(other: string): void {
    if (this.needed > 0) this.#refused.add(other)
  }

  /** `other` asks no more. */
  forgets(other: string): void {
    this.#refused.delete(other)
  }

  gained(index: number): void {
    this.#refused.clear()
    if (hasBit(this.#have, index)) return
    setBit(this.#have, index)
    this.#absent -= pieceBytes(this.encoding, index)
  }

  /** The SHA-256 that piece `index` must have. */
  hashOf(index: number): Uint8Array {
    return hashAt(this.pieceList, index)
  }
}

/** The SHA-256 of piece `index`. */
export function hashAt(pieceList: Uint8Array, index: number): Uint8Array {
  return pieceList.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
}

/** @throws TypeError for an encoding that no announcement that was parsed can hold. */
export function checkEncoding({ hash, length, pieceLength }: Encoding): void {
  const pieces = pieceCount(length, pieceLength)
  if (!HASH.test(hash) || !Number.isSafeInteger(length) || !(pieces >= 1 && pieces <= limits.pieces))
    throw new TypeError(`${JSON.stringify(hash)} with ${length} bytes in pieces of ${pieceLength} is no encoding`)
}

/** An empty bitfield: bit i of byte i >> 3, least significant first, is piece i. */
export function bitfield({ length, pieceLength }: Encoding): Uint8Array {
  return new Uint8Array(Math.ceil(pieceCount(length, pieceLength) / 8))
}

export function fullBitfield(encoding: Encoding): Uint8Array {
  const bits = bitfield(encoding)
  const pieces = pieceCount(encoding.length, encoding.pieceLength)
  for (let index = 0; index < pieces; index++) setBit(bits, index)
  return bits
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7))
}

function hasBit(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1
}
