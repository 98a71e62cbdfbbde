// I3: no queue or table of a node is ever beyond its limit.

import { limits } from '../../../src/core/limits.ts'
import type { NodeCore } from '../../../src/core/node.ts'

type Nested = ReturnType<NodeCore['sizes']>
/** All tables of a node side by side. */
export type Sizes = Omit<Nested, 'releases'> & Nested['releases']

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
  statements: Math.max(limits.connections, limits.memberships),
  audit: limits.auditAccepted + limits.auditRefused,
  misconduct: limits.memberships,
  heads: limits.bodiesMissed,
  installs: limits.installPaths,
  holdings: limits.encodingsKept,
  downloads: limits.encodingsKept,
  // One batch, one sync and one look at the disk for each encoding, and the pieces that are being written.
  tickets: 3 * limits.encodingsKept + limits.requestBytes / limits.pieceBytesMin,
  peers: limits.connections + limits.pieceStreams,
  streams: limits.pieceStreams,
  requestBytes: limits.requestBytes,
  serving: limits.pieceStreams * limits.requestsQueued + limits.servedAtOnce,
  bans: limits.bannedPeers,
  tried: limits.providersTried,
}

/** Looked at after every step of every node, so that no list is made each time. */
const LIMITED = Object.entries(LIMITS) as [keyof Sizes, number][]

/** The tables of a node as its core tells them. */
export function sizesOf({ releases, ...sizes }: Nested): Sizes {
  return Object.assign(sizes, releases)
}

/** The first table beyond its limit, as a sentence; undefined when all are within. */
export function oversize(sizes: Sizes): string | undefined {
  for (const [name, most] of LIMITED) {
    if (!(sizes[name] <= most)) return `${name} holds ${sizes[name]}, and its limit is ${most}`
  }
  return undefined
}
