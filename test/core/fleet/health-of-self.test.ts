import { describe, expect, it } from 'vitest'
import { HealthOfSelf } from '../../../src/core/fleet/health-of-self.ts'
import { limits } from '../../../src/core/limits.ts'

describe('the health of this node (clause HEALTH 6)', () => {
  it('is 1 when all is well, and rises with timers that come late, the later the more, up to its worst', () => {
    const health = new HealthOfSelf(true)
    health.wokeLate(limits.lateWake - 1, 0)
    expect(health.level(0)).toBe(1)
    health.wokeLate(limits.lateWake, 0)
    expect(health.level(0)).toBe(2)
    health.wokeLate(3 * limits.lateWake, 0)
    expect(health.level(0)).toBe(5)
    health.wokeLate(100 * limits.lateWake, 0)
    expect(health.level(0)).toBe(limits.healthMax)
  })

  it('keeps a node from accusing others, and makes it wait longer, until it is well again', () => {
    const health = new HealthOfSelf(true)
    health.wokeLate(limits.accuseHealth * limits.lateWake, 0)
    expect(health.mayAccuse(0)).toBe(false)
    expect(health.factor(0)).toBe(limits.accuseHealth + 1)
    expect(health.patience(0)).toBeGreaterThan(1)
    expect(health.mayAccuse(limits.healthRest - 1)).toBe(false)
    expect(health.mayAccuse(limits.healthRest)).toBe(true)
    expect([health.factor(100 * limits.healthRest), health.patience(100 * limits.healthRest)]).toEqual([1, 1])
  })

  it('rises with what others show to be wrong, though many of them at once are one sign', () => {
    const health = new HealthOfSelf(true)
    for (let i = 0; i < 9; i++) health.contradicted(i)
    expect(health.level(9)).toBe(2)
    health.contradicted(limits.healthRest / 2)
    expect([health.level(limits.healthRest / 2), health.mayAccuse(limits.healthRest / 2)]).toEqual([3, false])
  })

  it('gets better with every probe that is answered in time', () => {
    const health = new HealthOfSelf(true)
    health.wokeLate(3 * limits.lateWake, 0)
    health.answered(0)
    expect(health.level(0)).toBe(3)
  })

  it('stays 1 where a simulation switches it off', () => {
    const health = new HealthOfSelf(false)
    health.wokeLate(100 * limits.lateWake, 0)
    health.contradicted(0)
    expect([health.level(0), health.mayAccuse(0), health.patience(0)]).toEqual([1, true, 1])
  })
})
