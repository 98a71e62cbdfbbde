// What a row can show of a node: the usual columns by name, labels, and every metric by its short or exact name.
import type { NodeJson } from '../../daemon/api-types.ts'
import type { Colour, Terminal } from '../frame/terminal.ts'
import { measureText, metricText } from './metric.ts'
import { age, bytes, compactSpan, exact, percent } from './quantity.ts'
import { pathText, roundTripText } from './reach.ts'
import type { Column } from './table.ts'

type Paint = Pick<Terminal, 'paint'>
type NodeColumn = Column<NodeJson> & {
  /** For programs, where it is not the text. */
  raw?: (node: NodeJson) => string | number | null
}

export const statusColours: Readonly<Record<NodeJson['status'], Colour>> = {
  up: 'green',
  late: 'yellow',
  down: 'red',
  left: 'grey',
}

export const NARROW = ['name', 'zone', 'status', 'age', 'load', 'mem', 'disk', 'temp', 'uptime', 'alerts']
/** The view that a row came from is named where the table holds its node. */
export const WIDE = 'node incarnation promise cores mem_total undervolt flags refused labels path rtt told_by'.split(
  ' ',
)

/** The columns of these names, for these rows; `units` of the measures. A name that is none is a metric that no row has. */
export function nodeColumns(
  rows: readonly NodeJson[],
  terminal: Paint,
  units: Readonly<Record<string, string>>,
  names: readonly string[],
): NodeColumn[] {
  const known: Readonly<Record<string, NodeColumn>> = knownColumns(shownNames(rows), terminal)
  return names.map((name) => known[name] ?? labelColumn(name) ?? metricColumn(name, units[name]))
}

/** Ends of ids that tell nodes of one name apart. */
const ID_END = 6

/** Id -> name; `name~` and the end of the id where several nodes have that name. */
function shownNames(rows: readonly NodeJson[]): ReadonlyMap<string, string> {
  const times = new Map<string, number>()
  for (const { name } of rows) times.set(name, (times.get(name) ?? 0) + 1)
  return new Map(rows.map(({ node, name }) => [node, times.get(name) === 1 ? name : `${name}~${node.slice(-ID_END)}`]))
}

function knownColumns(names: ReadonlyMap<string, string>, terminal: Paint): Record<string, NodeColumn> {
  return {
    name: { title: 'NAME', cell: (node) => names.get(node.node) ?? node.name, raw: ({ name }) => name },
    zone: { title: 'ZONE', cell: (node) => node.zone },
    status: {
      title: 'STATUS',
      cell: (node) => node.status,
      paint: (node, text) => terminal.paint(statusColours[node.status], text),
    },
    age: { title: 'AGE', right: true, cell: (node) => age(node.ageMs), raw: ({ ageMs }) => seconds(ageMs) },
    ...machineColumns(),
    alerts: {
      title: 'ALERTS',
      cell: (node) => (node.alerts.length === 0 ? '-' : node.alerts.join(',')),
      paint: (node, text) => (node.alerts.length === 0 ? text : terminal.paint('red', text)),
      raw: ({ alerts }) => alerts.join(',') || null,
    },
    node: { title: 'NODE', cell: (node) => node.node },
    incarnation: { title: 'INCARNATION', right: true, cell: (node) => String(node.incarnation) },
    promise: {
      ...{ title: 'PROMISE', right: true, cell: (node: NodeJson) => exact(node.promiseMs) },
      raw: ({ promiseMs }) => seconds(promiseMs),
    },
    flags: listed('FLAGS', ({ flags }) => flags.join(',')),
    refused: { title: 'REFUSED', cell: refusedText, raw: ({ refused }) => refused?.total ?? null },
    labels: listed('LABELS', ({ labels }) => labelsText(labels)),
    capabilities: listed('CAPABILITIES', ({ capabilities }) => capabilities.join(',')),
    path: listed('PATH', ({ path }) => (path ? pathText(path) : '')),
    rtt: {
      ...{ title: 'RTT', right: true, cell: ({ path }: NodeJson) => (path ? roundTripText(path) : '-') },
      raw: ({ path }) => seconds(path?.roundTripMs ?? null),
    },
    told_by: { title: 'TOLD BY', cell: (node) => names.get(node.toldBy) ?? node.toldBy },
  }
}

