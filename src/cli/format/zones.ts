// Zones as digests tell of them: one line each, with how their nodes are, the worst figures, and how old that is.
import type { FiguresJson, FleetJson, FleetZoneJson, WorstJson } from '../../daemon/api-fleet-types.ts'
import type { CountsJson } from '../../daemon/api-types.ts'
import type { Terminal } from '../frame/terminal.ts'
import { belowText } from './below.ts'
import { measureText } from './metric.ts'
import { darkText, NO_ZONE } from './nodes.ts'
import { age, counted, grouped, percent } from './quantity.ts'
import { type Column, tableLines } from './table.ts'

type Paint = Pick<Terminal, 'paint'>

/** Sorted so that what somebody should look at comes first. */
export function worstFirst(zones: readonly FleetZoneJson[]): FleetZoneJson[] {
  const missing = ({ figures }: FleetZoneJson) =>
    figures === null ? 0 : figures.counts.down * 1_000 + figures.counts.late
  return zones.toSorted(
    (a, b) => Number(b.dark) - Number(a.dark) || missing(b) - missing(a) || (a.zone < b.zone ? -1 : 1),
  )
}

export function zonesTable(zones: readonly FleetZoneJson[], terminal: Paint, wide: boolean): string[] {
  return zones.length === 0 ? [] : tableLines(wide ? [...columns(terminal), ...more()] : columns(terminal), zones)
}

function columns(terminal: Paint): Column<FleetZoneJson>[] {
  const count = (title: string, status: keyof CountsJson, colour: 'red' | 'yellow'): Column<FleetZoneJson> => ({
    ...{ title, right: true, cell: ({ figures }) => (figures === null ? '-' : grouped(figures.counts[status])) },
    paint: ({ figures }, text) => ((figures?.counts[status] ?? 0) > 0 ? terminal.paint(colour, text) : text),
  })
  return [
    { title: 'ZONE', cell: zoneName },
    {
      title: 'STATE',
      cell: stateOf,
      paint: (zone, text) => terminal.paint(zone.dark || down(zone) > 0 ? 'red' : 'green', text),
    },
    { title: 'UP', right: true, cell: ({ figures }) => (figures === null ? '-' : grouped(figures.counts.up)) },
    count('LATE', 'late', 'yellow'),
    count('DOWN', 'down', 'red'),
    { title: 'TEMP P50', right: true, cell: spread('cpu_temp', 'p50') },
    { title: 'TEMP P95', right: true, cell: spread('cpu_temp', 'p95') },
    { title: 'LOAD P95', right: true, cell: spread('load1', 'p95') },
    { title: 'AGE', right: true, cell: ({ ageMs, figures }) => (figures === null ? '-' : age(ageMs)) },
  ]
}

function more(): Column<FleetZoneJson>[] {
  return [
    { title: 'ZONES', right: true, cell: ({ figures }) => (figures === null ? '-' : grouped(figures.zones)) },
    { title: 'DARK', right: true, cell: ({ figures }) => (figures === null ? '-' : grouped(figures.dark)) },
    { title: 'DISK LEFT P50', right: true, cell: spread('disk_available', 'p50') },
    { title: 'MEM LEFT P50', right: true, cell: spread('mem_available', 'p50') },
    { title: 'CPU P95', right: true, cell: spread('cpu_busy', 'p95') },
    { title: 'VERSIONS', cell: ({ figures }) => versionsText(figures) },
    { title: 'REPORTER', cell: ({ name, by }) => name ?? by ?? '-' },
    { title: 'WORST', cell: ({ figures }) => (figures?.worst[0] === undefined ? '-' : worstText(figures.worst[0])) },
  ]
}

function zoneName({ zone, leaf }: FleetZoneJson): string {
  return leaf ? zone : zone === '/' ? '/**' : `${zone}/**`
}

