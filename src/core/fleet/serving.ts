// Serving (clause ANSWERS 1): answers other members' questions about our zone from the view, never by asking further.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { ChildRow, QueryRequest, QueryResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import { within } from '../zone.ts'
import type { Alerts } from './alerts.ts'
import { childKey } from './digest.ts'
import type { Reporting } from './reporting.ts'
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

/** The answer to a question for the children of an inner zone: for operators, and members within it. */
export function answerChildren(
  reporting: Pick<Reporting, 'levels' | 'childrenOf'>,
  asker: Membership | undefined,
  { zone, afterChild = '' }: QueryRequest,
  now: Millis,
): QueryResponse {
  const answer = { counts: NO_COUNTS, rows: [], more: false }
  const isInside = asker !== undefined && within(asker.claims.zone, zone)
  const isOperator = asker?.invite.signed.capabilities.includes('operator') === true
  if (!isInside && !isOperator) return { ...answer, refused: 'forbidden' }
  const level = reporting.levels.find((one) => one.zone === zone)
  if (level === undefined) return { ...answer, refused: 'otherZone' }
  const rest = reporting.childrenOf(level, now).filter((child) => childKey(child) > afterChild)
  const children: ChildRow[] = rest.slice(0, limits.queryChildren)
  return { ...answer, refused: undefined, children, more: rest.length > children.length }
}
