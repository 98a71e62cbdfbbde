// What two nodes show each other in the gate, before any other byte: their credential, and the verdict on it (clause GATE).
// These are messages of one protocol version, not signed documents: unknown fields are ignored.
import type { RefusalCode } from '../core/events.ts'
import { limits } from '../core/limits.ts'
import type { Countersignature, Membership } from '../core/trust/documents.ts'
import { canonicalBytes, type JsonObject, jsonOf, parseCanonical } from './canonical.ts'
import { Fields } from './fields.ts'
import { countersignatureJson, membershipFromJson, readCountersignature } from './membership.ts'

const CREDENTIAL = 'credential'
const REPLY = "gate's reply"

/** Every code once, so that a new one cannot be forgotten here. */
const CODES: Record<RefusalCode, true> = {
  noMembership: true,
  foreignMesh: true,
  wrongNode: true,
  badSignature: true,
  unknownEnroller: true,
  outsideGrant: true,
  expired: true,
  inviteExpired: true,
  seatTaken: true,
  alreadyLinked: true,
  badCountersignature: true,
  wrongTopic: true,
  wrongKind: true,
  oldRecord: true,
  unknownMembership: true,
  malformed: true,
  tooOften: true,
  viewFull: true,
  unknownRole: true,
  wrongEpoch: true,
  outsidePaths: true,
  oldVersion: true,
  keysRotated: true,
  roleEnded: true,
  bodyMissing: true,
  diskFailed: true,
  badPiece: true,
  unasked: true,
  revoked: true,
  misbehaved: true,
  wrongDay: true,
}

export interface Credential {
  /** Hex mesh id that the sender claims. */
  mesh: string
  /** undefined: it has none. */
  membership: Membership | undefined
  /** The membership of whoever countersigned it, for those who never met that node. */
  witness?: Membership | undefined
}

export interface GateReply {
  admitted: boolean
  /** Why not; undefined also for a code that only newer nodes know. */
  code: RefusalCode | undefined
  /** With seatTaken: the seats to avoid. */
  takenSeats: readonly number[]
  /** With an admission: that the answering member met ours. */
  countersignature: Countersignature | undefined
}

export function encodeCredential(credential: Credential): Uint8Array {
  const { mesh, membership, witness } = credential
  const json: JsonObject = { mesh }
  if (membership !== undefined) json.membership = jsonOf(membership.raw)
  if (witness !== undefined) json.witness = jsonOf(witness.raw)
  return canonicalBytes(json)
}

/** @throws Failure E_DOCUMENT */
export function parseCredential(bytes: Uint8Array): Credential {
  const json = parseCanonical(bytes, { maxBytes: limits.gateMessageBytes, what: CREDENTIAL })
  const fields = new Fields(json, CREDENTIAL, { required: ['mesh'], open: true })
  const read = (key: string) => (fields.has(key) ? membershipFromJson(fields.json(key)) : undefined)
  return { mesh: fields.hex('mesh', 32), membership: read('membership'), witness: read('witness') }
}

export function encodeGateReply(reply: GateReply): Uint8Array {
  const json: JsonObject = { admitted: reply.admitted }
  if (reply.code !== undefined) json.code = reply.code
  if (reply.takenSeats.length > 0) json.takenSeats = [...reply.takenSeats]
  if (reply.countersignature !== undefined) json.countersignature = countersignatureJson(reply.countersignature)
  return canonicalBytes(json)
}

/** @throws Failure E_DOCUMENT */
export function parseGateReply(bytes: Uint8Array): GateReply {
  const json = parseCanonical(bytes, { maxBytes: limits.gateMessageBytes, what: REPLY })
  const fields = new Fields(json, REPLY, { required: ['admitted'], open: true })
  const code = fields.has('code') ? fields.text('code', 64) : undefined
  return {
    admitted: fields.flag('admitted'),
    code: code !== undefined && Object.hasOwn(CODES, code) ? (code as RefusalCode) : undefined,
    takenSeats: fields.has('takenSeats') ? readSeats(fields) : [],
    countersignature: fields.has('countersignature')
      ? readCountersignature(fields.json('countersignature'), undefined)
      : undefined,
  }
}

function readSeats(fields: Fields): number[] {
  const last = limits.inviteSeats - 1
  const seats = fields.list('takenSeats', limits.inviteSeats)
  const good = seats.every((seat) => typeof seat === 'number' && Number.isInteger(seat) && seat >= 0 && seat <= last)
  return good ? (seats as number[]) : fields.fail('takenSeats', `seats from 0 to ${last}`)
}
