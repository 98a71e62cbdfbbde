import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { SilentPorts } from '../../src/mesh/silent-ports.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const later = (ms: number) => vi.advanceTimersByTime(ms)

test('a port is waited for no longer than its patience when its host refuses another, before or meanwhile', () => {
  const ports = new SilentPorts(() => Date.now())
  const early = ports.wait('5.5.5.5')
  later(limits.silentPatience)
  expect(early.signal.aborted).toBe(false)
  ports.refused('5.5.5.5')
  const late = ports.wait('5.5.5.5')
  later(limits.silentPatience - 1)
  expect([early.signal.aborted, late.signal.aborted]).toEqual([false, false])
  later(1)
  expect([early.signal.aborted, late.signal.aborted]).toEqual([true, true])
})

test('what has answered is left alone, and so is another host, and one that refused long ago', () => {
  const ports = new SilentPorts(() => Date.now())
  const [answered, other] = [ports.wait('5.5.5.5'), ports.wait('6.6.6.6')]
  answered.answered()
  ports.refused('5.5.5.5')
  later(limits.addressDialTimeout + 1)
  const after = ports.wait('5.5.5.5')
  later(limits.addressDialTimeout)
  expect([answered, other, after].map(({ signal }) => signal.aborted)).toEqual([false, false, false])
  expect(vi.getTimerCount()).toBe(0)
})
