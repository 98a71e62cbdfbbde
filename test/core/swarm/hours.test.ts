import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../../src/core/limits.ts'
import { isOpen, turn, type Window } from '../../../src/core/swarm/hours.ts'

const window = (from: number, to: number): Window => ({ from: from * 60, to: to * 60 })
const NIGHT = [window(22, 6)]

describe('hours', () => {
  it('are always where there are none', () => {
    expect(isOpen([], 12 * HOUR)).toBe(true)
    expect(turn([], 12 * HOUR)).toBeUndefined()
  })

  it('run over midnight', () => {
    const at = [21.99, 22, 23.9, 0, 5.99, 6, 12].map((hour) => isOpen(NIGHT, 3 * DAY + hour * HOUR))
    expect(at).toEqual([false, true, true, true, true, false, false])
    expect(turn(NIGHT, 23 * HOUR)).toEqual({ after: 7 * HOUR, minute: 360 })
    expect(turn(NIGHT, 6 * HOUR)).toEqual({ after: 16 * HOUR, minute: 1_320 })
    expect(turn(NIGHT, 22 * HOUR)).toEqual({ after: 8 * HOUR, minute: 360 })
  })

  it('end at midnight, and are of local time before 1970 too', () => {
    expect([23.9, 24, 12].map((hour) => isOpen([window(18, 24)], hour * HOUR))).toEqual([true, false, false])
    expect(turn([window(18, 24)], 20 * HOUR)).toEqual({ after: 4 * HOUR, minute: 0 })
    expect(isOpen(NIGHT, -HOUR)).toBe(true)
  })

  it('overlap as they like, and may be all of the day together', () => {
    const two = [window(20, 2), window(1, 5)]
    expect(turn(two, 21 * HOUR)).toEqual({ after: 8 * HOUR, minute: 300 })
    expect(turn([window(0, 12), window(12, 24)], HOUR)).toBeUndefined()
    expect(turn([window(6, 5), window(4, 7)], HOUR)).toBeUndefined()
  })

  it('turn when the clock says so, to the minute', () => {
    const minute = fc.integer({ min: 0, max: 1_439 })
    const windows = fc.array(
      fc.record({ from: minute, to: minute }).filter(({ from, to }) => from !== to),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(windows, minute, fc.integer({ min: 0, max: MINUTE - 1 }), (all, start, into) => {
        const local = start * MINUTE + into
        let minutes = 1
        while (minutes <= 1_440 && isOpen(all, (start + minutes) * MINUTE) === isOpen(all, local)) minutes += 1
        const expected =
          minutes > 1_440 ? undefined : { after: minutes * MINUTE - into, minute: (start + minutes) % 1_440 }
        expect(turn(all, local)).toEqual(expected)
      }),
      { numRuns: 200 },
    )
  })
})
