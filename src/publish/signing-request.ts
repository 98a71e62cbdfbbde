// Signing by several key holders, one after the other: a request is made where the mesh's documents are, gets a signature on each key
// holder's machine, and is handed in when it has enough. Works offline, and for every kind of document that a role signs.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY } from '../core/limits.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { TargetsDocument } from '../core/trust/documents.ts'
import type { RotationDocument } from '../core/trust/rotations.ts'
import { parseAnnouncement } from '../wire/announcement.ts'
import { canonicalBytes, type Json, type JsonObject, jsonOf } from '../wire/canonical.ts'
import { dateText } from '../wire/fields.ts'
import { parseRoot } from '../wire/root.ts'
import { encodeSigned, type Signatory } from '../wire/signed.ts'
import { encodeRequest, parseRequest, type RequestFile } from '../wire/signing-request.ts'
import { parseTargets } from '../wire/targets.ts'
import { addedRotation, judgeRequest, type Quorum, type SigningRequest, shortKey, turnOf } from './judge-request.ts'
import type { Mesh } from './mesh.ts'

export { encodeRequest } from '../wire/signing-request.ts'
export type { Quorum, SigningRequest } from './judge-request.ts'
export { shortKey } from './judge-request.ts'

/** What is to be signed: its `signed` part, and what it is judged and compared with. */
export type Draft =
  | {
      kind: 'announcement'
      signed: JsonObject
      targets: TargetsDocument
      /** The announcement that it takes the place of, when there is one of the role's epoch. */
      previous: AnnouncementDocument | undefined
    }
  | { kind: 'targets'; signed: JsonObject; previous: TargetsDocument | undefined }
  | { kind: 'root'; signed: JsonObject }

/**
 * A request without any signature, judged as every key holder will judge it.
 * @param now wall time in ms.
 * @throws Failure E_REQUEST (it would not hold, or has expired), E_DOCUMENT (not well formed)
 */
export function makeRequest(mesh: Pick<Mesh, 'root' | 'roots'>, draft: Draft, now: Millis): SigningRequest {
  const raw = encodeSigned(draft.signed, [])
  const { roots, root } = mesh
  const request = judgeRequest(
    draft.kind === 'announcement'
      ? { ...draft, document: parseAnnouncement(raw), roots }
      : draft.kind === 'targets'
        ? { ...draft, document: parseTargets(raw), roots, targets: undefined }
        : { ...draft, document: parseRoot(raw), previous: root, roots, targets: undefined },
  )
  requireCurrent(request, now)
  return readRequest(encodeRequest(request), 'the request')
}

/**
 * Reads a request and judges all of it.
 * @param name what it is called in the failure, such as its path.
 * @throws Failure E_REQUEST: it is damaged, or was altered.
 */
export function readRequest(bytes: Uint8Array, name: string): SigningRequest {
  try {
    return judgeRequest(parseRequest(bytes))
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause
    const problem = cause.message.replace(/^The /, 'the ').replace(/\.$/, '')
    const advice = 'get it again from whoever prepared it'
    throw new Failure('E_REQUEST', `${name} is damaged or was altered (${problem}): ${advice}`, { cause })
  }
}

/**
 * Refuses what the key with this id cannot sign, before it is unlocked.
 * @param now wall time in ms, of a clock that may be wrong.
 * @throws Failure E_KEY (not a key of the role, or it has signed already), E_REQUEST (something has expired)
 */
export function requireSigner(request: SigningRequest, keyId: string, now: Millis): void {
  requireCurrent(request, now)
  const turn = turnOf(request)
  const own = turn.filter(({ keyIds }) => keyIds.includes(keyId))
  if (own.length === 0) {
    const wanted = [...new Set(turn.flatMap(({ keyIds }) => keyIds))].map(shortKey).join(', ')
    const names = turn.map(({ name }) => name).join(' or ')
    throw new Failure('E_KEY', `the key ${shortKey(keyId)} is not one of ${names}: sign with one of ${wanted}`)
  }
  if (own.every(({ signed }) => signed.includes(keyId)))
    throw new Failure('E_KEY', `the key ${shortKey(keyId)} has signed it already: ${nextText(request)}`)
}

/**
 * The request with one more signature. Of a role that changes its own keys the rotation is signed first; who has one of the new keys
 * as well, and completes the rotation, signs the announcement in the same step.
 * @throws Failure as requireSigner; E_PASSPHRASE: the key is locked
 */
export function addSignature(request: SigningRequest, key: Signatory, now: Millis): SigningRequest {
  requireSigner(request, key.keyId, now)
  const rotation = addedRotation(request)
  const isFirst = rotation !== undefined && turnOf(request)[0] === request.quorums[0]
  if (!isFirst) return signDocument(request, key)
  const signed = signRotation(request, rotation, key)
  const isTheirs = turnOf(signed).some(
    ({ name, keyIds }) => name !== request.quorums[0]?.name && keyIds.includes(key.keyId),
  )
  return isTheirs ? signDocument(signed, key) : signed
}

