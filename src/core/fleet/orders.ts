// Orders: how far each reporter came with what it says of a child, kept beyond the digest itself. A digest that nobody holds any more could
// else be said again by anybody: a zone without power would be alight for as long as somebody plays back what its reporters once said.
import type { Millis, NodeId } from '../env.ts'
import { DAY, limits } from '../limits.ts'
import { compareDigests, type Digest } from './digest.ts'

type Order = Pick<Digest, 'incarnation' | 'counter'>

/** A digest of an older day is refused as such. */
const KEPT = (limits.witnessDays + 1) * DAY

export class Orders {
  /** By child and reporter, who spoke last at the end. */
  readonly #orders = new Map<string, Order & { at: Millis }>()

  get size(): number {
    return this.#orders.size
  }

  /** The newest that this reporter said of a child, and when it was taken; undefined when that is unknown, or long ago. */
  of(child: string, by: NodeId, now: Millis): (Order & { at: Millis }) | undefined {
    const order = this.#orders.get(`${child} ${by}`)
    return order !== undefined && now - order.at <= KEPT ? order : undefined
  }

  took(child: string, by: NodeId, { incarnation, counter }: Order, at: Millis): void {
    const key = `${child} ${by}`
    const before = this.#orders.get(key)
    if (before !== undefined && compareDigests(before, { incarnation, counter }) > 0) return
    this.#orders.delete(key)
    this.#orders.set(key, { incarnation, counter, at })
    if (this.#orders.size > limits.digestOrders) this.#orders.delete(this.#orders.keys().next().value as string)
  }
}
