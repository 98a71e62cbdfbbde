// What a stick brings to `sign`, `publish --submit` and `trust check`: a request is shown and signed only when all of its documents
// hold, what is shown as signed was signed, and nothing is complete, nor handed in, that too few have signed.
import { limits } from '../../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../../src/core/trust/announcement.ts'
import type { Signed } from '../../../src/core/trust/documents.ts'
import { describeRequest } from '../../../src/publish/describe-request.ts'
import {
  addSignature,
  missingSignatures,
  nextText,
  readRequest,
  requireComplete,
  type SigningRequest,
} from '../../../src/publish/signing-request.ts'
import { checkSubmission, requireAnnouncement } from '../../../src/publish/submission.ts'
import { parseAnnouncement } from '../../../src/wire/announcement.ts'
import { canonicalBytes, type Json, type JsonObject, jsonOf } from '../../../src/wire/canonical.ts'
import { encodeSigned, sha256Hex } from '../../../src/wire/signed.ts'
import { encodeRequest, type RequestFile } from '../../../src/wire/signing-request.ts'
import { keyOf, NOW } from '../../fixtures/documents.ts'
import type { Prng } from '../../sim/prng.ts'
import { type Target, Violation } from '../fuzzer.ts'
import { bytesOf, changeBytes, changeJson, hugeBytes, nudgeJson, wide } from '../mutate.ts'
import { ANNOUNCEMENTS, env, IN_FORCE, MESH, parsed, ROOTS, resigned, TARGETS } from './genuine.ts'

const SIGNED: readonly Signed<unknown>[] = [...ROOTS, ...TARGETS, ...ANNOUNCEMENTS]
const GENUINE = new Set(SIGNED.map(({ hash }) => hash))
const KEYS = new Map(
  ['r1', 'r2', 'r3', 'r4', 't1', 't2', 't3', 'p1', 'p2', 'p3', 'q1', 'q2', 'stranger', 'thief']
    .map(keyOf)
    .map(({ keyId, publicKey }) => [keyId, publicKey]),
)

/** The announcement with the signatures of these only. */
function signedBy(document: AnnouncementDocument, by: string[]): AnnouncementDocument {
  return parseAnnouncement(encodeSigned(jsonOf(document.signedBytes), by.map(keyOf)))
}

/** Under the first root, since each signature is checked, and none of those checks is remembered. */
const parts = { kind: 'announcement', roots: [ROOTS[0]], targets: IN_FORCE } as const
const REQUESTS: readonly RequestFile[] = [
  { ...parts, document: signedBy(ANNOUNCEMENTS[1], []), previous: ANNOUNCEMENTS[0] },
  { ...parts, document: signedBy(ANNOUNCEMENTS[1], ['p2']), previous: ANNOUNCEMENTS[0] },
  { ...parts, document: ANNOUNCEMENTS[1], previous: ANNOUNCEMENTS[0] },
  { ...parts, document: ANNOUNCEMENTS[0], previous: undefined },
  { kind: 'targets', roots: ROOTS.slice(0, 2), targets: undefined, document: TARGETS[2], previous: IN_FORCE },
  { kind: 'root', roots: ROOTS.slice(0, 2), targets: undefined, document: ROOTS[2], previous: ROOTS[1] },
]
const FILES = REQUESTS.map(encodeRequest)
const CONTENTS = FILES.map((file) => {
  const { sha256: _, ...content } = jsonOf(file)
  return content
})

/** With its right hash, so that what is inside is read; as it is when it has no canonical form. */
function sealed(chance: Prng, content: Json): Uint8Array {
  const bytes = parsed(() => canonicalBytes(content))
  if (!('value' in bytes) || content === null || typeof content !== 'object' || Array.isArray(content))
    return bytesOf(chance, content)
  return bytesOf(chance, { ...content, sha256: sha256Hex(bytes.value) })
}

/** One document of the request is changed, and mostly signed anew by too few. */
function tampered(chance: Prng, content: JsonObject): JsonObject {
  const root = chance.int(0, (content.roots as Json[]).length - 1)
  const name = chance.pick(['document', 'document', 'previous', 'targets', 'roots']) as string
  const change = (document: Json | undefined): Json => {
    const changed = nudgeJson(chance, document ?? null)
    return chance.chance(0.7) ? resigned(chance, changed) : changed
  }
  if (name !== 'roots') return content[name] === undefined ? content : { ...content, [name]: change(content[name]) }
  return { ...content, roots: (content.roots as Json[]).map((one, at) => (at === root ? change(one) : one)) }
}

