// Bans: who gave bad pieces. A sender is asked nothing after its second one; it may still fetch from us, since a machine with
// a broken memory needs its updates too. Bounded: with too many to remember, suspects are forgotten before the banned.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'

interface Culprit {
  bad: number
  /** When it is forgiven. */
  until: Millis
}

export class Bans {
  /** In order of their last bad piece. */
  readonly #culprits = new Map<NodeId, Culprit>()

  get size(): number {
    return this.#culprits.size
  }

  /** It gave a bad piece. True when it is banned now. */
  add(node: NodeId, now: Millis): boolean {
    const bad = this.#bad(node, now) + 1
    this.#culprits.delete(node)
    this.#culprits.set(node, { bad, until: now + limits.banTime })
    if (this.#culprits.size > limits.bannedPeers) this.#forgetOne()
    return bad >= limits.badPieces
  }

  isSuspect(node: NodeId, now: Millis): boolean {
    return this.#bad(node, now) > 0
  }

  isBanned(node: NodeId, now: Millis): boolean {
    return this.#bad(node, now) >= limits.badPieces
  }

  #bad(node: NodeId, now: Millis): number {
    const culprit = this.#culprits.get(node)
    return culprit === undefined || now >= culprit.until ? 0 : culprit.bad
  }

  #forgetOne(): void {
    let leaving: NodeId | undefined
    for (const [node, { bad }] of this.#culprits) {
      leaving ??= node
      if (bad >= limits.badPieces) continue
      leaving = node
      break
    }
    if (leaving !== undefined) this.#culprits.delete(leaving)
  }
}
