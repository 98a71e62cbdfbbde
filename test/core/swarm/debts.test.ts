import { expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Debts } from '../../../src/core/swarm/debts.ts'

/** How many pieces it has to confirm until it owes nothing. */
function paid(debts: Debts): number {
  let count = 1
  while (!debts.pays('a')) count += 1
  return count
}

it('a debt that was paid is not forgotten: who lets pieces be and pays in turns owes more each time (T19)', () => {
  const debts = new Debts()
  const owed = Array.from({ length: 7 }, () => {
    debts.owes('a')
    return paid(debts)
  })
  expect(owed).toEqual([2, 6, 14, 30, 62, limits.flightDebt, limits.flightDebt])
})

it('what was owed last is halved by as many pieces confirmed in time, and by nothing else', () => {
  const debts = new Debts()
  const keeps = (times: number) => {
    for (let i = 0; i < times; i++) debts.kept('a')
  }
  const owes = () => {
    debts.owes('a')
    return paid(debts)
  }
  expect([owes(), owes()]).toEqual([2, 6])
  keeps(5)
  expect(owes()).toBe(14)
  // 14 for 7, 7 for 3, 3 for 1, 1 for 0.
  keeps(14 + 7 + 3)
  expect(owes()).toBe(4)
  keeps(4 + 2 + 1)
  expect(owes()).toBe(2)
})

it('what is confirmed while it owes does not count as in time', () => {
  const debts = new Debts()
  debts.owes('a')
  for (let i = 0; i < 10; i++) debts.kept('a')
  expect(debts.has('a')).toBe(true)
  paid(debts)
  debts.owes('a')
  expect(paid(debts)).toBe(6)
})

it('are bounded: whoever owed longest ago is forgotten', () => {
  const debts = new Debts()
  for (let i = 0; i <= limits.bannedPeers; i++) debts.owes(`n${i}`)
  expect([debts.has('n0'), debts.has('n1')]).toEqual([false, true])
})
