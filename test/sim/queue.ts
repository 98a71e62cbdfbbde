// Virtual time: things to do, ordered by time and, at the same time, by the order in which they were put in. The tie-break makes a run depend on
// nothing but its seed. Ten thousand nodes have a million things to do, most of them seconds away: what is due soon is in a heap that stays
// small, and the rest waits unsorted in one list for each few milliseconds (a calendar queue: Brown 1988).
// Invariant: nothing that waits in a list is due before anything in the heap.
import type { Millis } from '../../src/core/env.ts'

/** Something to do. What it returns is given to whoever drives the queue: a promise is waited for before time goes on. */
export type Action = () => unknown

interface Entry {
  at: Millis
  order: number
  run: Action
}

/** What one list holds, in virtual ms. */
const SLOT: Millis = 8

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export class EventQueue {
  /** Due within the current slot, or before it. */
  readonly #heap: Entry[] = []
  /** By number of the slot, all later than the current one; the numbers, as a heap. */
  readonly #lists = new Map<number, Entry[]>()
  readonly #slots: number[] = []
  #slot = 0
  #size = 0
  #order = 0
  #now: Millis = 0
  #halted = false

  /** Virtual milliseconds since the start of the run: the time of the event that runs now. */
  get now(): Millis {
    return this.#now
  }

  get size(): number {
    return this.#size
  }

  /** Runs `run` at virtual time `at`. Throws for a time that has passed: that would be a defect of the simulator. */
  at(at: Millis, run: Action): void {
    if (!(at >= this.#now)) throw new Error(`the simulator put an event at ${at}, which is before ${this.#now}`)
    this.#size++
    const entry = { at, order: this.#order++, run }
    const slot = Math.floor(at / SLOT)
    if (slot <= this.#slot) return push(this.#heap, entry, before)
    const list = this.#lists.get(slot)
    if (list !== undefined) return void list.push(entry)
    this.#lists.set(slot, [entry])
    push(this.#slots, slot, less)
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
    if (this.#halted) return undefined
    if (this.#heap.length === 0) this.#open(until)
    const first = this.#heap[0]
    if (first === undefined || first.at > until) return undefined
    this.#size--
    return pop(this.#heap, before)
  }

  /** The next list becomes the heap, unless all in it is later than `until`. */
  #open(until: Millis): void {
    const next = this.#slots[0]
    if (next === undefined || next * SLOT > until) return
    pop(this.#slots, less)
    this.#slot = next
    for (const entry of this.#lists.get(next) ?? []) push(this.#heap, entry, before)
    this.#lists.delete(next)
  }
}

const less = (a: number, b: number): boolean => a < b

function push<T>(heap: T[], item: T, isBefore: (a: T, b: T) => boolean): void {
  let index = heap.length
  heap.push(item)
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (!isBefore(item, heap[parent] as T)) break
    heap[index] = heap[parent] as T
    index = parent
  }
  heap[index] = item
}

/** Takes the first; the heap is not empty. */
function pop<T>(heap: T[], isBefore: (a: T, b: T) => boolean): T {
  const first = heap[0] as T
  const last = heap.pop() as T
  if (heap.length > 0) sink(heap, last, isBefore)
  return first
}

/** Puts `item` in at the root's place and lets it sink to where it belongs. */
function sink<T>(heap: T[], item: T, isBefore: (a: T, b: T) => boolean): void {
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as T, heap[child] as T)) child++
    if (!isBefore(heap[child] as T, item)) break
    heap[index] = heap[child] as T
    index = child
  }
  heap[index] = item
}