/** The announcement with one signature more in its last rotation. */
function signRotation(request: SigningRequest, rotation: RotationDocument, key: Signatory): SigningRequest {
  const signed = jsonOf(request.document.signedBytes)
  const [added] = jsonOf(encodeSigned(jsonOf(rotation.signedBytes), [key])).signatures as JsonObject[]
  const { signatures, ...statement } = jsonOf(rotation.raw)
  const all = [...(signatures as JsonObject[]), added as JsonObject].sort(byKeyId)
  const rotations = [...(signed.rotations as JsonObject[]).slice(0, -1), { ...statement, signatures: all }]
  const document = parseAnnouncement(encodeSigned({ ...signed, rotations }, []))
  return judgeRequest({ ...request, document } as RequestFile)
}

function signDocument(request: SigningRequest, key: Signatory): SigningRequest {
  const { document } = request
  const [added] = jsonOf(encodeSigned(jsonOf(document.signedBytes), [key])).signatures as JsonObject[]
  const signatures = [...(jsonOf(document.raw).signatures as JsonObject[]), added as JsonObject]
  return judgeRequest(withSignatures(request, signatures))
}

const byKeyId = (a: JsonObject, b: JsonObject) => (String(a.keyid) < String(b.keyid) ? -1 : 1)

function withSignatures(request: SigningRequest, signatures: JsonObject[]): RequestFile {
  signatures.sort(byKeyId)
  const raw = canonicalBytes({ signed: jsonOf(request.document.signedBytes), signatures } as Json)
  if (request.kind === 'announcement') return { ...request, document: parseAnnouncement(raw) }
  return request.kind === 'targets'
    ? { ...request, document: parseTargets(raw) }
    : { ...request, document: parseRoot(raw) }
}

/** A quorum that is not reached. */
export interface Missing extends Quorum {
  /** Signatures that are still needed. */
  count: number
  /** The keys of which so many have to sign. */
  of: readonly string[]
}

/** Every quorum that is not reached yet; none when the document is complete. */
export function missingSignatures({ quorums }: Pick<SigningRequest, 'quorums'>): Missing[] {
  return quorums
    .map((quorum) => ({
      ...quorum,
      count: quorum.threshold - quorum.signed.length,
      of: quorum.keyIds.filter((keyId) => !quorum.signed.includes(keyId)),
    }))
    .filter(({ count }) => count > 0)
}

/** @throws Failure E_SIGNATURES: how many are missing, and whose. `name` is what the request is called. */
export function requireComplete(request: SigningRequest, name: string): void {
  if (missingSignatures(request).length === 0) return
  throw new Failure('E_SIGNATURES', `${name} has not enough signatures: ${nextText(request)}`)
}

/** `1 more of the role "acme" is needed, by one of the keys 0f3a..., 77ab...`. */
export function nextText(request: Pick<SigningRequest, 'quorums'>): string {
  const missing = missingSignatures(request).map(({ name, count, of }) => {
    const keys = `${of.length === 1 ? 'by the key' : `by ${count === 1 ? 'one' : count} of the keys`} ${of.map(shortKey).join(', ')}`
    return `${count} more of ${name} ${count === 1 ? 'is' : 'are'} needed, ${keys}`
  })
  return missing.length === 0 ? 'all signatures are there' : missing.join('; ')
}

/**
 * Refuses what no node would act upon, and what cannot be renewed by signing this. A root renews one that has expired, and so do targets.
 * @throws Failure E_REQUEST
 */
export function requireCurrent(request: SigningRequest, now: Millis): void {
  const { kind, document, root, targets } = request
  if (kind === 'root') requireIssued(document.signed.issued, root.signed.issued, now)
  const parts: [string, Millis | undefined, string][] = [
    ['it', document.signed.expires, 'prepare a new one'],
    ['the root document', kind === 'root' ? undefined : root.signed.expires, 'renew that first'],
    ['the targets document', targets?.signed.expires, 'renew that first'],
  ]
  for (const [what, expires, advice] of parts)
    if (expires !== undefined && expires <= now)
      throw new Failure(
        'E_REQUEST',
        `the request cannot be signed: ${what} expired on ${dateText(expires).slice(0, 10)}; ${advice}, or set this machine's clock if it is wrong`,
      )
}

/** A root that a wrong clock dated would end every update (clause CLOCK 1). @throws Failure E_REQUEST */
function requireIssued(issued: Millis, before: Millis, now: Millis): void {
  const refused = (problem: string) => new Failure('E_REQUEST', `the request cannot be signed: ${problem}`)
  const date = dateText(issued)
  if (issued < before)
    throw refused(
      `its root was issued on ${date}, before the one that it follows (${dateText(before)}): prepare it again`,
    )
  if (issued > now + DAY)
    throw refused(
      `its root was issued on ${date}, and the clock of this machine says ${dateText(now)}: set the clock, or prepare it again where the clock is right`,
    )
}
