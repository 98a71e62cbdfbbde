// What a relay may spend: bytes a second, and a day's portion of those of a month.
import { expect, test } from 'vitest'
import { DAY, HOUR, SECOND } from '../../src/core/limits.ts'
import { RelayBudget } from '../../src/mesh/relay-budget.ts'

function budget(allowance: { rate: number; monthly: number }) {
  const clock = { now: 0 }
  return { clock, budget: new RelayBudget({ reservations: 1, ...allowance }, () => clock.now) }
}

test('a second of the rate goes out at once, then whoever takes more waits until it is even', () => {
  const { clock, budget: relay } = budget({ rate: 1_000, monthly: 1e9 })
  expect(relay.take(1_000)).toBe(0)
  expect(relay.take(500)).toBe(500)
  expect(relay.take(500)).toBe(1_000) // the next one waits behind it
  clock.now += 1_000
  expect(relay.take(0)).toBe(0)
  clock.now += 60 * SECOND
  expect(relay.take(1_001)).toBe(1) // idle time is not saved up beyond a second
})

test("of a month's bytes a thirtieth can go in a day; when that is used up, an hour's share of it has to come in first", () => {
  const { clock, budget: relay } = budget({ rate: 1e9, monthly: 30 * 24_000 })
  expect(relay.spent).toBe(false)
  relay.take(24_001)
  expect(relay.spent).toBe(true)
  clock.now += HOUR / 2
  expect(relay.spent).toBe(true)
  clock.now += HOUR
  expect(relay.spent).toBe(false)
  clock.now += 30 * DAY
  relay.take(23_999)
  expect(relay.spent).toBe(false)
  relay.take(2)
  expect(relay.spent).toBe(true)
})
