// I4: the order of a node's own records. Its incarnation grows with every start, (incarnation, counter) of what it publishes
// strictly increases for ever, and nothing is published before its incarnation would survive a power cut.
import { compareRecords } from '../../../src/core/fleet/record.ts'

interface Order {
  incarnation: number
  counter: number
}

export class RecordOrder {
  readonly #last = new Map<number, Order>()
  readonly #earlier = new Map<number, number>()

  /** A process starts: whatever it publishes must belong to a later incarnation than all before. */
  started(node: number): void {
    this.#earlier.set(node, this.#last.get(node)?.incarnation ?? 0)
  }

  /** Why this record must not be published, or undefined. `durable`: the incarnation on its disk, 0 for none. */
  published(node: number, record: Order, durable: number): string | undefined {
    const last = this.#last.get(node)
    this.#last.set(node, { incarnation: record.incarnation, counter: record.counter })
    if (record.incarnation <= (this.#earlier.get(node) ?? 0))
      return `incarnation ${record.incarnation} was used before the last start`
    if (last !== undefined && compareRecords(record, last) <= 0) return `published ${text(record)} after ${text(last)}`
    if (durable < record.incarnation) return `published ${text(record)} with incarnation ${durable} on disk`
    return undefined
  }
}

function text({ incarnation, counter }: Order): string {
  return `${incarnation}.${counter}`
}
