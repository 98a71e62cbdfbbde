// An idle day: what a node keeps of itself and of the three others whose witness it is, with values that move as those of an idle Pi do:
// counters grow unevenly, gauges are noise around what drifts. For the test of the cost, and for the benchmark of what reaches a disk.
import type { Change } from '../../../src/core/events.ts'
import { METRICS, type Metric, type MetricValues } from '../../../src/core/fleet/metrics.ts'
import type { NamedValue } from '../../../src/core/fleet/named-values.ts'
import { History } from '../../../src/core/history/history.ts'
import { MINUTE, SECOND } from '../../../src/core/limits.ts'
import { Self } from '../../../src/core/self.ts'
import { inviteOf, MESH, membershipOf, NOW, ROOT } from '../../fixtures/documents.ts'

export const MATES = ['one', 'two', 'three']
/** A record of a zone of 25, whose T is 12.5 s. */
const PERIOD = 11 * SECOND
const FLUSH = 10 * MINUTE
/** Counters of which an idle machine moves nothing. */
const STILL = /oom_kill|errs|drop|undervoltage|steal|"irq"|"nice"|swap/i
/** Gauges that move, with what they are at first and how far they stray from one sample to the next. */
const MOVING: Record<string, [level: number, noise: number]> = {
  node_load1: [0.12, 0.03],
  node_load5: [0.1, 0.01],
  node_load15: [0.09, 0.004],
  node_memory_MemAvailable_bytes: [3.2e9, 3e6],
  'node_filesystem_avail_bytes{mountpoint="/"}': [2.4e10, 4e5],
  node_thermal_zone_temp: [48.2, 0.5],
  node_cpu_scaling_frequency_hertz: [6e8, 2e8],
  node_timex_offset_seconds: [0, 0.001],
  node_timex_maxerror_seconds: [0.05, 0.004],
  process_resident_memory_bytes: [9.6e7, 4e5],
}

function machine(seed: number): (now: number) => MetricValues {
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const totals = METRICS.map(() => 0)
  return (now) =>
    METRICS.map((metric: Metric, at) => {
      if (metric.name === 'node_uptime_seconds') return now / SECOND
      if (metric.kind === 'counter') {
        const grows = STILL.test(metric.name) ? 0 : Math.max(0, 120 + 80 * (random() + random() - 1)) * metric.step
        totals[at] = (totals[at] as number) + grows
        return totals[at] as number
      }
      const [level, noise] = MOVING[metric.name] ?? [3, 0]
      return level * (1 + 0.05 * Math.sin(now / (2 * 3_600_000))) + noise * (random() - 0.5)
    })
}

function tierB(now: number): NamedValue[] {
  return Array.from({ length: 30 }, (_, at) => ({
    ...{
      name: `node_example_number_${at}`,
      labels: [['device', 'mmcblk0']] as const,
      unit: '1',
      kind: 'gauge' as const,
    },
    value: at % 3 === 0 ? Math.round(20 + 5 * Math.sin(now / 1e6 + at)) : at,
  }))
}

/** Runs it for so long; `write` gets what goes to disk every ten minutes. */
export async function idle(
  span: number,
  write: (changes: readonly Change[], now: number) => unknown,
): Promise<History> {
  const self = new Self(
    MESH,
    membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) }),
    ROOT,
    NOW,
    0,
  )
  self.synchronised = true
  const parts = { self, promise: () => 12_500, isKeeperOf: () => true, keepersOf: () => [], contactsOf: () => [] }
  const history = new History(parts, 1, [], 0)
  const own = machine(1)
  const others = MATES.map((_, at) => machine(at + 2))
  for (let now = 0, flushed = 0; now < span; now += PERIOD) {
    history.sampled({ metrics: own(now), more: tierB(now) }, now)
    for (const [at, mate] of MATES.entries())
      history.heard(mate, { metrics: others[at]?.(now) ?? [], promise: 12_500 }, now, now)
    if (now - flushed < FLUSH) continue
    flushed = now
    await write(history.flush(now, false), now)
  }
  return history
}
