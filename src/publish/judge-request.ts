// Whether a signing request is what it says, found out from the file alone: the roots lead from the mesh to the newest one, the targets
// hold under it, what came before is validly signed, and every signature covers exactly what is to be signed by a key that counts.

import { sameBytes } from '../core/bytes.ts'
import { Failure } from '../core/failure.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { RoleKeys, RootDocument, Signed, TargetsDocument } from '../core/trust/documents.ts'
import { covers } from '../core/trust/paths.ts'
import { epochOf, targetsHold, walkRoots } from '../core/trust/roots.ts'
import { isTombstone, type RotationDocument, type Signers, signersAfter } from '../core/trust/rotations.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import type { RequestFile } from '../wire/signing-request.ts'
import { isSignedUnder } from './delegations.ts'

/** Keys of which so many have to sign. */
export interface Quorum {
  /** In the middle of a sentence: `the role "acme"`. */
  name: string
  keyIds: readonly string[]
  threshold: number
  /** Those of `keyIds` that have signed. */
  signed: readonly string[]
}

/** A signing request that holds. */
export type SigningRequest = RequestFile & {
  /** Hex mesh id. */
  mesh: string
  /** The newest of the request. */
  root: RootDocument
  /** All of them are needed: a root has that of the root before it, and its own. */
  quorums: readonly Quorum[]
}

const env = { verifyStrict }

/** Judges what was parsed. @throws Failure E_REQUEST: what does not hold, in the middle of a sentence. */
export function judgeRequest(file: RequestFile): SigningRequest {
  const mesh = file.roots[0]?.hash ?? ''
  const { root, problem } = walkRoots(undefined, file.roots, { mesh }, env)
  if (root === undefined || problem !== undefined) throw wrong(`its roots do not hold (${problem})`)
  if (file.roots.some(({ signed }, at) => signed.version !== at + 1)) throw wrong('its roots are not in order')
  const allowed = judgeSubject(file, mesh, root)
  const quorums = allowed.map(({ name, role, subject }) => {
    const together = allowed.filter((one) => one.subject === subject)
    const signers = signersOf(subject ?? file.document, together)
    const signed = role.keyIds.filter((keyId) => signers.has(keyId))
    return { name, keyIds: role.keyIds, threshold: role.threshold, signed }
  })
  const [first, next] = quorums
  if (addedRotation(file) !== undefined && next !== undefined && first !== undefined)
    if (first.signed.length < first.threshold && file.document.signatures.length > 0)
      throw wrong(`it is signed already by those who come, and not yet by ${first.name}`)
  return { ...file, mesh, root, quorums }
}

interface Allowed {
  name: string
  /** What they sign; undefined: the document. */
  subject?: RotationDocument
  role: RoleKeys
  keys: ReadonlyMap<string, Uint8Array>
}

/** Whose signatures count for it. @throws Failure E_REQUEST */
function judgeSubject(file: RequestFile, mesh: string, root: RootDocument): Allowed[] {
  if (file.kind === 'root') {
    const next = root.signed.version + 1
    if (file.document.signed.version !== next)
      throw wrong(`its root has version ${file.document.signed.version}, and ${next} is the next one`)
    return [rootQuorum(root), rootQuorum(file.document)]
  }
  if (file.kind === 'targets') requireEpoch(file.document, root)
  const before = isEpochOver(file) ? 0 : (file.previous?.signed.version ?? 0)
  if (file.document.signed.version <= before) throw wrong(`its version is not above ${before}, the one before it`)
  const { keys, roles } = root.signed
  if (file.kind === 'announcement') return judgeAnnouncement(file, mesh, root)
  if (file.previous !== undefined && !file.roots.some((one) => isTargets(file.previous, one)))
    throw wrong('the targets document before it is not signed by this mesh')
  return [{ name: 'the role "targets"', role: roles.targets, keys }]
}

/** @throws Failure E_REQUEST */
function requireEpoch({ signed }: TargetsDocument, { signed: { targetsEpoch = 1 } }: RootDocument): void {
  const epoch = epochOf(signed)
  if (epoch !== targetsEpoch)
    throw wrong(`it is of epoch ${epoch}, and the root is in epoch ${targetsEpoch} of targets`)
}

/** Versions of targets begin anew with each epoch. */
function isEpochOver({ kind, document, previous }: RequestFile): boolean {
  return kind === 'targets' && previous !== undefined && epochOf(previous.signed) < epochOf(document.signed)
}