/** `-` for people and an empty field for programs where there is nothing. */
function listed(title: string, text: (node: NodeJson) => string): NodeColumn {
  return { title, cell: (node) => text(node) || '-', raw: (node) => text(node) || null }
}

function machineColumns(): Record<string, NodeColumn> {
  return {
    load: worked('LOAD', loadPerCore, (load) => load.toFixed(2)),
    mem: worked('MEM', memory, percent),
    disk: {
      ...worked('DISK', disk, percent),
      cell: (node) => (isReadOnly(node) ? 'read-only' : textOf(disk(node), percent)),
    },
    temp: of('TEMP', 'node_thermal_zone_temp', (t) => `${t.toFixed(1)} °C`),
    uptime: of('UPTIME', 'node_uptime_seconds', (s) => compactSpan(s * 1_000)),
    cores: of('CORES', 'node_cpu_count', String),
    mem_total: of('MEM TOTAL', 'node_memory_MemTotal_bytes', bytes),
    undervolt: of('UNDERVOLT', 'rpi_undervoltage_total', String),
  }
}

function of(title: string, series: string, text: (value: number) => string): NodeColumn {
  const value = ({ metrics }: NodeJson) => metrics[series] ?? null
  return { title, right: true, cell: (node) => textOf(value(node), text), raw: value }
}

/** Of a value that is worked out of several; programs get it to three places. */
function worked(title: string, value: (node: NodeJson) => number | null, text: (value: number) => string): NodeColumn {
  const raw = (node: NodeJson) => {
    const known = value(node)
    return known === null ? null : Number(known.toFixed(3))
  }
  return { title, right: true, cell: (node) => textOf(value(node), text), raw }
}

function textOf(value: number | null, text: (value: number) => string): string {
  return value === null ? '-' : text(value)
}

function labelColumn(name: string): NodeColumn | undefined {
  if (!name.startsWith('labels.')) return undefined
  const key = name.slice('labels.'.length)
  return listed(key.toUpperCase(), ({ labels }) => (Object.hasOwn(labels, key) ? (labels[key] as string) : ''))
}

/** A short name has a unit, an exact one says it by its end. */
function metricColumn(name: string, unit: string | undefined): NodeColumn {
  const value = ({ measures, metrics }: NodeJson) => measures?.[name] ?? metrics[name] ?? null
  const cell = (node: NodeJson) => {
    const known = value(node)
    if (known === null) return '-'
    return unit === undefined ? metricText(name, known) : measureText(known, unit)
  }
  return { title: unit === undefined ? name : name.toUpperCase().replaceAll('_', ' '), right: true, cell, raw: value }
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : Number((ms / 1_000).toFixed(6))
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

function loadPerCore({ metrics }: NodeJson): number | null {
  const load = metrics.node_load1 ?? null
  return load === null ? null : load / (metrics.node_cpu_count || 1)
}

/** Share of memory in use: what the kernel could not hand to a new program. */
function memory({ metrics }: NodeJson): number | null {
  return usedShare(metrics.node_memory_MemTotal_bytes, metrics.node_memory_MemAvailable_bytes)
}

const PLACES = ['/', 'data'].map((place) => `{mountpoint="${place}"}`)

/** A dying SD card does that, so it is said in place of the share. */
function isReadOnly({ metrics }: NodeJson): boolean {
  return PLACES.some((place) => metrics[`node_filesystem_readonly${place}`] === 1)
}

/** The fuller of the root and the data file system. */
function disk({ metrics }: NodeJson): number | null {
  const shares = PLACES.flatMap((place) => {
    const size = metrics[`node_filesystem_size_bytes${place}`] ?? null
    const free = metrics[`node_filesystem_avail_bytes${place}`] ?? null
    return size && free !== null ? [1 - free / size] : []
  })
  return shares.length === 0 ? null : Math.max(...shares)
}

function usedShare(total: number | null | undefined, available: number | null | undefined): number | null {
  return total && typeof available === 'number' ? 1 - available / total : null
}
