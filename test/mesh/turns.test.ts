import { expect, test } from 'vitest'
import { Turns } from '../../src/mesh/turns.ts'

test('each peer has some turns at once and one more each period; who has all again is forgotten', () => {
  let now = 0
  const turns = new Turns({ atOnce: 3, period: 10, now: () => now })
  const taken = (peer: string, times: number) => Array.from({ length: times }, () => turns.take(peer))
  expect(taken('a', 5)).toEqual([true, true, true, false, false])
  expect(taken('b', 1)).toEqual([true])
  now = 10
  expect(taken('a', 2)).toEqual([true, false])
  now = 29
  expect(taken('a', 2)).toEqual([true, false])
  expect(turns.size).toBe(1)
  now = 1_000
  expect(taken('b', 1)).toEqual([true])
  expect(turns.size).toBe(1)
})
