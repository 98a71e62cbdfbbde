// Short names of metrics: each means series that exist, and its value follows from samples as a person would work it out.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  isRate,
  MEASURES,
  measured,
  measureNames,
  measureOf,
  type ReadMetric,
} from '../../../src/core/fleet/metric-names.ts'
import { METRICS, type MetricName, metricIndex } from '../../../src/core/fleet/metrics.ts'

const reading =
  (values: Partial<Record<MetricName, number>>): ReadMetric =>
  (name) =>
    values[name] ?? null

test('every short name is made of series of METRICS, and is none of their names', () => {
  for (const { name, parts, wholes } of MEASURES) {
    expect(metricIndex(name), name).toBeUndefined()
    for (const series of [...parts, ...wholes]) expect(metricIndex(series), series).toBeDefined()
  }
  expect(new Set(measureNames()).size).toBe(MEASURES.length + METRICS.length)
})

test('every short name stands in docs/metrics.md with its unit and meaning', () => {
  const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z0-9_]+)` \| (\S+) \| (.*?) \| .* \|$/gm)].map(([, ...cells]) => cells)
  const named = rows.filter(([name]) => MEASURES.some((measure) => measure.name === name))
  expect(named).toEqual(MEASURES.map(({ name, unit, says }) => [name, unit, says]))
})

test('a counter of one measure is never mixed with a gauge of another kind of time', () => {
  for (const measure of MEASURES) {
    const kinds = new Set(
      [...measure.parts, ...measure.wholes].map((name) => METRICS[metricIndex(name) as number]?.kind),
    )
    expect(kinds.size, measure.name).toBe(1)
  }
})

test('CPU busy is what was not idle between two samples', () => {
  const before = reading(times(100, 900, 0))
  const now = reading(times(130, 960, 10))
  const busy = measureOf('cpu_busy')
  if (busy === undefined) throw new Error('cpu_busy is gone')
  expect(isRate(busy)).toBe(true)
  expect(measured(busy, now, { at: before, seconds: 100 })).toBeCloseTo(0.3)
  expect(measured(busy, now)).toBeNull()
})

test('a counter that fell began anew: nobody knows what it grew', () => {
  const written = measureOf('disk_written')
  if (written === undefined) throw new Error('disk_written is gone')
  const earlier = { at: reading({ node_disk_written_bytes_total: 1_000 }), seconds: 10 }
  expect(measured(written, reading({ node_disk_written_bytes_total: 6_000 }), earlier)).toBe(500)
  expect(measured(written, reading({ node_disk_written_bytes_total: 999 }), earlier)).toBeNull()
})

test('shares of gauges need one sample, and what a machine lacks is null', () => {
  const used = measureOf('mem_used')
  if (used === undefined) throw new Error('mem_used is gone')
  const at = reading({ node_memory_MemAvailable_bytes: 256, node_memory_MemTotal_bytes: 1_024 })
  expect(measured(used, at)).toBe(0.75)
  expect(measured(used, reading({ node_memory_MemTotal_bytes: 1_024 }))).toBeNull()
  expect(measured(used, reading({ node_memory_MemAvailable_bytes: 0, node_memory_MemTotal_bytes: 0 }))).toBeNull()
})

test('the exact name of a series means that series, a counter what it grows in a second', () => {
  expect(measureOf('node_load1')).toMatchObject({ unit: '1', parts: ['node_load1'], wholes: [] })
  expect(measureOf('node_disk_io_time_seconds_total')).toMatchObject({ unit: 'share' })
  expect(measureOf('node_network_errs_total')).toMatchObject({ unit: '1/s' })
  expect(measureOf('cpu_tmp')).toBeUndefined()
})

function times(busy: number, idle: number, iowait: number): Partial<Record<MetricName, number>> {
  const none = { user: 0, nice: 0, system: 0, irq: 0, softirq: 0, steal: 0 }
  const modes = Object.entries({ ...none, user: busy, idle, iowait })
  return Object.fromEntries(modes.map(([mode, value]) => [`node_cpu_seconds_total{mode="${mode}"}`, value]))
}
