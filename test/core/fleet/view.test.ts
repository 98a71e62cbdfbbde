import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../src/core/events.ts'
import { compareRecords } from '../../../src/core/fleet/record.ts'
import { View } from '../../../src/core/fleet/view.ts'
import { limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { envelope, goodbye, record, T } from './helpers.ts'

/** Long after whatever a test did: the bucket of every author is full again. */
const LATER = 1000 * T

function setUp() {
  const out = new Outbox()
  const view = new View('self', out)
  const changes = () =>
    out
      .drain()
      .flatMap((effect: Effect) =>
        effect.type === 'event' && effect.event.type === 'status' ? [`${effect.event.node} ${effect.event.to}`] : [],
      )
  const statusOf = (node: string, now: number) =>
    view.rows(now, undefined, 999).find((row) => row.node === node)?.status
  return { out, view, changes, statusOf }
}

describe('the view of a zone', () => {
  it('turns a silent node late past 2T and down past 3T, with one event each', () => {
    const { view, changes } = setUp()
    view.accept('a', record(1, 1), envelope(), 0)
    expect(view.deadline()).toBe(1.5 * T)
    view.check(1.5 * T)
    expect([...view.takeMissed()]).toEqual(['a'])
    expect(view.deadline()).toBe(2 * T)
    view.check(2 * T - 1)
    expect(changes()).toEqual(['a up'])
    view.check(2 * T)
    expect(changes()).toEqual(['a late'])
    expect(view.deadline()).toBe(3 * T)
    view.check(3 * T)
    view.check(9 * T)
    expect(changes()).toEqual(['a down'])
  })

  it('brings a node back only by a newer record of its own', () => {
    const { view, statusOf } = setUp()
    view.accept('a', record(1, 5), envelope('x'), 0)
    view.check(3 * T)
    expect(view.standing('a', record(1, 5), envelope('x').body, LATER)).toBe('old')
    expect(view.standing('a', record(1, 4), envelope('w').body, LATER)).toBe('old')
    expect(statusOf('a', 3 * T)).toBe('down')
    expect(view.standing('a', record(1, 6), envelope('y').body, LATER)).toBe('newer')
    expect(view.standing('a', record(2, 1), envelope('y').body, LATER)).toBe('newer')
    view.accept('a', record(2, 1), envelope('y'), 3 * T)
    expect(statusOf('a', 3 * T)).toBe('up')
  })

  it('shows a goodbye as left until the node speaks again, for a day; an old record never brings it back', () => {
    const { view, statusOf } = setUp()
    view.accept('a', goodbye(1, 5), envelope(), 0)
    view.check(10 * T)
    expect(statusOf('a', 10 * T)).toBe('left')
    expect(view.members()).toBe(0)
    view.check(limits.leftShownFor + 1)
    expect(statusOf('a', limits.leftShownFor + 1)).toBeUndefined()
    expect(view.counts()).toEqual({ up: 0, late: 0, down: 0, left: 0 })
    expect(view.standing('a', record(1, 4), envelope('old').body, LATER)).not.toBe('newer')
    view.check(limits.goneKeptFor + 1)
    expect(view.size).toBe(0)
    expect(view.deadline()).toBeUndefined()
  })

  it('takes no more records of one author than its promises allow', () => {
    const { view } = setUp()
    let taken = 0
    const flood = (from: number, until: number) => {
      for (let at = from; at < until; at += 10) {
        const next = record(1, taken + 1)
        if (view.standing('a', next, envelope().body, at) !== 'newer') continue
        view.accept('a', next, envelope(), at)
        taken += 1
      }
    }
    flood(0, T)
    expect(taken).toBeLessThanOrEqual(limits.recordBurst + limits.recordsPerPromise)
    flood(T, 11 * T)
    expect(taken).toBeLessThanOrEqual(limits.recordBurst + 11 * limits.recordsPerPromise)
    expect(taken).toBeGreaterThan(10)
  })

  it('writes again what did not reach the disk', () => {
    const { view } = setUp()
    view.accept('a', record(1, 1), envelope(), 0)
    expect(view.flush(0, 0)).toHaveLength(1)
    view.writeFailed()
    expect(view.flush(0, 0)).toHaveLength(1)
    view.written()
    view.writeFailed()
    expect(view.flush(0, 0)).toEqual([])
  })

  it('never judges itself', () => {
    const { view, statusOf } = setUp()
    view.accept('self', record(1, 1), envelope(), 0)
    view.accept('b', record(1, 1), envelope(), 0)
    view.check(100 * T)
    expect(statusOf('self', 100 * T)).toBe('up')
    expect(statusOf('b', 100 * T)).toBe('down')
  })

  it('waits twice as long while this node has no link', () => {
    const { view, statusOf } = setUp()
    view.accept('a', record(1, 1), envelope(), 0)
    view.setPatience(2, 0)
    view.check(3 * T)
    expect(statusOf('a', 3 * T)).toBe('up')
    view.check(6 * T)
    expect(statusOf('a', 6 * T)).toBe('down')
  })

  it('accuses at once when patience ends late, and asks to be woken for it', () => {
    const { view, statusOf } = setUp()
    view.accept('a', record(1, 1), envelope(), 0)
    view.setPatience(2, 0)
    view.check(5 * T)
    view.setPatience(1, 5 * T)
    expect(view.deadline()).toBeLessThanOrEqual(5 * T)
    view.check(5 * T)
    expect(statusOf('a', 5 * T)).toBe('down')
  })

  it('blames nobody for a time in which this process slept', () => {
    const { view, statusOf } = setUp()
    view.accept('a', record(1, 1), envelope(), 0)
    view.forgive(100 * T, 100 * T)
    view.check(100 * T)
    expect(statusOf('a', 100 * T)).toBe('up')
    view.check(103 * T)
    expect(statusOf('a', 103 * T)).toBe('down')
  })

  it('takes back rows from disk as late, or as gone as they were, and never as up', () => {
    const { view, statusOf } = setUp()
    const saved = { envelope: envelope(), record: record(3, 7), heardWall: 1_000_000 }
    view.restore({ node: 'a', status: 'up', ...saved }, 50, 1_000_000)
    view.restore({ node: 'b', status: 'down', ...saved }, 50, 1_000_000)
    expect(statusOf('a', 50)).toBe('late')
    expect(statusOf('b', 50)).toBe('down')
    expect(view.rows(50, undefined, 9)[0]?.age).toBeNull()
    view.check(50 + T)
    expect(statusOf('a', 50 + T)).toBe('down')
    expect(view.standing('b', record(3, 7), envelope().body, LATER)).toBe('old')
  })

  it('stays within its bound, and makes room only at the cost of a node that is gone', () => {
    const { view } = setUp()
    for (let i = 0; i < limits.viewNodes; i++) view.accept(`n${i}`, record(1, 1), envelope(), 0)
    expect(view.standing('late-comer', record(1, 1), envelope().body, LATER)).toBe('full')
    view.check(3 * T)
    expect(view.standing('late-comer', record(1, 1), envelope().body, LATER)).toBe('newer')
    view.accept('late-comer', record(1, 1), envelope(), 3 * T)
    expect(view.size).toBe(limits.viewNodes)
  })

  it('pages rows in order of node id, each once', () => {
    const { view } = setUp()
    for (const node of ['d', 'a', 'c', 'b']) view.accept(node, record(1, 1), envelope(), 0)
    const first = view.rows(0, undefined, 3).map((row) => row.node)
    expect(first).toEqual(['a', 'b', 'c'])
    expect(view.rows(0, 'c', 3).map((row) => row.node)).toEqual(['d'])
    expect(view.rows(0, 'd', 3)).toEqual([])
  })

  it('writes what changed once, and not itself', () => {
    const { view } = setUp()
    view.accept('self', record(1, 1), envelope(), 0)
    view.accept('a', record(1, 1), envelope(), 1000)
    expect(view.flush(3000, 1_000_000)).toMatchObject([{ type: 'row', node: 'a', status: 'up', heardWall: 998_000 }])
    expect(view.flush(3000, 1_000_000)).toEqual([])
  })

  it('never lets a record get older, in any order of arrival', () => {
    const arrivals = fc.array(
      fc.record({ incarnation: fc.integer({ min: 1, max: 4 }), counter: fc.integer({ min: 1, max: 4 }) }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(arrivals, (orders) => {
        const { view } = setUp()
        let at = 0
        for (const { incarnation, counter } of orders) {
          at += T
          const next = record(incarnation, counter)
          const body = envelope(`${incarnation}.${counter}`)
          const before = view.record('a')
          if (view.standing('a', next, body.body, at) === 'newer') view.accept('a', next, body, at)
          const after = view.record('a')
          expect(after !== undefined && (before === undefined || compareRecords(after, before) >= 0)).toBe(true)
        }
        const newest = [...orders].sort(compareNumbers).at(-1)
        if (newest !== undefined) expect(view.record('a')).toMatchObject(newest)
      }),
    )
  })
})

const compareNumbers = (a: { incarnation: number; counter: number }, b: { incarnation: number; counter: number }) =>
  a.incarnation - b.incarnation || a.counter - b.counter

describe('two machines with one key', () => {
  it('are found by two bodies under one (incarnation, counter)', () => {
    const { view } = setUp()
    view.accept('a', record(4, 2), envelope('mine'), 0)
    expect(view.standing('a', record(4, 2), envelope('mine').body, LATER)).toBe('old')
    expect(view.standing('a', record(4, 2), envelope('theirs').body, LATER)).toBe('suspect')
    expect(view.suspect('a', record(4, 2), 0)).toBe(true)
  })

  it('are not claimed because a third party says the records of a former life again, one after the other', () => {
    const { view } = setUp()
    for (let counter = 1; counter <= 9; counter++) view.accept('a', record(4, counter), envelope(`${counter}`), 0)
    view.accept('a', record(5, 1), envelope('new'), 1000)
    for (let counter = 1; counter <= 9; counter++) {
      expect(view.standing('a', record(4, counter), envelope(`${counter}`).body, LATER)).toBe('old')
    }
    expect(view.standing('a', record(4, 10), envelope('10').body, LATER)).toBe('suspect')
  })

  it('are found by an old incarnation that keeps growing, but not by one late record', () => {
    const { view, statusOf } = setUp()
    view.accept('a', record(4, 9), envelope('old'), 0)
    view.accept('a', record(5, 1), envelope('new'), 1000)
    const grows = (counter: number, at: number) => {
      expect(view.standing('a', record(4, counter), envelope(`${counter}`).body, LATER)).toBe('suspect')
      return view.suspect('a', record(4, counter), at)
    }
    expect(grows(10, 2000)).toBe(false)
    expect(grows(11, 2100)).toBe(false)
    expect(grows(12, 2000 + T)).toBe(false)
    expect(grows(13, 2000 + 2 * T)).toBe(true)
    expect(view.standing('a', record(4, 13), envelope('13').body, LATER)).toBe('old')
    expect(statusOf('a', 5000)).toBe('up')
    expect(view.record('a')).toMatchObject({ incarnation: 5, counter: 1 })
  })
})
