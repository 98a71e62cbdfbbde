// Values over time as the local API's JSON: what a metric's name means, who is asked, and how complete the answer is.
import { Failure } from '../core/failure.ts'
import { measureNames, measureOf, rateUnit } from '../core/fleet/metric-names.ts'
import type { Metric } from '../core/fleet/metrics.ts'
import type { HistoryAnswer, HistoryQuestion, HistorySource } from '../core/history/inquiries.ts'
import type { SeriesValue } from '../core/history/rollup.ts'
import { type TierName, tierOf } from '../core/history/tiers.ts'
import {
  merged,
  periodOf,
  type Reading,
  readingsOf,
  type Step,
  seriesOf,
  stepsOf,
  type Wanted,
} from '../core/history/timeline.ts'
import { HOUR } from '../core/limits.ts'
import { nearest } from '../core/nearest.ts'
import type { HistoryJson, SeriesJson } from './api-history-types.ts'
import type { HistoryQuery } from './api-queries.ts'
import type { NodeJson } from './api-types.ts'

interface Parts {
  ask: (question: HistoryQuestion) => Promise<HistoryAnswer>
  nameOf: (node: string) => string | null
  /** Wall time, for labels. */
  wall: () => number
}

type Head = Pick<HistoryJson, 'schema' | 'node' | 'name' | 'zone' | 'status' | 'sinceMs'>

const WORDS: Readonly<Record<TierName, string>> = {
  samples: 'sample',
  minutes: 'minute',
  quarters: 'quarter of an hour',
}

/**
 * The values of one node.
 * @throws Failure E_METRIC: there is no such metric. E_HISTORY: nobody that could be asked keeps any.
 */
export async function historyJson(parts: Parts, row: NodeJson, query: HistoryQuery): Promise<HistoryJson> {
  const head: Head = {
    ...{ schema: 'pimesh.history/1', node: row.node, name: row.name, zone: row.zone, status: row.status },
    sinceMs: query.sinceMs,
  }
  const { metric } = query
  if (metric === undefined) return catalogue(parts, head, await names(parts, row, query))
  const wanted = await meaningOf(parts, row, query, metric)
  const tier = tierFor(query)
  const answer = await parts.ask(questionOf(row, query, tier, seriesOf(wanted)))
  return withValues(parts, head, { query, metric, wanted, sources: held(answer, row) })
}

function questionOf(row: NodeJson, query: HistoryQuery, tier: TierName, series: readonly string[]): HistoryQuestion {
  return { node: row.node, zone: row.zone, tier, series, since: query.sinceMs, timeout: query.timeoutMs }
}

/** What is fine enough: who asks for an hour wants to see each sample. */
function tierFor({ sinceMs, stepMs }: HistoryQuery): TierName {
  const minutes = tierOf('minutes')
  if (sinceMs <= HOUR && (stepMs === undefined || stepMs < minutes.tick)) return 'samples'
  return sinceMs <= minutes.keep ? 'minutes' : 'quarters'
}

async function names(parts: Parts, row: NodeJson, query: HistoryQuery): Promise<readonly HistorySource[]> {
  return held(await parts.ask(questionOf(row, query, 'minutes', [])), row)
}

function held({ sources, asked, forbidden }: HistoryAnswer, { name, status }: NodeJson): readonly HistorySource[] {
  const own = sources.filter((source) => source.own)
  if (sources.length > 0) return own.length > 0 ? own : sources
  if (forbidden > 0)
    throw new Failure(
      'E_HISTORY',
      `the values of "${name}" are for members of its zone and for operators: ask there, or attach with the capability "operator"`,
    )
  const others = asked === 1 ? 'the one member that was asked keeps' : `the ${asked} members that were asked keep`
  const why = asked === 0 ? 'nobody could be asked for them' : `${others} none of them`
  throw new Failure('E_HISTORY', `there are no values of "${name}" (${status}): ${why}; try again when more are linked`)
}

async function meaningOf(parts: Parts, row: NodeJson, query: HistoryQuery, metric: string): Promise<Wanted> {
  const measure = measureOf(metric)
  if (measure !== undefined) return { measure }
  const known = (await names(parts, row, query)).flatMap((source) => source.names)
  const series = known.find(({ name }) => name === metric)
  if (series !== undefined) return { series }
  const close = nearestSeries(
    metric,
    known.map(({ name }) => name),
  )
  const advice = close === undefined ? `"pimesh history ${row.name}" lists all` : `did you mean ${quoted(close)}?`
  throw new Failure('E_METRIC', `"${row.name}" has no metric "${metric}": ${advice}`)
}

