// A row: what one node knows of another, as queries carry it and screens show it.
import type { MembershipId, Millis, NodeId } from '../env.ts'
import type { HealthRecord } from './record.ts'

/** up: within its promise; late: 2T passed; down: 3T passed; left: said goodbye. */
export type Status = 'up' | 'late' | 'down' | 'left'
export const STATUSES: readonly Status[] = ['up', 'late', 'down', 'left']

/** A signed envelope that was checked, or is about to be. */
export interface Envelope {
  /** What the body is: 'rec' is a health record. */
  kind: string
  /** First 8 bytes of the mesh id, hex. */
  mesh8: string
  membership: MembershipId
  body: Uint8Array
  signature: Uint8Array
  /** What was signed: the domain tag and the fields as received. */
  signedBytes: Uint8Array
  /** The whole envelope as received; passed on unchanged. */
  raw: Uint8Array
}

export interface Row {
  node: NodeId
  envelope: Envelope
  record: HealthRecord
  status: Status
  /** Since the record was heard by the node that answers; null when it was read from disk and its clock says nothing. */
  age: Millis | null
  alerts: readonly AlertKind[]
}

/** cloned: one node id at two places. seatShared: two node ids on one seat. lyingReporter: its digests count what is not there. flapping: it goes and comes back. */
export type AlertKind = 'cloned' | 'seatShared' | 'lyingReporter' | 'flapping'
export const ALERT_KINDS: readonly AlertKind[] = ['cloned', 'seatShared', 'lyingReporter', 'flapping']

export type StatusCounts = Readonly<Record<Status, number>>
