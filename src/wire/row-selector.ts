// Conditions on rows (clause CEL 6): which nodes of an answer are shown, in the language of selectors, over what a row tells of a node: its
// membership, its record and how it was found. What has to be worked out is worked out only where the condition names it.
import { Failure } from '../core/failure.ts'
import { isRate, MEASURES, measured, measureOf } from '../core/fleet/metric-names.ts'
import { METRICS, type MetricName, metricIndex } from '../core/fleet/metrics.ts'
import { flagNames, type HealthRecord } from '../core/fleet/record.ts'
import type { Row } from '../core/fleet/rows.ts'
import type { Membership } from '../core/trust/documents.ts'
import { type Condition, celProblemText, Language } from './cel.ts'

/** A row of an answer, with who wrote it. */
export interface FoundRow {
  row: Row
  /** The zone that was asked. */
  zone: string
  /** Undefined when nobody told who it is; only its id is known. */
  membership: Membership | undefined
}

/** Short names that one record has a value for; the others are rates, and need two. */
const HELD = MEASURES.filter((measure) => !isRate(measure))

const texts = { node: 'string', name: 'string', zone: 'string', status: 'string' } as const
const others = {
  labels: 'map<string, string>',
  capabilities: 'list<string>',
  flags: 'list<string>',
  alerts: 'list<string>',
  /** Seconds since the record was heard. */
  age: 'double',
  cpus: 'int',
  /** By their exact names, and by the short ones. */
  metrics: 'map<string, double>',
} as const

/** What a condition on rows may name, with its CEL type. */
export const ROW_NAMES: Readonly<Record<string, string>> = {
  ...texts,
  ...others,
  ...Object.fromEntries(HELD.map(({ name }) => [name, 'double'])),
}

/** Facts of a machine that its records do not carry. */
const UNTOLD = ['model', 'os', 'kernel', 'arch']

/** What a row has in `metrics`. */
const SERIES = [...HELD.map(({ name }) => name), ...METRICS.map(({ name }) => name)]

const language = new Language({
  names: ROW_NAMES,
  unknown,
  keys: { map: 'metrics', known: SERIES, unknown: unknownSeries },
  mixed: true,
})

/** A condition that can be asked of many rows. @throws Failure E_SELECTOR and the place. */
export function rowCondition(text: string): (found: FoundRow) => boolean {
  const result = language.compile(text)
  if ('holds' in result) return (found) => result.holds(contextOf(found, result.uses))
  throw new Failure('E_SELECTOR', `The condition is not valid${celProblemText(result)}`, { position: result.position })
}

/** The value of a metric in a row, by a short or an exact name; null when the row has none, or it is a rate. */
export function metricOf(record: Pick<HealthRecord, 'metrics'>, name: string): number | null {
  const at = (series: MetricName) => record.metrics[metricIndex(series) as number] ?? null
  const index = metricIndex(name)
  // The exact name of a counter is what it stands at; by a short name it would be what it grew by.
  if (index !== undefined) return rounded(record.metrics[index] ?? null)
  const measure = measureOf(name)
  return measure === undefined || isRate(measure) ? null : rounded(measured(measure, at))
}

/** To the steps of the wire, so that 0.1 is not 0.1000001. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(3))
}

function unknown(name: string, near: string | undefined): string {
  if (UNTOLD.includes(name)) return `is not told by records; give nodes a label for it, which is written labels.${name}`
  if (isRateName(name))
    return 'is what counters grow by, and a row has one record: "pimesh query" and "pimesh history" show it'
  const label = near === undefined ? `; a label is written labels.${name}, a series metrics["..."]` : ''
  return `is not known of a row (${Object.keys({ ...texts, ...others }).join(', ')}, or a metric such as cpu_temp)${label}`
}

/** Series of a node's own, from its collectors, are in no record. */
function unknownSeries(name: string): string {
  if (isRateName(name)) return unknown(name, undefined)
  return 'is no metric of a row: a record has those of docs/metrics.md, and "pimesh get node" shows what else a node measures'
}

function isRateName(name: string): boolean {
  const measure = measureOf(name)
  return measure !== undefined && isRate(measure)
}

function contextOf(found: FoundRow, uses: Condition['uses']): Record<string, unknown> {
  const context: Record<string, unknown> = {}
  for (const name of uses) {
    const value = valueIn(found, name)
    if (value !== null) context[name] = value
  }
  return context
}

/** Null: this row does not say. */
function valueIn({ row, zone, membership }: FoundRow, name: string): unknown {
  switch (name) {
    case 'node':
      return row.node
    case 'name':
      return membership?.claims.name ?? row.node
    case 'zone':
      return zone
    case 'status':
      return row.status
    case 'age':
      return row.age === null ? null : row.age / 1_000
    case 'labels':
      return new Map(Object.entries(membership?.invite.signed.labels ?? {}))
    case 'capabilities':
      return [...(membership?.invite.signed.capabilities ?? [])]
    case 'flags':
      return flagNames(row.record.flags)
    case 'alerts':
      return [...row.alerts]
    case 'cpus':
      return whole(metricOf(row.record, 'node_cpu_count'))
    case 'metrics':
      return metricsOf(row.record)
  }
  return metricOf(row.record, name)
}

function whole(value: number | null): bigint | null {
  return Number.isSafeInteger(value) ? BigInt(value as number) : null
}

function metricsOf(record: HealthRecord): Map<string, number> {
  const values = SERIES.map((name) => [name, metricOf(record, name)] as const)
  return new Map(values.filter((entry): entry is [string, number] => entry[1] !== null))
}
