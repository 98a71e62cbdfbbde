// The Store port on the simulated disk, so that one contract suite holds for what the simulator uses and for LevelDB.
import { toHex, utf8 } from '../../src/core/bytes.ts'
import { Failure } from '../../src/core/failure.ts'
import type { Store, StoreWrite } from '../../src/ports/store.ts'
import type { SimDisk } from './disk.ts'

export class SimStore implements Store {
  readonly #disk: SimDisk
  readonly #underWay = new Set<Promise<void>>()
  #closed = false

  constructor(disk: SimDisk) {
    this.#disk = disk
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#checkOpen()
    return this.#disk.contents().get(key)?.slice()
  }

  async entries(prefix: string): Promise<{ key: string; value: Uint8Array }[]> {
    this.#checkOpen()
    const found = [...this.#disk.contents()].filter(([key]) => key.startsWith(prefix))
    return found
      .map(([key, value]) => ({ key, value: value.slice(), order: toHex(utf8(key)) }))
      .sort((a, b) => (a.order < b.order ? -1 : 1))
      .map(({ key, value }) => ({ key, value }))
  }

  async write(batch: readonly StoreWrite[], { sync }: { sync: boolean }): Promise<void> {
    this.#checkOpen()
    const own = batch.map(({ key, value }) => ({ key, value: value?.slice() }))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#disk.write(own, sync, (failure) =>
      failure === undefined
        ? resolve()
        : reject(new Failure('E_DATA_WRITE', `the state cannot be written (${failure})`)),
    )
    this.#underWay.add(promise)
    try {
      await promise
    } finally {
      this.#underWay.delete(promise)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#underWay)
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('the store is closed')
  }
}
