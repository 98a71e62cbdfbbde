// The next announcement of a role, before anybody knows what will be in it: who announces, what it takes the place of, and under which
// version. Builds on the newest that is validly signed, of what a peer holds and of what the mesh folder keeps.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { type AnnouncementDocument, compareVersions, type Release } from '../core/trust/announcement.ts'
import type { Delegation, TargetsDocument } from '../core/trust/documents.ts'
import { covers } from '../core/trust/paths.ts'
import { signersAfter, TOMBSTONE } from '../core/trust/rotations.ts'
import type { AnnouncementTerms } from '../wire/announcement.ts'
import { canonicalBytes, type JsonObject } from '../wire/canonical.ts'
import { INTEGER_MAX } from '../wire/fields.ts'
import { keptAnnouncement, newestTargets, validAnnouncement } from './delegations.ts'
import type { Mesh } from './mesh.ts'

/** What a peer of the mesh holds: canonical JSON as text. Nothing of it is believed that is not validly signed. */
export interface PeerHolds {
  targets: string | null
  roles: readonly { role: string; frozen: boolean; announcement: string }[]
  /** Highest counter accepted per path. */
  counters: Readonly<Record<string, number>>
}

export interface Frame {
  mesh: Mesh
  targets: TargetsDocument
  /** What is handed in with the announcement: the targets document when the peer does not hold it. */
  newTargets: TargetsDocument | undefined
  /** With the keys that sign now: those that it gave itself, if it did. */
  role: Delegation
  previous: AnnouncementDocument | undefined
  terms: AnnouncementTerms
  /** What a person should know: one sentence each. */
  notes: readonly string[]
}

interface Known {
  /** Newest first; of two of one version, the one that was signed here. */
  all: readonly AnnouncementDocument[]
  /** Signed here, or prepared for others to sign, and perhaps never accepted. */
  spent: readonly AnnouncementDocument[]
}

/**
 * @param now wall time in ms; `lifetime` in ms, default limits.announcementLifetime.
 * @param path the one whose release changes; undefined: none does.
 * @param choose picks the role, told which roles announce the path now; in the targets that it is given, roles have the keys that sign now.
 * @throws Failure E_STATE, E_ROLE (it has ended itself), E_ANNOUNCEMENT (no version is left), and what `choose` throws
 */
export function nextFrame<T extends { role: Delegation }>(
  mesh: Mesh,
  held: PeerHolds,
  { path, lifetime, now }: { path?: string | undefined; lifetime?: Millis | undefined; now: Millis },
  choose: (targets: TargetsDocument, announced: readonly string[]) => T,
): { frame: Frame; known: Known; chosen: T } {
  const { targets, held: targetsHeld } = newestTargets(mesh, held.targets)
  const announced = path === undefined ? [] : announcedBefore(mesh, targets, held, path)
  const chosen = choose(signingNow(mesh, targets, held), announced)
  const { role } = chosen
  const known = knownOf(mesh, targets, held, role)
  requireGoingOn(role, known.all[0])
  const version = 1 + Math.max(0, ...[...known.all, ...known.spent].map(({ signed }) => signed.version))
  if (version > INTEGER_MAX)
    throw new Failure('E_ANNOUNCEMENT', `the role "${role.name}" has used up its versions: give it a new epoch first`)
  const expires = now + (lifetime ?? limits.announcementLifetime)
  const frame = {
    mesh,
    targets,
    newTargets: targetsHeld ? undefined : targets,
    role,
    previous: known.all[0],
    terms: { mesh: mesh.id, role: role.name, epoch: role.epoch, version, expires },
    notes: notesOf(role, known, held),
  }
  return { frame, known, chosen }
}

/** The targets as they would be had the owner given each role the keys that it gave itself. */
export function signingNow(mesh: Mesh, targets: TargetsDocument, held: PeerHolds): TargetsDocument {
  const keys = new Map(targets.signed.keys)
  const roles = targets.signed.roles.map((role): Delegation => {
    const { rotations = [] } = knownOf(mesh, targets, held, role).all[0]?.signed ?? {}
    const now = signersAfter({ ...role, keys: targets.signed.keys }, rotations)
    for (const [keyId, key] of now.keys) keys.set(keyId, key)
    return { ...role, keyIds: now.keyIds, threshold: now.threshold }
  })
  return { ...targets, signed: { ...targets.signed, keys, roles } }
}

/** @throws Failure E_ROLE */
function requireGoingOn({ name }: Delegation, newest: AnnouncementDocument | undefined): void {
  if (newest?.signed.rotation !== TOMBSTONE) return
  throw new Failure(
    'E_ROLE',
    `the role "${name}" has ended itself, and announces nothing any more: the mesh's owner can give it a new epoch with "pimesh trust rotate ${name} --raise-epoch"`,
  )
}

/** The releases that count, each with its role, as far as peer and folder know. @throws Failure E_STATE */
export function announcedReleases(mesh: Mesh, held: PeerHolds): { role: Delegation; release: Release }[] {
  const { targets } = newestTargets(mesh, held.targets)
  const found = targets.signed.roles.flatMap((role) =>
    (knownOf(mesh, targets, held, role).all[0]?.signed.releases ?? []).map((release) => ({ role, release })),
  )
  return found.filter(({ release }, at) => found.findIndex((one) => one.release.path === release.path) === at)
}

/** Bytes of one signature in a document, and of what is around all of them (clause DOC 3). */
const SIGNATURE_BYTES = 213
const FRAME_BYTES = 27

/** @param path the one whose release is replaced; undefined: none is. @throws Failure E_ANNOUNCEMENT: too many releases, or too long */
export function requireFitting(
  signed: JsonObject,
  { role, previous }: Pick<Frame, 'role' | 'previous'>,
  path: string | undefined,
): void {
  const length = canonicalBytes(signed).length + FRAME_BYTES + role.threshold * SIGNATURE_BYTES
  const others = (previous?.signed.releases ?? []).filter(({ path: other }) => other !== path)
  const advice = 'announce some of its paths under another role'
  if (others.length + (path === undefined ? 0 : 1) > limits.releases)
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

/** Roles that announce `path` now. */
function announcedBefore(mesh: Mesh, targets: TargetsDocument, held: PeerHolds, path: string): string[] {
  return targets.signed.roles
    .filter((role) => covers(role, path))
    .filter((role) =>
      knownOf(mesh, targets, held, role).all[0]?.signed.releases.some((release) => release.path === path),
    )
    .map(({ name }) => name)
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
    all: documents.sort((a, b) => compareVersions(b.signed, a.signed)),
    spent: spent.filter((document) => document !== undefined),
  }
}

function notesOf(role: Delegation, { all }: Known, { roles }: PeerHolds): string[] {
  const [newest, next] = all
  const two =
    newest !== undefined &&
    next !== undefined &&
    compareVersions(next.signed, newest.signed) === 0 &&
    next.hash !== newest.hash
  if (!two && !roles.some((held) => held.role === role.name && held.frozen)) return []
  return [
    `two different announcements of one version of the role "${role.name}" were signed; this one lifts that, but unless both were yours, somebody else has its key`,
  ]
}
