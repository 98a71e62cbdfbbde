// Core's rows and answers as the local API's JSON.
import type { NodeId } from '../core/env.ts'
import type { QueryResult, ZoneAnswer } from '../core/events.ts'
import { isRate, MEASURES } from '../core/fleet/metric-names.ts'
import { METRICS } from '../core/fleet/metrics.ts'
import { flagNames, type HealthRecord } from '../core/fleet/record.ts'
import type { Row } from '../core/fleet/rows.ts'
import { limits } from '../core/limits.ts'
import type { Membership } from '../core/trust/documents.ts'
import { type FoundRow, metricOf } from '../wire/row-selector.ts'
import type { PathJson } from './api-reach-types.ts'
import type { CountsJson, NodeJson, NodesJson, PageJson, ZoneJson } from './api-types.ts'

export interface PageOfRows {
  /** Leaf zones that the fleet summary counts, dark ones too, where all zones were asked for; undefined where only some were, or nothing is known. */
  inFleet?: number | undefined
  /** Matching rows, all of them. */
  rows: readonly FoundRow[]
  page: PageJson
}

/** A page of an answer with the completeness of all of it; `paths`: how the peer that asked is linked with them. `zones` are in order of name. */
export function nodesJson(
  result: QueryResult,
  { rows, page, inFleet }: PageOfRows,
  paths: ReadonlyMap<NodeId, PathJson> = new Map(),
): NodesJson {
  const answers = new Map(result.zones.map((answer) => [answer.zone, answer]))
  const shown = rows.slice(page.at, page.next ?? rows.length)
  return {
    schema: 'pimesh.nodes/1',
    nodes: shown.map(({ row, zone, membership }) => ({
      ...nodeJson(row, answers.get(zone) as ZoneAnswer, membership),
      path: paths.get(row.node) ?? null,
    })),
    zones: result.zones.map(zoneJson),
    completeness: completeness(result, inFleet),
    page,
    units: UNITS,
  }
}

/** Short names that a record has a value for, with their units. */
const UNITS: Record<string, string> = Object.fromEntries(
  MEASURES.filter((measure) => !isRate(measure)).map(({ name, unit }) => [name, unit]),
)

/**
 * How much of what was asked for came, and how old its oldest row is. Who was asked is who the address book knows: of a fleet that is just
 * being met, or has more zones than the book holds, the summary counts more.
 */
export function completeness({ zones }: QueryResult, inFleet = 0): NodesJson['completeness'] {
  const answered = zones.filter((zone) => zone.state === 'answered')
  const silent = zones.filter((zone) => zone.state === 'silent')
  const dark = silent.filter(({ membersKnown }) => membersKnown > 0)
  const unknown = silent.filter(({ membersKnown }) => membersKnown === 0)
  return {
    zonesAnswered: answered.length,
    zonesKnown: Math.max(zones.length, inFleet),
    // Who left says nothing more: its age would only tell how long ago that was.
    oldestMs: oldest(zones.flatMap(({ rows }) => rows.filter(({ status }) => status !== 'left'))),
    complete:
      zones.length > 0 && answered.length >= Math.max(zones.length, inFleet) && answered.every((zone) => !zone.partial),
    nodes: countsOf(zones.flatMap(({ rows }) => rows)),
    dark: dark.length,
    darkZones: dark.slice(0, limits.darkNames).map(({ zone }) => zone),
    unknown: unknown.slice(0, limits.darkNames).map(({ zone }) => zone),
  }
}

function countsOf(rows: readonly Row[]): CountsJson {
  const counts = { up: 0, late: 0, down: 0, left: 0 }
  for (const { status } of rows) counts[status] += 1
  return counts
}

function oldest(rows: readonly Row[]): number | null {
  let age: number | null = null
  for (const row of rows) {
    if (row.age === null) return null
    age = Math.max(age ?? 0, Math.round(row.age))
  }
  return age
}

export function zoneJson({ zone, state, by, counts, partial, membersKnown }: ZoneAnswer): ZoneJson {
  return { zone, state, by: by ?? null, counts: counts ?? null, partial, membersKnown }
}

function nodeJson(row: Row, answer: ZoneAnswer, membership: Membership | undefined): NodeJson {
  const { record } = row
  return {
    node: row.node,
    name: membership?.claims.name ?? row.node,
    zone: answer.zone,
    status: row.status,
    ageMs: row.age === null ? null : Math.round(row.age),
    promiseMs: record.promise,
    incarnation: record.incarnation,
    counter: record.counter,
    flags: flagNames(record.flags),
    alerts: [...row.alerts],
    labels: { ...membership?.invite.signed.labels },
    capabilities: [...(membership?.invite.signed.capabilities ?? [])],
    metrics: metricsJson(record),
    measures: Object.fromEntries(Object.keys(UNITS).map((name) => [name, metricOf(record, name)])),
    refused: record.refused === undefined ? null : { total: record.refused.total, most: record.refused.most ?? null },
    toldBy: answer.by ?? '',
    ...(membership === undefined ? {} : enrolled(membership)),
  }
}

function enrolled({ claims, invite }: Membership): Pick<NodeJson, 'invite' | 'membershipExpires'> {
  return { invite: invite.hash, membershipExpires: new Date(claims.expires).toISOString() }
}

/** Every metric of the table, null where the machine has none; rounded to the step of the wire, so that 0.1 is not 0.1000001. */
function metricsJson(record: HealthRecord): Record<string, number | null> {
  return Object.fromEntries(
    METRICS.map((metric, index) => {
      const value = record.metrics[index] ?? null
      return [metric.name, value === null ? null : Number(value.toFixed(3))]
    }),
  )
}
