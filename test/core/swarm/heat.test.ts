import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Heat } from '../../../src/core/swarm/heat.ts'

describe('heat', () => {
  it('rests from the limit on, until it is some degrees below', () => {
    const heat = new Heat(80)
    const why = [79.9, 80, 79, 75, 74.9, 79.9].map((celsius, now) => {
      heat.sampled(celsius, null, now)
      return heat.why(now)
    })
    expect(why).toEqual([undefined, 'hot', 'hot', 'hot', undefined, undefined])
    expect([heat.celsius, heat.throttled, heat.resume]).toEqual([79.9, null, 75])
  })

  it('rests while the firmware throttles because of heat, and a time after that', () => {
    const heat = new Heat(80)
    heat.sampled(60, 4, 0)
    expect([heat.why(0), heat.throttled]).toEqual(['throttled', true])
    heat.sampled(60, 0x70000, 10_000)
    expect([heat.why(10_000), heat.throttled]).toEqual(['throttled', false])
    expect(heat.deadline(10_000)).toBe(limits.throttledRest)
    expect(heat.why(limits.throttledRest)).toBeUndefined()
    expect(heat.deadline(limits.throttledRest)).toBeUndefined()
  })

  it('goes on under a weak supply, which waiting does not mend', () => {
    const heat = new Heat(80)
    heat.sampled(60, 0x50005, 0)
    expect(heat.why(0)).toBeUndefined()
  })

  it('pauses nothing for what is not known, nor without a limit', () => {
    const heat = new Heat(80)
    heat.sampled(90, null, 0)
    heat.sampled(null, null, 1)
    expect(heat.why(1)).toBeUndefined()
    const never = new Heat(undefined)
    never.sampled(120, 4, 0)
    expect(never.why(0)).toBeUndefined()
  })
})
