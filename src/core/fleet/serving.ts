// Serving (clause ANSWERS 1): answers other members' questions about our zone from the view, never by asking further.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { QueryRequest, QueryResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { Alerts } from './alerts.ts'
import type { Row, StatusCounts } from './rows.ts'
import type { View } from './view.ts'

export const NO_COUNTS: StatusCounts = { up: 0, late: 0, down: 0, left: 0 }

/** Rows of our own zone with what we raised about their nodes. */
export function rowsOf(view: View, alerts: Alerts, now: Millis, after: NodeId | undefined, limit: number): Row[] {
  return view.rows(now, after, limit).map((row) => ({ ...row, alerts: alerts.of(row.node) }))
}

/**
 * The answer to a query of `asker`: counts for every member, rows for zone-mates and operators.
 * @param asker the checked membership of the peer; undefined cannot happen on an admitted link, and gets nothing.
 */
export function answerQuery(
  self: Self,
  view: View,
  alerts: Alerts,
  asker: Membership | undefined,
  request: QueryRequest,
  now: Millis,
): QueryResponse {
  const refuse = (refused: 'forbidden' | 'otherZone'): QueryResponse => ({
    refused,
    counts: NO_COUNTS,
    rows: [],
    more: false,
  })
  if (asker === undefined) return refuse('forbidden')
  if (!self.isNode || request.zone !== self.zone) return refuse('otherZone')
  const counts = view.counts()
  if (request.want === 'counts') return { refused: undefined, counts, rows: [], more: false }
  const allowed = asker.claims.zone === self.zone || asker.invite.signed.capabilities.includes('operator')
  if (!allowed) return refuse('forbidden')
  const rows = rowsOf(view, alerts, now, request.after, limits.queryRows + 1)
  return { refused: undefined, counts, rows: rows.slice(0, limits.queryRows), more: rows.length > limits.queryRows }
}
