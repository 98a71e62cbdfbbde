// The mesh in virtual time without releases: some seeds at small scale, every seed that ever failed, and the same run twice. The
// twenty seeds of releases.test.ts keep the same invariants, with releases and more faults on top.
import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { DRIFT_MAX } from './clock.ts'
import { explain } from './report.ts'
import { namedScenario } from './scenario.ts'
import seeds from './seeds.json' with { type: 'json' }
import { type Report, simulate, simulateUntraced } from './world.ts'

/** A seed takes some seconds of virtual time's work; a machine that is busy with other things may need many more. */
const PATIENCE = 300_000

const KEPT: readonly { seed: number; scenario: string; why: string }[] = seeds

async function passes(scenario: string, seed: number): Promise<Report> {
  const report = await simulateUntraced(namedScenario(scenario), seed)
  expect(report.violations.map((violation) => explain(violation, report)).join('\n')).toBe('')
  expect(report.virtualMs).toBe(report.scenario.minutes * 60_000)
  return report
}

describe('a small mesh with crashes, clock steps, loss and a partition', { timeout: PATIENCE }, () => {
  it.each(Array.from({ length: 6 }, (_, seed) => seed + 1))('keeps its invariants with seed %i', async (seed) => {
    const report = await passes('small', seed)
    // The run did exercise what it is for: without this a world in which nothing happens would pass.
    expect(report.restarts).toBeGreaterThan(3)
    expect(report.detection.detections).toBeGreaterThan(5)
    expect(report.convergence.zones).toBeGreaterThan(2)
    expect(report.queries.zonesAnswered).toBeGreaterThan(0)
    expect(report.delivered).toBeGreaterThan(4_000)
    // Accuracy, far inside the bounds, so that a regression is seen before it breaks one.
    expect(report.detection.falseDowns).toBeLessThanOrEqual(2)
    expect(report.convergence.slowestRounds).toBeLessThanOrEqual(10)
    // Nothing but core's own silence tells of a dead path: whoever was dialled is the last to notice.
    const { max } = report.scenario.delay
    expect(report.slowestNotice).toBeLessThanOrEqual(limits.linkSilence * (1 + DRIFT_MAX) + max + SECOND)
  })
})

describe('a zone of 25 at 5 % loss', { timeout: PATIENCE }, () => {
  it('finds killed nodes gone within 8 s, and those without power within 2 T and 8 s, and nobody who lives', async () => {
    const scenario = { ...namedScenario('liveness'), minutes: 15 }
    const [killed, cut] = [
      await simulateUntraced(scenario, 1),
      await simulateUntraced({ ...scenario, powerCuts: 1, minutes: 10 }, 2),
    ]
    for (const { violations, detection } of [killed, cut]) {
      expect(violations).toEqual([])
      expect(detection.falseDowns).toBe(0)
    }
    const { killed: byKill } = killed.detection.times
    expect(byKill?.count).toBeGreaterThan(200)
    expect(byKill?.p50).toBeLessThan(3 * SECOND)
    expect(byKill?.p99).toBeLessThan(8 * SECOND)
    const { powerCut } = cut.detection.times
    expect(powerCut?.count).toBeGreaterThan(100)
    expect(powerCut?.p99).toBeLessThan(2 * 12.5 * SECOND + 8 * SECOND)
  })
})

describe('seeds that failed once', { timeout: PATIENCE }, () => {
  it.each([...KEPT])('$scenario with seed $seed holds: $why', async ({ scenario, seed }) => {
    await passes(scenario, seed)
  })

  it('name a scenario of this repository and why they failed', () => {
    for (const { seed, scenario, why } of KEPT) {
      expect(Number.isInteger(seed)).toBe(true)
      expect(namedScenario(scenario).name).toBe(scenario)
      expect(why).not.toBe('')
    }
  })
})

describe('a run', { timeout: PATIENCE }, () => {
  it('is the same for the same seed, and another for another', async () => {
    const scenario = { ...namedScenario('small'), minutes: 2 }
    const [first, again, other] = [
      await simulate(scenario, 9),
      await simulate(scenario, 9),
      await simulate(scenario, 10),
    ]
    expect({ ...again, wallMs: 0 }).toEqual({ ...first, wallMs: 0 })
    expect(other.traceHash).not.toBe(first.traceHash)
  })
})
