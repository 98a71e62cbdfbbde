// I3: no queue or table of a node is ever beyond its limit.

import { limits } from '../../../src/core/limits.ts'
import type { NodeCore } from '../../../src/core/node.ts'

/** The tables of a node as its core tells them: its own, and beside them those of releases. */
export type Sizes = ReturnType<NodeCore['sizes']>

/** Queries that the operators of a simulation may have under way together: one a minute, each at most a few seconds long. */
const QUERIES = 4

const OWN: Record<keyof Omit<Sizes, 'releases'>, number> = {
  view: limits.viewNodes,
  ballots: limits.ballots,
  suspects: limits.suspects,
  parked: limits.parkedRecords,
  memberships: limits.memberships,
  // Linked ones are kept whatever else the book is told.
  contacts: limits.contactZones * limits.contactsPerZone + 2 * limits.contactsOfOwnZone + limits.connections,
  links: limits.connections,
  reach: Math.max(limits.connections, limits.relaysRemembered + limits.relaysWanted),
  queries: QUERIES,
  inquiries: limits.historyInquiries,
  sightings: limits.sightLooks,
  descents: limits.descents,
  // One block more of each tier: the one that grows.
  history:
    3 * (limits.historyTierBytes + limits.historyBlockBytes) + limits.historyKeptBytes + limits.historyBlockBytes,
  greetings: limits.memberships,
  rivals: limits.handshakesAtOnce,
  dialPauses: limits.dialPauses,
  alerts: limits.alerts,
  statements: Math.max(limits.connections, limits.memberships),
  audit: limits.auditAccepted + limits.auditRefused,
  misconduct: limits.memberships,
  children: limits.zoneSegments * limits.zoneChildren,
  // An operator's peer reads the rows and the digests of all.
  digests: limits.queryMemberships,
}

const OF_RELEASES: Record<keyof Sizes['releases'], number> = {
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
  directory: limits.encodingsKept,
}

/** Looked at after every step of every node, so that no list is made each time. */
const LIMITED = {
  own: Object.entries(OWN) as [keyof typeof OWN, number][],
  releases: Object.entries(OF_RELEASES) as [keyof typeof OF_RELEASES, number][],
}

/** The first table beyond its limit, as a sentence; undefined when all are within. */
export function oversize(sizes: Sizes): string | undefined {
  return beyond(sizes, LIMITED.own) ?? beyond(sizes.releases, LIMITED.releases)
}

function beyond<K extends string>(
  sizes: Readonly<Record<K, number>>,
  limited: readonly [K, number][],
): string | undefined {
  for (const [name, most] of limited) {
    if (!(sizes[name] <= most)) return `${name} holds ${sizes[name]}, and its limit is ${most}`
  }
  return undefined
}
