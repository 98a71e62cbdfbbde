// Short names for what people ask about: the one table that history, queries and screens share. A name stands for one series of
// METRICS, or for a ratio of several, so that unlike boards compare; the exact name of a series always means that series itself.
import { METRICS, type Metric, type MetricName, metricIndex } from './metrics.ts'

/** A share is 0..1; `/s` is what a counter grows in a second. */
export type MeasureUnit = Metric['unit'] | 'share' | `${Metric['unit']}/s`

/** What a name means: how its value follows from series. Counters enter by what they grew between two samples. */
export interface Measure {
  name: string
  unit: MeasureUnit
  /** For the help and the docs: `CPU time not idle`. */
  says: string
  parts: readonly MetricName[]
  /** What the parts are divided by; empty: by nothing, or by the seconds between the samples where the parts are counters. */
  wholes: readonly MetricName[]
  /** One less the ratio: what is not idle, what is not available. */
  complement?: true
}

type Modes = 'user' | 'nice' | 'system' | 'idle' | 'iowait' | 'irq' | 'softirq' | 'steal'
const cpu = <Mode extends Modes>(mode: Mode) => `node_cpu_seconds_total{mode="${mode}"}` as const
const MODES = (['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const).map(cpu)

const share = (name: string, says: string, parts: readonly MetricName[], wholes: readonly MetricName[]): Measure => {
  return { name, unit: 'share', says, parts, wholes }
}
const rest = (...terms: Parameters<typeof share>): Measure => ({ ...share(...terms), complement: true })
const single = (name: string, unit: MeasureUnit, says: string, series: MetricName): Measure => {
  return { name, unit, says, parts: [series], wholes: [] }
}
const perCpu = (name: string, says: string, series: MetricName): Measure => {
  return { name, unit: '1', says, parts: [series], wholes: ['node_cpu_count'] }
}
const size = (where: '/' | 'data') => `node_filesystem_size_bytes{mountpoint="${where}"}` as const
const free = (where: '/' | 'data') => `node_filesystem_avail_bytes{mountpoint="${where}"}` as const

/** In the order in which a person would look. */
export const MEASURES: readonly Measure[] = [
  rest('cpu_busy', 'CPU time not idle, of all CPUs', [cpu('idle'), cpu('iowait')], MODES),
  share('cpu_iowait', 'CPU time waiting for disks', [cpu('iowait')], MODES),
  single('cpu_temp', 'degC', 'temperature of the processor', 'node_thermal_zone_temp'),
  single('cpu_freq', 'Hz', 'clock rate of the first CPU', 'node_cpu_scaling_frequency_hertz'),
  perCpu('load1', 'load over 1 minute, for each CPU', 'node_load1'),
  perCpu('load5', 'load over 5 minutes, for each CPU', 'node_load5'),
  perCpu('load15', 'load over 15 minutes, for each CPU', 'node_load15'),
  share(
    'mem_available',
    'memory that programs could still get',
    ['node_memory_MemAvailable_bytes'],
    ['node_memory_MemTotal_bytes'],
  ),
  rest('mem_used', 'memory in use', ['node_memory_MemAvailable_bytes'], ['node_memory_MemTotal_bytes']),
  rest('swap_used', 'swap space in use', ['node_memory_SwapFree_bytes'], ['node_memory_SwapTotal_bytes']),
  share('disk_available', 'space left on the root file system', [free('/')], [size('/')]),
  rest('disk_used', 'space in use on the root file system', [free('/')], [size('/')]),
  share('data_available', 'space left where the data folder is, if that is elsewhere', [free('data')], [size('data')]),
  single('disk_readonly', '1', '1: nothing can be written', 'node_filesystem_readonly{mountpoint="/"}'),
  single('disk_written', 'B/s', 'written to the disk', 'node_disk_written_bytes_total'),
  single('disk_busy', 'share', 'time in which the disk had work', 'node_disk_io_time_seconds_total'),
  single('cpu_pressure', 'share', 'time waiting for a CPU', 'node_pressure_cpu_waiting_seconds_total'),
  single('mem_pressure', 'share', 'time waiting for memory', 'node_pressure_memory_waiting_seconds_total'),
  single('io_pressure', 'share', 'time waiting for disks', 'node_pressure_io_waiting_seconds_total'),
  single('net_in', 'B/s', 'received', 'node_network_receive_bytes_total'),
  single('net_out', 'B/s', 'sent', 'node_network_transmit_bytes_total'),
  single('undervoltage', '1/s', 'dips of the supply', 'rpi_undervoltage_total'),
  single('throttled', 'bits', "the firmware's throttle bits", 'rpi_throttled'),
  single('oom_kills', '1/s', 'processes killed for want of memory', 'node_vmstat_oom_kill'),
  single('units_failed', '1', 'failed units of systemd', 'node_systemd_units_failed'),
  single('uptime', 's', 'since boot', 'node_uptime_seconds'),
  single('clock_offset', 's', 'offset of the clock', 'node_timex_offset_seconds'),
  single('own_memory', 'B', 'resident memory of pimesh', 'process_resident_memory_bytes'),
  single('own_cpu', 'share', 'CPU time of pimesh', 'process_cpu_seconds_total'),
]

const byName = new Map(MEASURES.map((measure) => [measure.name, measure]))

/** What a short or an exact name of tier A means; undefined for any other word, also for a series of tier B or a collector. */
export function measureOf(name: string): Measure | undefined {
  return byName.get(name) ?? exactly(name)
}

/** All words that `measureOf` knows, short ones first: for `nearest`. */
export function measureNames(): string[] {
  return [...byName.keys(), ...METRICS.map(({ name }) => name)]
}

/** The unit of a counter's growth: seconds in a second are a share. */
export function rateUnit(unit: Metric['unit']): MeasureUnit {
  return unit === 's' ? 'share' : `${unit}/s`
}

/** True when two samples are needed for a value. */
export function isRate({ parts }: Pick<Measure, 'parts'>): boolean {
  return parts.some((name) => metricOf(name).kind === 'counter')
}

export type ReadMetric = (name: MetricName) => number | null

/**
 * The value of a measure at one sample; null when a series is missing, and for a rate also without an earlier sample, or when a
 * counter fell (it began anew).
 * @param earlier the sample before, and the seconds between the two.
 */
export function measured(
  measure: Pick<Measure, 'parts' | 'wholes' | 'complement'>,
  at: ReadMetric,
  earlier?: { at: ReadMetric; seconds: number },
): number | null {
  const part = sum(measure.parts, at, earlier)
  const divisor = measure.wholes.length > 0 ? sum(measure.wholes, at, earlier) : isRate(measure) ? earlier?.seconds : 1
  if (part === null || divisor === null || divisor === undefined || divisor <= 0) return null
  const ratio = part / divisor
  return measure.complement ? 1 - ratio : ratio
}

function sum(names: readonly MetricName[], at: ReadMetric, earlier: { at: ReadMetric } | undefined): number | null {
  let total = 0
  for (const name of names) {
    const value = metricOf(name).kind === 'counter' ? growth(at(name), earlier?.at(name) ?? null) : at(name)
    if (value === null) return null
    total += value
  }
  return total
}

function growth(value: number | null, before: number | null): number | null {
  return value === null || before === null || value < before ? null : value - before
}

function exactly(name: string): Measure | undefined {
  const index = metricIndex(name)
  if (index === undefined) return undefined
  const metric: Metric = METRICS[index] as Metric
  const unit = metric.kind === 'counter' ? rateUnit(metric.unit) : metric.unit
  return single(name, unit, 'the series itself', name as MetricName)
}

function metricOf(name: MetricName): Metric {
  return METRICS[metricIndex(name) as number] as Metric
}
