// A release, signed: one path of a role's announcement is replaced, everything else in it stays. Works offline. Whatever can be
// refused is refused before anything is encoded, and what was signed is judged here as every node will judge it.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY, limits } from '../core/limits.ts'
import { ENCODING_BYTES_MAX } from '../core/swarm/pieces.ts'
import type { AnnouncementDocument, Encoding, InstallerSpec, Release } from '../core/trust/announcement.ts'
import type { Delegation, TargetsDocument } from '../core/trust/documents.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { parseAnnouncement, withRelease } from '../wire/announcement.ts'
import type { JsonObject } from '../wire/canonical.ts'
import { INTEGER_MAX } from '../wire/fields.ts'
import { fileProblem, pathProblem, versionProblem } from '../wire/release.ts'
import { requireSelector } from '../wire/selector.ts'
import { encodeSigned } from '../wire/signed.ts'
import { isSignedUnder, meshTargets } from './delegations.ts'
import type { Mesh } from './mesh.ts'
import { requiredHashes, requiredNotes } from './named-release.ts'
import { type Frame, nextFrame, type PeerHolds, requireFitting, signingNow } from './next-announcement.ts'
import { chooseRole, namedRole, publisherKeys } from './publisher.ts'

/** What a publisher asks for. */
export interface ReleaseRequest {
  path: string
  /** A label; the counter when undefined. */
  version?: string | undefined
  /** One more than the highest that is known when undefined. */
  counter?: number | undefined
  /** The selector. */
  to: string
  installer: InstallerSpec
  /** A key file; the keys in the mesh folder when undefined. */
  keyFile?: string | undefined
  /** Milliseconds until the announcement expires; default limits.announcementLifetime. */
  lifetime?: Millis | undefined
  /** Multiaddrs with /p2p/ID of members that have it first. */
  origin?: readonly string[] | undefined
  /** Releases that its role announces already, by path, path@version or the beginning of the hash. */
  requires?: readonly string[] | undefined
  /** How many patches it may come to have. */
  patches?: number | undefined
}

export type { PeerHolds } from './next-announcement.ts'

/** All that is decided before the artifact is encoded, whoever signs. */
export interface ReleaseDraft extends Frame {
  request: ReleaseRequest
  counter: number
  version: string
  /** Hashes of the releases that it requires. */
  requires: readonly string[]
}

/** A draft that is signed on this machine. */
export interface ReleasePlan extends ReleaseDraft {
  /** Signs it; to be unlocked before. */
  key: KeyFile
}

export interface SignedRelease {
  document: AnnouncementDocument
  release: Release
}

/** Refuses what is wrong in any mesh. @throws Failure E_USAGE, E_SELECTOR */
export function checkWords(request: ReleaseRequest): void {
  requireWords(request)
  requireSelector(request.to)
}

/**
 * Refuses what is wrong by what the folder knows. @throws Failure as checkWords; E_PATH, E_STATE; E_KEY: a peer may know that the role gave
 * itself other keys since
 */
export function checkRequest(mesh: Mesh, request: ReleaseRequest): void {
  checkWords(request)
  const { signed } = signingNow(mesh, meshTargets(mesh), NOTHING)
  chooseRole(signed, request.path, publisherKeys(mesh, request.keyFile), [])
}

/** No peer was asked. */
const NOTHING: PeerHolds = { targets: null, roles: [], counters: {} }

/** The same for what others sign; `role` as in planDraft. @throws Failure as checkWords; E_PATH, E_KEY, E_STATE */
export function checkDraft(mesh: Mesh, request: ReleaseRequest, role: string | undefined): void {
  checkWords(request)
  namedRole(meshTargets(mesh).signed, request.path, role, [])
}

/**
 * Decides everything about the next announcement but the artifact.
 * @param now wall time in ms.
 * @throws Failure as checkRequest; E_COUNTER, E_ANNOUNCEMENT (too many releases, or too long)
 */
export function planRelease(mesh: Mesh, held: PeerHolds, request: ReleaseRequest, now: Millis): ReleasePlan {
  return plan(mesh, held, request, now, ({ signed }, announced) =>
    chooseRole(signed, request.path, publisherKeys(mesh, request.keyFile), announced),
  )
}

/**
 * The same for an announcement that others sign.
 * @param role the name of the role; undefined: the first that may announce the path.
 * @throws Failure as checkDraft; E_COUNTER, E_ANNOUNCEMENT
 */
export function planDraft(
  mesh: Mesh,
  held: PeerHolds,
  request: ReleaseRequest,
  { role, now }: { role: string | undefined; now: Millis },
): ReleaseDraft {
  return plan(mesh, held, request, now, ({ signed }, announced) => ({
    role: namedRole(signed, request.path, role, announced),
  }))
}

