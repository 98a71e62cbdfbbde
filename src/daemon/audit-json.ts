// The audit log as the local API's JSON: what was accepted and refused of the publishers, how long ago and from whom.
import type { Millis, NodeId } from '../core/env.ts'
import type { NodeCore } from '../core/node.ts'
import type { AuditEntry } from '../core/trust/audit.ts'
import { type AuditJson, refusalText } from './api-types.ts'

export function auditJson(core: Pick<NodeCore, 'audit' | 'membershipOf'>, now: Millis): AuditJson {
  const nameOf = (node: NodeId) => core.membershipOf(node)?.claims.name ?? null
  const entries = core.audit(now).map(({ entry, age }) => entryJson(entry, age, nameOf))
  return { schema: 'pimesh.audit/1', entries }
}

function entryJson(entry: AuditEntry, age: Millis | undefined, nameOf: (node: NodeId) => string | null) {
  const { seq, incarnation, kind, outcome, count, peer } = entry
  return {
    ...{ seq, incarnation, what: kind, outcome, count },
    ageMs: age === undefined ? null : Math.round(age),
    at: timeOf(entry.wall),
    since: timeOf(entry.since),
    text: outcome === 'accepted' ? 'in force' : refusalText(outcome),
    role: entry.role ?? null,
    epoch: entry.epoch ?? null,
    version: entry.version ?? null,
    hash: entry.hash ?? null,
    peer: peer ?? null,
    name: peer === undefined ? null : nameOf(peer),
  }
}

/** RFC 3339; null for what is no date. */
function timeOf(wall: Millis): string | null {
  const date = new Date(wall)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}
