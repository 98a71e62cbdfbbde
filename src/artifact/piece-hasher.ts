// Hashes bytes as they pass: all of them, and each piece by itself.
import { createHash } from 'node:crypto'
import { sha256Hex } from '../wire/signed.ts'

export class PieceHasher {
  readonly #pieceLength: number
  readonly #whole = createHash('sha256')
  readonly #hashes: Uint8Array[] = []
  #piece = createHash('sha256')
  /** Bytes of the piece that has begun. */
  #begun = 0
  #total = 0

  constructor(pieceLength: number) {
    this.#pieceLength = pieceLength
  }

  /** Bytes so far. */
  get total(): number {
    return this.#total
  }

  update(bytes: Uint8Array): void {
    this.#whole.update(bytes)
    this.#total += bytes.length
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#pieceLength - this.#begun)
      this.#piece.update(part)
      this.#begun += part.length
      at += part.length
      if (this.#begun === this.#pieceLength) this.#endPiece()
    }
  }

  /** Call once, after the last bytes. `hash` is of all bytes, `pieceListHash` of the piece list, both hex. */
  end(): { hash: string; pieceList: Uint8Array; pieceListHash: string } {
    if (this.#begun > 0) this.#endPiece()
    const pieceList = new Uint8Array(Buffer.concat(this.#hashes))
    return { hash: this.#whole.digest('hex'), pieceList, pieceListHash: sha256Hex(pieceList) }
  }

  #endPiece(): void {
    this.#hashes.push(this.#piece.digest())
    this.#piece = createHash('sha256')
    this.#begun = 0
  }
}
