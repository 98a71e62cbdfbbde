// The nodes table: one line per node, one per zone without rows, and how complete the answer is.
import type { NodeJson, NodesJson, ZoneJson } from '../../daemon/api-types.ts'
import type { Colour, Terminal } from '../frame/terminal.ts'
import { age, bytes, compactSpan, counted, exact, percent } from './quantity.ts'
import { pathText, roundTripText } from './reach.ts'
import { type Column, tableLines } from './table.ts'

type Paint = Pick<Terminal, 'paint'>

export const statusColours: Readonly<Record<NodeJson['status'], Colour>> = {
  up: 'green',
  late: 'yellow',
  down: 'red',
  left: 'grey',
}

/** The order in which statuses matter to a person. */
const WORST_FIRST: readonly NodeJson['status'][] = ['down', 'late', 'left', 'up']
const COUNTED: readonly NodeJson['status'][] = ['up', 'late', 'down', 'left']

/**
 * All lines of the answer; the last one is the completeness. Rows are sorted by zone and name; with `worstFirst` by
 * status before that, for where not all can be seen.
 */
export function nodesLines(
  answer: NodesJson,
  terminal: Paint,
  options: { wide: boolean; worstFirst?: boolean },
): string[] {
  const rank = ({ status }: NodeJson) => (options.worstFirst ? WORST_FIRST.indexOf(status) : 0)
  const rows = answer.nodes.toSorted(
    (a, b) => rank(a) - rank(b) || compare(a.zone, b.zone) || compare(a.name, b.name) || compare(a.node, b.node),
  )
  const names = shownNames(rows)
  const columns = options.wide ? [...narrow(terminal, names), ...wide(names)] : narrow(terminal, names)
  const table = rows.length === 0 ? [] : tableLines(columns, rows)
  return [...table, ...answer.zones.flatMap((zone) => zoneNote(zone)), completenessLine(answer)]
}

/** Ends of ids that tell nodes of one name apart. */
const ID_END = 6

/** Id -> name; `name~` and the end of the id where several nodes have that name. */
function shownNames(rows: readonly NodeJson[]): ReadonlyMap<string, string> {
  const times = new Map<string, number>()
  for (const { name } of rows) times.set(name, (times.get(name) ?? 0) + 1)
  return new Map(rows.map(({ node, name }) => [node, times.get(name) === 1 ? name : `${name}~${node.slice(-ID_END)}`]))
}

/** `2 of 2 zones answered, 6 nodes: 5 up, 1 down, oldest 9 s`. */
export function completenessLine({ nodes, completeness }: NodesJson): string {
  const { zonesAnswered, zonesKnown, oldestMs, complete } = completeness
  const oldest = nodes.length === 0 ? '' : `, oldest ${age(oldestMs)}`
  const zones = `${zonesAnswered} of ${counted(zonesKnown, 'zone')} answered`
  return `${zones}, ${statusesText(nodes)}${oldest}${complete ? '' : ' (partial)'}`
}

/** `6 nodes: 5 up, 1 down`, `6 nodes, all up`: only the statuses that occur. */
function statusesText(nodes: readonly NodeJson[]): string {
  const total = counted(nodes.length, 'node')
  const counts = COUNTED.map((status) => [status, nodes.filter((node) => node.status === status).length] as const)
  const occurring = counts.filter(([, count]) => count > 0)
  if (occurring.length === 0) return total
  if (occurring.length > 1) return `${total}: ${occurring.map(([status, count]) => `${count} ${status}`).join(', ')}`
  return `${total}, ${nodes.length === 1 ? '' : 'all '}${occurring[0]?.[0]}`
}

/** `3 up, 1 late, 0 down, 0 left`. */
export function countsText(counts: NonNullable<ZoneJson['counts']>): string {
  return `${counts.up} up, ${counts.late} late, ${counts.down} down, ${counts.left} left`
}

/** What a person should know of a zone that did not answer with all it has. */
export function zoneNote({ zone, state, counts, partial, membersKnown }: ZoneJson): string[] {
  if (state === 'silent' && membersKnown === 0) return [`${zone}: no node of this zone is known here`]
  if (state === 'silent') return [`${zone}: no answer; none of its nodes that are known here could be reached in time`]
  if (state === 'forbidden') {
    const known = counts === null ? 'no counts' : countsText(counts)
    return [`${zone}: ${known} (rows of other zones need the operator capability)`]
  }
  return partial ? [`${zone}: not all rows arrived in time`] : []
}

