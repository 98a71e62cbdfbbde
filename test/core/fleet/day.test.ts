import { expect, test } from 'vitest'
import { Day } from '../../../src/core/fleet/day.ts'
import { DAY } from '../../../src/core/limits.ts'

const NOON = 20_500 * DAY + DAY / 2

function clock(synchronised: boolean, wall: number | undefined, bound = 20_000 * DAY) {
  return { synchronised, wallAt: () => wall, time: { bound, wall: wall ?? 0, synchronised } }
}

test('a trusted clock says the day, whatever others name', () => {
  const day = new Day(clock(true, NOON))
  day.named(21_000)
  expect(day.at(0)).toBe(20_500)
})

test('without a trusted clock the last day that was named counts', () => {
  const day = new Day(clock(false, NOON))
  expect(day.at(0)).toBe(20_000)
  day.named(99_999)
  day.named(20_500)
  expect(day.at(0)).toBe(20_500)
})

test('a clock before the lower bound says nothing, and neither does who names a day before it', () => {
  const day = new Day(clock(true, undefined))
  day.named(19_999)
  expect(day.at(0)).toBe(20_000)
})

test('time goes on when a clock that was trusted is not any more, whatever it shows then', () => {
  const self = clock(true, NOON)
  const day = new Day(self)
  expect(day.at(0)).toBe(20_500)
  self.synchronised = false
  self.wallAt = () => 0
  day.named(21_000)
  expect(day.at(DAY)).toBe(20_501)
})
