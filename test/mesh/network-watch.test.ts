// The network watch: tells of each change once, and of nothing else.
import { afterEach, expect, test, vi } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { NetworkWatch } from '../../src/mesh/network-watch.ts'

afterEach(() => vi.useRealTimers())

test('addresses that come or go are noticed within a period, each time once', () => {
  vi.useFakeTimers()
  const seen = { addresses: 'eth0 10.0.0.7/24', changes: 0 }
  const watch = new NetworkWatch(
    () => seen.changes++,
    () => seen.addresses,
  )
  watch.start()
  vi.advanceTimersByTime(10 * limits.networkPeriod)
  expect(seen.changes).toBe(0)
  seen.addresses = ''
  vi.advanceTimersByTime(limits.networkPeriod)
  expect(seen.changes).toBe(1)
  seen.addresses = 'eth0 10.1.0.7/24'
  vi.advanceTimersByTime(3 * limits.networkPeriod)
  expect(seen.changes).toBe(2)
  watch.stop()
  seen.addresses = ''
  vi.advanceTimersByTime(3 * limits.networkPeriod)
  expect(seen.changes).toBe(2)
})

test('on a machine whose addresses stay, nothing is told', () => {
  vi.useFakeTimers()
  let changes = 0
  const watch = new NetworkWatch(() => changes++)
  watch.start()
  vi.advanceTimersByTime(3 * limits.networkPeriod)
  watch.stop()
  expect(changes).toBe(0)
})
