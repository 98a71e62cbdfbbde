// The offline half of joining: reading a token, and signing a node's membership with the invite key that it carries.
import { sameBytes } from '../core/bytes.ts'
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import type { Membership, MembershipClaims } from '../core/trust/documents.ts'
import { nameProblem } from '../core/trust/labels.ts'
import { leafZone } from '../core/zone.ts'
import { publicKeyOf, sha256 } from '../keys/ed25519.ts'
import { canonicalBytes, jsonOf } from '../wire/canonical.ts'
import { dateText } from '../wire/fields.ts'
import { claimsJson, parseMembership } from '../wire/membership.ts'
import { nodeIdOf } from '../wire/node-id.ts'
import { encodeSigned } from '../wire/signed.ts'
import { parseToken, type Token } from '../wire/token.ts'
import { meshKey } from './mesh.ts'

/**
 * Reads a token that a person pasted.
 * @param now wall time in ms; undefined when this machine's clock is not to be believed: then it counts as not expired.
 * @throws Failure E_TOKEN_DAMAGED, E_TOKEN_EXPIRED
 */
export function openToken(text: string, now: Millis | undefined): Token {
  const token = parseToken(text)
  requireFitting(token)
  if (now !== undefined) requireCurrent(token, now)
  return token
}

/**
 * Makes the membership of a node from a token.
 * @param terms `nodeSecret`: the node's 32-byte seed; `seat`: 0 up to the invite's seats; `name`: what people call the node;
 *   `now`: wall time in ms, undefined when it is not to be believed.
 * @throws Failure E_TOKEN_DAMAGED, E_TOKEN_EXPIRED, E_TOKEN_USED (no such seat), E_USAGE (name)
 */
export function makeMembership(terms: {
  token: Token
  nodeSecret: Uint8Array
  seat: number
  name: string
  now: Millis | undefined
}): Membership {
  const { token, seat, name, now } = terms
  const grant = token.invite.signed
  requireFitting(token)
  if (now !== undefined) requireCurrent(token, now)
  const wrong = nameProblem(name)
  if (wrong !== undefined) throw new Failure('E_USAGE', `"${name}" cannot name a node: ${wrong}.`)
  if (!Number.isInteger(seat) || seat < 0 || seat >= grant.seats)
    throw new Failure('E_TOKEN_USED', `This invite has no seat ${seat}: its seats are 0 to ${grant.seats - 1}.`)
  const node = nodeIdOf(publicKeyOf(terms.nodeSecret))
  const claims: MembershipClaims = {
    mesh: token.mesh,
    node,
    invite: token.invite.hash,
    zone: leafZone({ sha256 }, grant.zone, grant.cells, node),
    seat,
    name,
    expires: grant.membershipExpires,
  }
  const signed = encodeSigned(claimsJson(claims), [meshKey(token.inviteSecret)])
  return parseMembership(canonicalBytes({ membership: jsonOf(signed), invite: jsonOf(token.invite.raw) }))
}

function requireFitting({ inviteSecret, invite }: Token): void {
  if (sameBytes(publicKeyOf(inviteSecret), invite.signed.key)) return
  const advice = 'make a new one with "pimesh invite".'
  throw new Failure('E_TOKEN_DAMAGED', `The key in this token does not fit its invite; ${advice}`)
}

function requireCurrent(token: Token, now: Millis): void {
  const { expires } = token.invite.signed
  if (now > expires)
    throw new Failure(
      'E_TOKEN_EXPIRED',
      `This token expired at ${dateText(expires)}; ask for a new one, or set this machine's clock if it is wrong.`,
    )
}
