// What a node measures of its machine, as series for /metrics: names and units as node_exporter has them.
import type { MetricValues } from '../../core/fleet/metrics.ts'
import { METRICS } from '../../core/fleet/metrics.ts'
import type { Labels, NamedValue } from '../../core/fleet/named-values.ts'
import { HELP } from './help.ts'

/** Names that would be taken for something else: `_count` belongs to histograms. */
const RENAMED: Readonly<Record<string, string>> = { node_cpu_count: 'pimesh_cpus' }

const THROTTLED = ['under_voltage', 'frequency_capped', 'throttled', 'soft_temperature_limit']
/** Where the firmware's "since boot" bits begin. */
const SINCE_BOOT = 16

/**
 * The metrics of the record, unrounded, and what was measured beside them. `detail` are series with more labels (per CPU, per device), and a
 * name that is among them is left out of the record's: a sum beside its parts would count twice.
 */
export function machineValues(
  metrics: MetricValues,
  more: readonly NamedValue[],
  detail: readonly NamedValue[],
): NamedValue[] {
  const detailed = new Set(detail.map(({ name }) => name))
  const own = METRICS.flatMap((metric, index): NamedValue[] => {
    const value = metrics[index]
    if (value === null || value === undefined) return []
    const { name, labels } = split(metric.name)
    if (name === 'rpi_throttled') return throttledValues(value)
    if (detailed.has(name)) return []
    const shown = RENAMED[name] ?? name
    return [{ name: shown, labels, unit: metric.unit, kind: metric.kind, value, help: HELP[name as keyof typeof HELP] }]
  })
  return [...own, ...detail, ...more]
}

/** `node_cpu_seconds_total{mode="user"}`: names of METRICS carry at most one label. */
function split(series: string): { name: string; labels: Labels } {
  const [, name = series, label, value] = /^(\w+)(?:\{(\w+)="([^"]*)"\})?$/.exec(series) ?? []
  return { name, labels: label === undefined || value === undefined ? [] : [[label, value]] }
}

function throttledValues(bits: number): NamedValue[] {
  return THROTTLED.flatMap((reason, bit) =>
    [0, SINCE_BOOT].map((shift): NamedValue => {
      const labels: Labels = [
        ['reason', reason],
        ['when', shift === 0 ? 'now' : 'since_boot'],
      ]
      const value = Math.floor(bits / 2 ** (bit + shift)) % 2
      return { name: 'rpi_throttled', labels, unit: '1', kind: 'gauge', value, help: HELP.rpi_throttled }
    }),
  )
}
