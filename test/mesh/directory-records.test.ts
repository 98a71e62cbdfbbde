import { describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { DirectoryRecords } from '../../src/mesh/directory-records.ts'

const told = Uint8Array.of(1)

function setUp() {
  const clock = { now: 0 }
  const records = new DirectoryRecords(() => clock.now)
  const put = (key: string, node: string) => records.put(`/dht/provider/${key}/${node}`, told)
  const of = async (key: string) => {
    const nodes: string[] = []
    for await (const entry of records.query({ prefix: `/dht/provider/${key}` })) nodes.push(entry.key.toString())
    return nodes.map((text) => text.split('/').at(-1))
  }
  return { clock, records, put, of }
}

describe('records of the directory', () => {
  test('of one key the first providers stay: who comes later and in crowds displaces nobody', async () => {
    const { put, of, records } = setUp()
    await put('k', 'honest')
    for (let n = 0; n < 100; n++) await put('k', `crowd${n}`)
    expect(await of('k')).toContain('honest')
    expect(records.size).toBe(limits.directoryPerKey)
  })

  test('one member has its share, and a full directory takes from who has most', async () => {
    const { put, of, records } = setUp()
    for (let n = 0; n < limits.directoryPerMember + 9; n++) await put(`a${n}`, 'greedy')
    expect(records.size).toBe(limits.directoryPerMember)
    const crowd = limits.directoryRecords / limits.directoryPerMember
    for (let who = 0; who < crowd; who++) {
      for (let n = 0; n < limits.directoryPerMember; n++) await put(`b${who}-${n}`, `crowd${who}`)
    }
    expect(records.size).toBe(limits.directoryRecords)
    await put('wanted', 'honest')
    expect(await of('wanted')).toEqual(['honest'])
    expect(records.size).toBe(limits.directoryRecords)
  })

  test('a record ends by its age, and is kept on when it is told anew', async () => {
    const { clock, put, of, records } = setUp()
    await put('k', 'gone')
    await put('k', 'stays')
    clock.now = limits.directoryRecordLife / 2
    await put('k', 'stays')
    clock.now = limits.directoryRecordLife
    expect(await of('k')).toEqual(['stays'])
    expect(records.size).toBe(1)
    await records.delete('/dht/provider/k/stays')
    expect([await of('k'), records.size]).toEqual([[], 0])
  })

  test('what is too old makes room before anybody loses a record', async () => {
    const { clock, put, records } = setUp()
    for (let n = 0; n < limits.directoryRecords; n++) await put(`k${n}`, `n${n}`)
    await put('one', 'more')
    expect(records.size).toBe(limits.directoryRecords)
    clock.now = limits.directoryRecordLife
    await put('new', 'comer')
    expect(records.size).toBe(1)
  })

  test('nothing but providers is kept: values, which any member could write without end, are refused', async () => {
    const { records } = setUp()
    await expect(records.put('/dht/record/abc', told)).rejects.toThrow('nothing but providers')
    await expect(records.get()).rejects.toMatchObject({ name: 'NotFoundError' })
    expect(records.size).toBe(0)
  })
})
