// The local API's JSON, version 1: what the daemon answers on its unix socket and what the CLI and the dashboard read.
// Additions are allowed at any time; a field is never renamed, removed or given another meaning (clause API).

import type { BudgetsJson } from './api-budget-types.ts'
import type { BesideJson, SeenJson } from './api-node-types.ts'
import type { PathJson, ReachJson } from './api-reach-types.ts'

/** Age in milliseconds of what a figure rests on; null when no trustworthy age exists. */
export type AgeMs = number | null

export interface CountsJson {
  up: number
  late: number
  down: number
  left: number
}

export interface NodeJson {
  node: string
  name: string
  zone: string
  status: 'up' | 'late' | 'down' | 'left'
  /** Since the node that answered heard the record. */
  ageMs: AgeMs
  /** The record's promise T: heard from again within this time. */
  promiseMs: number
  incarnation: number
  counter: number
  flags: string[]
  alerts: string[]
  labels: Record<string, string>
  capabilities: string[]
  /** Series name of docs/metrics.md -> value in its unit; null: this machine does not have it. */
  metrics: Record<string, number | null>
  /** The same by the short names of docs/metrics.md, shares as 0..1; absent in an older daemon. */
  measures?: Record<string, number | null>
  /** Announcements, targets and roots that it refused since it started, and the most frequent reason; null when none. */
  refused?: { total: number; most: string | null } | null
  /** The member whose view this row is. */
  toldBy: string
  /** Hash of the invite that it joined with. */
  invite?: string
  /** RFC 3339; when its membership ends. */
  membershipExpires?: string
  /** How the link of the peer that was asked goes to this node; null: it has none. */
  path?: PathJson | null
}

export interface ZoneJson {
  zone: string
  state: 'answered' | 'silent' | 'forbidden'
  by: string | null
  counts: CountsJson | null
  partial: boolean
  /** Members of the zone that were known and could have been asked: with 0, `silent` says nothing about the zone. */
  membersKnown?: number
}

/** Which part of an answer this is. */
export interface PageJson {
  /** Names the answer, for its further pages: `?answer=ID&at=N`. */
  answer: string
  /** Rows before these. */
  at: number
  /** Rows that match. */
  of: number
  /** Where the next page begins; null: there is none. */
  next: number | null
}

/** GET /v1/nodes?zone=/a&zone=/b/*&timeoutMs=5000&where=CEL&sortBy=cpu_temp:desc&limit=100&at=0 */
export interface NodesJson {
  schema: 'pimesh.nodes/1'
  nodes: NodeJson[]
  zones: ZoneJson[]
  completeness: {
    zonesAnswered: number
    zonesKnown: number
    /** Oldest record in the answer; null when there is none or its age is unknown. */
    oldestMs: AgeMs
    complete: boolean
    /** Nodes whose rows came, whether they match or not, by status; absent in an older daemon, as the next two are. */
    nodes?: CountsJson
    /** Zones that were asked and did not answer: how many, and the first of them in order of name. `zones` has all. */
    dark?: number
    darkZones?: string[]
    /** The first of the zones that were asked for and of which no node is known: they are missing, and not dark. Absent in an older daemon. */
    unknown?: string[]
  }
  /** Absent in an older daemon. */
  page?: PageJson
  /** Units of `measures`: share, s, B, B/s, degC, Hz, 1, bits. Absent in an older daemon. */
  units?: Record<string, string>
  /** Of one node (`GET /v1/nodes/NAME`): by whom it is seen. Absent in an older daemon, as the next one is. */
  seen?: SeenJson
  /** Of one node: what it measures beside its record; null: it is gone, and nobody else keeps that. */
  beside?: BesideJson | null
}

export interface LinkJson {
  node: string
  name: string | null
  zone: string | null
  address: string
  direction: 'inbound' | 'outbound'
  ageMs: number
  /** Absent in an older daemon. */
  path?: PathJson
}

/** Bytes by how the link went, with members of our own zone and with all others. */
export interface PieceBytesJson {
  mates: Record<PathJson['route'], number>
  others: Record<PathJson['route'], number>
}

/** Pieces that came and went since start, without what was said about them, whether they were of use or not. */
export interface PieceTrafficJson {
  from: PieceBytesJson
  to: PieceBytesJson
}

export interface AlertJson {
  kind: string
  node: string
  detail: string
  ageMs: number
}

export interface EventJson {
  /** Counts the events of one run of the daemon, from 1. */
  seq: number
  ageMs: number
  type: string
  text: string
}

