// Core's rows and answers as the local API's JSON.
import type { NodeId } from '../core/env.ts'
import type { QueryResult, ZoneAnswer } from '../core/events.ts'
import { METRICS } from '../core/fleet/metrics.ts'
import { flagNames, type HealthRecord } from '../core/fleet/record.ts'
import type { Row } from '../core/fleet/rows.ts'
import type { Membership } from '../core/trust/documents.ts'
import type { PathJson } from './api-reach-types.ts'
import type { NodeJson, NodesJson, ZoneJson } from './api-types.ts'

/** All rows of an answer with its completeness; `paths`: how the peer that asked is linked with them. `zones` are in order of name, rows in order of zone and name. */
export function nodesJson(result: QueryResult, paths: ReadonlyMap<NodeId, PathJson> = new Map()): NodesJson {
  const rows = result.zones.flatMap((zone) =>
    zone.rows.map((row) => ({
      ...nodeJson(row, zone, result.memberships.get(row.envelope.membership)),
      path: paths.get(row.node) ?? null,
    })),
  )
  return {
    schema: 'pimesh.nodes/1',
    nodes: rows.sort((a, b) => compare(a.zone, b.zone) || compare(a.name, b.name) || compare(a.node, b.node)),
    zones: result.zones.map(zoneJson),
    completeness: completeness(result),
  }
}

/** How much of what was asked for came, and how old its oldest row is. */
export function completeness({ zones }: QueryResult): NodesJson['completeness'] {
  const answered = zones.filter((zone) => zone.state === 'answered')
  return {
    zonesAnswered: answered.length,
    zonesKnown: zones.length,
    // Who left says nothing more: its age would only tell how long ago that was.
    oldestMs: oldest(zones.flatMap(({ rows }) => rows.filter(({ status }) => status !== 'left'))),
    complete: zones.length > 0 && answered.length === zones.length && answered.every((zone) => !zone.partial),
  }
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
    refused: record.refused === undefined ? null : { total: record.refused.total, most: record.refused.most ?? null },
    seenBy: answer.by ?? '',
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
