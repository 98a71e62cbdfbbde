// I3: no queue or table of a node is ever beyond its limit.

import { limits } from '../../../src/core/limits.ts'
import type { NodeCore } from '../../../src/core/node.ts'

export type Sizes = ReturnType<NodeCore['sizes']>

/** Queries that the operators of a simulation may have under way together: one a minute, each at most a few seconds long. */
const QUERIES = 4

const LIMITS: Record<keyof Sizes, number> = {
  view: limits.viewNodes,
  parked: limits.parkedRecords,
  memberships: limits.memberships,
  // Linked ones are kept whatever else the book is told.
  contacts: limits.contactZones * limits.contactsPerZone + 2 * limits.contactsOfOwnZone + limits.connections,
  links: limits.connections,
  queries: QUERIES,
  greetings: limits.memberships,
  rivals: limits.handshakesAtOnce,
  dialPauses: limits.dialPauses,
  alerts: limits.alerts,
}

/** The first table beyond its limit, as a sentence; undefined when all are within. */
export function oversize(sizes: Sizes): string | undefined {
  for (const key in LIMITS) {
    const name = key as keyof Sizes
    if (!(sizes[name] <= LIMITS[name])) return `${name} holds ${sizes[name]}, and its limit is ${LIMITS[name]}`
  }
  return undefined
}
