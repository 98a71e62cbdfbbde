// The membership: a node's signed claim together with the invite that allows it, and who met it first (clause MEMBER).
import { toHex } from '../core/bytes.ts'
import type { MembershipId, Millis, NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import type { Countersignature, Membership, MembershipClaims, Signed } from '../core/trust/documents.ts'
import { nameProblem } from '../core/trust/labels.ts'
import { zoneProblem } from '../core/zone.ts'
import { canonicalBytes, documentFailure, type Json, type JsonObject, jsonOf, parseCanonical } from './canonical.ts'
import { dateText, dateValue, Fields } from './fields.ts'
import { inviteFromJson, ZONE_TEXT } from './invite.ts'
import { nodeKey } from './node-id.ts'
import { keyIdOf, parseSigned } from './signed.ts'

const WHAT = 'membership'
/** A membership id is half a SHA-256. */
const ID_BYTES = 16
const NODE_ID_TEXT = 64

/** Parses a membership strictly; says nothing about its signatures. @throws Failure E_DOCUMENT */
export function parseMembership(bytes: Uint8Array): Membership {
  return membershipFromJson(parseCanonical(bytes, { maxBytes: limits.membershipBytes, what: WHAT }))
}

/** The same for JSON that came inside another canonical document. */
export function membershipFromJson(json: Json): Membership {
  const fields = new Fields(json, WHAT, { required: ['membership', 'invite'], optional: ['countersignature'] })
  const raw = canonicalBytes(json)
  if (raw.length > limits.membershipBytes)
    throw documentFailure(WHAT, `it has more than ${limits.membershipBytes} bytes`)
  const document = parseSigned(fields.json('membership'), WHAT, readClaims)
  const invite = inviteFromJson(fields.json('invite'))
  requireInviteKey(document, invite.signed.key)
  const id = membershipIdOf(document)
  const countersignature = fields.has('countersignature')
    ? readCountersignature(fields.json('countersignature'), id)
    : undefined
  return { id, claims: document.signed, document, invite, countersignature, raw }
}

/** The id of a membership: the first 16 bytes, in hex, of the hash of its claims. */
export function membershipIdOf(document: Signed<MembershipClaims>): MembershipId {
  return document.hash.slice(0, 2 * ID_BYTES)
}

/** The membership with this countersignature in place of any other. Its id stays the same. */
export function withCountersignature(membership: Membership, countersignature: Countersignature): Membership {
  const { membership: id, ...rest } = countersignatureJson(countersignature)
  if (id !== membership.id) throw documentFailure(WHAT, 'its countersignature is for another membership')
  return { ...membership, countersignature, raw: canonicalBytes({ ...jsonOf(membership.raw), countersignature: rest }) }
}

/** The `signed` part of a membership. */
export function claimsJson(claims: MembershipClaims): JsonObject {
  return { _type: 'membership', ...claims, expires: dateText(claims.expires) }
}

function readClaims(json: Json): MembershipClaims {
  const required = ['_type', 'mesh', 'node', 'invite', 'zone', 'seat', 'name', 'expires']
  const fields = new Fields(json, WHAT, { required })
  fields.literal('_type', 'membership')
  const zone = fields.text('zone', ZONE_TEXT)
  if (zoneProblem(zone) !== undefined) fields.fail('zone', 'a zone')
  const name = fields.text('name', limits.nameLength)
  if (nameProblem(name) !== undefined) fields.fail('name', 'a name of a node')
  return {
    mesh: fields.hex('mesh', 32),
    node: readNode(fields, 'node'),
    invite: fields.hex('invite', 32),
    zone,
    seat: fields.integer('seat', 0, limits.inviteSeats - 1),
    name,
    expires: fields.date('expires'),
  }
}

function requireInviteKey(document: Signed<MembershipClaims>, inviteKey: Uint8Array): void {
  const [only, ...more] = document.signatures
  if (only === undefined || more.length > 0) throw documentFailure(WHAT, 'it must have exactly one signature')
  if (only.keyId !== keyIdOf(inviteKey)) throw documentFailure(WHAT, "it is not signed by its invite's key")
}

function readNode(fields: Fields, key: string): NodeId {
  const node = fields.text(key, NODE_ID_TEXT)
  return nodeKey(node) === undefined ? fields.fail(key, 'the id of a node with an Ed25519 key') : node
}

/**
 * Signs that `by` met a membership at wall time `at` (ms, cut to seconds).
 * @param sign Ed25519 with the key of the node `by`.
 */
export function countersign(
  statement: { membership: MembershipId; by: NodeId; byMembership: MembershipId; at: Millis },
  sign: (bytes: Uint8Array) => Uint8Array,
): Countersignature {
  const text = dateText(statement.at)
  const whole = { ...statement, at: dateValue(text) as Millis }
  const signedBytes = canonicalBytes({ _type: 'countersignature', ...statement, at: text })
  return { ...whole, signedBytes, signature: sign(signedBytes) }
}

/** A countersignature as it travels alone, naming its membership. */
export function countersignatureJson(countersignature: Countersignature): JsonObject {
  const { membership, by, byMembership, at, signature } = countersignature
  return { membership, by, byMembership, at: dateText(at), sig: toHex(signature) }
}

/**
 * Reads a countersignature: one that stands inside a membership takes its id from there, one that travels alone names it.
 * @throws Failure E_DOCUMENT
 */
export function readCountersignature(json: Json, inside: MembershipId | undefined): Countersignature {
  const required = ['by', 'byMembership', 'at', 'sig', ...(inside === undefined ? ['membership'] : [])]
  const fields = new Fields(json, 'countersignature', { required })
  const statement = {
    membership: inside ?? fields.hex('membership', ID_BYTES),
    by: readNode(fields, 'by'),
    byMembership: fields.hex('byMembership', ID_BYTES),
    at: fields.date('at'),
  }
  return countersign(statement, () => fields.bytes('sig', 64))
}