function narrow(terminal: Paint, names: ReadonlyMap<string, string>): Column<NodeJson>[] {
  return [
    { title: 'NAME', cell: (node) => names.get(node.node) ?? node.name },
    { title: 'ZONE', cell: (node) => node.zone },
    {
      title: 'STATUS',
      cell: (node) => node.status,
      paint: (node, text) => terminal.paint(statusColours[node.status], text),
    },
    { title: 'AGE', right: true, cell: (node) => age(node.ageMs) },
    { title: 'LOAD', right: true, cell: loadPerCore },
    { title: 'MEM', right: true, cell: memory },
    { title: 'DISK', right: true, cell: disk },
    {
      title: 'TEMP',
      right: true,
      cell: (node) => shown(node.metrics.node_thermal_zone_temp, (t) => `${t.toFixed(1)} °C`),
    },
    {
      title: 'UPTIME',
      right: true,
      cell: (node) => shown(node.metrics.node_uptime_seconds, (s) => compactSpan(s * 1_000)),
    },
    {
      title: 'ALERTS',
      cell: (node) => (node.alerts.length === 0 ? '-' : node.alerts.join(',')),
      paint: (node, text) => (node.alerts.length === 0 ? text : terminal.paint('red', text)),
    },
  ]
}

/** The view that a row came from is named where the table holds its node. */
function wide(names: ReadonlyMap<string, string>): Column<NodeJson>[] {
  return [
    { title: 'NODE', cell: (node) => node.node },
    { title: 'INCARNATION', right: true, cell: (node) => String(node.incarnation) },
    { title: 'PROMISE', right: true, cell: (node) => exact(node.promiseMs) },
    { title: 'CORES', right: true, cell: (node) => shown(node.metrics.node_cpu_count, String) },
    { title: 'MEM TOTAL', right: true, cell: (node) => shown(node.metrics.node_memory_MemTotal_bytes, bytes) },
    { title: 'UNDERVOLT', right: true, cell: (node) => shown(node.metrics.rpi_undervoltage_total, String) },
    { title: 'FLAGS', cell: (node) => node.flags.join(',') || '-' },
    { title: 'REFUSED', cell: refusedText },
    { title: 'LABELS', cell: (node) => labelsText(node.labels) || '-' },
    { title: 'PATH', cell: ({ path }) => (path ? pathText(path) : '-') },
    { title: 'RTT', right: true, cell: ({ path }) => (path ? roundTripText(path) : '-') },
    { title: 'SEEN BY', cell: (node) => names.get(node.seenBy) ?? node.seenBy },
  ]
}

/** `12, mostly badSignature`: announcements, targets and roots that the node refused since it started. */
export function refusedText({ refused }: Pick<NodeJson, 'refused'>): string {
  if (refused === null || refused === undefined) return '-'
  return refused.most === null ? String(refused.total) : `${refused.total}, mostly ${refused.most}`
}

/** `model=pi4,room=lab3`. */
export function labelsText(labels: NodeJson['labels']): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}

function loadPerCore({ metrics }: NodeJson): string {
  const load = metrics.node_load1 ?? null
  return load === null ? '-' : (load / (metrics.node_cpu_count || 1)).toFixed(2)
}

/** Share of memory in use: what the kernel could not hand to a new program. */
function memory({ metrics }: NodeJson): string {
  return usedShare(metrics.node_memory_MemTotal_bytes, metrics.node_memory_MemAvailable_bytes)
}

/** The fuller of the root and the data file system; one that turned read-only says so: a dying SD card does that. */
function disk({ metrics }: NodeJson): string {
  const places = ['/', 'data'].map((place) => `{mountpoint="${place}"}`)
  if (places.some((place) => metrics[`node_filesystem_readonly${place}`] === 1)) return 'read-only'
  const shares = places.flatMap((place) => {
    const size = metrics[`node_filesystem_size_bytes${place}`] ?? null
    const free = metrics[`node_filesystem_avail_bytes${place}`] ?? null
    return size && free !== null ? [1 - free / size] : []
  })
  return shares.length === 0 ? '-' : percent(Math.max(...shares))
}

function usedShare(total: number | null | undefined, available: number | null | undefined): string {
  return total && typeof available === 'number' ? percent(1 - available / total) : '-'
}

function shown(value: number | null | undefined, text: (value: number) => string): string {
  return typeof value === 'number' ? text(value) : '-'
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