/** GET /v1/status */
export interface StatusJson {
  schema: 'pimesh.status/1'
  version: string
  mesh: string
  node: string
  name: string
  zone: string
  role: 'node' | 'operator'
  capabilities: string[]
  labels: Record<string, string>
  membershipExpires: string
  countersigned: boolean
  incarnation: number
  uptimeMs: number
  rootVersion: number
  /** RFC 3339; when the newest root held was issued, and when it expires. */
  rootIssued: string
  rootExpires: string
  /** Whether mDNS announces and looks for members on the LAN. */
  mdns: boolean
  /** What the kernel says of its clock; null before the first sample. */
  clockTrusted: boolean | null
  /** Nothing is earlier than this (docs/protocol.md, CLOCK); absent in an older daemon, as the next three are. RFC 3339. */
  timeBound?: string
  /** fresh, stale or unproven (docs/protocol.md, BEACON). */
  freshness?: string
  /** Null: the mesh has no beacons. `time` of the newest that counted, null before one did; `signs`: this node is a holder. */
  beacon?: { time: string | null; periodMs: number; signs: boolean } | null
  /** What has less than a quarter of its lifetime left: root, targets, membership or a role's name. */
  endingSoon?: { what: string; expires: string }[]
  /** State of the view of our own zone. */
  counts: CountsJson
  isolated: boolean
  /** Absent in an older daemon. */
  reach?: ReachJson
  /** Absent in an older daemon. */
  budgets?: BudgetsJson
  links: LinkJson[]
  contacts: { zones: number; nodes: number }
  listening: string[]
  alerts: AlertJson[]
  /** Whether this node is revoked: `proven` by a signed statement that it holds, or only told `by` members that did not admit it. */
  revoked?: { proven: boolean; by: string[] } | null
  /** Messages and callers refused since start, by reason code of docs/protocol.md. */
  refusals: Record<string, number>
  traffic: { bytesIn: number; bytesOut: number }
  /** Of that, the bytes of pieces themselves; absent in an older daemon. */
  pieces?: PieceTrafficJson
  /** Encodings kept for others: that no release names any more, and that were fetched for other zones only. Absent in an older daemon. */
  cache?: { old: CacheJson; forwarded: CacheJson }
  process: {
    pid: number
    residentBytes: number
    cpuMs: number
    /** CPU from start of the process to the first heartbeat; null before it. */
    cpuToFirstHeartbeatMs: number | null
    /** What the process has open, counted by Node's names for it: sockets, servers, timers; absent in an older daemon. */
    resources?: Record<string, number>
  }
  /** Custom collectors, with how many series of each are taken and what is wrong with it. Absent in an older daemon. */
  collectors?: CollectorJson[]
  /** What this machine is (model, OS, kernel), as far as it says. */
  facts: Record<string, string | number | null>
  data: string
  /** The folder below which releases are installed; absent for an operator's peer, which installs none. */
  installRoot?: string
}

export interface CollectorJson {
  name: string
  series: number
  /** `code`: see `CollectorTroubleCode` in src/core/fleet/named-values.ts. */
  trouble: { code: string; reason: string } | null
}

/** `limitBytes` 0: nothing is kept. */
export interface CacheJson {
  encodings: number
  bytes: number
  limitBytes: number
}

/** GET /v1/events?after=SEQ: those that came after SEQ (default 0: all that are kept), oldest first. */
export interface EventsJson {
  schema: 'pimesh.events/1'
  /** Another one: the daemon was started anew, and counts from 1 again. */
  run: string
  events: EventJson[]
}

/** One judgement of an announcement, targets or a root, or several equal refusals of what one peer brought. */
export interface AuditEntryJson {
  /** Orders the log, over restarts too. */
  seq: number
  /** Since the last of them; null where an earlier run noted it and the clock of this machine cannot tell. */
  ageMs: AgeMs
  /** What the clock showed at the last and at the first of them, RFC 3339: a label. */
  at: string | null
  since: string | null
  /** Of the run that noted it. */
  incarnation: number
  what: 'announcement' | 'targets' | 'root'
  /** Null for targets and roots. */
  role: string | null
  epoch: number | null
  version: number | null
  /** Hex SHA-256 of what is signed. */
  hash: string | null
  /** Who brought it, and what people call it; null: handed in on this machine. */
  peer: string | null
  name: string | null
  /** `accepted`, or a code of docs/protocol.md, REFUSALS. */
  outcome: string
  text: string
  count: number
}

/** GET /v1/audit: what was accepted and refused of the publishers, oldest first, also by earlier runs. */
export interface AuditJson {
  schema: 'pimesh.audit/1'
  entries: AuditEntryJson[]
}

/** POST /v1/announcements with this body: answers SubmittedJson when it is in force; E_ANNOUNCEMENT, E_NO_MEMBER. */
export interface SubmitJson {
  announcement: string
  targets: string | null
}
export interface SubmittedJson {
  schema: 'pimesh.submitted/1'
  role: string
  epoch: number
  version: number
  hash: string
  linked: number
}

/** GET /v1/enrolment: the root and the statements of enrol keys that are in force here, canonical JSON as text. */
export interface EnrolmentJson {
  schema: 'pimesh.enrolment/1'
  mesh: string
  /** Members it is linked to now. */
  linked: number
  rootVersion: number
  /** The root in force; absent in an older daemon. */
  root?: string
  statements: string[]
}

/** POST /v1/statements with this body: answers StatedJson when it is in force; E_STATEMENT. */
export interface StateJson {
  statement: string
}
export interface StatedJson {
  schema: 'pimesh.stated/1'
  enroller: string
  version: number
  hash: string
  linked: number
}

/** GET /v1/roots?from=N: roots from that version on, as many as fit an answer of the mesh, canonical JSON as text. Absent in older daemons. */
export interface RootsJson {
  schema: 'pimesh.roots/1'
  roots: string[]
}

/** POST /v1/roots with this body, documents as text: answers RootedJson when the newest is in force; E_ROOT_INVALID. */
export interface RootJson {
  roots: string[]
}
export interface RootedJson {
  schema: 'pimesh.rooted/1'
  version: number
  linked: number
}

/** POST /v1/targets with this body, a document as text: answers DelegatedJson when it is in force; E_TARGETS. */
export interface TargetsJson {
  targets: string
}
export interface DelegatedJson {
  schema: 'pimesh.delegated/1'
  version: number
  linked: number
}

/** Any refusal: HTTP 4xx or 5xx with this body. */
export interface ErrorJson {
  /** `position`: where in what the person wrote, in characters from 1. */
  error: { code: string; message: string; position?: number }
}

// POST /v1/stop: say goodbye and end. POST /v1/leave: the same, and the folder may be wiped. Both answer {} when the goodbye is out.
// GET /v1/nodes/<id or unique prefix or name>: a NodesJson with one node, or E_UNKNOWN_NODE.

export type * from './api-history-types.ts'
export type * from './api-node-types.ts'
export type * from './api-release-types.ts'
export { refusalText } from './refusal-text.ts'
