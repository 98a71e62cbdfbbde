// Releases in virtual time: twenty seeds at small scale with every fault and enemy, and a node that was off for an hour.
import { describe, expect, it } from 'vitest'
import { explain } from './report.ts'
import { namedScenario } from './scenario.ts'
import { type Report, simulate, simulateUntraced } from './world.ts'

/** A seed takes some seconds; a machine that is busy with other things may need many more. */
const PATIENCE = 300_000

const runs = new Map<string, Promise<Report>>()

/** The same run is not made twice, whichever test needs it first. */
function delivers(scenario: string, seed: number): Promise<Report> {
  const key = `${scenario} ${seed}`
  const run = runs.get(key) ?? delivered(scenario, seed)
  runs.set(key, run)
  return run
}

async function delivered(scenario: string, seed: number): Promise<Report> {
  const report = await simulateUntraced(namedScenario(scenario), seed)
  expect(report.violations.map((violation) => explain(violation, report)).join('\n')).toBe('')
  // It ended because everything was delivered, not because its time was over.
  expect(report.virtualMs).toBeLessThan(report.scenario.minutes * 60_000)
  return report
}

describe('a small mesh with publishers, crashes, full disks, loss, a partition, junk and lies', {
  timeout: PATIENCE,
}, () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))('delivers with seed %i', async (seed) => {
    const { restarts, delivery, events, detection, convergence } = await delivers('release-small', seed)
    // The run did exercise what it is for: without this a world in which nothing happens would pass.
    expect(restarts).toBeGreaterThan(8)
    expect(delivery.installed).toBeGreaterThan(40)
    expect(delivery.pieces).toBeGreaterThan(200)
    expect(delivery.settled).toBeGreaterThan(60)
    expect(events['install failed']).toBeGreaterThan(10)
    expect(detection.detections).toBeGreaterThan(5)
    expect(convergence.zones).toBeGreaterThan(2)
    // Far inside the bound, so that a regression is seen before it breaks it.
    expect(delivery.slowestRounds).toBeLessThanOrEqual(4)
    expect(detection.falseDowns).toBeLessThanOrEqual(2)
    expect(convergence.slowestRounds).toBeLessThanOrEqual(10)
  })

  it('meets every kind of enemy in one seed or another', async () => {
    // All of those above: they are not run again.
    const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1)
    const reports = await Promise.all(seeds.map((seed) => delivers('release-small', seed)))
    const told = (event: string) => reports.reduce((sum, { events }) => sum + (events[event] ?? 0), 0)
    const enemies = ['badSignature', 'foreignMesh', 'outsidePaths', 'oldVersion', 'wrongEpoch', 'badPiece', 'unasked']
    for (const code of enemies) expect([code, told(`refused ${code}`)]).not.toEqual([code, 0])
    for (const event of ['providerBanned', 'equivocation']) expect([event, told(event)]).not.toEqual([event, 0])
  })
})

describe('a node that was off for an hour', { timeout: PATIENCE }, () => {
  it('gets what was published meanwhile, though its publisher is gone', async () => {
    const { delivery } = await delivers('release-hour', 1)
    expect(delivery.installed).toBeGreaterThan(20)
    expect(delivery.slowestRounds).toBeLessThanOrEqual(4)
  })
})

describe('a run with releases', { timeout: PATIENCE }, () => {
  it('is the same for the same seed, and another for another', async () => {
    const scenario = { ...namedScenario('release-small'), minutes: 4, quietSeconds: 30, endsDelivered: false }
    const [first, again, other] = [
      await simulate(scenario, 9),
      await simulate(scenario, 9),
      await simulate(scenario, 10),
    ]
    expect({ ...again, wallMs: 0 }).toEqual({ ...first, wallMs: 0 })
    expect(other.traceHash).not.toBe(first.traceHash)
  })
})
