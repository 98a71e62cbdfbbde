// One node on a screen: what its record says of it, by whom it is seen, its metrics, and the values beside its record.
import type { BesideJson, NodeJson, NodesJson, SeenJson, SeriesJson, SightJson } from '../../daemon/api-types.ts'
import { plain, type Terminal } from '../frame/terminal.ts'
import { newestText } from './history.ts'
import { metricText } from './metric.ts'
import { labelsText, refusedText, statusColours } from './node-columns.ts'
import { age, counted, exact } from './quantity.ts'
import { roundTripText } from './reach.ts'
import { type Column, pairLines, tableLines } from './table.ts'

type Paint = Pick<Terminal, 'paint'>

export function nodeLines(
  node: NodeJson,
  { seen, beside }: Pick<NodesJson, 'seen' | 'beside'>,
  terminal: Paint,
): string[] {
  const status = terminal.paint(statusColours[node.status], node.status)
  const head = `${terminal.paint('bold', plain(node.name))}: ${status}, heard ${age(node.ageMs)} ago`
  return [
    ...[head, ...factLines(node, seen)],
    ...(seen === undefined ? [] : ['', ...seenLines(node, seen, terminal)]),
    ...['', ...metricLines(node)],
    ...(beside === undefined ? [] : ['', ...besideLines(node, beside)]),
  ]
}

function factLines(node: NodeJson, seen: SeenJson | undefined): string[] {
  const teller = seen?.by.find((one) => one.node === node.toldBy)?.name
  return pairLines([
    ['node', node.node],
    ['zone', node.zone],
    ['record', `incarnation ${node.incarnation}, counter ${node.counter}`],
    ['promise', `heard from again within ${exact(node.promiseMs)}`],
    ['flags', node.flags.join(', ') || 'none'],
    ['alerts', node.alerts.join(', ') || 'none'],
    ['refused', node.refused ? refusedText(node) : 'nothing'],
    ['labels', plain(labelsText(node.labels)) || 'none'],
    ['capabilities', node.capabilities.join(', ')],
    ['told by', node.toldBy === node.node ? 'itself' : plain(teller ?? node.toldBy)],
  ])
}

function seenLines(node: NodeJson, seen: SeenJson, terminal: Paint): string[] {
  const { by, completeness } = seen
  const silent = completeness.silent.map((one) => ({ ...one, silent: true as const }))
  const rows: (SightJson | (typeof silent)[number])[] = [...by, ...silent]
  const columns: Column<(typeof rows)[number]>[] = [
    { title: 'SEEN BY', cell: ({ name, node: id }) => name ?? id },
    { title: 'ROLE', cell: (one) => ('silent' in one || one.witness ? 'witness' : 'member') },
    {
      title: 'STATE',
      cell: (one) => ('silent' in one ? 'no answer' : (one.status ?? 'not known')),
      paint: (one, text) =>
        'silent' in one || one.status === null ? text : terminal.paint(statusColours[one.status], text),
    },
    {
      title: 'HEARD',
      right: true,
      cell: (one) => ('silent' in one || one.ageMs === null ? '-' : `${age(one.ageMs)} ago`),
    },
    { title: 'LINK', cell: (one) => ('silent' in one ? '-' : (one.route ?? 'none')) },
    {
      title: 'RTT',
      right: true,
      cell: (one) => ('silent' in one ? '-' : roundTripText({ roundTripMs: one.roundTripMs, roundTripAgeMs: null })),
    },
  ]
  return [...(rows.length === 0 ? [] : tableLines(columns, rows)), seenText(node, seen)]
}

/** `2 of 3 witnesses answered (partial)`. */
function seenText({ zone }: NodeJson, { by, completeness }: SeenJson): string {
  const { answered, known, complete } = completeness
  if (known > 0)
    return `${answered} of ${counted(known, 'witness').replace('witnesss', 'witnesses')} answered${complete ? '' : ' (partial)'}`
  if (complete && by.length > 0)
    return `no member of ${zone} is fit to be its witness now: each is slow, cut off, or about to leave`
  if (complete) return `seen by nobody: no other node of ${zone} is up`
  return by.length > 0
    ? 'nobody knows its witnesses (partial)'
    : `nobody in ${zone} answered who its witnesses are (partial)`
}

function metricLines({ metrics }: NodeJson): string[] {
  const columns: Column<[string, number | null]>[] = [
    { title: 'METRIC', cell: ([name]) => name },
    { title: 'VALUE', cell: ([name, value]) => metricText(name, value) },
    { title: 'RAW', right: true, cell: ([, value]) => (value === null ? '-' : String(value)) },
  ]
  return tableLines(columns, Object.entries(metrics))
}

function besideLines({ name }: NodeJson, beside: BesideJson | null): string[] {
  if (beside === null) return ['beside its record: it is gone, and nobody else keeps that']
  if (!beside.complete) return ['beside its record: it did not answer in time (partial)']
  if (beside.series.length === 0) return ['beside its record: nothing']
  const columns: Column<SeriesJson>[] = [
    { title: 'BESIDE ITS RECORD', cell: (one) => one.name },
    { title: 'VALUE', cell: (one) => newestText(one.name, one.unit, one.value) },
    { title: 'AGE', right: true, cell: ({ ageMs }) => age(ageMs ?? null) },
  ]
  return [...tableLines(columns, beside.series), `"pimesh history ${plain(name)} METRIC" shows how one of them went`]
}
