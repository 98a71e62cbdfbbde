// The nodes table: one line per node, one per zone without rows, and how complete the answer is.
import type { NodeJson, NodesJson, ZoneJson } from '../../daemon/api-types.ts'
import type { Colour, Terminal } from '../frame/terminal.ts'
import { age, bytes, counted, exact, percent, span } from './quantity.ts'
import { type Column, tableLines } from './table.ts'

type Paint = Pick<Terminal, 'paint'>

export const statusColours: Readonly<Record<NodeJson['status'], Colour>> = {
  up: 'green',
  late: 'yellow',
  down: 'red',
  left: 'grey',
}

/** All lines of the answer; the last one is the completeness. */
export function nodesLines(answer: NodesJson, terminal: Paint, options: { wide: boolean }): string[] {
  const rows = answer.nodes.toSorted(
    (a, b) => compare(a.zone, b.zone) || compare(a.name, b.name) || compare(a.node, b.node),
  )
  const columns = options.wide ? [...narrow(terminal), ...wide(rows)] : narrow(terminal)
  const table = rows.length === 0 ? [] : tableLines(columns, rows)
  return [...table, ...answer.zones.flatMap((zone) => zoneNote(zone)), completenessLine(answer)]
}

/** `2 of 2 zones answered, 6 nodes, oldest 9 s`. */
export function completenessLine({ nodes, completeness }: NodesJson): string {
  const { zonesAnswered, zonesKnown, oldestMs, complete } = completeness
  const oldest = nodes.length === 0 ? '' : `, oldest ${age(oldestMs)}`
  const zones = `${zonesAnswered} of ${counted(zonesKnown, 'zone')} answered`
  return `${zones}, ${counted(nodes.length, 'node')}${oldest}${complete ? '' : ' (partial)'}`
}

/** `3 up, 1 late, 0 down, 0 left`. */
export function countsText(counts: NonNullable<ZoneJson['counts']>): string {
  return `${counts.up} up, ${counts.late} late, ${counts.down} down, ${counts.left} left`
}

function zoneNote({ zone, state, counts, partial, membersKnown }: ZoneJson): string[] {
  if (state === 'silent' && membersKnown === 0) return [`${zone}: no node of this zone is known here`]
  if (state === 'silent') return [`${zone}: no answer; none of its nodes that are known here could be reached in time`]
  if (state === 'forbidden') {
    const known = counts === null ? 'no counts' : countsText(counts)
    return [`${zone}: ${known} (rows of other zones need the operator capability)`]
  }
  return partial ? [`${zone}: not all rows arrived in time`] : []
}

function narrow(terminal: Paint): Column<NodeJson>[] {
  return [
    { title: 'NAME', cell: (node) => node.name },
    { title: 'ZONE', cell: (node) => node.zone },
    {
      title: 'STATUS',
      cell: (node) => node.status,
      paint: (node, text) => terminal.paint(statusColours[node.status], text),
    },
    { title: 'AGE', right: true, cell: (node) => age(node.ageMs) },
    { title: 'LOAD/CORE', right: true, cell: loadPerCore },
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
      cell: (node) => shown(node.metrics.node_uptime_seconds, (s) => span(s * 1_000)),
    },
    {
      title: 'ALERTS',
      cell: (node) => (node.alerts.length === 0 ? '-' : node.alerts.join(',')),
      paint: (node, text) => (node.alerts.length === 0 ? text : terminal.paint('red', text)),
    },
  ]
}

/** The view that a row came from is named where the table holds its node. */
function wide(rows: readonly NodeJson[]): Column<NodeJson>[] {
  const names = new Map(rows.map(({ node, name }) => [node, name]))
  return [
    { title: 'NODE', cell: (node) => node.node },
    { title: 'INCARNATION', right: true, cell: (node) => String(node.incarnation) },
    { title: 'PROMISE', right: true, cell: (node) => exact(node.promiseMs) },
    { title: 'CORES', right: true, cell: (node) => shown(node.metrics.node_cpu_count, String) },
    { title: 'MEM TOTAL', right: true, cell: (node) => shown(node.metrics.node_memory_MemTotal_bytes, bytes) },
    { title: 'UNDERVOLT', right: true, cell: (node) => shown(node.metrics.rpi_undervoltage_total, String) },
    { title: 'FLAGS', cell: (node) => node.flags.join(',') || '-' },
    { title: 'LABELS', cell: (node) => labelsText(node.labels) || '-' },
    { title: 'SEEN BY', cell: (node) => names.get(node.seenBy) ?? node.seenBy },
  ]
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
