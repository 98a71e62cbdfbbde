import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextChangeAt, promiseFor, statusAt } from '../../../src/core/fleet/liveness.ts'
import { limits } from '../../../src/core/limits.ts'

const node = (heard: number, promise: number, leaving = false) => ({ heard, promise, leaving })

describe('liveness (clause HEALTH 3)', () => {
  it.each([
    [0, 'up'],
    [19_999, 'up'],
    [20_000, 'late'],
    [29_999, 'late'],
    [30_000, 'down'],
    [1e9, 'down'],
  ] as const)('after %d ms of silence with a promise of 10 s a node is %s', (silence, status) => {
    expect(statusAt(node(500, 10_000), 500 + silence, 1)).toBe(status)
  })

  it('doubles its patience when it is isolated', () => {
    expect(statusAt(node(0, 10_000), 39_999, limits.isolatedPatience)).toBe('up')
    expect(statusAt(node(0, 10_000), 60_000, limits.isolatedPatience)).toBe('down')
  })

  it('leaves a node that said goodbye in peace', () => {
    expect(statusAt(node(0, 10_000, true), 1e12, 1)).toBe('left')
    expect(nextChangeAt(node(0, 10_000, true), 1e12, 1)).toBeUndefined()
  })

  it('changes exactly when nextChangeAt says, and not before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 600_000 }),
        fc.nat(2_000_000),
        fc.constantFrom(1, 2),
        (promise, silence, patience) => {
          const heard = node(0, promise)
          const at = nextChangeAt(heard, silence, patience)
          if (at === undefined) {
            expect(statusAt(heard, silence, patience)).toBe('down')
            return
          }
          expect(at).toBeGreaterThan(silence)
          expect(statusAt(heard, at - 1, patience)).toBe(statusAt(heard, silence, patience))
          expect(statusAt(heard, at, patience)).not.toBe(statusAt(heard, silence, patience))
        },
      ),
    )
  })

  it.each([
    [1, 10_000, 10_000],
    [20, 10_000, 10_000],
    [32, 10_000, 16_000],
    [500, 10_000, 250_000],
    [5000, 10_000, limits.recordPeriodMax],
    [6, 1000, 3000],
  ])('a zone of %d with a minimum of %d ms promises %d ms', (members, minimum, promise) => {
    expect(promiseFor(members, minimum)).toBe(promise)
  })

  it('keeps a leaf topic within 2 records a second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: limits.viewNodes }), (members) => {
        const interval = promiseFor(members, limits.recordPeriodMin) / 1000
        expect(members / interval).toBeLessThanOrEqual(2)
      }),
    )
  })
})
