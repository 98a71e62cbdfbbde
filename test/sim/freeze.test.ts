// T05 in virtual time, with the faulty network and disk: two of three beacon holders vanish, so what is left repeats the newest signed
// state for ever, and an announcement that comes then is not begun to be installed by anybody who is stale.
import { expect, it } from 'vitest'
import { explain } from './report.ts'
import { namedScenario } from './scenario.ts'
import { simulateUntraced } from './world.ts'

it.each([1, 2, 3])(
  'T05 a mesh whose beacons end is stale after three periods, and goes on when they come back (seed %i)',
  {
    timeout: 300_000,
  },
  async (seed) => {
    const report = await simulateUntraced(namedScenario('freeze'), seed)
    expect(report.violations.map((violation) => explain(violation, report)).join('\n')).toBe('')
    const { events, scenario } = report
    // Two holders lose their run, and begin as unproven; the others turn stale and fresh again.
    const stay = scenario.nodes - 2
    expect(events['freshness stale']).toBeGreaterThanOrEqual(stay)
    expect(events['freshness fresh']).toBeGreaterThanOrEqual(2 * stay)
    expect(events.beaconAccepted).toBeGreaterThan(5 * stay)
    expect(report.delivery.installed).toBeGreaterThanOrEqual(2 * scenario.nodes)
  },
)
