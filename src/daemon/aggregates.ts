// Answers to questions about many nodes: from the fleet summary at once, from digests by zone, or from rows where only they can say.
import type { QueryResult } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import type { DescentAnswer } from '../core/fleet/descents.ts'
import { type Figures, mergeFigures } from '../core/fleet/figures.ts'
import { isRate, measureOf } from '../core/fleet/metric-names.ts'
import {
  errorAt,
  type Mean,
  meanOf,
  quantile,
  type SketchName,
  sketchCount,
  sketchIndex,
} from '../core/fleet/sketch.ts'
import type { FleetChild, FleetView } from '../core/fleet/summary.ts'
import { limits } from '../core/limits.ts'
import type { Aggregate, Question } from '../wire/question.ts'
import { type FoundRow, metricOf } from '../wire/row-selector.ts'
import type { BelowJson, FigureJson, QuestionJson } from './api-fleet-types.ts'
import { belowJson, isAllAskedFor, isAskedFor } from './below.ts'
import { lineName, SKETCH_UNITS, short } from './fleet-json.ts'
import { completeness } from './rows-json.ts'

/** Figures to answer from, with what they are called. */
interface Part {
  group: string | null
  /** Undefined: nobody speaks for it. */
  figures: Figures | undefined
  ageMs: number | null
}

/** Figures that answer the question, and how they came; undefined when only rows can. */
export function partsOf(
  question: Question,
  view: FleetView,
  zones: readonly string[] | undefined,
  ownZone: string,
  below?: DescentAnswer,
): { way: 'summary' | 'digests'; parts: Part[]; below?: BelowJson } | undefined {
  if (!isInDigests(question)) return undefined
  const byZone = question.by === 'zone'
  if (zones === undefined && !byZone) return fromSummary(view)
  if (zones?.length === 1 && zones[0] === ownZone && view.own !== undefined)
    return { way: 'digests', parts: [{ group: byZone ? ownZone : null, figures: view.own, ageMs: 0 }] }
  const children = foundFor(view, zones)
  if (children === undefined) return undefined
  const parts = byZone ? children.map(partOf) : [together(children)]
  if (below === undefined) return { way: 'digests', parts }
  const { summary } = view
  const inFleet = zones === undefined && summary ? summary.figures.zones + summary.figures.dark : undefined
  return { way: 'digests', parts, below: belowJson(below, children, inFleet) }
}

function isInDigests({ where, aggregates }: Question): boolean {
  return where === undefined && aggregates.every(isSketched)
}

/** Whether zones are named, or told apart, so that digests of inner zones may not do. */
export function needsBelow(question: Question, zones: readonly string[] | undefined, ownZone: string): boolean {
  if (!isInDigests(question)) return false
  if (zones?.length === 1 && zones[0] === ownZone) return false
  return zones !== undefined || question.by === 'zone'
}

/** Zones that were found of those that are named; undefined when one was not, or only what it lies in, so that members have to be asked. */
function foundFor({ levels }: FleetView, zones: readonly string[] | undefined): readonly FleetChild[] | undefined {
  const top = levels.at(-1)
  const found = top?.zone === '/' ? top.children : []
  if (found.length === 0) return undefined
  if (zones === undefined) return found
  const isFound = (pattern: string) => found.some((child) => isAskedFor(child, pattern))
  const named = found.filter((child) => zones.some((pattern) => isAskedFor(child, pattern)))
  return zones.every(isFound) && named.every((child) => isAllAskedFor(child, zones)) ? named : undefined
}

function fromSummary({ summary, own, levels }: FleetView): ReturnType<typeof partsOf> {
  if (summary !== undefined)
    return { way: 'summary', parts: [{ group: null, figures: summary.figures, ageMs: Math.round(summary.age) }] }
  // A mesh of one zone has nobody to tell it of the others.
  const alone = own !== undefined && levels.every(({ children }) => children.length === 0)
  return alone ? { way: 'summary', parts: [{ group: null, figures: own, ageMs: 0 }] } : undefined
}

function partOf(child: FleetChild): Part {
  const { digest, dark, age } = child
  const known = digest !== undefined && !dark
  return {
    group: lineName(child),
    figures: known ? digest.figures : undefined,
    ageMs: known && age !== undefined ? Math.round(age) : null,
  }
}

