import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../src/core/events.ts'
import { limits } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { directoryOf, type Surroundings } from './directories.ts'

const ADDRESS = '/ip4/203.0.113.7/tcp/31415'
type Of<T extends Effect['type']> = Extract<Effect, { type: T }>

function setUp(surroundings: Surroundings = {}, servers = ['s1'], isOn = true) {
  const out = new Outbox()
  const book = new Book('self', '/a')
  const know = (node: string, relays = true) =>
    book.restored({ node, zone: '/b', addresses: [ADDRESS], age: 0, serves: true, relays }, 0)
  for (const server of servers) know(server)
  const directory = directoryOf({ out, book, ...surroundings }, isOn)
  const drained: Effect[] = []
  const effects = <T extends Effect['type']>(type: T): Of<T>[] => {
    drained.push(...out.drain())
    const found = drained.filter((effect): effect is Of<T> => effect.type === type)
    drained.splice(0, drained.length, ...drained.filter((effect) => effect.type !== type))
    return found
  }
  /** Goes to its deadlines until `end`; `servers`: how many are told each time. */
  const run = (end: number, told = 3): { at: number; encoding: string }[] => {
    const tells: { at: number; encoding: string }[] = []
    for (let at = directory.deadline(); at !== undefined && at <= end; at = directory.deadline()) {
      directory.check(at)
      for (const { ticket, encoding } of effects('directoryProvide')) {
        tells.push({ at, encoding })
        directory.told(ticket, told, at)
      }
    }
    return tells
  }
  return { directory, book, know, effects, run }
}

describe('the directory is asked', () => {
  it('when other ways brought nobody for a round, or at once when there is nobody else to dial', () => {
    const { directory, effects } = setUp()
    directory.search('e', 0, false, 0)
    expect(effects('directoryFind')).toEqual([])
    directory.search('e', limits.directoryAfter, false, 0)
    directory.search('alone', 0, true, 0)
    expect(effects('directoryFind').map(({ encoding }) => encoding)).toEqual(['e', 'alone'])
    expect(effects('directoryServers')).toEqual([
      { type: 'directoryServers', known: [{ node: 's1', addresses: [ADDRESS] }] },
    ])
  })

  it('not again while a question is out, and then after pauses that grow to a bound', () => {
    const { directory, effects } = setUp({ random: () => 0.999 })
    const asked: number[] = []
    for (let now = 0; now <= 6 * limits.directoryPauseMax; now += 1_000) {
      directory.search('e', 9, false, now)
      for (const { ticket } of effects('directoryFind')) {
        asked.push(now)
        directory.search('e', 9, true, now + 999)
        expect(effects('directoryFind')).toEqual([])
        directory.found(ticket, [])
      }
    }
    const pauses = asked.slice(1).map((at, i) => at - (asked[i] as number))
    expect(pauses[0]).toBeLessThanOrEqual(2 * limits.directoryPauseMin)
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b))
    expect(pauses.at(-1)).toBeGreaterThan(limits.directoryPauseMax)
    expect(pauses.at(-1)).toBeLessThanOrEqual(1.5 * limits.directoryPauseMax + 1_000)
  })

  it('never when nobody is known to serve, or when it is switched off', () => {
    const nobody = setUp({}, [])
    nobody.know('member', false)
    nobody.directory.search('e', 9, true, 0)
    expect(nobody.effects('directoryFind')).toEqual([])
    const off = setUp({ isOpen: () => true }, ['s1'], false)
    off.directory.search('e', 9, true, 0)
    off.directory.has('e', true, 0)
    off.directory.check(limits.directoryTellSoon)
    expect([off.effects('directoryFind'), off.effects('directoryServe'), off.directory.deadline()]).toEqual([
      [],
      [],
      undefined,
    ])
  })

  it('and what it names is for that download, bounded, until it is over; an answer to no question is nothing', () => {
    const { directory, effects } = setUp()
    const many = Array.from({ length: 99 }, (_, n) => ({ node: `n${n}`, addresses: [ADDRESS] }))
    directory.search('e', 9, false, 0)
    const [question] = effects('directoryFind')
    expect(directory.found(12_345, many)).toBeUndefined()
    expect(directory.found(question?.ticket ?? 0, many)).toBe('e')
    expect(directory.named('e')).toHaveLength(limits.directoryProviders)
    expect(directory.named('other')).toEqual([])
    expect(directory.found(question?.ticket ?? 0, many)).toBeUndefined()
    directory.over('e')
    expect([directory.named('e'), directory.size]).toEqual([[], 0])
  })
})

