// Does this membership belong? The chain root -> enrol key -> invite -> node, judged offline, cheap checks before crypto.
import type { Env, Millis, NodeId } from '../env.ts'
import type { RefusalCode } from '../events.ts'
import { limits } from '../limits.ts'
import { leafZone, within } from '../zone.ts'
import type { Countersignature, Invite, Membership, RootDocument, Signature } from './documents.ts'

/** What a membership is judged under. */
export interface MembershipTerms {
  /** Our mesh id, hex. */
  mesh: string
  /** The newest root that we hold. */
  root: RootDocument
  /** Who showed it, proven by the connection; undefined when nobody did (it came by sync). */
  remote: NodeId | undefined
  /** Wall time; undefined when our clock says nothing: then nothing counts as expired. */
  wall: Millis | undefined
  /** The membership of whoever countersigned it, when we have it. */
  countersigner?: Membership | undefined
  /** When it ends, where it was prolonged; default: when it says. */
  ends?: Millis | undefined
}

type Needs = Pick<Env, 'sha256' | 'verify' | 'nodeKey'>

/** Why the membership is refused, or undefined when it holds. At most two signature checks, and one for a countersignature. */
export function judgeMembership(membership: Membership, terms: MembershipTerms, env: Needs): RefusalCode | undefined {
  const { claims, invite, countersignature } = membership
  const { mesh, root, remote, wall } = terms
  if (claims.mesh !== mesh || invite.signed.mesh !== mesh) return 'foreignMesh'
  if (env.nodeKey(claims.node) === undefined || (remote !== undefined && remote !== claims.node)) return 'wrongNode'
  const enroller = enrollerOf(membership, root)
  if (enroller === undefined) return 'unknownEnroller'
  if (!insideGrant(membership, enroller.zone, env)) return 'outsideGrant'
  const late = lateness(membership, wall, terms.ends ?? claims.expires)
  if (late !== undefined) return late
  if (!signedOnce(invite.signatures, enroller.key, invite.signedBytes, env)) return 'badSignature'
  const { signatures, signedBytes } = membership.document
  if (!signedOnce(signatures, invite.signed.key, signedBytes, env)) return 'badSignature'
  if (countersignature === undefined) return undefined
  return judgeCountersignature(membership, countersignature, terms.countersigner, env)
}

/**
 * Why a countersignature does not count for this membership, or undefined when it does. One signature check.
 * @param countersigner the membership of `countersignature.by`, when it is known: whoever sits on the same seat, with the
 *   same invite, cannot vouch for the time at which that seat was taken.
 */
export function judgeCountersignature(
  membership: Membership,
  countersignature: Countersignature,
  countersigner: Membership | undefined,
  env: Pick<Env, 'verify' | 'nodeKey'>,
): RefusalCode | undefined {
  const { by, at, signedBytes, signature } = countersignature
  const { claims, invite } = membership
  const key = env.nodeKey(by)
  if (countersignature.membership !== membership.id || by === claims.node || key === undefined)
    return 'badCountersignature'
  if (at > invite.signed.expires + limits.clockSkew) return 'inviteExpired'
  if (countersigner !== undefined && !mayVouch(countersigner, membership, countersignature))
    return 'badCountersignature'
  return env.verify(key, signedBytes, signature) ? undefined : 'badCountersignature'
}

/** Whether a membership that was judged before still holds under another root: no crypto, since its signatures were checked then. */
export function stillEnrolled(membership: Membership, root: RootDocument, env: Pick<Env, 'sha256'>): boolean {
  const enroller = enrollerOf(membership, root)
  return enroller !== undefined && insideGrant(membership, enroller.zone, env)
}

/** True when nothing but its countersignature says that the membership was made in time. */
export function needsWitness({ invite }: Membership, wall: Millis | undefined): boolean {
  return !invite.signed.founding && wall !== undefined && wall > invite.signed.expires
}

function mayVouch(countersigner: Membership, membership: Membership, { by, byMembership }: Countersignature): boolean {
  const { mesh, node, invite, seat } = countersigner.claims
  const sameSeat = invite === membership.claims.invite && seat === membership.claims.seat
  return countersigner.id === byMembership && node === by && mesh === membership.claims.mesh && !sameSeat
}

/** The enrol key that signed the invite and the zone it is confined to, if the root still lists it. */
function enrollerOf({ invite }: Membership, root: RootDocument): { key: Uint8Array; zone: string } | undefined {
  const { roles, enrolment, keys } = root.signed
  const keyId = invite.signatures[0]?.keyId ?? ''
  const key = keys.get(keyId)
  const listed = roles.enrol.keyIds.includes(keyId) || enrolment.retired.includes(keyId)
  // A higher epoch than ours only says that our root is behind; a lower one was revoked in bulk.
  if (key === undefined || !listed || invite.signed.epoch < enrolment.epoch) return undefined
  return { key, zone: enrolment.zones.get(keyId) ?? '/' }
}

/** The claims stay within the invite, and the invite within the zone of its enrol key. */
function insideGrant({ claims, invite }: Membership, prefix: string, env: Pick<Env, 'sha256'>): boolean {
  const grant: Invite = invite.signed
  return (
    claims.invite === invite.hash &&
    claims.seat < grant.seats &&
    claims.expires <= grant.membershipExpires &&
    claims.zone === leafZone(env, grant.zone, grant.cells, claims.node) &&
    within(grant.zone, prefix)
  )
}

function lateness(
  { invite, countersignature }: Membership,
  wall: Millis | undefined,
  ends: Millis,
): RefusalCode | undefined {
  if (wall === undefined) return undefined
  if (wall >= ends) return 'expired'
  const used = countersignature !== undefined || invite.signed.founding
  return !used && wall > invite.signed.expires ? 'inviteExpired' : undefined
}

function signedOnce(
  signatures: readonly Signature[],
  key: Uint8Array,
  bytes: Uint8Array,
  env: Pick<Env, 'verify'>,
): boolean {
  const [only, ...more] = signatures
  return only !== undefined && more.length === 0 && env.verify(key, bytes, only.signature)
}
