// The nodes table: one line per node, one per zone without rows, and how complete the answer is.
import type { CountsJson, NodeJson, NodesJson, ZoneJson } from '../../daemon/api-types.ts'
import type { Terminal } from '../frame/terminal.ts'
import { NARROW, nodeColumns, WIDE } from './node-columns.ts'
import { age, counted, grouped } from './quantity.ts'
import { tableLines } from './table.ts'

type Paint = Pick<Terminal, 'paint'>

/** The order in which statuses matter to a person. */
const WORST_FIRST: readonly NodeJson['status'][] = ['down', 'late', 'left', 'up']
const COUNTED: readonly NodeJson['status'][] = ['up', 'late', 'down', 'left']

/** There is nobody to be missed of a zone that nobody knows. */
export const NO_ZONE = 'no zone that was asked for is known here: "pimesh zones" lists those that are'

export interface NodesShown {
  wide?: boolean
  /** The worst before others, for where not all can be seen. */
  worstFirst?: boolean
  /** In place of the usual ones. */
  columns?: readonly string[] | undefined
  /** The rows are in the order that was asked for. */
  sorted?: boolean
  /** All zones that did not answer are listed, however many. */
  dark?: boolean
}

/** All lines of the answer; the last one is the completeness. Rows are sorted by zone and name unless they were asked for in another order. */
export function nodesLines(answer: NodesJson, terminal: Paint, shown: NodesShown): string[] {
  const rows = shown.sorted && !shown.worstFirst ? answer.nodes : inOrder(answer.nodes, shown.worstFirst === true)
  const columns = nodeColumns(rows, terminal, answer.units ?? {}, columnNames(shown))
  const table = rows.length === 0 ? [] : tableLines(columns, rows)
  return [...table, ...zoneNotes(answer, shown.dark === true), completenessLine(answer)]
}

function inOrder(nodes: readonly NodeJson[], worstFirst: boolean): NodeJson[] {
  const rank = ({ status }: NodeJson) => (worstFirst ? WORST_FIRST.indexOf(status) : 0)
  return nodes.toSorted(
    (a, b) => rank(a) - rank(b) || compare(a.zone, b.zone) || compare(a.name, b.name) || compare(a.node, b.node),
  )
}

function columnNames({ columns, wide }: NodesShown): readonly string[] {
  return columns ?? (wide ? [...NARROW, ...WIDE] : NARROW)
}

/** `2 of 2 zones answered, 6 nodes: 5 up, 1 down, oldest 9 s; 2 match`. */
export function completenessLine({ nodes, completeness, page }: NodesJson): string {
  const { zonesAnswered, zonesKnown, oldestMs, complete } = completeness
  if (zonesKnown === 0) return NO_ZONE
  const counts = completeness.nodes ?? countsOf(nodes)
  const oldest = totalOf(counts) === 0 ? '' : `, oldest ${age(oldestMs)}`
  const zones = `${grouped(zonesAnswered)} of ${counted(zonesKnown, 'zone')} answered`
  const end = `${complete ? '' : ' (partial)'}${matchText(counts, page)}${darkText(completeness)}`
  return `${zones}, ${statusesText(counts)}${oldest}${end}`
}

/** How many of the nodes match, and which of those are shown. */
function matchText(counts: CountsJson, page: NodesJson['page']): string {
  if (page === undefined) return ''
  const match = page.of === totalOf(counts) ? '' : `; ${grouped(page.of)} ${page.of === 1 ? 'matches' : 'match'}`
  if (page.at === 0 && page.next === null) return match
  if (page.at >= page.of) return `${match}; that page is beyond the last of ${counted(page.of, 'row')}`
  return `${match}; rows ${grouped(page.at + 1)} to ${grouped(page.next ?? page.of)} of ${grouped(page.of)}`
}

/** `; no node of /nope is known here`. */
export function unknownText({ unknown = [] }: { unknown?: readonly string[] }): string {
  return unknown.length === 0 ? '' : `; no node of ${unknown.join(', ')} is known here`
}

/** `; 40 dark: /uk/a, /uk/b ... (16 shown, --dark lists all)`. */
export function darkText(
  { dark = 0, darkZones = [] }: Pick<NodesJson['completeness'], 'dark' | 'darkZones'>,
  all = '--dark',
): string {
  if (dark === 0) return ''
  const more = dark > darkZones.length ? ` ... (${darkZones.length} shown, ${all} lists all)` : ''
  return `; ${grouped(dark)} dark: ${darkZones.join(', ')}${more}`
}

/** `6 nodes: 5 up, 1 down`, `6 nodes, all up`: only the statuses that occur. */
function statusesText(counts: CountsJson): string {
  const count = totalOf(counts)
  const total = counted(count, 'node')
  const occurring = COUNTED.filter((status) => counts[status] > 0)
  if (occurring.length === 0) return total
  if (occurring.length > 1)
    return `${total}: ${occurring.map((status) => `${grouped(counts[status])} ${status}`).join(', ')}`
  return `${total}, ${count === 1 ? '' : 'all '}${occurring[0]}`
}

function countsOf(nodes: readonly NodeJson[]): CountsJson {
  const counts = { up: 0, late: 0, down: 0, left: 0 }
  for (const { status } of nodes) counts[status] += 1
  return counts
}

function totalOf({ up, late, down, left }: CountsJson): number {
  return up + late + down + left
}

/** `3 up, 1 late, 0 down, 0 left`. */
export function countsText(counts: NonNullable<ZoneJson['counts']>): string {
  return `${counts.up} up, ${counts.late} late, ${counts.down} down, ${counts.left} left`
}

/** Zones of one kind that have a line of their own; beyond it they are one line, or only in the completeness. */
const NOTED = 4

/** What a person should know of zones that did not answer with all they have. Dark ones are named by the completeness, too. */
function zoneNotes({ zones, completeness }: NodesJson, all: boolean): string[] {
  const many = (wanted: ZoneJson['state']) => !all && zones.filter(({ state }) => state === wanted).length > NOTED
  const [darkToo, forbiddenToo] = [!many('silent') || completeness.dark === undefined, !many('forbidden')]
  const noted = zones.filter(({ state }) => (state === 'silent' ? darkToo : state === 'answered' || forbiddenToo))
  const forbidden = forbiddenToo ? 0 : zones.filter(({ state }) => state === 'forbidden').length
  return [
    ...noted.flatMap(zoneNote),
    ...(forbidden === 0
      ? []
      : [`${counted(forbidden, 'zone')}: only counts (rows of other zones need the operator capability)`]),
  ]
}

/** What a person should know of a zone that did not answer with all it has. */
export function zoneNote({ zone, state, counts, partial, membersKnown }: ZoneJson): string[] {
  if (state === 'silent' && membersKnown === 0)
    return [`${zone}: no node of this zone is known here; "pimesh zones" lists the zones that are`]
  if (state === 'silent') return [`${zone}: no answer; none of its nodes that are known here could be reached in time`]
  if (state === 'forbidden') {
    const known = counts === null ? 'no counts' : countsText(counts)
    return [`${zone}: ${known} (rows of other zones need the operator capability)`]
  }
  return partial ? [`${zone}: not all rows arrived in time`] : []
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
