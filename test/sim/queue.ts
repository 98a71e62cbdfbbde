// Virtual time: a binary heap of things to do, ordered by time and, at the same time, by the order in which they were put in.
// The tie-break makes a run depend on nothing but its seed.
import type { Millis } from '../../src/core/env.ts'

/** Something to do. What it returns is given to whoever drives the queue: a promise is waited for before time goes on. */
export type Action = () => unknown

interface Entry {
  at: Millis
  order: number
  run: Action
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export class EventQueue {
  readonly #heap: Entry[] = []
  #order = 0
  #now: Millis = 0
  #halted = false

  /** Virtual milliseconds since the start of the run: the time of the event that runs now. */
  get now(): Millis {
    return this.#now
  }

  get size(): number {
    return this.#heap.length
  }

  /** Runs `run` at virtual time `at`. Throws for a time that has passed: that would be a defect of the simulator. */
  at(at: Millis, run: Action): void {
    if (!(at >= this.#now)) throw new Error(`the simulator put an event at ${at}, which is before ${this.#now}`)
    this.#heap.push({ at, order: this.#order++, run })
    this.#rise(this.#heap.length - 1)
  }

  /** Runs `run` after `delay` virtual milliseconds. */
  after(delay: Millis, run: Action): void {
    this.at(this.#now + delay, run)
  }

  /** Ends the run after the action under way: time stands still from then on. */
  halt(): void {
    this.#halted = true
  }

  get halted(): boolean {
    return this.#halted
  }

  /** Runs everything up to `until`, then it is `until`, unless it is halted. Waits for an action that returns a promise. */
  async run(until: Millis): Promise<void> {
    for (let first = this.#take(until); first !== undefined; first = this.#take(until)) {
      this.#now = first.at
      const result = first.run()
      if (result instanceof Promise) await result
    }
    if (!this.#halted) this.#now = Math.max(this.#now, until)
  }

  #take(until: Millis): Entry | undefined {
    const first = this.#heap[0]
    if (this.#halted || first === undefined || first.at > until) return undefined
    const last = this.#heap.pop() as Entry
    if (this.#heap.length > 0) this.#sink(last)
    return first
  }

  #rise(start: number): void {
    const heap = this.#heap
    const entry = heap[start] as Entry
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!before(entry, heap[parent] as Entry)) break
      heap[index] = heap[parent] as Entry
      index = parent
    }
    heap[index] = entry
  }

  /** Puts `entry` in at the root's place and lets it sink to where it belongs. */
  #sink(entry: Entry): void {
    const heap = this.#heap
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!before(heap[child] as Entry, entry)) break
      heap[index] = heap[child] as Entry
      index = child
    }
    heap[index] = entry
  }
}
