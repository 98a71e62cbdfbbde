// A release, signed: one path of a role's announcement is replaced, everything else in it stays. Works offline. Whatever can be
// refused is refused before anything is encoded, and what was signed is judged here as every node will judge it.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY, limits } from '../core/limits.ts'
import { ENCODING_BYTES_MAX } from '../core/swarm/pieces.ts'
import type { AnnouncementDocument, Encoding, InstallerSpec, Release } from '../core/trust/announcement.ts'
import type { Delegation, TargetsDocument } from '../core/trust/documents.ts'
import { covers } from '../core/trust/paths.ts'
import { signedBy } from '../core/trust/roots.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { type AnnouncementTerms, parseAnnouncement, withRelease } from '../wire/announcement.ts'
import { canonicalBytes, type JsonObject } from '../wire/canonical.ts'
import { INTEGER_MAX } from '../wire/fields.ts'
import { fileProblem, pathProblem, versionProblem } from '../wire/release.ts'
import { requireSelector } from '../wire/selector.ts'
import { encodeSigned } from '../wire/signed.ts'
import { keptAnnouncement, meshTargets, newestTargets, validAnnouncement } from './delegations.ts'
import type { Mesh } from './mesh.ts'
import { requiredHashes, requiredNotes } from './named-release.ts'
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
}

/** What a peer of the mesh holds: canonical JSON as text. Nothing of it is believed that is not validly signed. */
export interface PeerHolds {
  targets: string | null
  roles: readonly { role: string; frozen: boolean; announcement: string }[]
  /** Highest counter accepted per path. */
  counters: Readonly<Record<string, number>>
}

/** All that is decided before the artifact is encoded, whoever signs. */
export interface ReleaseDraft {
  mesh: Mesh
  targets: TargetsDocument
  /** What is handed in with the announcement: the targets document when the peer does not hold it. */
  newTargets: TargetsDocument | undefined
  role: Delegation
  previous: AnnouncementDocument | undefined
  terms: AnnouncementTerms
  request: ReleaseRequest
  counter: number
  version: string
  /** Hashes of the releases that it requires. */
  requires: readonly string[]
  /** What a person should know: one sentence each. */
  notes: readonly string[]
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

/** Refuses what is wrong whatever the peers hold now. @throws Failure as checkWords; E_PATH, E_KEY, E_STATE */
export function checkRequest(mesh: Mesh, request: ReleaseRequest): void {
  checkWords(request)
  chooseRole(meshTargets(mesh).signed, request.path, publisherKeys(mesh, request.keyFile), [])
}

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
  const { targets, held: targetsHeld } = newestTargets(mesh, held.targets)
  const chosen = choose(targets, announcedBefore(mesh, targets, held, request.path))
  const { role } = chosen
  const known = knownOf(mesh, targets, held, role)
  const counter = nextCounter(request, [...known.all, ...known.spent], held)
  const version = 1 + Math.max(0, ...[...known.all, ...known.spent].map(({ signed }) => signed.version))
  if (version > INTEGER_MAX)
    throw new Failure('E_ANNOUNCEMENT', `the role "${role.name}" has used up its versions: give it a new epoch first`)
  const terms = { mesh: mesh.id, role: role.name, epoch: role.epoch, version, expires: now + lifetimeOf(request) }
  const [previous] = known.all
  const draft = {
    mesh,
    targets,
    newTargets: targetsHeld ? undefined : targets,
    previous,
    terms,
    request,
    counter,
    version: request.version ?? String(counter),
    requires: requiredHashes(request.requires ?? [], request.path, { previous, role }),
    notes: [...notesOf(role, known, held), ...requiredNotes(request.path, previous, 'published')],
    ...chosen,
  }
  draftRelease(draft, PLACEHOLDER)
  return draft
}

/** What encoding made of the artifact. */
interface Made {
  artifact: { hash: string; length: number }
  encoding: Encoding
}

/** As long as what takes its place can be, so that what does not fit is known before a key is unlocked and anything is encoded. */
const PLACEHOLDER: Made = {
  artifact: { hash: '0'.repeat(64), length: ENCODING_BYTES_MAX },
  encoding: {
    type: 'identity',
    hash: '1'.repeat(64),
    sha256: '3'.repeat(64),
    length: ENCODING_BYTES_MAX,
    pieceLength: limits.pieceBytesMax,
    pieceList: '2'.repeat(64),
  },
}

