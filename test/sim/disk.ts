// A node's disk: batches reach it in order, each whole or not at all, some time after they were asked for.
// What a crash leaves: a killed process loses batches under way (some had landed unseen); a power cut also loses finished
// batches that nobody synced, from some point on, as an append-only log does.
import type { Millis } from '../../src/core/env.ts'
import type { Store, StoreWrite } from '../../src/ports/store.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'

export interface DiskFaults {
  /** Mean time of a batch without sync, exponential. A synced one takes five times as long. */
  delayMean: Millis
  /** Longest time of any batch. */
  delayMax: Millis
  /** Share of batches that are refused (disk full, read-only, ...). */
  failShare: number
}

interface Batch {
  writes: readonly StoreWrite[]
  sync: boolean
  done: (failure: string | undefined) => void
}

export class SimDisk {
  readonly #queue: EventQueue
  readonly #prng: Prng
  readonly #faults: DiskFaults
  /** What a power cut cannot take. */
  readonly #synced = new Map<string, Uint8Array>()
  /** Finished but not synced, in order. */
  #loose: Batch[] = []
  #underWay: Batch[] = []
  #busyUntil: Millis = 0
  #refusesNext = false
  /** Bytes of keys and values of all finished batches. */
  bytesWritten = 0

  constructor(queue: EventQueue, prng: Prng, faults: DiskFaults) {
    this.#queue = queue
    this.#prng = prng
    this.#faults = faults
  }

  /** Starts a batch; `done` is called in virtual time with the failure, or undefined. A crash before that forgets `done`. */
  write(writes: readonly StoreWrite[], sync: boolean, done: (failure: string | undefined) => void): void {
    const batch: Batch = { writes, sync, done }
    const { delayMean, delayMax, failShare } = this.#faults
    const delay = Math.min(delayMax, Math.ceil(this.#prng.exponential(delayMean * (sync ? 5 : 1))))
    const refused = this.#prng.chance(failShare) || this.#refusesNext
    this.#refusesNext = false
    const failure = refused ? 'no space left on device' : undefined
    this.#busyUntil = Math.max(this.#busyUntil, this.#queue.now) + delay
    this.#underWay.push(batch)
    this.#queue.at(this.#busyUntil, () => this.#finish(batch, failure))
  }

  /** The next batch is refused, whatever the faults say. */
  refuseNext(): void {
    this.#refusesNext = true
  }

  /** The value of a key that a power cut cannot take any more. */
  durable(key: string): Uint8Array | undefined {
    return this.#synced.get(key)
  }

  /** Puts entries on the disk before the machine first starts. */
  install(writes: readonly StoreWrite[]): void {
    apply(this.#synced, { writes })
  }

  /** Everything readable after a start, newest writes applied. */
  contents(): Map<string, Uint8Array> {
    const all = new Map(this.#synced)
    for (const batch of this.#loose) apply(all, batch)
    return all
  }

  /** The contents as a store shows them. */
  reader(): Pick<Store, 'get' | 'entries'> {
    const contents = this.contents()
    return {
      get: async (key) => contents.get(key),
      entries: async (prefix) =>
        [...contents]
          .filter(([key]) => key.startsWith(prefix))
          .map(([key, value]) => ({ key, value }))
          .sort((a, b) => (a.key < b.key ? -1 : 1)),
    }
  }

  /** A proper stop waits for the batches under way; they all land, and nobody is left to be told. */
  settle(): void {
    this.#loose.push(...this.#underWay)
    this.#underWay = []
    this.#settle(this.#loose.length)
  }

  /** The node stops now. Of the batches under way a prefix may have landed; a power cut also takes loose ones. */
  crash(kind: 'killed' | 'powerCut'): void {
    const landed = this.#prng.int(0, this.#underWay.length)
    this.#loose.push(...this.#underWay.slice(0, landed))
    this.#underWay = []
    this.#busyUntil = 0
    if (kind === 'powerCut') {
      const lastSynced = this.#loose.findLastIndex((batch) => batch.sync)
      this.#loose.length = this.#prng.int(lastSynced + 1, this.#loose.length)
    }
    this.#settle(this.#loose.length)
  }

  #finish(batch: Batch, failure: string | undefined): void {
    if (!this.#underWay.includes(batch)) return
    this.#underWay = this.#underWay.filter((other) => other !== batch)
    if (failure === undefined) this.#land(batch)
    batch.done(failure)
  }

  #land(batch: Batch): void {
    this.#loose.push(batch)
    for (const { key, value } of batch.writes) this.bytesWritten += key.length + (value?.length ?? 0)
    if (batch.sync) this.#settle(this.#loose.length)
  }

  #settle(count: number): void {
    for (const batch of this.#loose.splice(0, count)) apply(this.#synced, batch)
  }
}

function apply(contents: Map<string, Uint8Array>, batch: Pick<Batch, 'writes'>): void {
  for (const { key, value } of batch.writes) {
    if (value === undefined) contents.delete(key)
    else contents.set(key, value)
  }
}