/** The series that was probably meant, with its labels: people type what stands before them. */
function nearestSeries(metric: string, known: readonly string[]): string | undefined {
  const bare = new Map(known.map((name) => [name.replace(/\{.*$/s, ''), name]))
  const close = nearest(metric, [...measureNames(), ...known, ...bare.keys()])
  return close === undefined ? undefined : (bare.get(close) ?? close)
}

/** As it can be typed: labels have quotes of their own. */
function quoted(name: string): string {
  return name.includes('"') ? `'${name}'` : `"${name}"`
}

function catalogue({ nameOf }: Parts, head: Head, sources: readonly HistorySource[]): HistoryJson {
  const all = new Map(sources.flatMap((source) => source.names).map((one) => [one.name, one]))
  return {
    ...{ ...head, metric: null, series: [], says: '', unit: '', stepMs: 0, points: [] },
    ...sourcesJson(sources, nameOf, () => 0),
    completeness: { of: 'series', rows: all.size, expected: all.size, newestMs: null, oldestMs: null, complete: true },
    summary: { min: null, mean: null, max: null, last: null },
    names: [...all.values()].map(seriesJson),
  }
}

interface Found {
  query: HistoryQuery
  metric: string
  wanted: Wanted
  sources: readonly HistorySource[]
}

function withValues({ nameOf, wall }: Parts, head: Head, { query, metric, wanted, sources }: Found): HistoryJson {
  const tier = tierOf(sources[0]?.tier ?? 'minutes')
  const period = periodOf(sources, tier.tick)
  const told = sources.map((source) => ({ source, readings: readingsOf(source, wanted, tier.tick) }))
  const rows = merged(
    told.map((one) => one.readings),
    period,
  ).filter(({ age }) => age <= query.sinceMs + period)
  // Rows that hold all but this: a machine that does not measure it has no values, and an answer without any is not complete.
  const readings = rows.some(({ value }) => value !== null) ? rows : []
  const stepMs = Math.min(Math.max(query.stepMs ?? period, period), query.sinceMs)
  const points = stepsOf(readings, query.sinceMs, stepMs)
  const own = sources.some((source) => source.own)
  const partial = sources.some((source) => source.own && source.partial)
  const now = wall()
  const rowsOf = (source: HistorySource) => told.find((one) => one.source === source)?.readings.length ?? 0
  return {
    ...{ ...head, metric, series: seriesOf(wanted), ...meaning(wanted), stepMs },
    ...sourcesJson(sources, nameOf, rowsOf),
    completeness: {
      of: period === tier.tick || tier.name === 'samples' ? WORDS[tier.name] : 'row',
      ...completeness(readings, { period, since: query.sinceMs, own, partial }),
    },
    summary: summary(points, readings),
    points: points.map(({ age, certain, value, least: min, most: max }) => {
      return { ageMs: age, at: new Date(now - age).toISOString(), value, min, max, certain }
    }),
    names: [],
  }
}

export function seriesJson({ name, unit, kind, value, age }: SeriesValue): SeriesJson {
  return { name, unit, kind, value, ageMs: age === undefined ? null : Math.round(age) }
}

function meaning(wanted: Wanted): Pick<HistoryJson, 'says' | 'unit'> {
  if ('measure' in wanted) return { says: wanted.measure.says, unit: wanted.measure.unit }
  const { kind, unit } = wanted.series
  return { says: 'the series itself', unit: kind === 'counter' ? rateUnit(unit as Metric['unit']) : unit }
}

function sourcesJson(
  sources: readonly HistorySource[],
  nameOf: Parts['nameOf'],
  rows: (source: HistorySource) => number,
): Pick<HistoryJson, 'source' | 'by'> {
  const by = sources.map((source) => ({ node: source.by, name: nameOf(source.by), rows: rows(source) }))
  return { source: sources.some(({ own }) => own) ? 'itself' : 'witnesses', by: by.sort((a, b) => b.rows - a.rows) }
}

/** A node itself has nothing from before it began to keep values: that is no gap. Of a witness it is one. */
function completeness(
  readings: readonly Reading[],
  { period, since, own, partial }: { period: number; since: number; own: boolean; partial: boolean },
): Omit<HistoryJson['completeness'], 'of'> {
  const places = new Set(readings.map(({ age }) => Math.floor(age / period)))
  const wanted = Math.ceil(since / period)
  const first = own ? Math.min(wanted, Math.max(...places, -1) + 1) : wanted
  // The period that goes on may have no row yet.
  const running = first > 0 && !places.has(0) && places.has(1) ? 1 : 0
  const rows = [...places].filter((place) => place < first).length
  const expected = Math.max(first - running, rows)
  const [newest, oldest] = [readings.at(-1)?.taken ?? null, readings[0]?.taken ?? null]
  const complete = rows > 0 && rows === expected && !partial
  return { rows, expected, newestMs: newest, oldestMs: oldest, complete }
}

function summary(points: readonly Step[], readings: readonly Reading[]): HistoryJson['summary'] {
  const filled = points.filter(({ value }) => value !== null)
  const values = readings.flatMap(({ value }) => (value === null ? [] : [value]))
  if (filled.length === 0) return { min: null, mean: null, max: null, last: null }
  return {
    min: Math.min(...filled.map(({ least }) => least as number)),
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    max: Math.max(...filled.map(({ most }) => most as number)),
    last: values.at(-1) ?? null,
  }
}