function generate(chance: Prng): Uint8Array {
  const [one, other] = [chance.int(0, FILES.length - 1), chance.int(0, FILES.length - 1)]
  const way = chance.real()
  if (way < 0.02) return FILES[one] as Uint8Array
  if (way < 0.12) return changeBytes(chance, FILES[one] as Uint8Array, FILES[other] as Uint8Array)
  // A request may be much larger than other documents: to be refused it needs more values than may be, and not its full length.
  if (way < 0.125) return hugeBytes(chance, limits.announcementBytes / 4)
  if (way < 0.13) return Buffer.from(wide(chance, limits.signingRequestBytes / 4))
  let content: Json = CONTENTS[one] as JsonObject
  const isTampered = chance.chance(0.6)
  for (let times = chance.pick([1, 1, 2]) as number; times > 0; times--)
    content = isTampered
      ? tampered(chance, content as JsonObject)
      : changeJson(chance, content, CONTENTS[other] as Json)
  return sealed(chance, content)
}

/** Throws when a request holds of which not every part was signed by whom it says. */
function check(request: SigningRequest): void {
  const { document, roots, targets, previous, quorums } = request
  for (const one of [...roots, targets, previous])
    if (one !== undefined && !GENUINE.has(one.hash))
      throw new Violation('a request holds by a document that nobody signed')
  for (const keyId of quorums.flatMap(({ signed }) => signed)) {
    const key = KEYS.get(keyId)
    const covers = ({ keyId: by, signature }: { keyId: string; signature: Uint8Array }) =>
      by === keyId && key !== undefined && env.verifyStrict(key, document.signedBytes, signature)
    if (!document.signatures.some(covers)) throw new Violation('a signature is shown that nobody made')
  }
  if (missingSignatures(request).length === 0 && !GENUINE.has(document.hash))
    throw new Violation('a request is complete that too few have signed')
  const { title, facts, notes } = describeRequest(request)
  if (`${title}${facts.join()}${notes.join()}${nextText(request)}`.length > 100_000)
    throw new Violation('what a person has to read is longer than a book')
}

/** What two peers hold: one that knows the mesh, and one that is new in it. */
const HELD = {
  targets: Buffer.from(IN_FORCE.raw).toString(),
  roles: [{ role: 'acme', frozen: false, announcement: Buffer.from(ANNOUNCEMENTS[0].raw).toString() }],
  counters: { 'acme/agent': 1 },
}
const EMPTY = { targets: null, roles: [], counters: {} }

/** Signs it as p2 would, and hands it in: what is signed stays what it was. */
function signAndSubmit(request: SigningRequest): string {
  const signed = parsed(() => addSignature(request, keyOf('p2'), NOW))
  if ('value' in signed && signed.value.document.hash !== request.document.hash)
    throw new Violation('signing changes what is signed')
  const complete = parsed(() => requireComplete(request, 'it'))
  const submitted = [HELD, EMPTY].map((held) => parsed(() => checkSubmission(requireAnnouncement(request, 'it'), held)))
  const isTaken = submitted.some((one) => 'value' in one)
  if (isTaken && 'code' in complete) throw new Violation('what is not complete is handed in')
  if (isTaken) return 'accepted'
  return 'value' in complete ? 'complete' : 'waiting'
}

export const requestTarget: Target = {
  name: 'request',
  generate,
  run(input) {
    const outcome = parsed(() => readRequest(input, 'it'))
    if ('code' in outcome) {
      if (outcome.code !== 'E_REQUEST') throw new Violation(`a request is refused with ${outcome.code}`)
      return outcome.code
    }
    const request = outcome.value
    if (!Buffer.from(encodeRequest(request)).equals(input))
      throw new Violation('the request that was read is not what came')
    // A stranger's own mesh is no lie: its id is shown, and compared.
    if (request.mesh !== MESH) return 'another mesh'
    check(request)
    return signAndSubmit(request)
  },
}
