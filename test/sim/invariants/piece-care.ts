// I13: a piece that is kept is the right one. I14: no piece that is on disk and right is asked for again, after a plain kill
// neither: what was written before is found again.

export interface PieceKnowledge {
  /** Whether these are the bytes of the piece. */
  isPiece(encoding: string, index: number, bytes: Uint8Array): boolean
  /** Whether the node has it on disk, right. */
  holds(node: number, encoding: string, index: number): boolean
}

export class PieceCare {
  readonly #known: PieceKnowledge
  /** Pieces that were asked for. */
  asked = 0

  constructor(known: PieceKnowledge) {
    this.#known = known
  }

  /** A node writes what came as a piece; undefined bytes: nothing came under that ticket. */
  keeps(encoding: string, index: number, bytes: Uint8Array | undefined): string | undefined {
    if (bytes === undefined) return `keeps piece ${index} of ${encoding.slice(0, 8)}, which did not arrive`
    const right = this.#known.isPiece(encoding, index, bytes)
    return right ? undefined : `keeps something else as piece ${index} of ${encoding.slice(0, 8)}`
  }

  asks(node: number, encoding: string, index: number): string | undefined {
    this.asked++
    if (!this.#known.holds(node, encoding, index)) return undefined
    return `asks for piece ${index} of ${encoding.slice(0, 8)}, which it has on disk`
  }
}
