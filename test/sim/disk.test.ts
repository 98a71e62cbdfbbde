import { describe, expect, it } from 'vitest'
import { type DiskFaults, SimDisk } from './disk.ts'
import { Prng } from './prng.ts'
import { EventQueue } from './queue.ts'

const FAULTS: DiskFaults = { delayMean: 20, delayMax: 500, failShare: 0 }
const write = (key: string, value: string | undefined) => [
  { key, value: value === undefined ? undefined : new TextEncoder().encode(value) },
]
const keys = (disk: SimDisk) => [...disk.contents().keys()].sort()

function fresh(seed = 1, faults: Partial<DiskFaults> = {}): { queue: EventQueue; disk: SimDisk } {
  const queue = new EventQueue()
  return { queue, disk: new SimDisk(queue, new Prng(seed), { ...FAULTS, ...faults }) }
}

describe('the faulty disk', () => {
  it('reports a batch some time after it was asked for, in order, and reads it back', async () => {
    const { queue, disk } = fresh()
    const done: string[] = []
    for (const key of ['a', 'b', 'c']) disk.write(write(key, key), key === 'b', () => done.push(key))
    expect([done, keys(disk)]).toEqual([[], []])
    await queue.run(2_000)
    expect([done, keys(disk)]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
    disk.write(write('b', undefined), false, () => done.push('deleted'))
    await queue.run(4_000)
    expect(keys(disk)).toEqual(['a', 'c'])
  })

  it('never reports a batch that a crash overtook, and leaves a prefix of those under way', () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < 40; seed++) {
      const { disk } = fresh(seed)
      for (const key of ['a', 'b', 'c']) disk.write(write(key, key), false, () => expect.unreachable())
      disk.crash('killed')
      expect(['a', 'b', 'c'].slice(0, keys(disk).length)).toEqual(keys(disk))
      lengths.add(keys(disk).length)
    }
    expect([...lengths].sort()).toEqual([0, 1, 2, 3])
  })

  it('keeps what was synced through a power cut, and loses what was not from some point on', async () => {
    const lost = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const { queue, disk } = fresh(seed)
      disk.write(write('early', 'x'), false, () => undefined)
      disk.write(write('synced', 'x'), true, () => undefined)
      disk.write(write('loose', 'x'), false, () => undefined)
      await queue.run(3_000)
      expect(disk.durable('synced')).toBeDefined()
      expect(disk.durable('loose')).toBeUndefined()
      disk.crash('powerCut')
      expect(keys(disk)).toEqual(expect.arrayContaining(['early', 'synced']))
      lost.add(keys(disk).join())
    }
    expect(lost.size).toBe(2)
  })

  it('refuses some batches, which then leave nothing', async () => {
    const { queue, disk } = fresh(1, { failShare: 1 })
    const failures: (string | undefined)[] = []
    disk.write(write('a', 'x'), true, (failure) => failures.push(failure))
    await queue.run(3_000)
    expect([failures, keys(disk)]).toEqual([['no space left on device'], []])
  })

  it('lets a proper stop finish what is under way', async () => {
    const { queue, disk } = fresh()
    disk.write(write('a', 'x'), false, () => expect.unreachable())
    disk.settle()
    await queue.run(3_000)
    expect(disk.durable('a')).toBeDefined()
  })
})
