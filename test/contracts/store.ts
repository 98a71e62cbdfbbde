// What every Store must do; run on LevelDB and on the simulated disk.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '../../src/core/bytes.ts'
import type { Store, StoreWrite } from '../../src/ports/store.ts'

/** One place that keeps what is written there, like a data folder. */
export interface StorePlace {
  open(): Promise<Store>
  /** Writes the batches one after the other, without sync, and ends the process without closing the store. */
  writeThenKill(batches: readonly (readonly StoreWrite[])[]): Promise<void>
  /** The next batch fails as it does on a full disk. */
  failNext(): void
  remove(): Promise<void>
}

const put = (key: string, text = key): StoreWrite => ({ key, value: utf8(text) })
const drop = (key: string): StoreWrite => ({ key, value: undefined })
const sync = { sync: true }
const noSync = { sync: false }

/** Registers the suite; `make` gives a new, empty place. */
export function storeContract(name: string, make: () => Promise<StorePlace>): void {
  describe(`the Store contract on ${name}`, () => {
    let place: StorePlace
    let store: Store
    const reopen = async () => {
      await store.close()
      store = await place.open()
    }
    beforeEach(async () => {
      place = await make()
      store = await place.open()
    })
    afterEach(async () => {
      await store.close()
      await place.remove()
    })

    it('gives what was written, and undefined for what was not', async () => {
      await store.write([put('a', 'one')], noSync)
      expect(await store.get('a')).toEqual(utf8('one'))
      expect(await store.get('b')).toBeUndefined()
    })

    it('gives plain bytes, also for an empty value', async () => {
      const value = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      await store.write(
        [
          { key: 'all', value },
          { key: 'none', value: new Uint8Array() },
        ],
        noSync,
      )
      expect(await store.get('all')).toEqual(value)
      expect(await store.get('none')).toEqual(new Uint8Array())
    })

    it('replaces and deletes, in the order of the batch', async () => {
      await store.write([put('a', '1'), put('b', '1'), put('c', '1')], noSync)
      await store.write([put('a', '2'), drop('b'), put('c', '2'), drop('c'), drop('d'), put('d', '2')], sync)
      expect(await store.entries('')).toEqual([
        { key: 'a', value: utf8('2') },
        { key: 'd', value: utf8('2') },
      ])
    })

    it('lists exactly the keys with a prefix, in order of their bytes', async () => {
      const keys = ['row', 'row/b', 'row/', 'row/a', 'row/é', 'row/\u{1f600}', 'row/\uffff', 'row0', 'ro', 'a', 'z']
      await store.write(
        keys.map((key) => put(key)),
        noSync,
      )
      const listed = await store.entries('row/')
      expect(listed.map(({ key }) => key)).toEqual(['row/', 'row/a', 'row/b', 'row/é', 'row/\uffff', 'row/\u{1f600}'])
      expect(listed.map(({ value }) => value)).toEqual(listed.map(({ key }) => utf8(key)))
      expect(await store.entries('rows')).toEqual([])
      expect((await store.entries('')).length).toBe(keys.length)
    })

    it('has its own copy of a value', async () => {
      const value = utf8('before')
      const written = store.write([{ key: 'a', value }], noSync)
      await written
      value.fill(0)
      const read = await store.get('a')
      read?.fill(1)
      expect(await store.get('a')).toEqual(utf8('before'))
    })

    it('applies batches in the order in which they were asked for', async () => {
      const writes = Array.from({ length: 50 }, (_, index) =>
        store.write([put('a', `${index}`)], { sync: index % 7 === 0 }),
      )
      await Promise.all(writes)
      expect(await store.get('a')).toEqual(utf8('49'))
    })

    it('keeps everything over a close', async () => {
      await store.write([put('a'), put('b')], noSync)
      await store.write([drop('a')], sync)
      await reopen()
      expect((await store.entries('')).map(({ key }) => key)).toEqual(['b'])
    })

    it('finishes writes under way when it is closed, and rejects every later call', async () => {
      const written = store.write([put('a')], noSync)
      await store.close()
      await written
      await expect(store.get('a')).rejects.toThrow()
      await expect(store.entries('')).rejects.toThrow()
      await expect(store.write([put('b')], noSync)).rejects.toThrow()
      store = await place.open()
      expect((await store.entries('')).map(({ key }) => key)).toEqual(['a'])
    })

    it('keeps what is written after a batch that failed, and nothing of that one', async () => {
      await store.write([put('a')], sync)
      place.failNext()
      const failed = store.write([put('b'), drop('a')], sync)
      const after = Array.from({ length: 20 }, (_, index) => store.write([put(`c${index % 10}`)], { sync: index > 9 }))
      const read = store.get('c9')
      await expect(failed).rejects.toMatchObject({ code: 'E_DATA_WRITE' })
      await Promise.all(after)
      await read
      const left = ['a', ...Array.from({ length: 10 }, (_, index) => `c${index}`)]
      expect((await store.entries('')).map(({ key }) => key)).toEqual(left)
      await reopen()
      expect((await store.entries('')).map(({ key }) => key)).toEqual(left)
    })

    it('accepts an empty batch', async () => {
      await store.write([], sync)
      expect(await store.entries('')).toEqual([])
    })

    it('keeps resolved batches when the process is killed, also without sync', async () => {
      await store.close()
      await place.writeThenKill([
        [put('a'), put('b')],
        [drop('a'), put('c')],
      ])
      store = await place.open()
      expect((await store.entries('')).map(({ key }) => key)).toEqual(['b', 'c'])
    })
  })
}
