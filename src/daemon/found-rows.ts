// The rows of an answer that a person wants to see, in the order they want: judged and ordered a slice at a time, so that the loop of
// the daemon goes on while ten thousand of them are looked at.
import { setImmediate } from 'node:timers/promises'
import type { QueryResult } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import { isRate, measureNames, measureOf } from '../core/fleet/metric-names.ts'
import { metricIndex } from '../core/fleet/metrics.ts'
import { limits } from '../core/limits.ts'
import { nearest } from '../core/nearest.ts'
import { type FoundRow, metricOf, rowCondition } from '../wire/row-selector.ts'
import type { NodesQuery, SortBy } from './api-queries.ts'

/** What a row has beside metrics, as columns and for sorting; `labels.KEY` is one, too. */
export const ROW_COLUMNS =
  'name zone status age load mem disk temp uptime alerts node incarnation promise cores flags refused labels capabilities path rtt told_by'.split(
    ' ',
  )
const SORTABLE = ['name', 'zone', 'status', 'age', 'node', 'incarnation']
/** The order in which statuses matter to a person. */
const WORST_FIRST = ['down', 'late', 'left', 'up']

type Judge = (found: FoundRow) => boolean
type Key = (found: FoundRow) => string | number | null

/** What a question is about, checked before anybody is asked. @throws Failure E_SELECTOR, E_METRIC */
export function rowsWanted({ where, sortBy, columns = [] }: NodesQuery): (result: QueryResult) => Promise<FoundRow[]> {
  const judge = where === undefined ? undefined : rowCondition(where)
  const key = sortBy === undefined ? undefined : keyOf(sortBy.by)
  for (const column of columns) requireColumn(column)
  return async (result) => {
    const rows = foundRows(result)
    const matching = judge === undefined ? rows : await judged(rows, judge)
    return key === undefined || sortBy === undefined ? matching.sort(byPlace) : await sorted(matching, key, sortBy)
  }
}

function foundRows({ zones, memberships }: QueryResult): FoundRow[] {
  return zones.flatMap(({ zone, rows }) =>
    rows.map((row) => ({ row, zone, membership: memberships.get(row.envelope.membership) })),
  )
}

async function judged(rows: readonly FoundRow[], judge: Judge): Promise<FoundRow[]> {
  const matching: FoundRow[] = []
  for (const [at, found] of rows.entries()) {
    if (at % limits.apiRowsAtOnce === limits.apiRowsAtOnce - 1) await setImmediate()
    if (judge(found)) matching.push(found)
  }
  return matching
}

/** Rows without a value come last, in either order; equal ones by zone and name. */
async function sorted(rows: readonly FoundRow[], key: Key, { by, order }: SortBy): Promise<FoundRow[]> {
  const keyed: { found: FoundRow; value: ReturnType<Key> }[] = []
  for (const [at, found] of rows.entries()) {
    if (at % limits.apiRowsAtOnce === limits.apiRowsAtOnce - 1) await setImmediate()
    keyed.push({ found, value: key(found) })
  }
  const textual = SORTABLE.includes(by) && by !== 'age' && by !== 'incarnation'
  const sign = (order ?? (textual ? 'asc' : 'desc')) === 'asc' ? 1 : -1
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null)
    return sign * compare(a.value, b.value) || byPlace(a.found, b.found)
  })
  return keyed.map(({ found }) => found)
}

function byPlace(a: FoundRow, b: FoundRow): number {
  return compare(a.zone, b.zone) || compare(nameOf(a), nameOf(b)) || compare(a.row.node, b.row.node)
}

function nameOf({ row, membership }: FoundRow): string {
  return membership?.claims.name ?? row.node
}

function keyOf(by: string): Key {
  switch (by) {
    case 'name':
      return nameOf
    case 'zone':
      return ({ zone }) => zone
    case 'node':
      return ({ row }) => row.node
    case 'status':
      return ({ row }) => WORST_FIRST.indexOf(row.status)
    case 'age':
      return ({ row }) => row.age
    case 'incarnation':
      return ({ row }) => row.record.incarnation
  }
  requireMetric(by, SORTABLE)
  return ({ row }) => metricOf(row.record, by)
}

/** @throws Failure E_METRIC */
function requireColumn(column: string): void {
  if (!ROW_COLUMNS.includes(column) && !/^labels\..+$/s.test(column)) requireMetric(column, ROW_COLUMNS)
}

/** @throws Failure E_METRIC: a row has no value of it. `others`: what else may be meant. */
function requireMetric(name: string, others: readonly string[]): void {
  const measure = measureOf(name)
  if (metricIndex(name) !== undefined || (measure !== undefined && !isRate(measure))) return
  if (measure !== undefined) {
    const text = `"${name}" is what counters grow by, and a row has one record: "pimesh query" and "pimesh history" show it`
    throw new Failure('E_METRIC', text)
  }
  throw new Failure('E_METRIC', unknownMetric(name, [...others, ...measureNames()]))
}

/** `there is no metric "cpu_tmp": did you mean "cpu_temp"?` */
export function unknownMetric(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  const hint = near === undefined ? 'docs/metrics.md lists the short names and the series' : `did you mean "${near}"?`
  return `there is no metric or column "${name.slice(0, 64)}": ${hint}`
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0
}