function together(children: readonly FleetChild[]): Part {
  const parts = children.map(partOf)
  const known = parts.filter((part): part is Part & { figures: Figures } => part.figures !== undefined)
  const dark = parts.length - known.length
  const figures = mergeFigures(known.map((part) => part.figures))
  const names = parts.filter((part) => part.figures === undefined).map(({ group }) => group as string)
  return {
    group: null,
    figures: {
      ...figures,
      dark: figures.dark + dark,
      darkZones: [...names, ...figures.darkZones].slice(0, limits.darkNames),
    },
    ageMs: known.length === 0 ? null : Math.max(...known.map(({ ageMs }) => ageMs ?? 0)),
  }
}

/** @param nameOf what a release is called, by the first 8 bytes of its hash */
export function answerFrom(
  question: Question,
  { way, parts, below }: NonNullable<ReturnType<typeof partsOf>>,
  nameOf: (release8: string) => string,
): QuestionJson {
  const known = parts.flatMap(({ figures }) => (figures === undefined ? [] : [figures]))
  const silent = parts.filter(({ figures }) => figures === undefined).map(({ group }) => group as string)
  const all = mergeFigures(known)
  const dark = all.dark + silent.length
  return {
    ...{ schema: 'pimesh.query/1', way, by: question.by ?? null, columns: question.aggregates.map(columnOf) },
    groups: parts.flatMap((part) => groupsOf(question, part, nameOf)),
    completeness: {
      ...{ zonesAnswered: all.zones, zonesKnown: all.zones + dark + (below?.missing ?? 0), nodes: presentIn(all) },
      oldestMs: parts.reduce<number | null>(
        (oldest, { ageMs }) => (ageMs === null ? oldest : Math.max(oldest ?? 0, ageMs)),
        null,
      ),
      ...{ complete: dark === 0 && known.length > 0 && below?.complete !== false, dark },
      darkZones: [...silent, ...all.darkZones].slice(0, limits.darkNames),
      ...(below !== undefined && { below }),
    },
  }
}

function groupsOf(
  { by, aggregates }: Question,
  { group, figures, ageMs }: Part,
  nameOf: (release8: string) => string,
): QuestionJson['groups'] {
  const counted = (name: string, count: number) => ({
    ...{ group: name, nodes: count, ageMs, dark: false },
    figures: aggregates.map(() => ({ value: count, error: 0 })),
  })
  if (figures === undefined)
    return [{ group, nodes: 0, ageMs, dark: true, figures: aggregates.map(() => ({ value: null, error: 0 })) }]
  const { counts, versions, otherVersions, releases } = figures
  if (by === 'status') return Object.entries(counts).map(([status, count]) => counted(status, count))
  if (by === 'version')
    return [
      ...versions.map(({ version, count }) => counted(version, count)),
      ...(otherVersions > 0 ? [counted('others', otherVersions)] : []),
    ]
  if (by === 'release')
    return releases.flatMap(({ release8, states }) =>
      Object.entries(states).map(([state, count]) => counted(`${nameOf(release8)} ${state}`, count)),
    )
  return [
    { group, nodes: presentIn(figures), ageMs, dark: false, figures: aggregates.map((one) => figureOf(one, figures)) },
  ]
}

/** All but who said goodbye. */
function presentIn({ counts }: Figures): number {
  return counts.up + counts.late + counts.down
}

function figureOf(aggregate: Aggregate, figures: Figures): FigureJson {
  if (aggregate.of === 'count') return { value: presentIn(figures), error: 0 }
  const name = aggregate.metric as SketchName
  const sketch = figures.sketches[sketchIndex(name) as number] ?? []
  const count = sketchCount(sketch)
  if (count === 0) return { value: null, error: 0 }
  if (aggregate.of === 'avg' || aggregate.of === 'sum') {
    const { mean, error } = meanOf(sketch, name) as Mean
    const times = aggregate.of === 'sum' ? count : 1
    return { value: short(mean * times), error: short(error * times) }
  }
  const share = aggregate.of === 'quantile' ? aggregate.quantile : aggregate.of === 'min' ? 0 : 1
  const value = quantile(sketch, name, share) as number
  return { value: short(value), error: short(errorAt(name, value)) }
}

function isSketched({ metric }: Aggregate): boolean {
  return metric === undefined || sketchIndex(metric) !== undefined
}

