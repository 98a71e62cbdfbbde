// The picker: which piece to ask next of a peer. Rarest first: a piece that few hold may be gone soon, and whoever gets it can
// give it to the others. Among equally rare ones the search begins at a random one, so that different nodes begin differently.
// Invariant: `#order` lists all pieces by level: those held by 0, 1, 2... peers, and last those that are not to be asked for.
// Every change swaps a piece past the border of its level, as in libtorrent's piece_picker (2.0, src/piece_picker.cpp): O(1) for
// one peer more or less, O(peers) to take a piece out or put it back. No step looks at every piece of every peer.
import { limits } from '../limits.ts'
import { eachChange, hasBit } from './bitfield.ts'

/** Level of the pieces that are not to be asked for: above any number of peers. */
const TAKEN = limits.pieceStreams + 1

export class Picker {
  readonly #order: Uint16Array
  /** Where each piece is in `#order`. */
  readonly #place: Uint16Array
  readonly #level: Uint8Array
  readonly #copies: Uint8Array
  /** Where each level begins in `#order`. */
  readonly #starts = new Uint16Array(TAKEN + 2)

  readonly #random: () => number

  /** All pieces are open, and nobody holds any. @param random uniformly in [0, 1) */
  constructor(pieces: number, random: () => number) {
    this.#random = random
    this.#order = Uint16Array.from({ length: pieces }, (_, index) => index)
    this.#place = this.#order.slice()
    this.#level = new Uint8Array(pieces)
    this.#copies = new Uint8Array(pieces)
    this.#starts.fill(pieces, 1)
  }

  /** How many peers hold the piece. */
  copies(index: number): number {
    return this.#copies[index] as number
  }

  /** True when every piece that is missing and that anybody holds is asked for: the endgame. */
  get exhausted(): boolean {
    return this.#starts[1] === this.#starts[TAKEN]
  }

  isOpen(index: number): boolean {
    return this.#level[index] !== TAKEN
  }

  /** A peer changed from holding `before` to holding `after`. */
  changed(before: Uint8Array, after: Uint8Array): void {
    eachChange(before, after, (index, held) => this.gained(index, held ? 1 : -1))
  }

  /** One peer more holds the piece, or one less (`by` -1). Never more peers than limits.pieceStreams. */
  gained(index: number, by: 1 | -1 = 1): void {
    const copies = this.copies(index) + by
    this.#copies[index] = copies
    if (this.isOpen(index)) this.#move(index, copies)
  }

  /** The piece was asked of somebody, or is here. */
  take(index: number): void {
    if (this.isOpen(index)) this.#move(index, TAKEN)
  }

  /** The piece is to be asked for again. */
  release(index: number): void {
    if (!this.isOpen(index)) this.#move(index, this.copies(index))
  }

  /** The rarest open piece that is in `holds` and not in `avoid`. Looks on average at (open pieces / those in `holds`). */
  pick(holds: Uint8Array, avoid: Uint8Array | undefined): number | undefined {
    for (let level = 1; level < TAKEN; level++) {
      const [begin, end] = [this.#starts[level] as number, this.#starts[level + 1] as number]
      const start = begin + Math.floor(this.#random() * (end - begin))
      for (let place = start; place < end; place++) {
        if (this.#suits(place, holds, avoid)) return this.#order[place]
      }
      for (let place = begin; place < start; place++) {
        if (this.#suits(place, holds, avoid)) return this.#order[place]
      }
    }
    return undefined
  }

  #suits(place: number, holds: Uint8Array, avoid: Uint8Array | undefined): boolean {
    const index = this.#order[place] as number
    return hasBit(holds, index) && (avoid === undefined || !hasBit(avoid, index))
  }

  /** Level by level: upwards a piece becomes the last of its level, and then the level above begins with it. */
  #move(index: number, to: number): void {
    let level = this.#level[index] as number
    for (; level < to; level++) {
      const last = (this.#starts[level + 1] as number) - 1
      this.#swap(this.#place[index] as number, last)
      this.#starts[level + 1] = last
    }
    for (; level > to; level--) {
      const first = this.#starts[level] as number
      this.#swap(this.#place[index] as number, first)
      this.#starts[level] = first + 1
    }
    this.#level[index] = level
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#order[a] as number, this.#order[b] as number]
    this.#order[a] = second
    this.#order[b] = first
    this.#place[second] = a
    this.#place[first] = b
  }
}
