// The enrolment statement: what an enrol key takes back of what it gave, and prolongs (clause STATEMENT). One register for each
// key, ordered so that every node ends with the same one. Invariant: what an entry reaches lies within the zone of its key.
import type { Env, Millis, NodeId } from '../env.ts'
import type { RefusalCode } from '../events.ts'
import { within } from '../zone.ts'
import type { Membership, Root, RootDocument, Signed } from './documents.ts'

/** Memberships of a zone, or of an invite, count until then. */
export interface Extension {
  /** Exactly one of these is there. */
  zone: string | undefined
  /** Hex hash of the invite. */
  invite: string | undefined
  until: Millis
}

/** What the owner of a zone lets into it. */
export interface Policy {
  zone: string
  /** Names of the roles whose releases it takes; undefined: of all. */
  publishers: readonly string[] | undefined
  /** Releases that it does not take. */
  vetoes: readonly { path: string; counter: number }[]
  /** Minutes of the local day from which and until which an installation may begin; over midnight when `from` is the later one. */
  hours: { from: number; to: number } | undefined
}

export interface Statement {
  /** Hex mesh id. */
  mesh: string
  /** Key id of the enrol key that signs it. */
  enroller: string
  /** That of the root's enrolment: a higher one there voids it. */
  epoch: number
  version: number
  issued: Millis
  /** What is revoked, with the time when its last membership ends: then who signs next may leave it out. */
  nodes: ReadonlyMap<NodeId, Millis>
  /** By hex hash. */
  invites: ReadonlyMap<string, Millis>
  extensions: readonly Extension[]
  policies: readonly Policy[]
}
export type StatementDocument = Signed<Statement>

/** True when `a` comes before `b` in the register of their key: all nodes end with the first. */
export function supersedes(a: StatementDocument, b: StatementDocument): boolean {
  if (a.signed.epoch !== b.signed.epoch) return a.signed.epoch > b.signed.epoch
  if (a.signed.version !== b.signed.version) return a.signed.version > b.signed.version
  return a.hash < b.hash
}

/** Why a statement does not count under this root, or undefined when it does: cheap checks first, then one signature. */
export function judgeStatement(
  document: StatementDocument,
  { mesh, root }: { mesh: string; root: RootDocument },
  env: Pick<Env, 'verifyStrict'>,
): RefusalCode | undefined {
  const { signed } = document
  if (signed.mesh !== mesh) return 'foreignMesh'
  if (!root.signed.keys.has(signed.enroller) || !maySign(document, root.signed)) return 'unknownEnroller'
  const { epoch } = root.signed.enrolment
  if (signed.epoch !== epoch) return signed.epoch < epoch ? 'oldVersion' : 'wrongEpoch'
  return isSigned(document, root.signed, env) ? undefined : 'badSignature'
}

/**
 * What a statement is beside the newest one that is held of its key (clause STATEMENT 2 and 3): that very one, one to take its place, or
 * why it is refused.
 */
export function standingOf(
  document: StatementDocument,
  newest: StatementDocument | undefined,
  terms: { mesh: string; root: RootDocument },
  env: Pick<Env, 'verifyStrict'>,
): 'accepted' | 'same' | RefusalCode {
  if (newest?.hash === document.hash) return 'same'
  const seal = sealOf(document.signed.enroller, terms.root.signed)
  // Of a retired key the sealed one comes before all others, whatever its version.
  const comesFirst = (held: StatementDocument) => seal === document.hash || supersedes(document, held)
  if (newest !== undefined && (newest.hash === seal || !comesFirst(newest))) return 'oldVersion'
  return judgeStatement(document, terms, env) ?? 'accepted'
}

/** Whether the key that it names signed it, as the root lists that key. */
export function isSigned(
  { signed, signatures, signedBytes }: StatementDocument,
  { keys }: Root,
  env: Pick<Env, 'verifyStrict'>,
): boolean {
  const key = keys.get(signed.enroller)
  const [only, ...more] = signatures
  const signedOnce = only !== undefined && more.length === 0 && only.keyId === signed.enroller
  return key !== undefined && signedOnce && env.verifyStrict(key, signedBytes, only.signature)
}

/** An active key may sign what it likes; of a retired one the root has sealed the last word, so that its thief has none. */
function maySign({ signed, hash }: StatementDocument, root: Root): boolean {
  return root.roles.enrol.keyIds.includes(signed.enroller) || sealOf(signed.enroller, root) === hash
}

/** Hash of the last statement of a retired key; undefined when it has none, or still enrols. */
export function sealOf(enroller: string, { enrolment }: Root): string | undefined {
  return enrolment.retired.includes(enroller) ? enrolment.sealed?.get(enroller) : undefined
}

/**
 * Whether a statement that counted once goes on under this root. Of a retired key it does until the sealed one is here: nobody
 * comes back in between.
 */
export function stillCounts({ signed }: StatementDocument, root: Root): boolean {
  const listed = root.roles.enrol.keyIds.includes(signed.enroller) || sealOf(signed.enroller, root) !== undefined
  return listed && signed.epoch === root.enrolment.epoch
}

/** Whether the statement revokes this membership, under a root that lists its key. */
export function revokes({ signed }: StatementDocument, { claims, invite }: Membership, root: Root): boolean {
  if (!signed.nodes.has(claims.node) && !signed.invites.has(invite.hash)) return false
  return within(invite.signed.zone, zoneOf(signed, root))
}

/** Whether the statement revokes the node in this zone; of a node whose zone is not known only a key for the whole mesh can say so. */
export function namesNode({ signed }: StatementDocument, node: NodeId, zone: string | undefined, root: Root): boolean {
  return signed.nodes.has(node) && within(zone ?? '/', zoneOf(signed, root))
}

/** Until when the statement prolongs this membership; undefined when it does not. */
export function extendedTo({ signed }: StatementDocument, membership: Membership, root: Root): Millis | undefined {
  const { hash, signed: grant } = membership.invite
  if (signed.extensions.length === 0 || !within(grant.zone, zoneOf(signed, root))) return undefined
  const fitting = signed.extensions.filter((one) =>
    one.zone === undefined ? one.invite === hash : within(grant.zone, one.zone),
  )
  return fitting.length === 0 ? undefined : Math.max(...fitting.map(({ until }) => until))
}

/** The policies of the statement that concern a node of this leaf zone. */
export function policiesFor({ signed }: StatementDocument, zone: string, root: Root): readonly Policy[] {
  if (signed.policies.length === 0 || !within(zone, zoneOf(signed, root))) return []
  return signed.policies.filter((policy) => within(zone, policy.zone))
}

/** The zone that a key is confined to. */
function zoneOf({ enroller }: Statement, { enrolment }: Root): string {
  return enrolment.zones.get(enroller) ?? '/'
}
