// Rates: what two of a node's counters grew by between its last two records. Kept beside the record by who heard both, two numbers a
// node, so that a reporter has them at once when it becomes one.
import { type Measure, measured, measureOf, type ReadMetric } from './metric-names.ts'
import { type MetricName, metricIndex } from './metrics.ts'
import type { HealthRecord } from './record.ts'

/** Shares of 0 to 1; null where a counter is missing. */
export interface Rates {
  cpuBusy: number | null
  ioPressure: number | null
}

const BUSY = measureOf('cpu_busy') as Measure
const PRESSURE = measureOf('io_pressure') as Measure
const UPTIME = metricIndex('node_uptime_seconds') as number

/** Reads named values of a record. */
export function reading(record: Pick<HealthRecord, 'metrics'>): ReadMetric {
  return (name: MetricName) => record.metrics[metricIndex(name) as number] ?? null
}

/**
 * The rates from the record `before` to this one. Two records within a second say nothing, and neither do two of different boots:
 * then those of before stand.
 */
export function ratesOf(
  record: HealthRecord,
  before: { record: HealthRecord; rates: Rates | undefined } | undefined,
): Rates | undefined {
  if (before === undefined) return undefined
  const seconds = (record.metrics[UPTIME] ?? 0) - (before.record.metrics[UPTIME] ?? 0)
  if (seconds < 1) return seconds < 0 ? undefined : before.rates
  const earlier = { at: reading(before.record), seconds }
  return { cpuBusy: measured(BUSY, reading(record), earlier), ioPressure: measured(PRESSURE, reading(record), earlier) }
}