function rootQuorum({ signed }: RootDocument): Allowed {
  return { name: `the root keys of version ${signed.version}`, role: signed.roles.root, keys: signed.keys }
}

function isTargets(targets: TargetsDocument | undefined, { signed }: RootDocument): boolean {
  return targets !== undefined && targetsHold(targets, signed, env)
}

function judgeAnnouncement(
  { document, previous, targets }: Extract<RequestFile, { kind: 'announcement' }>,
  mesh: string,
  root: RootDocument,
): Allowed[] {
  if (targets === undefined || !isTargets(targets, root)) throw wrong('its targets document is not signed by this mesh')
  const { signed } = document
  const role = targets.signed.roles.find(({ name }) => name === signed.role)
  if (role === undefined) throw wrong(`its targets document has no role "${signed.role}"`)
  for (const one of [document, previous])
    if (one !== undefined && (one.signed.mesh !== mesh || one.signed.role !== role.name))
      throw wrong('it is for another mesh or role than the documents with it')
  if (signed.epoch !== role.epoch) throw wrong(`it is of epoch ${signed.epoch}, and the role is in epoch ${role.epoch}`)
  const outside = signed.releases.find(({ path }) => !covers(role, path))
  if (outside !== undefined) throw wrong(`the role "${role.name}" may not announce "${outside.path}"`)
  if (previous !== undefined && !isSignedUnder(previous, targets.signed))
    throw wrong('the announcement before it is not signed by its role')
  return quorumsOf({ document, previous }, { ...role, keys: targets.signed.keys })
}

type Pair = { document: AnnouncementDocument; previous: AnnouncementDocument | undefined }

/** One that changes the keys of its role is signed twice: the rotation in it by those who have the keys now, then all of it by those who come. */
function quorumsOf({ document, previous }: Pair, delegated: Signers & { name: string }): Allowed[] {
  const before = previous?.signed.rotations ?? []
  const after = document.signed.rotations ?? []
  const isKept = before.every(({ raw }, at) => sameBytes(after[at]?.raw ?? new Uint8Array(), raw))
  if (!isKept || after.length > before.length + 1) throw wrong('its rotations do not follow those before it')
  const added = after[before.length]
  const name = `the role "${delegated.name}"`
  const all = (signers: Signers, name: string, subject?: RotationDocument): Allowed => ({
    ...{ name, role: signers, keys: signers.keys },
    ...(subject === undefined ? {} : { subject }),
  })
  const now = signersAfter(delegated, before)
  if (added === undefined || isTombstone(added.signed)) return [all(now, name)]
  return [all(now, `${name} as it is now`, added), all(added.signed, `${name} as it will be`)]
}

/** The rotation that an announcement adds and that has signatures of its own: those come first. */
export function addedRotation(file: RequestFile): RotationDocument | undefined {
  if (file.kind !== 'announcement') return undefined
  const added = (file.document.signed.rotations ?? [])[file.previous?.signed.rotations?.length ?? 0]
  return added === undefined || isTombstone(added.signed) ? undefined : added
}

/** The quorums whose turn it is to sign: all of them, but for a change of a role's own keys. */
export function turnOf(request: SigningRequest): readonly Quorum[] {
  const [first, ...others] = request.quorums
  if (first === undefined || addedRotation(request) === undefined) return request.quorums
  return first.signed.length < first.threshold ? [first] : others
}

/** Keyids of the signatures, each of which must be good: one that is not proves that something was changed. */
function signersOf({ signatures, signedBytes }: Signed<unknown>, allowed: readonly Allowed[]): Set<string> {
  for (const { keyId, signature } of signatures) {
    const key = allowed.find(({ role }) => role.keyIds.includes(keyId))?.keys.get(keyId)
    if (key === undefined) throw wrong(`it is signed by ${shortKey(keyId)}, which is no key of ${allowed[0]?.name}`)
    if (!verifyStrict(key, signedBytes, signature))
      throw wrong(`the signature of ${shortKey(keyId)} does not cover what is to be signed: it was altered since`)
  }
  return new Set(signatures.map(({ keyId }) => keyId))
}

/** As much of a keyid as a person compares: 64 bits. */
export function shortKey(keyId: string): string {
  return keyId.slice(0, 16)
}

const wrong = (problem: string) => new Failure('E_REQUEST', problem)
