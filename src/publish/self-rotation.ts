// A publisher's role changes its own keys, or ends itself, without the owner of the mesh (clause ROTATION): the next announcement says
// the same of every release, and carries one rotation more. Whatever would leave the role without enough keys is refused before that.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { Delegation, TargetsDocument } from '../core/trust/documents.ts'
import { isTombstone, type Rotation } from '../core/trust/rotations.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { withRotations } from '../wire/announcement.ts'
import { unsignedRotation } from '../wire/rotation.ts'
import { shortKey, turnOf } from './judge-request.ts'
import type { Mesh } from './mesh.ts'
import { type Frame, nextFrame, type PeerHolds, requireFitting } from './next-announcement.ts'
import { publisherNamed } from './next-targets.ts'
import { changedKeys, type KeysChange, keyNamed, readPublics } from './role-keys.ts'
import { makeRequest, nextText, type SigningRequest } from './signing-request.ts'

/** What the role does: other keys or another threshold, or its end. Keys as a person names them. */
export interface SelfRotation {
  role: string
  out: readonly string[]
  in: readonly string[]
  threshold?: number | undefined
  end: boolean
}

const COMMAND = 'trust rotate-self'

/**
 * The announcement that changes the keys, as a request without any signature.
 * @param now wall time in ms.
 * @throws Failure E_ROLE (no such role, too few keys, ended, no room), E_KEY (a key twice, unknown, or one that went before), E_STATE, E_ANNOUNCEMENT
 */
export function draftSelfRotation(
  mesh: Mesh,
  held: PeerHolds,
  wanted: SelfRotation,
  now: Millis,
): { request: SigningRequest; frame: Frame } {
  const { frame, chosen } = nextFrame(mesh, held, { now }, (targets) => ({
    role: publisherNamed(targets.signed, wanted.role),
    signing: targets,
  }))
  const { previous, terms, targets, role } = frame
  const before = previous?.signed.rotations ?? []
  const next = wanted.end ? NOBODY : nextSigners(mesh, { chosen, frame }, wanted)
  const { name, epoch } = role
  if (before.length >= limits.rotations - (wanted.end ? 0 : 1)) throw tooMany(name)
  const rotation: Rotation = { mesh: mesh.id, role: name, epoch, number: before.length + 1, ...next }
  const signed = withRotations(previous, terms, [...before, unsignedRotation(rotation)])
  requireFitting(signed, { role: { ...role, threshold: role.threshold + next.threshold }, previous }, undefined)
  return { frame, request: makeRequest(mesh, { kind: 'announcement', signed, targets, previous }, now) }
}

const NOBODY = { keys: new Map<string, Uint8Array>(), keyIds: [], threshold: 0 }

function nextSigners(
  { dir }: Mesh,
  { chosen: { role, signing }, frame }: { chosen: { role: Delegation; signing: TargetsDocument }; frame: Frame },
  wanted: SelfRotation,
): Pick<Rotation, 'keys' | 'keyIds' | 'threshold'> {
  const gone = wanted.out.map((text) => keyNamed(dir, text, { name: `the role "${role.name}"`, keyIds: role.keyIds }))
  const change: KeysChange = { out: [...new Set(gone)], in: readPublics(dir, wanted.in), threshold: wanted.threshold }
  const next = changedKeys(role.name, role, change, COMMAND)
  if (change.out.length + change.in.length === 0 && next.threshold === role.threshold)
    throw new Failure(
      'E_USAGE',
      `the role "${role.name}" needs ${role.threshold} of these keys already: nothing changes`,
    )
  const retired = retiredKeys(frame, role)
  const again = change.in.find(({ keyId }) => retired.has(keyId))
  if (again !== undefined)
    throw new Failure(
      'E_KEY',
      `the key ${shortKey(again.keyId)} was taken out of the role "${role.name}" before, and does not come back: name a new one`,
    )
  const all = new Map([...signing.signed.keys, ...change.in.map(({ keyId, publicKey }) => [keyId, publicKey] as const)])
  return { ...next, keys: new Map(next.keyIds.map((keyId) => [keyId, all.get(keyId) as Uint8Array])) }
}

/** Keys that the role had in this epoch and has no more. */
function retiredKeys({ targets, previous }: Frame, now: Delegation): Set<string> {
  const delegated = targets.signed.roles.find(({ name }) => name === now.name)
  const rotations = previous?.signed.rotations ?? []
  const had = [delegated?.keyIds ?? [], ...rotations.map(({ signed }) => signed.keyIds)].flat()
  return new Set(had.filter((keyId) => !now.keyIds.includes(keyId)))
}

const tooMany = (name: string) =>
  new Failure(
    'E_ROLE',
    `the role "${name}" has changed its keys ${limits.rotations - 1} times in this epoch, and can only end itself now: the mesh's owner can give it a new epoch with "pimesh trust rotate ${name} --raise-epoch"`,
  )

/**
 * The keys among those that are here which sign in their turn, one after the other: `sign` returns the request with the signature of one.
 * @throws Failure E_SIGNATURES: how many are missing, and whose; what `sign` throws
 */
export async function signInTurn(
  request: SigningRequest,
  keys: readonly KeyFile[],
  sign: (request: SigningRequest, key: KeyFile) => Promise<SigningRequest>,
): Promise<AnnouncementDocument> {
  requireKeys(request, keys)
  let signed = request
  for (;;) {
    const [quorum] = turnOf(signed).filter(({ signed: by, threshold }) => by.length < threshold)
    if (quorum === undefined) return signed.document as AnnouncementDocument
    const fits = (key: KeyFile) => quorum.keyIds.includes(key.keyId) && !quorum.signed.includes(key.keyId)
    signed = await sign(signed, keys.find(fits) as KeyFile)
  }
}

/** Whether the keys are enough for every quorum, before one of them is unlocked. @throws Failure E_SIGNATURES */
export function requireKeys(request: SigningRequest, keys: readonly KeyFile[]): void {
  const here = request.quorums.map((quorum) => ({
    ...quorum,
    signed: quorum.keyIds.filter((keyId) => keys.some((key) => key.keyId === keyId)),
  }))
  if (here.every(({ signed, threshold }) => signed.length >= threshold)) return
  const advice = 'name their files with --key FILE, or prepare it for their holders with --prepare OUT'
  throw new Failure('E_SIGNATURES', `the keys that are here are too few: ${nextText({ quorums: here })}; ${advice}`)
}

/** What is so once the request is in force, as far as it changes who signs: for a person. */
export function rotationLines(request: SigningRequest): string[] {
  if (request.kind !== 'announcement') return []
  const { role, rotation = 0, rotations = [] } = request.document.signed
  const last = rotations.at(-1)?.signed
  if (last === undefined || rotation === (request.previous?.signed.rotation ?? 0)) return []
  if (isTombstone(last))
    return [
      `the role "${role}" has ended: nothing that it announced counts any more, and nobody announces anything for it`,
    ]
  const keys = last.keyIds.map(shortKey).join(', ')
  return [`the role "${role}" has other keys: ${last.threshold} of ${last.keyIds.length} sign from now on, ${keys}`]
}