function stateOf(zone: FleetZoneJson): string {
  if (zone.dark) return 'dark'
  if (zone.figures === null) return 'unknown'
  return down(zone) > 0 || zone.figures.dark > 0 ? 'faulty' : 'fine'
}

function down({ figures }: FleetZoneJson): number {
  return figures?.counts.down ?? 0
}

function spread(measure: string, which: 'p50' | 'p95' | 'max'): (zone: FleetZoneJson) => string {
  const units: Record<string, string> = { cpu_temp: 'degC', load1: '1' }
  return ({ figures }) => {
    const known = figures?.measures[measure] ?? null
    return known === null ? '-' : measureText(known[which], units[measure] ?? 'share')
  }
}

function versionsText(figures: FiguresJson | null): string {
  const versions = figures?.versions ?? []
  return versions.map(({ version, count }) => `${version} x ${grouped(count)}`).join(', ') || '-'
}

/** `pi-7 in /uk/a: down for 95 s`. */
export function worstText({ name, node, zone, why, value }: WorstJson): string {
  return `${name ?? node.slice(-12)} in ${zone}: ${reasonText(why, value)}`
}

/** Why a node should be looked at, in words. */
export function reasonText(why: string, value: number): string {
  switch (why) {
    case 'down':
      return `down for ${age(value * 1_000)}`
    case 'late':
      return `late, silent for ${age(value * 1_000)}`
    case 'readonly':
      return 'a disk is read-only'
    case 'installFailed':
      return 'a release failed'
    case 'disk':
      return `${percent(value / 100)} of the disk left`
    case 'memory':
      return `${percent(value / 100)} of memory left`
    case 'temperature':
      return `${value} °C`
  }
  return why
}

/** `5 of 6 zones answered, 5 nodes: 4 up, 1 down, oldest 3 s (partial); 1 dark: /us/c`; of an older daemon the whole fleet. */
export function zonesLine(fleet: FleetJson): string {
  const { completeness } = fleet
  if (completeness === undefined) return fleetLine(fleet)
  const { zonesAnswered, zonesKnown, nodes, oldestMs, complete } = completeness
  if (zonesKnown === 0 && fleet.summary === null && fleet.own === null)
    return 'no digest of any zone was heard yet: reporters send one each half a minute, and in large fleets less often'
  if (zonesKnown === 0) return `${NO_ZONE}${belowText(completeness)}`
  const present = nodes.up + nodes.late + nodes.down
  const states = statesText(nodes)
  const oldest = present === 0 ? '' : `, oldest ${age(oldestMs)}`
  const answered = `${grouped(zonesAnswered)} of ${counted(zonesKnown, 'zone')} answered, ${counted(present, 'node')}`
  return `${answered}${states}${oldest}${complete ? '' : ' (partial)'}${darkText(completeness, 'the table')}${belowText(completeness)}`
}

/** `: 8,900 up, 25 down`: only the statuses that occur. */
function statesText(counts: CountsJson): string {
  const states = (['up', 'late', 'down'] as const).filter((status) => counts[status] > 0)
  const each = states.map((status) => `${grouped(counts[status])} ${status}`).join(', ')
  return each === '' ? '' : `: ${each}`
}

/** `8,925 nodes in 357 zones: 8,900 up, 25 down, oldest 42 s; 40 dark: /uk/a, /uk/b ... (16 shown, "pimesh zones" lists all)`. */
export function fleetLine({ summary, own }: Pick<FleetJson, 'summary' | 'own'>): string {
  const figures = summary?.figures ?? own?.figures
  if (figures === undefined) return 'no summary of the fleet was heard yet'
  const { counts, zones, dark, darkZones } = figures
  const present = counts.up + counts.late + counts.down
  const oldest = age(summary?.ageMs ?? 0)
  return `${counted(present, 'node')} in ${counted(zones, 'zone')}${statesText(counts)}, oldest ${oldest}${darkText({ dark, darkZones }, '"pimesh zones"')}`
}
