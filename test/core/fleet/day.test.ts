import { expect, test } from 'vitest'
import { Day } from '../../../src/core/fleet/day.ts'
import { DAY, limits } from '../../../src/core/limits.ts'

const NOON = 20_500 * DAY + DAY / 2

function clock(synchronised: boolean, wall: number | undefined, bound = 20_000 * DAY) {
  return { synchronised, wallAt: () => wall, time: { bound, wall: wall ?? 0, synchronised } }
}

test('a trusted clock says the day, whatever others name', () => {
  const day = new Day(clock(true, NOON))
  day.named(21_000, 'a', 0)
  expect(day.at(0)).toBe(20_500)
})

test('without a trusted clock the middle one of those that were named counts, one of each member, and time goes on', () => {
  const day = new Day(clock(false, NOON))
  expect(day.at(0)).toBe(20_000)
  day.named(20_499, 'a', 0)
  expect(day.at(0)).toBe(20_499)
  day.named(20_500, 'a', 10)
  day.named(20_500, 'b', 10)
  expect(day.at(10)).toBe(20_500)
  expect(day.at(10 + DAY)).toBe(20_501)
  day.named(20_501, 'b', 10 + DAY)
  day.named(20_501, 'a', 10 + DAY)
  expect(day.at(10 + DAY)).toBe(20_501)
})

test('T41 who names the day that suits it moves no clock while two others are heard, however often it does', () => {
  const day = new Day(clock(false, NOON))
  for (const by of ['a', 'b']) day.named(20_500, by, 0)
  for (const wanted of [99_999, 20_001, 20_700]) {
    for (let i = 0; i < 100; i++) day.named(wanted, 'hostile', 1)
    expect(day.at(1)).toBe(20_500)
  }
})

test('only the last few who were heard have a voice', () => {
  const day = new Day(clock(false, NOON))
  for (let i = 0; i < 100; i++) day.named(20_400, `before ${i}`, 0)
  for (let i = 0; i < limits.dayVoices; i++) day.named(20_500, `since ${i}`, 1)
  expect(day.at(1)).toBe(20_500)
  day.named(20_400, 'before 1', 2)
  expect(day.at(2)).toBe(20_500)
})

test('days before the lower bound are no voices', () => {
  const day = new Day(clock(false, NOON))
  for (const by of ['a', 'b', 'c']) day.named(19_999, by, 0)
  day.named(20_500, 'd', 0)
  expect(day.at(0)).toBe(20_500)
})

test('who is heard again is among the last', () => {
  const day = new Day(clock(false, NOON))
  const half = Math.ceil(limits.dayVoices / 2)
  const say = (what: number, by: string, many: number) => {
    for (let i = 0; i < many; i++) day.named(what, `${by}${i}`, 0)
  }
  say(20_600, 'a', half)
  say(20_500, 'b', limits.dayVoices - half)
  say(20_600, 'a', half)
  say(20_500, 'c', 1)
  expect(day.at(0)).toBe(20_600)
})

test('a clock before the lower bound says nothing, and neither does who names a day before it', () => {
  const day = new Day(clock(true, undefined))
  day.named(19_999, 'a', 0)
  expect(day.at(0)).toBe(20_000)
})

test('time goes on when a clock that was trusted is not any more, whatever it shows then', () => {
  const self = clock(true, NOON)
  const day = new Day(self)
  expect(day.at(0)).toBe(20_500)
  self.synchronised = false
  self.wallAt = () => 0
  day.named(21_000, 'a', 0)
  expect(day.at(DAY)).toBe(20_501)
})
