// The signed documents of a mesh as core sees them: parsed strictly by wire/, judged here by core/trust.
import type { MembershipId, Millis, NodeId } from '../env.ts'

/** A signature on a document: `keyId` is the hex SHA-256 of the canonical key object (TUF), never trusted for counting. */
export interface Signature {
  keyId: string
  signature: Uint8Array
}

/** A parsed document with the exact bytes that were signed and the exact bytes of the whole (to store and pass on unchanged). */
export interface Signed<T> {
  signed: T
  /** Canonical JSON of the `signed` part, as received. */
  signedBytes: Uint8Array
  /** Hex SHA-256 of `signedBytes`: the identity of the document. */
  hash: string
  signatures: readonly Signature[]
  /** Canonical JSON of the whole document, as received. */
  raw: Uint8Array
}

export interface RoleKeys {
  keyIds: readonly string[]
  threshold: number
}

/** Who may enrol: the epoch revokes in bulk; retired keys still verify old invites; `zones` confines a key to a prefix. */
export interface Enrolment {
  epoch: number
  retired: readonly string[]
  zones: ReadonlyMap<string, string>
  /** Retired keyId -> hex hash of its last statement; nothing else of a retired key counts (clause STATEMENT). */
  sealed?: ReadonlyMap<string, string> | undefined
}

/** The root of trust (TUF root shape plus enrolment). Version 1's hash is the mesh id. */
export interface Root {
  version: number
  issued: Millis
  expires: Millis
  /** keyId -> 32-byte Ed25519 public key. */
  keys: ReadonlyMap<string, Uint8Array>
  /** `beacon`: who signs beacons, when the mesh has them. */
  roles: { root: RoleKeys; targets: RoleKeys; enrol: RoleKeys; beacon?: RoleKeys }
  /** Of the targets document: its versions begin anew with each, whatever a stolen key has used up; undefined: the first. */
  targetsEpoch?: number
  /** How often beacons are signed; undefined: BEACON_PERIOD. */
  beaconPeriod?: Millis
  enrolment: Enrolment
}
export type RootDocument = Signed<Root>

/** `refuse`: nothing begins; `warn`: it is said. */
export type WhenStale = 'refuse' | 'warn'

/** A publisher's role: whose announcements count, for which paths; the epoch restarts its versions after a compromise. */
export interface Delegation extends RoleKeys {
  name: string
  /** Patterns of artifact paths; `*` matches within one segment. */
  paths: readonly string[]
  terminating: boolean
  epoch: number
  /** What its installations do while the node is stale; undefined: warn. */
  whenStale?: WhenStale
}

/** The delegations of a mesh (TUF targets shape); signed by the root's targets role. */
export interface Targets {
  /** Must be the one that the root names; undefined: the first. */
  epoch?: number
  version: number
  expires: Millis
  /** keyId -> 32-byte Ed25519 public key. */
  keys: ReadonlyMap<string, Uint8Array>
  roles: readonly Delegation[]
  /** No role that is delegated anew may have an epoch up to this one: those of roles that are gone. Undefined: none is. */
  formerEpoch?: number
}
export type TargetsDocument = Signed<Targets>

export type Capability = 'node' | 'operator'

/** What an enrol key grants to whoever holds the invite key. */
export interface Invite {
  /** Hex mesh id (64 characters). */
  mesh: string
  /** 32-byte public half of the invite key. */
  key: Uint8Array
  /** The site; the leaf zone adds a cell when `cells` > 1. */
  zone: string
  cells: number
  labels: Readonly<Record<string, string>>
  capabilities: readonly Capability[]
  /** Seats 0..seats-1 may be taken, one node each. */
  seats: number
  /** No membership may be countersigned after this wall time. */
  expires: Millis
  /** Latest expiry of the memberships made from it. */
  membershipExpires: Millis
  epoch: number
  /** True for the first node of a mesh: no member exists to countersign it, so the enrol key waives that. */
  founding: boolean
}
export type InviteDocument = Signed<Invite>

/** The statement that a node belongs to the mesh; zone prefix, labels and capabilities are those of its invite. */
export interface MembershipClaims {
  mesh: string
  node: NodeId
  /** Hex hash of the invite's signed part. */
  invite: string
  zone: string
  seat: number
  /** What people call the node; chosen when it joined. */
  name: string
  expires: Millis
}

/** The first member that met the node says when: an invite cannot be used after it expired. */
export interface Countersignature {
  /** The membership that is countersigned. */
  membership: MembershipId
  by: NodeId
  byMembership: MembershipId
  at: Millis
  signedBytes: Uint8Array
  signature: Uint8Array
}

/** A membership with all that is needed to check it offline against the root. */
export interface Membership {
  id: MembershipId
  claims: MembershipClaims
  /** Signed with the invite key: exactly one signature. */
  document: Signed<MembershipClaims>
  invite: InviteDocument
  countersignature: Countersignature | undefined
  /** Canonical JSON of {membership, invite, countersignature?}. */
  raw: Uint8Array
}
