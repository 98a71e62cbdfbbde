import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Month, monthOf, monthText, type Usage } from '../../../src/core/swarm/month.ts'

const GB = 1e9
const on = (date: string) => Date.parse(`${date}Z`)
const NOVEMBER = monthOf(on('2026-11-29T12:00'))

function setUp(limit?: number, saved?: Usage) {
  const out = new Outbox()
  const month = new Month(out, limit, saved, 0)
  const writes = () =>
    out.drain().flatMap((effect) => {
      const [change] = effect.type === 'persist' ? effect.changes : []
      return change?.type === 'usage' ? [change.usage] : []
    })
  return { month, writes }
}

describe('a month', () => {
  it('is one of the calendar', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9000-01-01'), noInvalidDate: true }),
        (date) => {
          expect(monthText(monthOf(date.getTime()))).toBe(
            `${date.getUTCFullYear()}-${String(date.getUTCMonth() + 1).padStart(2, '0')}`,
          )
          const { month } = setUp(GB, { month: 0, up: 1, down: 0, elapsed: 0 })
          const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
          if (date.getUTCFullYear() > 100) expect(month.remaining(date.getTime())).toBe(next - date.getTime())
        },
      ),
    )
  })

  it('counts both ways, and is spent for good when nothing is left', () => {
    const { month } = setUp(10)
    month.check(on('2026-11-29'), 0)
    month.add('up', 4, 0)
    expect([month.left, month.isSpent]).toEqual([6, false])
    month.add('down', 7, 0)
    expect([month.left, month.isSpent]).toEqual([0, true])
    expect(month.usage).toMatchObject({ month: NOVEMBER, up: 4, down: 7 })
    month.check(on('2026-11-30T23:59'), 1)
    expect(month.isSpent).toBe(true)
    month.check(on('2026-12-01'), 2)
    expect([month.left, month.usage.month]).toEqual([10, NOVEMBER + 1])
  })

  it('is not renewed by a clock that nobody vouches for, nor by one that goes back', () => {
    const { month } = setUp(10, { month: NOVEMBER, up: 10, down: 0, elapsed: 0 })
    month.check(undefined, HOUR)
    month.check(on('2026-10-31'), HOUR)
    month.check(on('1970-01-01'), HOUR)
    expect([month.isSpent, month.usage.month]).toEqual([true, NOVEMBER])
  })

  it('takes what was counted before the clock was believed for the month that it shows then', () => {
    const { month } = setUp(10)
    month.add('up', 3, 0)
    month.check(undefined, 0)
    month.check(on('2026-11-29'), 0)
    expect(month.usage).toMatchObject({ month: NOVEMBER, up: 3 })
  })

  it('ends after 31 days of uptime, whatever the clock says: over restarts, and after a wrong one', () => {
    const future = monthOf(on('2106-01-01'))
    const { month, writes } = setUp(10, { month: future, up: 10, down: 0, elapsed: 0 })
    for (let day = 0; day < 20; day++) month.check(on('2026-11-29'), day * DAY)
    month.save(20 * DAY)
    const saved = writes().at(-1) as Usage
    expect([saved.elapsed, saved.up]).toEqual([20 * DAY, 10])
    const later = setUp(10, saved).month
    later.check(on('2026-12-20'), 11 * DAY - 1)
    expect([later.isSpent, later.remaining(undefined)]).toEqual([true, 1])
    later.check(on('2026-12-20'), 11 * DAY)
    expect(later.usage).toEqual({ month: NOVEMBER + 1, up: 0, down: 0, elapsed: 0 })
    const blind = setUp(10, { ...saved, elapsed: 31 * DAY }).month
    blind.check(undefined, 0)
    expect(blind.usage.month).toBe(0)
  })

  it('gets older over restarts, however short the times between them are', () => {
    let saved: Usage = { month: 0, up: 10, down: 0, elapsed: 0 }
    for (let run = 0; run < 31 * 3; run++) {
      const { month, writes } = setUp(10, saved)
      for (let hour = 0; hour <= 8; hour++) month.check(undefined, hour * HOUR)
      // Power is cut an hour later: nothing is saved at a stop.
      month.check(undefined, 8 * HOUR + limits.usageUnsaved)
      saved = writes().at(-1) ?? saved
    }
    expect(saved.up).toBe(0)
  })

  it('is written after so many bytes, after so long, and at a stop; nothing of an idle node', () => {
    const { month, writes } = setUp()
    month.check(on('2026-11-29'), 0)
    month.check(on('2026-11-30'), DAY)
    month.save(DAY)
    expect([writes(), month.deadline()]).toEqual([[], undefined])
    month.add('down', limits.usageBytesUnsaved - 1, DAY)
    expect([writes(), month.deadline()]).toEqual([[], DAY + limits.usageUnsaved])
    month.add('up', 1, DAY)
    expect(writes()).toMatchObject([{ up: 1, down: limits.usageBytesUnsaved - 1 }])
    month.add('up', 1, DAY)
    month.check(on('2026-11-30'), DAY + limits.usageUnsaved - 1)
    expect(writes()).toEqual([])
    month.check(on('2026-11-30'), DAY + limits.usageUnsaved)
    expect(writes()).toMatchObject([{ up: 2 }])
    month.add('up', 1, DAY + limits.usageUnsaved)
    month.save(DAY + limits.usageUnsaved)
    expect(writes()).toMatchObject([{ up: 3 }])
    month.save(DAY + limits.usageUnsaved)
    expect(writes()).toEqual([])
  })
})
