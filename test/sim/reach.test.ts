// Zones behind NATs in virtual time: WAN addresses that change, uplinks that are cut, relays that die; I20 to I23, and that all zones can
// exchange again soon after each fault. `npm run sim -- --scenario reach --seeds 50` runs more.
import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { explain } from './report.ts'
import { namedScenario } from './scenario.ts'
import { simulate } from './world.ts'

describe('zones behind NATs', () => {
  it.each([2, 5])('find each other again after every fault with seed %i', async (seed) => {
    const report = await simulate(namedScenario('reach'), seed)
    expect(report.violations.map((violation) => explain(violation, report)).join('\n')).toBe('')
    // The run did exercise what it is for.
    expect(report.events.moved).toBeGreaterThan(5)
    expect(report.events.reserved).toBeGreaterThan(40)
    expect(report.slowestApart).toBeGreaterThan(0)
    // Far inside the bound: two turns of the pulses with their answers, or of who seeks.
    expect(report.slowestApart).toBeLessThanOrEqual(2 * (limits.pulsePeriod + 2 * limits.pulseTimeout))
    expect(report.bytesInPerNodeSecond.pulse).toBeLessThan((2 * 30 * SECOND * 1.5) / limits.pulsePeriod)
  })
})
