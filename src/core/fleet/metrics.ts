// The metrics of a record (tier A): one table from which the codec, the probe's contract, the screens and docs/metrics.md follow.
// The order is the wire format: append only, never reorder, never reuse (protocol clause METRICS).

export type MetricKind = 'counter' | 'gauge'

export interface Metric {
  /** node_exporter's series name, so that existing dashboards and alert rules work. */
  name: string
  unit: 's' | 'B' | '1' | 'degC' | 'Hz' | 'bits'
  kind: MetricKind
  /** What one step on the wire is worth in `unit`; values are rounded to it. */
  step: number
  /** True where values below zero exist (sent zigzag). */
  signed?: true
  /** True where the wire carries the value per CPU, as sketches across unlike boards need it. */
  perCpu?: true
}

const KIB = 1024
const MIB = 1024 * KIB

// Generic, so that a name stays a literal type and a misspelt one does not compile.
type Named<Name extends string> = Metric & { name: Name }
const gauge = <Name extends string>(name: Name, unit: Metric['unit'], step = 1): Named<Name> => {
  return { name, unit, kind: 'gauge', step }
}
const counter = <Name extends string>(name: Name, unit: Metric['unit'], step = 1): Named<Name> => {
  return { name, unit, kind: 'counter', step }
}
const cpu = <Mode extends string>(mode: Mode) => counter(`node_cpu_seconds_total{mode="${mode}"}` as const, 's', 0.01)

export const METRICS = [
  cpu('user'),
  cpu('nice'),
  cpu('system'),
  cpu('idle'),
  cpu('iowait'),
  cpu('irq'),
  cpu('softirq'),
  cpu('steal'),
  gauge('node_cpu_count', '1'),
  { ...gauge('node_load1', '1', 0.001), perCpu: true },
  { ...gauge('node_load5', '1', 0.001), perCpu: true },
  { ...gauge('node_load15', '1', 0.001), perCpu: true },
  gauge('node_memory_MemTotal_bytes', 'B', KIB),
  gauge('node_memory_MemAvailable_bytes', 'B', KIB),
  gauge('node_memory_SwapTotal_bytes', 'B', KIB),
  gauge('node_memory_SwapFree_bytes', 'B', KIB),
  gauge('node_filesystem_size_bytes{mountpoint="/"}', 'B', MIB),
  gauge('node_filesystem_avail_bytes{mountpoint="/"}', 'B', MIB),
  gauge('node_filesystem_files_free{mountpoint="/"}', '1'),
  gauge('node_filesystem_readonly{mountpoint="/"}', '1'),
  gauge('node_filesystem_size_bytes{mountpoint="data"}', 'B', MIB),
  gauge('node_filesystem_avail_bytes{mountpoint="data"}', 'B', MIB),
  gauge('node_filesystem_files_free{mountpoint="data"}', '1'),
  gauge('node_filesystem_readonly{mountpoint="data"}', '1'),
  { ...gauge('node_thermal_zone_temp', 'degC', 0.1), signed: true },
  gauge('node_hwmon_in_lcrit_alarm_volts', '1', 0.001),
  counter('rpi_undervoltage_total', '1'),
  gauge('rpi_throttled', 'bits'),
  gauge('node_cpu_scaling_frequency_hertz', 'Hz', 1e6),
  gauge('node_cpu_scaling_frequency_max_hertz', 'Hz', 1e6),
  gauge('node_uptime_seconds', 's'),
  gauge('node_boot_id', 'bits'),
  gauge('node_timex_sync_status', '1'),
  { ...gauge('node_timex_offset_seconds', 's', 0.001), signed: true },
  gauge('node_timex_maxerror_seconds', 's', 0.001),
  counter('node_disk_written_bytes_total', 'B', 512),
  counter('node_disk_writes_completed_total', '1'),
  counter('node_disk_io_time_seconds_total', 's', 0.001),
  counter('node_disk_write_time_seconds_total', 's', 0.001),
  counter('node_pressure_cpu_waiting_seconds_total', 's', 0.001),
  counter('node_pressure_memory_waiting_seconds_total', 's', 0.001),
  counter('node_pressure_io_waiting_seconds_total', 's', 0.001),
  counter('node_network_receive_bytes_total', 'B', KIB),
  counter('node_network_transmit_bytes_total', 'B', KIB),
  counter('node_network_errs_total', '1'),
  counter('node_network_drop_total', '1'),
  counter('node_vmstat_oom_kill', '1'),
  gauge('node_systemd_units_failed', '1'),
  gauge('process_resident_memory_bytes', 'B', KIB),
  counter('process_cpu_seconds_total', 's', 0.01),
] as const satisfies readonly Metric[]

export type MetricName = (typeof METRICS)[number]['name']

/** The values of a sample or record by index in METRICS, in their units; null is "this machine does not have it", never 0. */
export type MetricValues = readonly (number | null)[]

const indexes = new Map<string, number>(METRICS.map((metric, index) => [metric.name, index]))

/** Index of a metric in METRICS (and in MetricValues), or undefined for an unknown name. */
export function metricIndex(name: string): number | undefined {
  return indexes.get(name)
}

/** A list of values for METRICS from named ones; whatever is not named is null. */
export function metricValues(named: Partial<Record<MetricName, number | null>>): MetricValues {
  return METRICS.map((metric) => named[metric.name] ?? null)
}