function plan<T extends { role: Delegation }>(
  mesh: Mesh,
  held: PeerHolds,
  request: ReleaseRequest,
  now: Millis,
  choose: (targets: TargetsDocument, announced: readonly string[]) => T,
): ReleaseDraft & T {
  checkWords(request)
  const { frame, known, chosen } = nextFrame(mesh, held, { ...request, now }, choose)
  const counter = nextCounter(request, [...known.all, ...known.spent], held)
  const { path } = request
  const draft = {
    ...frame,
    ...chosen,
    request,
    counter,
    version: request.version ?? String(counter),
    requires: requiredHashes(request.requires ?? [], path, frame),
    notes: [...frame.notes, ...requiredNotes(path, frame.previous, 'published')],
  }
  draftRelease(draft, placeholder(request))
  return draft
}

/** What encoding made of the artifact. */
interface Made {
  artifact: { hash: string; length: number }
  encoding: Encoding
  patches?: readonly { encoding: Encoding }[]
}

/** As long as what takes its place can be, so that what does not fit is known before a key is unlocked and anything is encoded. */
function placeholder({ patches = 0 }: ReleaseRequest): Made {
  const encoding: Encoding = {
    type: 'identity',
    hash: '1'.repeat(64),
    sha256: '3'.repeat(64),
    length: ENCODING_BYTES_MAX,
    pieceLength: limits.pieceBytesMax,
    pieceList: '2'.repeat(64),
  }
  const patch: Encoding = { ...encoding, type: 'zstd-patch', base: '4'.repeat(64) }
  return {
    artifact: { hash: '0'.repeat(64), length: ENCODING_BYTES_MAX },
    encoding,
    patches: Array.from({ length: patches }, () => ({ encoding: patch })),
  }
}

/** How many patches, at most `most`, fit into the announcement beside all that it has. */
export function roomForPatches(draft: ReleaseDraft, most: number): number {
  for (let patches = most; patches > 0; patches--) {
    try {
      draftRelease(draft, placeholder({ ...draft.request, patches }))
      return patches
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
  }
  return 0
}

/** The `signed` part of the announcement. @throws Failure E_ANNOUNCEMENT: too many releases, or too long */
export function draftRelease(draft: ReleaseDraft, { artifact, encoding, patches = [] }: Made): JsonObject {
  const { request, counter, version, requires, terms, previous } = draft
  const { path, to, installer, origin = [] } = request
  const encodings = [encoding, ...patches.map((patch) => patch.encoding)]
  const release = { counter, version, artifact, to, installer, encodings, origin, requires }
  const signed = withRelease(previous, terms, { path, release })
  requireFitting(signed, draft, path)
  return signed
}

/** Signs the announcement and judges it as a node will. @throws Failure as draftRelease; E_PASSPHRASE: the key is locked */
export function signRelease(plan: ReleasePlan, made: Made): SignedRelease {
  const { request, targets } = plan
  const document = parseAnnouncement(encodeSigned(draftRelease(plan, made), [plan.key]))
  const release = document.signed.releases.find((one) => one.path === request.path)
  if (release === undefined || !isSignedUnder(document, targets.signed))
    throw new Error('the announcement that was signed does not hold')
  return { document, release }
}

function requireWords({ path, version, installer, lifetime, counter, requires = [] }: ReleaseRequest): void {
  const wrongPath = pathProblem(path)
  if (wrongPath !== undefined) throw new Failure('E_USAGE', `"${path}" cannot name a release: ${wrongPath}`)
  const wrongVersion = version === undefined ? undefined : versionProblem(version)
  if (wrongVersion !== undefined) throw new Failure('E_USAGE', `"${version}" cannot name a version: ${wrongVersion}`)
  const wrongFile = fileProblem(installer.file)
  if (wrongFile !== undefined)
    throw new Failure(
      'E_USAGE',
      `"${installer.file}" cannot be the file's name on a node: ${wrongFile}; name it with --file`,
    )
  if (lifetime !== undefined && !(lifetime >= DAY && lifetime <= limits.lifetimeMax))
    throw new Failure('E_USAGE', `an announcement must last 1 to ${limits.lifetimeMax / DAY} days`)
  if (counter !== undefined && !(Number.isInteger(counter) && counter >= 1 && counter <= INTEGER_MAX))
    throw new Failure('E_USAGE', `a counter is a whole number from 1 to ${INTEGER_MAX}`)
  if (requires.length > limits.releaseRequires)
    throw new Failure('E_USAGE', `a release requires at most ${limits.releaseRequires} others`)
}

function nextCounter(
  { path, counter }: ReleaseRequest,
  documents: readonly AnnouncementDocument[],
  held: PeerHolds,
): number {
  const announced = documents.flatMap(({ signed }) => signed.releases.filter((release) => release.path === path))
  const accepted = Object.hasOwn(held.counters, path) ? (held.counters[path] as number) : 0
  const last = Math.max(accepted, ...announced.map((release) => release.counter))
  if (last >= INTEGER_MAX)
    throw new Failure('E_COUNTER', `${path} has used up its counters (${last}): publish it under another path`)
  if (counter === undefined || counter > last) return counter ?? last + 1
  const advice = `give ${last + 1} or more, or leave out --counter`
  throw new Failure(
    'E_COUNTER',
    `the counter ${counter} of ${path} is not newer: ${last} has been announced; ${advice}`,
  )
}