function columnOf({ text, metric }: Aggregate): QuestionJson['columns'][number] {
  if (metric === undefined) return { text, unit: 'nodes' }
  return { text, unit: SKETCH_UNITS[metric] ?? measureOf(metric)?.unit ?? '1' }
}

/** @throws Failure E_METRIC: rows have no value of it */
export function requireRowMetrics({ aggregates }: Question): void {
  for (const { metric } of aggregates) {
    const measure = metric === undefined ? undefined : measureOf(metric)
    if (measure === undefined || !isRate(measure)) continue
    const known = sketchIndex(metric as string) !== undefined
    const advice = known
      ? 'ask without a condition, and without zones of which no digest is heard here'
      : '"pimesh history" shows it'
    throw new Failure('E_METRIC', `"${metric}" is what counters grow by, and a row has one record: ${advice}`)
  }
}

/** The same from rows: exact, of nodes that are `up` or `late`; counted are all but who left. */
export function answerFromRows(
  question: Question,
  { result, rows, inFleet }: { result: QueryResult; rows: readonly FoundRow[]; inFleet?: number | undefined },
  nameOf: (release8: string) => string,
): QuestionJson {
  const present = rows.filter(({ row }) => question.by === 'status' || row.status !== 'left')
  const groups = new Map<string | null, FoundRow[]>(question.by === undefined ? [[null, []]] : [])
  for (const found of present)
    for (const group of groupsOfRow(question.by, found, nameOf)) into(groups, group).push(found)
  const { oldestMs, ...whole } = completeness(result, inFleet)
  return {
    ...{ schema: 'pimesh.query/1', way: 'rows', by: question.by ?? null, columns: question.aggregates.map(columnOf) },
    groups: [...groups]
      .sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1))
      .map(([group, members]) => ({
        ...{ group, nodes: members.length, ageMs: oldestOf(members), dark: false },
        figures: question.aggregates.map((one) => rowFigure(one, members)),
      })),
    completeness: {
      ...{ zonesAnswered: whole.zonesAnswered, zonesKnown: whole.zonesKnown, nodes: present.length },
      ...{ oldestMs, complete: whole.complete, dark: whole.dark ?? 0, darkZones: whole.darkZones ?? [] },
      unknown: whole.unknown ?? [],
    },
  }
}

function into(groups: Map<string | null, FoundRow[]>, group: string | null): FoundRow[] {
  const members = groups.get(group) ?? []
  groups.set(group, members)
  return members
}

function groupsOfRow(
  by: Question['by'],
  { row, zone }: FoundRow,
  nameOf: (release8: string) => string,
): (string | null)[] {
  if (by === 'zone') return [zone]
  if (by === 'status') return [row.status]
  if (by === 'version') return [row.record.version ?? 'not told']
  if (by === 'release') return row.record.installs.map(({ release8, state }) => `${nameOf(release8)} ${state}`)
  return [null]
}

function oldestOf(rows: readonly FoundRow[]): number | null {
  let oldest: number | null = null
  for (const { row } of rows) if (row.age !== null) oldest = Math.max(oldest ?? 0, Math.round(row.age))
  return oldest
}

function rowFigure(aggregate: Aggregate, rows: readonly FoundRow[]): FigureJson {
  if (aggregate.of === 'count') return { value: rows.length, error: 0 }
  const values = rows
    .filter(({ row }) => row.status === 'up' || row.status === 'late')
    .map(({ row }) => valueIn(row, aggregate.metric))
    .filter((value) => value !== null)
    .sort((a, b) => a - b)
  if (values.length === 0) return { value: null, error: 0 }
  return { value: Number(exactly(aggregate, values).toPrecision(12)), error: 0 }
}

function valueIn({ record, age }: FoundRow['row'], metric: string): number | null {
  return metric === 'record_age' ? (age === null ? null : age / 1_000) : metricOf(record, metric)
}

/** @param values in ascending order, at least one */
function exactly(aggregate: Aggregate, values: readonly number[]): number {
  const at = (share: number) => values[Math.max(0, Math.ceil(share * values.length) - 1)] as number
  const sum = () => values.reduce((total, value) => total + value, 0)
  switch (aggregate.of) {
    case 'sum':
      return sum()
    case 'avg':
      return sum() / values.length
    case 'quantile':
      return at(aggregate.quantile)
    default:
      return at(aggregate.of === 'min' ? 0 : 1)
  }
}
