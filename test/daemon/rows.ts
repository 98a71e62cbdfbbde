// An answer of a fleet for tests: rows with real memberships, as the daemon gets them from core.
import type { QueryResult, ZoneAnswer } from '../../src/core/events.ts'
import { metricValues } from '../../src/core/fleet/metrics.ts'
import type { Row } from '../../src/core/fleet/rows.ts'
import type { Membership } from '../../src/core/trust/documents.ts'
import { inviteOf, membershipOf } from '../fixtures/documents.ts'

export interface Wish extends Partial<Pick<Row, 'status' | 'age' | 'alerts'>> {
  name: string
  zone?: string
  labels?: Record<string, string>
  metrics?: Parameters<typeof metricValues>[0]
  flags?: number
}

const made = new Map<string, Membership>()

/** Memberships cost a signature each: one for each zone and label set, whose name is replaced. */
function membershipFor({ name, zone = '/uk/a', labels = {} }: Wish): Membership {
  const key = JSON.stringify([zone, labels])
  const known = made.get(key) ?? membershipOf({ invite: inviteOf({ zone, labels }), claims: { zone } })
  made.set(key, known)
  return { ...known, id: `${key}/${name}`, claims: { ...known.claims, name } }
}

/** Wishes as rows of their zones; `dark` zones did not answer. */
export function resultOf(wishes: readonly Wish[], dark: readonly string[] = []): QueryResult {
  const memberships = new Map<string, Membership>()
  const zones = new Map<string, Row[]>()
  for (const wish of wishes) {
    const membership = membershipFor(wish)
    memberships.set(membership.id, membership)
    const zone = wish.zone ?? '/uk/a'
    zones.set(zone, [...(zones.get(zone) ?? []), rowOf(wish, membership)])
  }
  const shared = { by: undefined, counts: undefined, membersKnown: 1 }
  const answers: ZoneAnswer[] = [
    ...[...zones].map(([zone, rows]) => ({ ...shared, zone, rows, state: 'answered' as const, partial: false })),
    ...dark.map((zone) => ({ ...shared, zone, rows: [], state: 'silent' as const, partial: true })),
  ]
  return { zones: answers.sort((a, b) => (a.zone < b.zone ? -1 : 1)), memberships }
}

function rowOf({ name, status = 'up', age = 4_000, alerts = [], metrics = {}, flags = 0 }: Wish, by: Membership): Row {
  const record = { incarnation: 1, counter: 7, promise: 10_000, flags, metrics: metricValues(metrics), installs: [] }
  return { node: `12D3KooW${name}`, envelope: { membership: by.id }, record, status, age, alerts } as unknown as Row
}
