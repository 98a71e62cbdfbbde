// Owners: which of the nodes of one LAN fetches which piece from outside, so that each comes in once. Rendezvous hashing: every
// node ranks all others for each piece alike without a word between them, and when one goes only its own pieces change hands.
import type { Env, NodeId } from '../env.ts'
import { H } from '../hash.ts'
import { emptyBits, setBit } from './bitfield.ts'

export class Owners {
  readonly #env: Pick<Env, 'sha256'>
  readonly #encoding: string
  readonly #pieces: number
  readonly #self: NodeId
  /** 32 bits of a hash for each node that was among the last ones. */
  #seeds = new Map<NodeId, number>()
  #mates: readonly NodeId[] = []
  #mine: Uint8Array | undefined

  constructor(env: Pick<Env, 'sha256'>, self: NodeId, encoding: string, pieces: number) {
    this.#env = env
    this.#self = self
    this.#encoding = encoding
    this.#pieces = pieces
  }

  /** The pieces that are this node's to fetch while these are its mates. Not to be changed. */
  mine(mates: readonly NodeId[]): Uint8Array {
    const same = mates.length === this.#mates.length && mates.every((mate, i) => mate === this.#mates[i])
    if (this.#mine !== undefined && same) return this.#mine
    this.#mates = mates
    const known = this.#seeds
    this.#seeds = new Map([this.#self, ...mates].map((node) => [node, known.get(node) ?? this.#seed(node)]))
    const mine = emptyBits(this.#pieces)
    for (let index = 0; index < this.#pieces; index++) {
      if (mates.every((mate) => this.goesFirst(this.#self, mate, index))) setBit(mine, index)
    }
    this.#mine = mine
    return mine
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
