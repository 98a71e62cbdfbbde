// Health samples of a machine that does not exist: plausible values, some of them missing as on real boards.

import type { Millis } from '../../src/core/env.ts'
import { METRICS, type MetricValues, metricValues } from '../../src/core/fleet/metrics.ts'
import type { Prng } from './prng.ts'

const MIB = 1024 ** 2

/** A sample of a board `uptime` milliseconds after its start. */
export function sample(prng: Prng, uptime: Millis): MetricValues {
  const seconds = uptime / 1000
  const busy = prng.real()
  const values = metricValues({
    'node_cpu_seconds_total{mode="user"}': seconds * busy,
    'node_cpu_seconds_total{mode="idle"}': seconds * (4 - busy),
    node_cpu_count: 4,
    node_load1: busy * 4,
    node_memory_MemTotal_bytes: 1024 * MIB,
    node_memory_MemAvailable_bytes: prng.int(100, 900) * MIB,
    'node_filesystem_size_bytes{mountpoint="/"}': 30_000 * MIB,
    'node_filesystem_avail_bytes{mountpoint="/"}': prng.int(1_000, 29_000) * MIB,
    node_thermal_zone_temp: prng.int(-50, 850) / 10,
    node_uptime_seconds: seconds,
    node_boot_id: prng.bits() & 0x7fffffff,
  })
  return values.map((value, index) => value ?? guess(prng, index))
}

/** Half of the remaining counters exist on this board. */
function guess(prng: Prng, index: number): number | null {
  return METRICS[index]?.kind === 'counter' && prng.chance(0.5) ? prng.int(0, 1_000_000) : null
}
