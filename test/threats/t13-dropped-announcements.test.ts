// T13: dropped announcements. Neighbours say and pass on no head at all, some of them or every one. The version vector of the next
// hello tells of what was missed: within its period and the time to fetch it, who is linked to one that holds it has it.
import { expect, test } from 'vitest'
import { explain } from '../sim/report.ts'
import { parseScenario, type Scenario } from '../sim/scenario.ts'
import { simulateUntraced } from '../sim/world.ts'

const calm = {
  ...{ nodes: 7, zones: 1, operators: 0, minutes: 20, startSeconds: 10, quietSeconds: 1_080, hidden: 0 },
  ...{ crashesPerNodeHour: 0, clockStepsPerNodeHour: 0, breaksPerLinkHour: 0, loss: 0 },
  disk: { failShare: 0 },
  files: { failShare: 0 },
  endsDelivered: true,
}
/** Handed in just before the calm begins, from when time is counted. */
const releases = [
  { at: 110, by: 0, path: 'acme/agent', pieces: 1 },
  { at: 112, by: 3, path: 'beta/tool', pieces: 1 },
]

async function delivers(changes: Partial<Scenario>, seed: number) {
  const scenario = parseScenario({ ...calm, releases, ...changes, name: 't13' }, 'T13')
  const report = await simulateUntraced(scenario, seed)
  expect(report.violations.map((violation) => explain(violation, report)).join('\n')).toBe('')
  expect(report.virtualMs).toBeLessThan(scenario.minutes * 60_000)
  return report
}

test.each([1, 2, 3, 4])(
  'T13 where nobody passes on any announcement the next hello brings it, seed %i',
  async (seed) => {
    const { events, messages, delivery } = await delivers({ mutes: 1 }, seed)
    expect(messages.head).toBe(0)
    expect(events.announced).toBe(calm.nodes * releases.length)
    // One period of hello, and what is left of it while the body is fetched and installed.
    expect(delivery.slowestRounds).toBeLessThanOrEqual(2)
  },
)

test.each([1, 2])('T13 with half of the neighbours mute, and loss, nobody is left behind, seed %i', async (seed) => {
  const { events } = await delivers({ mutes: 0.5, loss: 0.05 }, seed)
  expect(events.announced).toBe(calm.nodes * releases.length)
})
