// The members that could not be dialled lately, and why.
import { expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Unreachable } from '../../../src/core/links/unreachable.ts'

it('counts failures in a row, keeps the last reason and the first time, the latest first', () => {
  const unreachable = new Unreachable()
  unreachable.failed('a', 'connection refused', 1)
  unreachable.failed('b', 'no route there', 2)
  unreachable.failed('a', 'no answer in time', 3)
  expect(unreachable.all()).toEqual([
    { node: 'a', reason: 'no answer in time', tries: 2, since: 1 },
    { node: 'b', reason: 'no route there', tries: 1, since: 2 },
  ])
  unreachable.reached('a')
  expect(unreachable.all().map(({ node }) => node)).toEqual(['b'])
})

it('forgets the oldest when there are many', () => {
  const unreachable = new Unreachable()
  for (let i = 0; i <= limits.unreachableShown; i++) unreachable.failed(`n${i}`, '', i)
  expect(unreachable.all()).toHaveLength(limits.unreachableShown)
  expect(unreachable.all().at(-1)?.node).toBe('n1')
})
