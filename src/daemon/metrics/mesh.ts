// What a node says of itself as a member, as series for /metrics: from what `pimesh status` and `releases` show.
import type { Labels, NamedValue } from '../../core/fleet/named-values.ts'
import type { ReleasesJson, StatusJson } from '../api-types.ts'
import { unitOf } from './units.ts'

const SECOND = 1_000

/** `local`: the releases as this node alone knows them. */
export function meshValues(status: StatusJson, local: ReleasesJson): NamedValue[] {
  return [...stateValues(status), ...linkValues(status), ...troubleValues(status), ...releaseValues(local)]
}

/** A series of this page; a name with _total is a counter. */
export function series(name: string, help: string, value: number, labels: Record<string, string> = {}): NamedValue {
  const pairs: Labels = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return { name, labels: pairs, unit: unitOf(name), kind: name.endsWith('_total') ? 'counter' : 'gauge', value, help }
}

function stateValues(status: StatusJson): NamedValue[] {
  const { version, zone, name, role } = status
  const expires = Date.parse(status.membershipExpires) / SECOND
  return [
    series('pimesh_info', 'Which node this is.', 1, { version, zone, name, role }),
    series('pimesh_uptime_seconds', 'Since the daemon started.', status.uptimeMs / SECOND),
    series('pimesh_incarnation', 'Starts of the daemon that the mesh has heard of.', status.incarnation),
    series('pimesh_root_version', 'Version of the root in force.', status.rootVersion),
    series('pimesh_membership_expires_seconds', 'When the membership ends, in seconds since 1970.', expires),
    series('pimesh_isolated', 'Whether it has no link.', Number(status.isolated)),
    ...Object.entries(status.counts).map(([state, count]) =>
      series('pimesh_zone_nodes', 'Nodes of the own zone, as this node sees them.', count, { status: state }),
    ),
    series('pimesh_contacts', 'Members whose addresses are known.', status.contacts.nodes),
    ...(status.freshness === undefined ? [] : [freshness(status.freshness)]),
  ]
}

function freshness(state: string): NamedValue {
  return series('pimesh_freshness_info', 'Whether something newer may be withheld from it.', 1, { state })
}

function linkValues({ links, traffic, pieces }: StatusJson): NamedValue[] {
  const routes = ['lan', 'direct', 'punched', 'relayed'] as const
  const open = routes.map((route) => {
    const count = links.filter(({ path }) => (path?.route ?? 'direct') === route).length
    return series('pimesh_links', 'Links to members, by how they go.', count, { route })
  })
  const help = 'Bytes on links, frames and encryption included, since the daemon started.'
  const bytes = [
    series('pimesh_traffic_bytes_total', help, traffic.bytesIn, { direction: 'in' }),
    series('pimesh_traffic_bytes_total', help, traffic.bytesOut, { direction: 'out' }),
  ]
  const exchanged = (direction: 'in' | 'out', sums: NonNullable<StatusJson['pieces']>['from']) =>
    (['mates', 'others'] as const).flatMap((peers) =>
      routes.map((route) =>
        series('pimesh_piece_bytes_total', 'Bytes of pieces of releases.', sums[peers][route], {
          direction,
          peers,
          route,
        }),
      ),
    )
  return [...open, ...bytes, ...(pieces ? [...exchanged('in', pieces.from), ...exchanged('out', pieces.to)] : [])]
}

function troubleValues({ refusals, alerts, collectors = [] }: StatusJson): NamedValue[] {
  const kinds = new Set(alerts.map(({ kind }) => kind))
  return [
    ...Object.entries(refusals).map(([code, count]) =>
      series('pimesh_refusals_total', 'Messages and callers that were refused, by reason.', count, { code }),
    ),
    ...[...kinds].map((kind) => {
      const count = alerts.filter((alert) => alert.kind === kind).length
      return series('pimesh_alerts', 'What a person should look at, by kind.', count, { kind })
    }),
    ...collectors.flatMap(({ name: collector, series: count, trouble }) => [
      series('pimesh_collector_series', 'Series that are taken of a custom collector.', count, { collector }),
      series('pimesh_collector_fine', 'Whether a custom collector is not in trouble.', Number(trouble === null), {
        collector,
      }),
    ]),
  ]
}

function releaseValues({ releases }: ReleasesJson): NamedValue[] {
  const counts = new Map<string, number>()
  for (const { here } of releases) if (here !== null) counts.set(here.state, (counts.get(here.state) ?? 0) + 1)
  return [...counts].map(([state, count]) =>
    series('pimesh_releases', 'Releases that are meant for this node, by how far they are here.', count, { state }),
  )
}
