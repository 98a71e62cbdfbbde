// Two nodes are revoked while a partition, crashes and loss go on, the first of them in the middle of the partition: who has heard of it
// shuts them out through restarts, and in the end everybody has heard.
import { expect, it } from 'vitest'
import { explain } from './report.ts'
import { namedScenario } from './scenario.ts'
import { simulateUntraced } from './world.ts'

// Seed 2 once had a node revoked between the gate that let it in and the opening of its link, which stayed.
it.each([1, 2])('a revoked node is cut off by all that hear of it, and all do (seed %i)', async (seed) => {
  const report = await simulateUntraced(namedScenario('revocation'), seed)
  expect(report.violations.map((violation) => explain(violation, report)).join('\n')).toBe('')
  const { scenario, revocation, restarts, events } = report
  // Everybody but the two: nodes, and the operator's peer.
  const members = scenario.nodes + scenario.operators - 2
  expect(revocation.heard).toBeGreaterThanOrEqual(2 * members)
  expect(restarts).toBeGreaterThan(3)
  // They go on trying, and are told.
  expect(revocation.turnedAway).toBeGreaterThan(5)
  expect(events['refused revoked']).toBeGreaterThan(0)
  // Far inside the bound, so that a regression is seen before it breaks it.
  expect(revocation.slowestRounds).toBeLessThanOrEqual(2)
})
