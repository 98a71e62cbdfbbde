// The simulated disk keeps the Store contract, and loses at a crash what a disk may lose: a suffix of what was not synced.
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/core/bytes.ts'
import { storeContract } from '../contracts/store.ts'
import { type DiskFaults, SimDisk } from '../sim/disk.ts'
import { Prng } from '../sim/prng.ts'
import { EventQueue } from '../sim/queue.ts'
import { SimStore } from '../sim/store.ts'

const slow: DiskFaults = { delayMean: 5, delayMax: 50, failShare: 0 }

/** A disk whose virtual time passes by itself, as real time does. */
function running(): { disk: SimDisk; stop: () => void } {
  const queue = new EventQueue()
  const pump = setInterval(() => void queue.run(queue.now + 1_000), 1)
  return { disk: new SimDisk(queue, new Prng(42), slow), stop: () => clearInterval(pump) }
}

storeContract('the simulated disk', async () => {
  const { disk, stop } = running()
  return {
    failNext: () => disk.refuseNext(),
    open: async () => new SimStore(disk),
    writeThenKill: async (batches) => {
      const store = new SimStore(disk)
      for (const batch of batches) await store.write(batch, { sync: false })
      disk.crash('killed')
    },
    remove: async () => stop(),
  }
})

describe('a crash of the simulated disk', () => {
  const last = 9
  /** Ten batches of two writes that must agree; the fourth is synced; the clock stops after `until`. */
  async function crashed(seed: number, until: number, kind: 'killed' | 'powerCut') {
    const queue = new EventQueue()
    const disk = new SimDisk(queue, new Prng(seed), slow)
    const finished: number[] = []
    for (let index = 0; index <= last; index++) {
      const value = utf8(`${index}`)
      const batch = [
        { key: 'a', value },
        { key: 'b', value },
      ]
      disk.write(batch, index === 3, (failure) => {
        if (failure === undefined) finished.push(index)
      })
    }
    await queue.run(until)
    disk.crash(kind)
    await queue.run(until + 10_000)
    const read = (key: string) => Number(new TextDecoder().decode(disk.contents().get(key) ?? utf8('-1')))
    return { finished, a: read('a'), b: read('b') }
  }
  const runs = Array.from({ length: 200 }, (_, seed) => ({ seed, until: seed % 100 }))

  it('never leaves part of a batch, and never finishes one afterwards', async () => {
    for (const { seed, until } of runs) {
      for (const kind of ['killed', 'powerCut'] as const) {
        const { finished, a, b } = await crashed(seed, until, kind)
        expect(a).toBe(b)
        expect(finished).toEqual(Array.from({ length: finished.length }, (_, index) => index))
      }
    }
  })

  it('keeps all finished batches when the process is killed', async () => {
    for (const { seed, until } of runs) {
      const { finished, a } = await crashed(seed, until, 'killed')
      expect(a).toBeGreaterThanOrEqual(finished.length - 1)
    }
  })

  it('keeps what was synced at a power cut, and sometimes loses what was not', async () => {
    const outcomes = await Promise.all(runs.map(({ seed, until }) => crashed(seed, until, 'powerCut')))
    for (const { finished, a } of outcomes) if (finished.includes(3)) expect(a).toBeGreaterThanOrEqual(3)
    expect(outcomes.some(({ finished, a }) => a < finished.length - 1)).toBe(true)
    expect(outcomes.some(({ finished, a }) => a > finished.length - 1)).toBe(true)
  })
})

describe('a disk that fails', () => {
  it('rejects the batch with a clear failure and keeps what was there', async () => {
    const queue = new EventQueue()
    const disk = new SimDisk(queue, new Prng(1), { ...slow, failShare: 1 })
    const store = new SimStore(disk)
    const written = store.write([{ key: 'a', value: utf8('1') }], { sync: true })
    await queue.run(1_000)
    await expect(written).rejects.toEqual(expect.objectContaining({ code: 'E_DATA_WRITE' }))
    expect(await store.entries('')).toEqual([])
  })
})
