// A release, signed: one path of a role's announcement is replaced, everything else in it stays. Works offline. Whatever can be
// refused is refused before anything is encoded, and what was signed is judged here as every node will judge it.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY, limits } from '../core/limits.ts'
import type { AnnouncementDocument, Encoding, InstallerSpec, Release } from '../core/trust/announcement.ts'
import type { Delegation, TargetsDocument } from '../core/trust/documents.ts'
import { covers } from '../core/trust/paths.ts'
import { signedBy } from '../core/trust/roots.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { type AnnouncementTerms, parseAnnouncement, withRelease } from '../wire/announcement.ts'
import { INTEGER_MAX } from '../wire/fields.ts'
import { fileProblem, pathProblem, versionProblem } from '../wire/release.ts'
import { requireSelector } from '../wire/selector.ts'
import { encodeSigned, type Signatory } from '../wire/signed.ts'
import { keptAnnouncement, meshTargets, newestTargets, validAnnouncement } from './delegations.ts'
import type { Mesh } from './mesh.ts'
import { chooseRole, publisherKeys } from './publisher.ts'

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
}

/** What a peer of the mesh holds: canonical JSON as text. Nothing of it is believed that is not validly signed. */
export interface PeerHolds {
  targets: string | null
  roles: readonly { role: string; frozen: boolean; announcement: string }[]
  /** Highest counter accepted per path. */
  counters: Readonly<Record<string, number>>
}

/** All that is decided before the artifact is encoded. */
export interface ReleasePlan {
  mesh: Mesh
  targets: TargetsDocument
  /** What is handed in with the announcement: the targets document when the peer does not hold it. */
  newTargets: TargetsDocument | undefined
  role: Delegation
  /** Signs it; to be unlocked before. */
  key: KeyFile
  previous: AnnouncementDocument | undefined
  terms: AnnouncementTerms
  request: ReleaseRequest
  counter: number
  version: string
  /** What a person should know: one sentence each. */
  notes: readonly string[]
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

/**
 * Decides everything about the next announcement but the artifact.
 * @param now wall time in ms.
 * @throws Failure as checkRequest; E_COUNTER, E_ANNOUNCEMENT (too many releases, or too long)
 */
export function planRelease(mesh: Mesh, held: PeerHolds, request: ReleaseRequest, now: Millis): ReleasePlan {
  checkWords(request)
  const { targets, held: targetsHeld } = newestTargets(mesh, held.targets)
  const announced = announcedBefore(mesh, targets, held, request.path)
  const { role, key } = chooseRole(targets.signed, request.path, publisherKeys(mesh, request.keyFile), announced)
  const known = knownOf(mesh, targets, held, role)
  const counter = nextCounter(request, [...known.all, ...known.spent], held)
  const version = 1 + Math.max(0, ...[...known.all, ...known.spent].map(({ signed }) => signed.version))
  if (version > INTEGER_MAX)
    throw new Failure('E_ANNOUNCEMENT', `the role "${role.name}" has used up its versions: give it a new epoch first`)
  const terms = { mesh: mesh.id, role: role.name, epoch: role.epoch, version, expires: now + lifetimeOf(request) }
  const plan: ReleasePlan = {
    mesh,
    targets,
    newTargets: targetsHeld ? undefined : targets,
    role,
    key,
    previous: known.all[0],
    terms,
    request,
    counter,
    version: request.version ?? String(counter),
    notes: notesOf(role, known, held),
  }
  const unsigned = { keyId: key.keyId, sign: () => new Uint8Array(SIGNATURE_BYTES) }
  announcementBytes(plan, PLACEHOLDER, unsigned)
  return plan
}

const SIGNATURE_BYTES = 64

/** What a release is of: the artifact, and how it travels. */
interface Made {
  artifact: { hash: string; length: number }
  encoding: Encoding
}

/** As long as what takes its place, so that what does not fit is known before a key is unlocked and anything is encoded. */
const PLACEHOLDER: Made = {
  artifact: { hash: '0'.repeat(64), length: 1 },
  encoding: {
    type: 'zstd',
    hash: '1'.repeat(64),
    sha256: '3'.repeat(64),
    length: 1,
    pieceLength: limits.pieceBytesMin,
    pieceList: '2'.repeat(64),
  },
}

/**
 * Signs the announcement and judges it as a node will.
 * @throws Failure E_ANNOUNCEMENT: too many releases, or too long; E_PASSPHRASE: the key is locked
 */
export function signRelease(plan: ReleasePlan, made: Made): SignedRelease {
  const { request, role, targets } = plan
  const document = parseAnnouncement(announcementBytes(plan, made, plan.key))
  const signed = document.signed.releases.find((one) => one.path === request.path)
  if (signed === undefined || !signedBy(document, targets.signed.keys, role, { verifyStrict }))
    throw new Error('the announcement that was signed does not hold')
  return { document, release: signed }
}

function announcementBytes(plan: ReleasePlan, { artifact, encoding }: Made, signatory: Signatory): Uint8Array {
  const { request, counter, version, terms, previous } = plan
  const { path, to, installer, origin = [] } = request
  const release = { counter, version, artifact, to, installer, encodings: [encoding], origin }
  const raw = encodeSigned(withRelease(previous, terms, { path, release }), [signatory])
  requireFitting(raw, plan)
  return raw
}

function requireFitting(raw: Uint8Array, { role, previous, request }: ReleasePlan): void {
  const others = (previous?.signed.releases ?? []).filter(({ path }) => path !== request.path)
  const advice = 'announce some of its paths under another role'
  if (others.length + 1 > limits.releases)
    throw new Failure(
      'E_ANNOUNCEMENT',
      `the role "${role.name}" announces ${limits.releases} releases already: ${advice}`,
    )
  if (raw.length > limits.announcementBytes)
    throw new Failure(
      'E_ANNOUNCEMENT',
      `the announcement of "${role.name}" would have ${raw.length} bytes, more than ${limits.announcementBytes}: ${advice}`,
    )
}

function requireWords({ path, version, installer, lifetime, counter }: ReleaseRequest): void {
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
  /** Signed here, and perhaps never accepted. */
  spent: readonly AnnouncementDocument[]
}

function knownOf(mesh: Mesh, targets: TargetsDocument, held: PeerHolds, role: Delegation): Known {
  const terms = { mesh, targets, role }
  const offered = held.roles.filter((one) => one.role === role.name)
  const documents = [
    keptAnnouncement('accepted', terms),
    ...offered.map(({ announcement }) => validAnnouncement(announcement, terms)),
  ].filter((document) => document !== undefined)
  const spent = keptAnnouncement('pending', terms)
  return {
    all: documents.sort((a, b) => b.signed.version - a.signed.version),
    spent: spent === undefined ? [] : [spent],
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
