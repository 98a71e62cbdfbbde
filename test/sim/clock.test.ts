import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DRIFT_MAX, EPOCH, NodeClock } from './clock.ts'
import { Prng } from './prng.ts'

describe('the clocks of a node', () => {
  it('reaches a local time at the first virtual millisecond that shows it', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 1e8 }),
        fc.integer({ min: 0, max: 1e6 }),
        (seed, time, wait) => {
          const clock = new NodeClock(new Prng(seed))
          const local = clock.monotonic(time) + wait
          const reached = clock.reaches(local)
          expect(clock.monotonic(reached)).toBeGreaterThanOrEqual(local)
          expect(clock.monotonic(reached - 1)).toBeLessThan(local)
          expect(Math.abs(reached - time - wait)).toBeLessThanOrEqual(wait * 2 * DRIFT_MAX + 2)
        },
      ),
    )
  })

  it('counts from elsewhere after a restart and never backwards in between', () => {
    const prng = new Prng(5)
    const clock = new NodeClock(prng)
    const before = clock.monotonic(1_000)
    expect(clock.monotonic(1_001)).toBeGreaterThanOrEqual(before)
    clock.restart(2_000, prng)
    expect(clock.monotonic(2_000)).not.toBe(before + 1_000)
    expect(clock.monotonic(2_000)).toBeGreaterThanOrEqual(0)
  })

  it('steps the wall clock away from the truth and back, to 1970 and to 2106 among others', () => {
    const prng = new Prng(1)
    const clock = new NodeClock(prng)
    const years = new Set<number>()
    for (let i = 0; i < 100; i++) {
      expect(clock.trusted).toBe(true)
      clock.stepWall(60_000, prng)
      years.add(new Date(clock.wall(60_000)).getUTCFullYear())
      if (!clock.trusted) clock.stepWall(60_000, prng)
      expect(clock.wall(60_000)).toBe(EPOCH + 60_000)
    }
    expect([...years]).toEqual(expect.arrayContaining([1970, 2106, 2025, 2026]))
  })
})
