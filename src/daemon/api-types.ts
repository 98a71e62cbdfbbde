// The local API's JSON, version 1: what the daemon answers on its unix socket and what the CLI and the dashboard read.
// Additions are allowed at any time; a field is never renamed, removed or given another meaning (docs/protocol.md, API).

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
  /** The member whose view this row is. */
  seenBy: string
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

/** GET /v1/nodes?zone=/a&zone=/b&timeoutMs=5000 */
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
  }
}

export interface LinkJson {
  node: string
  name: string | null
  zone: string | null
  address: string
  direction: 'inbound' | 'outbound'
  ageMs: number
}

export interface AlertJson {
  kind: string
  node: string
  detail: string
  ageMs: number
}

export interface EventJson {
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
  /** State of the view of our own zone. */
  counts: CountsJson
  isolated: boolean
  links: LinkJson[]
  contacts: { zones: number; nodes: number }
  listening: string[]
  alerts: AlertJson[]
  /** Messages and callers refused since start, by reason code of docs/protocol.md. */
  refusals: Record<string, number>
  traffic: { bytesIn: number; bytesOut: number }
  process: {
    pid: number
    residentBytes: number
    cpuMs: number
    /** CPU from start of the process to the first heartbeat; null before it. */
    cpuToFirstHeartbeatMs: number | null
  }
  /** What this machine is (model, OS, kernel), as far as it says. */
  facts: Record<string, string | number | null>
  data: string
}

/** GET /v1/events */
export interface EventsJson {
  schema: 'pimesh.events/1'
  events: EventJson[]
}

/** Any refusal: HTTP 4xx or 5xx with this body. */
export interface ErrorJson {
  error: { code: string; message: string }
}

// POST /v1/stop: say goodbye and end. POST /v1/leave: the same, and the folder may be wiped. Both answer {} when the goodbye is out.
// GET /v1/nodes/<id or unique prefix or name>: a NodesJson with one node, or E_UNKNOWN_NODE.

/** What the codes in `refusals` mean, for people (docs/protocol.md, REFUSALS). A newer daemon may count more. */
const REFUSALS: Readonly<Record<string, string>> = {
  noMembership: 'no membership that can be read was shown',
  foreignMesh: 'it belongs to another mesh',
  wrongNode: 'the membership is of another node than the one that shows it',
  unknownEnroller: 'its invite is not signed by an enrol key of the mesh',
  outsideGrant: 'it claims more than its invite grants',
  expired: 'the membership has ended',
  inviteExpired: 'the invite had ended before any member met the node',
  badSignature: 'a signature is wrong',
  badCountersignature: 'the member that is said to have met it did not sign so',
  seatTaken: 'another node holds its seat of the invite',
  alreadyLinked: 'a node with the same key is linked and answers',
  wrongTopic: 'a message came on a topic where it does not belong',
  wrongKind: 'a message is of a kind that this version does not know',
  oldRecord: 'a record is older than the one that is held',
  unknownMembership: 'the author of a record is not known yet',
  malformed: 'a message cannot be read',
  tooOften: 'a node sent more records than it may',
  viewFull: 'the zone has more nodes than the view holds',
}

/** `it belongs to another mesh (foreignMesh)`; a code alone where this version has no words for it. */
export function refusalText(code: string): string {
  return Object.hasOwn(REFUSALS, code) ? `${REFUSALS[code]} (${code})` : code
}
