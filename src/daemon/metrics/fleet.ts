// The fleet as this node knows it, as series for /metrics. Zone "/" is the summary of all; the others are those that this node listens to:
// its own, and for a reporter the zones beside it. `/uk` is the leaf zone, `/uk/*` all zones below it.
import { childKey } from '../../core/fleet/digest.ts'
import type { Figures } from '../../core/fleet/figures.ts'
import type { NamedValue } from '../../core/fleet/named-values.ts'
import { quantile, SKETCHED } from '../../core/fleet/sketch.ts'
import type { FleetView } from '../../core/fleet/summary.ts'
import { series } from './mesh.ts'

const QUANTILES = [0.05, 0.5, 0.95]
const SECOND = 1_000

/** `own`: the zone of this node; undefined for an operator's peer. */
export function fleetValues(view: FleetView, own: string | undefined): NamedValue[] {
  const zones = new Map<string, { figures: Figures; age: number }>()
  if (view.summary !== undefined) zones.set('/', view.summary)
  if (own !== undefined && view.own !== undefined) zones.set(own, { figures: view.own, age: 0 })
  const children = view.levels.flatMap((level) => level.children)
  for (const child of children) {
    const key = childKey(child)
    if (!child.dark && child.digest !== undefined && !zones.has(key))
      zones.set(key, { figures: child.digest.figures, age: child.age ?? 0 })
  }
  const dark = children.map((child) =>
    series('pimesh_fleet_zone_dark', 'Whether nobody speaks for a zone.', Number(child.dark), {
      zone: childKey(child),
    }),
  )
  return [...[...zones].flatMap(([zone, { figures, age }]) => zoneValues(zone, figures, age)), ...dark]
}

function zoneValues(zone: string, figures: Figures, age: number): NamedValue[] {
  return [
    ...Object.entries(figures.counts).map(([status, count]) =>
      series('pimesh_fleet_nodes', 'Nodes of the zones that answer.', count, { zone, status }),
    ),
    series('pimesh_fleet_zones', 'Leaf zones that answer.', figures.zones, { zone }),
    series(
      'pimesh_fleet_zones_dark',
      'Leaf zones that are known and silent; their nodes are in no count.',
      figures.dark,
      { zone },
    ),
    series('pimesh_fleet_age_seconds', 'Age of the oldest part of what is said of a zone.', age / SECOND, { zone }),
    ...Object.entries(figures.alerts).map(([kind, count]) =>
      series('pimesh_fleet_alerts', 'Alerts by kind.', count ?? 0, { zone, kind }),
    ),
    ...figures.versions.map(({ version, count }) =>
      series('pimesh_fleet_nodes_by_version', 'Nodes by version of pimesh, the most frequent ones.', count, {
        zone,
        version,
      }),
    ),
    ...figures.releases.flatMap(({ release8, states }) =>
      Object.entries(states).map(([state, count]) =>
        series(
          'pimesh_fleet_nodes_by_release',
          'Nodes by release (the first 8 bytes of its hash) and state.',
          count ?? 0,
          {
            zone,
            release: release8,
            state,
          },
        ),
      ),
    ),
    ...quantileValues(zone, figures),
  ]
}

function quantileValues(zone: string, { sketches }: Figures): NamedValue[] {
  return SKETCHED.flatMap(({ name, unit }, place) =>
    QUANTILES.flatMap((share) => {
      const value = quantile(sketches[place] ?? [], name, share)
      if (value === undefined) return []
      const labels = { zone, metric: name, p: String(share), unit }
      return [
        series(
          'pimesh_fleet_quantile',
          'Quantiles of a metric over nodes that are up or late (5 %, half, 95 %).',
          value,
          labels,
        ),
      ]
    }),
  )
}
