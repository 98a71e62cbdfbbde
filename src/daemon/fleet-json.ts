// What a node knows of the whole fleet, as the local API's JSON.
import type { NodeId } from '../core/env.ts'
import type { DescentAnswer } from '../core/fleet/descents.ts'
import type { Figures } from '../core/fleet/figures.ts'
import { errorAt, quantile, SKETCHED, type Sketch, type SketchName, sketchCount } from '../core/fleet/sketch.ts'
import type { FleetChild, FleetView } from '../core/fleet/summary.ts'
import { limits } from '../core/limits.ts'
import type { BelowJson, FiguresJson, FleetJson, FleetZoneJson, SpreadJson } from './api-fleet-types.ts'
import type { CountsJson } from './api-types.ts'
import { belowJson, deepView, isAskedFor, leavesOf } from './below.ts'

/** What people call a node; null: its membership is not known here. */
export type NameOf = (node: NodeId) => string | null

export const SKETCH_UNITS: Record<string, string> = Object.fromEntries(SKETCHED.map(({ name, unit }) => [name, unit]))

interface Asked {
  /** Names or patterns of the zones that are listed; undefined: all. */
  zones?: readonly string[] | undefined
  /** What reporters of inner zones told of the zones below; undefined: nobody was asked. */
  below?: DescentAnswer | undefined
}

export function fleetJson(view: FleetView, zone: string, nameOf: NameOf, { zones, below }: Asked = {}): FleetJson {
  const { summary, own, reporters } = view
  const known = knownZones(below === undefined ? view : deepView(view, below), zone)
  const isListed = (child: FleetChild) => zones === undefined || zones.some((pattern) => isAskedFor(child, pattern))
  const listed = known.filter(isListed)
  const lines = listed.map((child) =>
    own !== undefined && isOwn(child, zone) ? ownJson(view, zone, nameOf) : childJson(child, nameOf),
  )
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
    zones: lines,
    units: SKETCH_UNITS,
    ...(below !== undefined && {
      completeness: completenessOf(
        lines,
        listed,
        belowJson(below, listed, zones === undefined ? inFleet(view) : undefined),
      ),
    }),
  }
}

/** Leaf zones that the summary knows, dark ones too. */
function inFleet({ summary }: FleetView): number | undefined {
  return summary && summary.figures.zones + summary.figures.dark
}

function completenessOf(
  lines: readonly FleetZoneJson[],
  listed: readonly FleetChild[],
  below: BelowJson,
): NonNullable<FleetJson['completeness']> {
  const known = lines.flatMap(({ figures }) => (figures === null ? [] : [figures]))
  const silent = listed.filter((_, at) => lines[at]?.figures === null)
  const sum = (of: (figures: FiguresJson) => number) => known.reduce((total, figures) => total + of(figures), 0)
  const [answered, dark] = [
    sum(({ zones }) => zones),
    sum((one) => one.dark) + silent.reduce((all, one) => all + leavesOf(one), 0),
  ]
  const count = (status: keyof CountsJson) => sum(({ counts }) => counts[status])
  const ages = lines.flatMap(({ ageMs, figures }) => (figures === null || ageMs === null ? [] : [ageMs]))
  const names = [...silent.map(lineName), ...known.flatMap(({ darkZones }) => darkZones)]
  return {
    ...below,
    ...{ zonesAnswered: answered, zonesKnown: answered + dark + below.missing },
    nodes: { up: count('up'), late: count('late'), down: count('down'), left: count('left') },
    oldestMs: ages.length === 0 ? null : Math.max(...ages),
    ...{ dark, darkZones: names.slice(0, limits.darkNames) },
    complete: below.complete && dark === 0 && known.length > 0,
  }
}

/** `/uk/a`, and `/uk/**` of all zones in `/uk` together. */
export function lineName({ zone, leaf }: Pick<FleetChild, 'zone' | 'leaf'>): string {
  return leaf ? zone : `${zone === '/' ? '' : zone}/**`
}

/** An inner zone whose children are heard is told by them; our own is as we see it ourselves. */
function knownZones({ own, levels }: FleetView, zone: string): FleetChild[] {
  const inner = new Set(levels.map((level) => level.zone))
  const heard = levels.flatMap(({ children }) => children).filter((child) => child.leaf || !inner.has(child.zone))
  const others = heard.filter((child) => own === undefined || !isOwn(child, zone))
  const ours: FleetChild = { zone, leaf: true, digest: undefined, by: undefined, age: 0, dark: false }
  const zones = own === undefined ? others : [...others, ours]
  return zones.sort((a, b) => (a.zone < b.zone ? -1 : a.zone > b.zone ? 1 : Number(b.leaf) - Number(a.leaf)))
}

function isOwn({ zone, leaf }: FleetChild, own: string): boolean {
  return leaf && zone === own
}

function ownJson({ own, reporters }: FleetView, zone: string, nameOf: NameOf): FleetZoneJson {
  const by = reporters.active ?? null
  const figures = own === undefined ? null : figuresJson(own, nameOf)
  return { zone, leaf: true, dark: false, ageMs: 0, by, name: by === null ? null : nameOf(by), figures }
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
