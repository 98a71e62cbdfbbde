// Owners: which of the nodes of one LAN fetches which piece from outside, so that each comes in once. Rendezvous hashing: every
// node ranks all others for each piece alike without a word between them, and when one goes only its own pieces change hands.
import type { Env, NodeId } from '../env.ts'
import { H } from '../hash.ts'
import { emptyBits, setBit } from './bitfield.ts'

/** Places after which the order does not matter: that a piece comes to them is rare. */
const TURNS = 4

export class Owners {
  readonly #env: Pick<Env, 'sha256'>
  readonly #encoding: string
  readonly #pieces: number
  readonly #self: NodeId
  /** 32 bits of a hash for each node that was among the last ones. */
  #seeds = new Map<NodeId, number>()
  #mates: readonly NodeId[] = []
  #turns: readonly Uint8Array[] | undefined

  constructor(env: Pick<Env, 'sha256'>, self: NodeId, encoding: string, pieces: number) {
    this.#env = env
    this.#self = self
    this.#encoding = encoding
    this.#pieces = pieces
  }

  /**
   * The pieces of which this node is the owner while these are its mates, then those of which it is the next one, and so on for a few
   * places: at no place do two nodes have the same piece. Not to be changed.
   */
  turns(mates: readonly NodeId[]): readonly Uint8Array[] {
    const same = mates.length === this.#mates.length && mates.every((mate, i) => mate === this.#mates[i])
    if (this.#turns !== undefined && same) return this.#turns
    this.#mates = mates
    const known = this.#seeds
    this.#seeds = new Map([this.#self, ...mates].map((node) => [node, known.get(node) ?? this.#seed(node)]))
    const turns = Array.from({ length: Math.min(TURNS, mates.length + 1) }, () => emptyBits(this.#pieces))
    for (let index = 0; index < this.#pieces; index++) {
      const turn = turns[this.place(mates, index)]
      if (turn !== undefined) setBit(turn, index)
    }
    this.#turns = turns
    return turns
  }

  /** How many of these mates are before this node in the order of a piece. */
  place(mates: readonly NodeId[], index: number): number {
    return mates.reduce((before, mate) => before + (this.goesFirst(this.#self, mate, index) ? 0 : 1), 0)
  }

  /** True when of these two the first is to fetch the piece. */
  goesFirst(node: NodeId, other: NodeId, index: number): boolean {
    const [mine, its] = [this.#score(node, index), this.#score(other, index)]
    return mine === its ? node < other : mine > its
  }

  #score(node: NodeId, index: number): number {
    return mixed((this.#seeds.get(node) ?? this.#seed(node)) ^ Math.imul(index + 1, 0x9e3779b1))
  }

  #seed(node: NodeId): number {
    return Number(H(this.#env, 'owner', this.#encoding, node) & 0xffffffffn)
  }
}

/** The finalizer of MurmurHash3: every bit of a 32-bit number decides over every bit of the result. */
function mixed(value: number): number {
  let bits = value
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
