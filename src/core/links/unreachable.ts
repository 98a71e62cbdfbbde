// Unreachable: the members that could not be dialled lately, and why, for people who ask why a node is cut off.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'

export interface Unreached {
  node: NodeId
  /** What the last dial ended with, as a person reads it. */
  reason: string
  /** Dials in a row that failed. */
  tries: number
  /** Since the first of them. */
  since: Millis
}

export class Unreachable {
  /** The latest last. */
  readonly #failed = new Map<NodeId, Unreached>()

  /** The latest first. */
  all(): Unreached[] {
    return [...this.#failed.values()].reverse()
  }

  failed(node: NodeId, reason: string, now: Millis): void {
    const { tries = 0, since = now } = this.#failed.get(node) ?? {}
    this.#failed.delete(node)
    this.#failed.set(node, { node, reason, tries: tries + 1, since })
    const [oldest] = this.#failed.keys()
    if (this.#failed.size > limits.unreachableShown && oldest !== undefined) this.#failed.delete(oldest)
  }

  /** A link with the node is open. */
  reached(node: NodeId): void {
    this.#failed.delete(node)
  }
}
