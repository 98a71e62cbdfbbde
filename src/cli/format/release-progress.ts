// How far a release has come in the fleet: one line for all of it, one for each zone, and where its bytes came from.
import type { InstallJson, ReleaseJson, SourcesJson } from '../../daemon/api-types.ts'
import { plain, type Terminal } from '../frame/terminal.ts'
import { progressText, RateMeter } from './progress.ts'
import { age, bytes, percent } from './quantity.ts'
import { STAGE_COLOURS, STAGE_NAMES, type Stage, stagesOf } from './stages.ts'
import { type Column, tableLines } from './table.ts'

/** Rates of releases over the moments at which somebody watching them asked. */
export class FleetRates {
  /** By the hash of the release and the node: one that is heard of late brings what it has, and no rate. */
  readonly #meters = new Map<string, RateMeter>()

  /** `now`: monotonic ms. */
  add(releases: readonly ReleaseJson[], now: number): void {
    for (const release of releases) {
      for (const node of release.nodes) {
        const key = keyOf(release, node)
        const meter = this.#meters.get(key) ?? new RateMeter(WINDOW)
        this.#meters.set(key, meter)
        meter.add(now, amountOf(release, [node]).done)
      }
    }
  }

  /** Bytes per second of these nodes together. */
  rateOf(release: Pick<ReleaseJson, 'hash'>, nodes: readonly InstallJson[]): number {
    return nodes.reduce((sum, node) => sum + Math.max(0, this.#meters.get(keyOf(release, node))?.rate ?? 0), 0)
  }

  /** `63 %, 252 MB of 400 MB, 3.1 MB/s, 48 s left`; undefined when it has no size here or no node has to get it. */
  text(release: ReleaseJson): string | undefined {
    const { done, total } = amountOf(release, release.nodes)
    if (total === 0) return undefined
    return progressText({ done, total, rate: this.rateOf(release, release.nodes) })
  }
}

/** Records come every ten seconds and more: a rate over less would be nothing, and then all at once. */
const WINDOW = 60_000

function keyOf({ hash }: Pick<ReleaseJson, 'hash'>, { node }: InstallJson): string {
  return `${hash} ${node}`
}

/** Bytes that these nodes have of what travels to each of them: the whole, where nobody says that it is a patch. */
export function amountOf(
  { encoding }: Pick<ReleaseJson, 'encoding'>,
  nodes: readonly InstallJson[],
): { done: number; total: number } {
  const sizeOf = ({ form }: InstallJson) => form?.bytes ?? encoding?.bytes ?? 0
  const done = nodes.reduce((sum, node) => sum + (sizeOf(node) * shareOf(node)) / 100, 0)
  return { done: Math.round(done), total: nodes.reduce((sum, node) => sum + sizeOf(node), 0) }
}

/** 0..100 of a node: one that failed to install has fetched it all the same. */
function shareOf({ percent: share }: InstallJson): number {
  return Math.min(100, Math.max(0, share))
}

interface ZoneRow {
  zone: string
  nodes: InstallJson[]
}

/** A table with a line for each zone, those that have furthest to go first; none for a release of one zone. */
export function zoneTable({ nodes }: Pick<ReleaseJson, 'nodes'>, terminal: Pick<Terminal, 'paint'>): string[] {
  const rows: ZoneRow[] = [...Map.groupBy(nodes, ({ zone }) => zone)].map(([zone, its]) => ({ zone, nodes: its }))
  if (rows.length < 2) return []
  rows.sort((a, b) => doneOf(a) - doneOf(b) || (a.zone < b.zone ? -1 : 1))
  const stage = (name: Stage): Column<ZoneRow> => ({
    title: name.toUpperCase(),
    right: true,
    cell: (row) => String(stagesOf(row.nodes)[name]),
    paint: (row, text) => (stagesOf(row.nodes)[name] === 0 ? text : terminal.paint(STAGE_COLOURS[name], text)),
  })
  const columns: Column<ZoneRow>[] = [
    { title: 'ZONE', cell: ({ zone }) => plain(zone) },
    { title: 'NODES', right: true, cell: (row) => String(row.nodes.length) },
    ...STAGE_NAMES.map(stage),
    { title: 'DONE', right: true, cell: (row) => percent(Math.floor(doneOf(row)) / 100) },
    { title: 'OLDEST', right: true, cell: (row) => age(oldestOf(row.nodes)) },
  ]
  return [...tableLines(columns, rows), '']
}

function doneOf({ nodes }: ZoneRow): number {
  return nodes.reduce((sum, node) => sum + shareOf(node), 0) / nodes.length
}

/** Age of the oldest of their records; null when one is not known. */
export function oldestOf(nodes: readonly InstallJson[]): number | null {
  return nodes.some(({ ageMs }) => ageMs === null) ? null : Math.max(...nodes.map(({ ageMs }) => ageMs as number))
}

/** `71 % over the LAN, 20 % from other members, 9 % from the publisher (24.0 MB)`. */
export function sourcesText({ site, members, publisher }: SourcesJson): string {
  const all = site + members + publisher
  const share = (part: number, where: string) => (part === 0 ? [] : [`${percent(part / all)} ${where}`])
  const parts = [
    ...share(site, 'over the LAN'),
    ...share(members, 'from other members'),
    ...share(publisher, 'from the publisher'),
  ]
  return `${parts.join(', ')} (${bytes(all)} since this daemon started)`
}
