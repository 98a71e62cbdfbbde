// The window: how many pieces may be under way over the wire at a time, and for how long one is waited for. It is found as TCP Vegas
// finds its window (Brakmo and Peterson 1995): of what is under way, the share w (1 - shortest time / time) only waits in some queue;
// the window grows while that is less than one piece, and shrinks when it is more than two.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'

/** How much of a longer time the shortest one that is remembered goes up: a path may have become a longer one. */
const FORGET = 1 / 64

export class Window {
  #size: number = limits.flightsMin
  /** In which time a piece of the shortest length was confirmed, by member: the shortest one, and the last one. */
  readonly #shortest = new Map<NodeId, Millis>()
  readonly #last = new Map<NodeId, Millis>()
  #quick = Number.POSITIVE_INFINITY

  /** @param whole for pieces of an encoding that is all here */
  places(whole: boolean): number {
    return Math.floor(whole ? Math.max(limits.flightsWhole, this.#size) : this.#size)
  }

  /** It confirmed a piece. */
  isProven(node: NodeId): boolean {
    return this.#shortest.has(node)
  }

  /** In this time the quickest quarter of the members confirms a piece of the shortest length; infinite while none did. */
  get quick(): Millis {
    return this.#quick
  }

  /** How long the shortest piece is waited for. Nobody who asks for one waits longer than the last of these. */
  patience(node: NodeId): Millis {
    const shortest = this.#shortest.get(node)
    if (shortest === undefined) return limits.requestPatienceMin
    const measured = limits.requestPatienceFactor * this.#size * shortest
    return Math.min(limits.requestPatienceMax, Math.max(limits.flightPatience, measured))
  }

  /** A piece was confirmed. @param took of its time what the shortest would take @param wasFull no other could be sent before */
  measured(node: NodeId, took: Millis, wasFull: boolean): void {
    const known = this.#shortest.get(node) ?? took
    const shortest = took < known ? took : known + FORGET * (took - known)
    this.#shortest.set(node, shortest)
    this.#last.set(node, took)
    this.#look()
    const waiting = took === 0 ? 0 : this.#size * (1 - shortest / took)
    if (waiting > limits.flightsWaiting) this.#size -= 1 / this.#size
    else if (waiting < limits.flightsWaiting / 2 && wasFull) this.#size += 1 / this.#size
    this.#size = Math.min(limits.flightsMax, Math.max(limits.flightsMin, this.#size))
  }

  forget(node: NodeId): void {
    this.#shortest.delete(node)
    if (this.#last.delete(node)) this.#look()
  }

  #look(): void {
    const times = [...this.#last.values()].sort((a, b) => a - b)
    this.#quick = times[(times.length - 1) >> 2] ?? Number.POSITIVE_INFINITY
  }
}