/** The `signed` part of the announcement. @throws Failure E_ANNOUNCEMENT: too many releases, or too long */
export function draftRelease(draft: ReleaseDraft, { artifact, encoding }: Made): JsonObject {
  const { request, counter, version, requires, terms, previous } = draft
  const { path, to, installer, origin = [] } = request
  const release = { counter, version, artifact, to, installer, encodings: [encoding], origin, requires }
  const signed = withRelease(previous, terms, { path, release })
  requireFitting(canonicalBytes(signed).length, draft)
  return signed
}

/** Signs the announcement and judges it as a node will. @throws Failure as draftRelease; E_PASSPHRASE: the key is locked */
export function signRelease(plan: ReleasePlan, made: Made): SignedRelease {
  const { request, role, targets } = plan
  const document = parseAnnouncement(encodeSigned(draftRelease(plan, made), [plan.key]))
  const release = document.signed.releases.find((one) => one.path === request.path)
  if (release === undefined || !signedBy(document, targets.signed.keys, role, { verifyStrict }))
    throw new Error('the announcement that was signed does not hold')
  return { document, release }
}

/** Bytes of one signature in a document, and of what is around all of them (clause DOC 3). */
const SIGNATURE_BYTES = 213
const FRAME_BYTES = 27

function requireFitting(signedBytes: number, { role, previous, request }: ReleaseDraft): void {
  const length = signedBytes + FRAME_BYTES + role.threshold * SIGNATURE_BYTES
  const others = (previous?.signed.releases ?? []).filter(({ path }) => path !== request.path)
  const advice = 'announce some of its paths under another role'
  if (others.length + 1 > limits.releases)
    throw new Failure(
      'E_ANNOUNCEMENT',
      `the role "${role.name}" announces ${limits.releases} releases already: ${advice}`,
    )
  if (length > limits.announcementBytes)
    throw new Failure(
      'E_ANNOUNCEMENT',
      `the announcement of "${role.name}" would have ${length} bytes, more than ${limits.announcementBytes}: ${advice}`,
    )
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

function lifetimeOf({ lifetime }: ReleaseRequest): Millis {
  return lifetime ?? limits.announcementLifetime
}

/** Roles that announce `path` now. */
function announcedBefore(mesh: Mesh, targets: TargetsDocument, held: PeerHolds, path: string): string[] {
  return targets.signed.roles
    .filter((role) => covers(role, path))
    .filter((role) =>
      knownOf(mesh, targets, held, role).all[0]?.signed.releases.some((release) => release.path === path),
    )
    .map(({ name }) => name)
}

interface Known {
  /** Newest first; of two of one version, the one that was signed here. */
  all: readonly AnnouncementDocument[]
  /** Signed here, or prepared for others to sign, and perhaps never accepted. */
  spent: readonly AnnouncementDocument[]
}

function knownOf(mesh: Mesh, targets: TargetsDocument, held: PeerHolds, role: Delegation): Known {
  const terms = { mesh, targets, role }
  const offered = held.roles.filter((one) => one.role === role.name)
  const documents = [
    keptAnnouncement('accepted', terms),
    ...offered.map(({ announcement }) => validAnnouncement(announcement, terms)),
  ].filter((document) => document !== undefined)
  const spent = (['pending', 'prepared'] as const).map((kept) => keptAnnouncement(kept, terms))
  return {
    all: documents.sort((a, b) => b.signed.version - a.signed.version),
    spent: spent.filter((document) => document !== undefined),
  }
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

function notesOf(role: Delegation, { all }: Known, { roles }: PeerHolds): string[] {
  const [newest, next] = all
  const two = newest !== undefined && next?.signed.version === newest.signed.version && next.hash !== newest.hash
  if (!two && !roles.some((held) => held.role === role.name && held.frozen)) return []
  return [
    `two different announcements of one version of the role "${role.name}" were signed; this one lifts that, but unless both were yours, somebody else has its key`,
  ]
}
