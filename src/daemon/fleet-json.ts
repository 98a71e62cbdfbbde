// What a node knows of the whole fleet, as the local API's JSON.
import type { NodeId } from '../core/env.ts'
import type { Figures } from '../core/fleet/figures.ts'
import { errorAt, quantile, SKETCHED, type Sketch, type SketchName, sketchCount } from '../core/fleet/sketch.ts'
import type { FleetChild, FleetView } from '../core/fleet/summary.ts'
import { matchesZone } from '../core/zone.ts'
import type { FiguresJson, FleetJson, FleetZoneJson, SpreadJson } from './api-fleet-types.ts'

/** What people call a node; null: its membership is not known here. */
export type NameOf = (node: NodeId) => string | null

export const SKETCH_UNITS: Record<string, string> = Object.fromEntries(SKETCHED.map(({ name, unit }) => [name, unit]))

/** @param asked names or patterns of the zones that are listed; undefined: all */
export function fleetJson(
  view: FleetView,
  zone: string,
  nameOf: NameOf,
  asked: readonly string[] | undefined = undefined,
): FleetJson {
  const { summary, own, reporters } = view
  return {
    schema: 'pimesh.fleet/1',
    summary:
      summary === undefined
        ? null
        : {
            ...{ madeMs: Math.round(summary.made), ageMs: Math.round(summary.age), by: summary.by },
            figures: figuresJson(summary.figures, nameOf),
          },
    own: own === undefined ? null : { zone, figures: figuresJson(own, nameOf) },
    reporters: { active: reporters.active ?? null, standby: reporters.standby ?? null },
    part: view.part,
    levels: view.levels.map(({ zone, part, period, children }) => ({
      ...{ zone, part, periodMs: period },
      children: children.map((child) => childJson(child, nameOf)),
    })),
    zones: knownZones(view, zone, nameOf).filter(
      (known) => asked === undefined || asked.some((pattern) => matchesZone(known.zone, pattern)),
    ),
    units: SKETCH_UNITS,
  }
}

/** An inner zone whose children are heard is told by them; our own is as we see it ourselves. */
function knownZones({ own, levels, reporters }: FleetView, zone: string, nameOf: NameOf): FleetZoneJson[] {
  const inner = new Set(levels.map((level) => level.zone))
  const heard = levels.flatMap(({ children }) => children).filter((child) => child.leaf || !inner.has(child.zone))
  const others = heard.filter((child) => own === undefined || !child.leaf || child.zone !== zone)
  const zones = others.map((child) => childJson(child, nameOf))
  if (own !== undefined) {
    const by = reporters.active ?? null
    const figures = figuresJson(own, nameOf)
    zones.push({ zone, leaf: true, dark: false, ageMs: 0, by, name: by === null ? null : nameOf(by), figures })
  }
  return zones.sort((a, b) => (a.zone < b.zone ? -1 : a.zone > b.zone ? 1 : Number(b.leaf) - Number(a.leaf)))
}

function childJson({ zone, leaf, dark, age, by, digest }: FleetChild, nameOf: NameOf): FleetZoneJson {
  return {
    ...{ zone, leaf, dark, ageMs: age === undefined ? null : Math.round(age) },
    ...{ by: by ?? null, name: by === undefined ? null : nameOf(by) },
    figures: digest === undefined || dark ? null : figuresJson(digest.figures, nameOf),
  }
}

export function figuresJson(figures: Figures, nameOf: NameOf): FiguresJson {
  const { zones, dark, counts, alerts } = figures
  return {
    ...{ zones, dark, darkZones: [...figures.darkZones], counts: { ...counts }, alerts: { ...alerts } },
    versions: figures.versions.map((one) => ({ ...one })),
    releases: figures.releases.map(({ release8, states }) => ({ release8, states: { ...states } })),
    measures: Object.fromEntries(SKETCHED.map(({ name }, at) => [name, spreadJson(figures.sketches[at] ?? [], name)])),
    worst: figures.worst.map((one) => ({ ...one, name: nameOf(one.node) })),
  }
}

function spreadJson(sketch: Sketch, name: SketchName): SpreadJson | null {
  const at = (share: number) => quantile(sketch, name, share)
  const [p50, p95, max] = [at(0.5), at(0.95), at(1)]
  if (p50 === undefined || p95 === undefined || max === undefined) return null
  return {
    count: sketchCount(sketch),
    p50: short(p50),
    p95: short(p95),
    max: short(max),
    error: short(errorAt(name, p95)),
  }
}

/** No more digits than the bins have. */
export function short(value: number): number {
  return Number(value.toPrecision(4))
}
