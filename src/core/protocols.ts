// The messages of our stream protocols: hello, sync, query and history, as core sees them.
import type { MembershipId, Millis, NodeId } from './env.ts'
import type { Digest, ReporterContact } from './fleet/digest.ts'
import type { Envelope, Row, StatusCounts } from './fleet/rows.ts'
import type { Sight } from './fleet/sight.ts'
import type { Summary } from './fleet/summary.ts'
import type { SeriesValue } from './history/rollup.ts'
import type { TierName } from './history/tiers.ts'
import type { NatKind } from './links/paths.ts'
import type { AnnouncementDocument, Head, VersionVector } from './trust/announcement.ts'
import type { BeaconDocument } from './trust/beacon.ts'
import type { Membership, RootDocument, TargetsDocument } from './trust/documents.ts'
import type { StatementDocument } from './trust/statement.ts'

/** Stream protocols of pimesh; each stream carries one request and one response, length-prefixed. */
export const PROTOCOLS = {
  hello: '/pimesh/hello/1',
  sync: '/pimesh/sync/1',
  query: '/pimesh/query/1',
  history: '/pimesh/history/1',
} as const
export type ProtocolName = keyof typeof PROTOCOLS

/** Where a member can be found. Never trusted: the gate proves who answers there. */
export interface Contact {
  node: NodeId
  /** Leaf zone; undefined until a member told (an address from the invite or from mDNS). */
  zone: string | undefined
  /** Multiaddrs without the trailing /p2p/ID. */
  addresses: readonly string[]
  /** How long ago the node was known to be there, at the time of sending. */
  age: Millis
  /** True when it answers queries for its zone; an operator's peer does not. */
  serves: boolean
  /** True when it relays for others. */
  relays?: boolean
  /** On how many topics of digests it is, as reporter of its zone; absent of one that does not report, or does not say. */
  reports?: number
}

export interface Hello {
  rootVersion: number
  /** Hex hash of that root's signed part. */
  rootHash: string
  zone: string
  serves: boolean
  /** The sender's own listening addresses. */
  addresses: readonly string[]
  contacts: readonly Contact[]
  /** The newest record that the sender holds of the receiver, if any: a node whose disk was reset jumps above it. */
  yours: { incarnation: number; counter: number } | undefined
  /** What the sender holds of the publishers. */
  vector: VersionVector
  /** Hex digest of the enrolment statements that the sender holds; undefined when it holds none. */
  statements?: string | undefined
  /** The beacons that the sender holds; none of a pimesh that knows no beacons. */
  beacons?: readonly Head[]
  /** Whether the sender relays for others, what its NAT does, and on how many topics of digests it is; absent of a pimesh that knows neither. */
  reach?: { relays: boolean; nat: NatKind; reports?: number }
}

export type SyncRequest =
  | { type: 'memberships'; ids: readonly MembershipId[] }
  | { type: 'roots'; from: number }
  /** The newest targets document. */
  | { type: 'targets' }
  /** Announcements by hex hash of their `signed` part. */
  | { type: 'announcements'; hashes: readonly string[] }
  /** A piece list by its hex SHA-256. */
  | { type: 'pieceList'; hash: string }
  /** Enrolment statements, but for those that begin with these 8 bytes of their hash, in hex. */
  | { type: 'statements'; held: readonly string[] }
  /** All beacons that are held, also those on their way to their threshold. */
  | { type: 'beacons' }
  /** The newest summary of the fleet. */
  | { type: 'summary' }

export interface SyncResponse {
  memberships: readonly Membership[]
  roots: readonly RootDocument[]
  targets: TargetsDocument | undefined
  announcements: readonly AnnouncementDocument[]
  pieceList: Uint8Array | undefined
  statements: readonly StatementDocument[]
  beacons?: readonly BeaconDocument[]
  /** As it was signed by whoever passed it on, and how long it was held since. */
  summary?: { envelope: Envelope; summary: Summary; held: Millis } | undefined
}

/** An answer without anything. */
export const NOTHING: SyncResponse = {
  memberships: [],
  roots: [],
  targets: undefined,
  announcements: [],
  pieceList: undefined,
  statements: [],
}

export interface QueryRequest {
  zone: string
  /** rows need the operator capability or the same zone, children of an inner zone one within it; counts are for every member. `sight`: how the one that is asked sees `about`, for whom rows are for. */
  want: 'rows' | 'counts' | 'children' | 'sight'
  /** Rows after this node id, in order of node id: the next page. */
  after: NodeId | undefined
  /** Children after this one (childKey), in that order: the next page. */
  afterChild?: string
  about?: NodeId
}

/** A child of an inner zone, with the digest as its reporter signed it. */
export interface ChildRow {
  zone: string
  leaf: boolean
  dark: boolean
  /** Undefined when the child is only known by name. `age`: since the answerer heard it. */
  told: { envelope: Envelope; digest: Digest; age: Millis } | undefined
}

export type QueryRefusal = 'forbidden' | 'otherZone'

export interface QueryResponse {
  refused: QueryRefusal | undefined
  counts: StatusCounts
  rows: readonly Row[]
  /** True when there are rows, or children, after the last one. */
  more: boolean
  children?: readonly ChildRow[]
  /** Absent for a node that the answerer does not know. */
  sight?: Sight
}

export interface HistoryRequest {
  /** Whose values: those of the node that is asked, or of one whose witness it is. */
  node: NodeId
  tier: TierName
  /** Exact names, at most historyAskedSeries; none: which there are. */
  series: readonly string[]
  /** Rows that are at most so old. */
  since: Millis
  /** Blocks before this one: the next page. */
  before: { run: number; first: number } | undefined
}

/** `notKept`: it keeps nothing of that node. */
export type HistoryRefusal = 'forbidden' | 'notKept'

/** A block of core/history/block.ts with what its keeper says of its time. */
export interface ToldBlock {
  run: number
  /** Second of the first row, on the clock of that run. */
  first: number
  /** Of the first row. */
  age: Millis
  /** False: at least so old, and older than what follows; an earlier run wrote it, and no clock that can be trusted tells when. */
  certain: boolean
  period: Millis
  payload: Uint8Array
}

export interface HistoryResponse {
  refused: HistoryRefusal | undefined
  /** The node that answers is the one that was asked about. */
  own: boolean
  /** Which tier this is: a witness has one only. */
  tier: TierName
  /** Where no series was asked for: which there are, with their newest values. */
  names: readonly SeriesValue[]
  /** The newest first. */
  blocks: readonly ToldBlock[]
  /** There are older ones within the time asked for. */
  more: boolean
  /** Who else may keep that node's values, the likeliest first. */
  keepers: readonly NodeId[]
  /** Where these are found, as far as the answerer knows: who asks from another zone knows a few of this one. */
  contacts?: readonly ReporterContact[]
}

export interface Requests {
  hello: Hello
  sync: SyncRequest
  query: QueryRequest
  history: HistoryRequest
}
export interface Responses {
  hello: Hello
  sync: SyncResponse
  query: QueryResponse
  history: HistoryResponse
}