describe('the directory is told', () => {
  it('soon of what was brought in here, at any moment of a while of what was fetched, and anew some times a day', () => {
    const { directory, run } = setUp()
    directory.has('brought', true, 0)
    directory.has('fetched', false, 0)
    directory.has('fetched', false, 1)
    const tells = run(limits.directoryRecordLife)
    const of = (name: string) => tells.filter(({ encoding }) => encoding === name).map(({ at }) => at)
    expect(of('brought')[0]).toBeLessThanOrEqual(limits.directoryTellSoon)
    expect(of('fetched')[0]).toBeLessThanOrEqual(limits.directoryTellSpread)
    // Two may be lost before those that keep it forget.
    expect(of('brought').length).toBeGreaterThanOrEqual(3)
    expect(of('brought').length).toBeLessThanOrEqual(5)
  })

  it('less and less often while nobody listens, and not at all while nobody serves', () => {
    const { directory, run, know } = setUp({}, [])
    directory.has('e', true, 0)
    expect(run(limits.directoryPauseMax)).toEqual([])
    know('s1')
    const deaf = run(5 * limits.directoryPauseMax, 0)
    expect(deaf.length).toBeGreaterThan(1)
    expect(deaf.length).toBeLessThan(12)
    const end = 6 * limits.directoryPauseMax
    expect(run(end).length).toBe(1)
  })

  it('by a few of a zone, whatever its size, by all that are open, and by whoever brought it in', () => {
    const tellers = (members: number, isOpen: boolean, brought: boolean) =>
      Array.from({ length: members }, (_, n) => {
        const { directory } = setUp({ self: `node${n}`, members: () => members, isOpen: () => isOpen })
        directory.has('e', brought, 0)
        return directory.size
      }).reduce((sum, one) => sum + one, 0)
    expect(tellers(2, false, false)).toBe(2)
    expect(tellers(200, false, false)).toBeGreaterThan(0)
    expect(tellers(200, false, false)).toBeLessThan(4 * limits.directoryTellers)
    expect(tellers(50, true, false)).toBe(50)
    expect(tellers(50, false, true)).toBe(50)
  })

  it('no more of what is gone or damaged, and of no more than can be kept', () => {
    const { directory, effects } = setUp()
    for (let n = 0; n < limits.encodingsKept + 5; n++) directory.has(`e${n}`, true, 0)
    expect(directory.size).toBe(limits.encodingsKept)
    directory.lost('e0')
    directory.lost('never')
    expect(effects('directoryWithdraw')).toEqual([{ type: 'directoryWithdraw', encoding: 'e0' }])
    expect(directory.size).toBe(limits.encodingsKept - 1)
  })

  it('one after the other', () => {
    const { directory, effects } = setUp()
    directory.has('a', true, 0)
    directory.has('b', true, 0)
    directory.check(limits.directoryTellSoon)
    directory.check(limits.directoryTellSoon)
    const [first, ...others] = effects('directoryProvide')
    expect([first?.encoding, others]).toEqual(['a', []])
    directory.told(first?.ticket ?? 0, 1, limits.directoryTellSoon)
    directory.check(limits.directoryTellSoon)
    expect(effects('directoryProvide').map(({ encoding }) => encoding)).toEqual(['b'])
  })
})

describe('a node serves the directory', () => {
  it('while members can dial it from outside, and knows the others that do', () => {
    let isOpen = false
    const { directory, effects, know } = setUp({ isOpen: () => isOpen })
    directory.check(0)
    expect([effects('directoryServe'), directory.deadline()]).toEqual([[], undefined])
    isOpen = true
    directory.check(1)
    expect(effects('directoryServe')).toEqual([{ type: 'directoryServe', on: true }])
    expect(effects('directoryServers').flatMap(({ known }) => known.map(({ node }) => node))).toEqual(['s1'])
    know('s2')
    directory.check(2)
    expect(effects('directoryServers')).toEqual([])
    directory.check(1 + limits.directoryLookPeriod)
    expect(effects('directoryServers')[0]?.known).toHaveLength(2)
    isOpen = false
    directory.check(2 + limits.directoryLookPeriod)
    expect(effects('directoryServe')).toEqual([{ type: 'directoryServe', on: false }])
  })

  it('and knows a bounded number of others', () => {
    const many = Array.from({ length: 2 * limits.directoryServers }, (_, n) => `s${n}`)
    const { directory, effects } = setUp({ isOpen: () => true }, many)
    directory.check(0)
    const [told] = effects('directoryServers')
    expect(told?.known.length).toBeLessThanOrEqual(limits.directoryServers)
    expect(told?.known.length).toBeGreaterThan(0)
  })
})
