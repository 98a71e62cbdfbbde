// The announcement of a publisher's role: TUF's targets metadata, with mesh, role and epoch inside what is signed (clause ANN).
// What a newer pimesh put into it is kept and passed on: only the release that needs it is not for us, never the whole announcement.
import type { Millis } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import type { Announcement, AnnouncementDocument, Release } from '../core/trust/announcement.ts'
import { type RotationDocument, rotationNumber, TOMBSTONE } from '../core/trust/rotations.ts'
import { type Json, type JsonObject, jsonOf, parseCanonical } from './canonical.ts'
import { dateText, Fields } from './fields.ts'
import { type ReleaseTerms, readRelease, releaseTarget, withdrawnTarget } from './release.ts'
import { readRotations } from './rotation.ts'
import { parseSigned, requireSpecVersion, SPEC_VERSION } from './signed.ts'
import { roleNameProblem } from './targets.ts'

const WHAT = 'announcement'

/** What an announcement says beside its releases. */
export interface AnnouncementTerms {
  /** Hex mesh id. */
  mesh: string
  role: string
  epoch: number
  version: number
  expires: Millis
}

/** Parses an announcement strictly; says nothing about its signatures. @throws Failure E_DOCUMENT */
export function parseAnnouncement(bytes: Uint8Array): AnnouncementDocument {
  return parseSigned(parseCanonical(bytes, { maxBytes: limits.announcementBytes, what: WHAT }), WHAT, readAnnouncement)
}

function readAnnouncement(json: Json): Announcement {
  const required = ['_type', 'spec_version', 'mesh', 'role', 'epoch', 'version', 'expires', 'targets']
  const fields = new Fields(json, WHAT, { required, optional: ['rotations'], open: true })
  fields.literal('_type', 'targets')
  requireSpecVersion(fields)
  const role = fields.text('role', 32)
  if (roleNameProblem(role) !== undefined) fields.fail('role', 'of a-z, 0-9 and "-"')
  const releases = fields.entries('targets', limits.releases).map(([path, target]) => readRelease(role, path, target))
  const frame = { mesh: fields.hex('mesh', 32), role, epoch: fields.integer('epoch') }
  const chain = readRotations(fields, frame)
  if (chain.rotation === TOMBSTONE && releases.length > 0)
    fields.fail('targets', 'empty where the role has ended itself')
  return {
    ...frame,
    ...chain,
    version: fields.integer('version'),
    expires: fields.date('expires'),
    releases: releases.sort((a, b) => (a.path < b.path ? -1 : 1)),
  }
}

/** The `signed` part of an announcement of these releases, by path: for encodeSigned. */
export function announcementJson(
  terms: AnnouncementTerms,
  releases: Readonly<Record<string, ReleaseTerms>>,
): JsonObject {
  const targets = Object.entries(releases).map(([path, release]) => [path, releaseTarget(release)] as const)
  return frameJson(terms, Object.fromEntries(targets))
}

/**
 * The `signed` part that follows `previous`: the release of `path` is new, all others and whatever a newer pimesh
 * wrote are kept as they are. Without `previous` it is the role's only release.
 */
export function withRelease(
  previous: AnnouncementDocument | undefined,
  terms: AnnouncementTerms,
  { path, release }: { path: string; release: ReleaseTerms },
): JsonObject {
  const signed = previous === undefined ? {} : jsonOf(previous.signedBytes)
  const targets = { ...(signed.targets as JsonObject | undefined), [path]: releaseTarget(release) }
  return { ...signed, ...frameJson(terms, targets) }
}

/** The `signed` part that follows `previous`, with one of its releases withdrawn and all else as it is. */
export function withoutRelease(
  previous: AnnouncementDocument,
  terms: AnnouncementTerms,
  { path, hash }: Pick<Release, 'path' | 'hash'>,
): JsonObject {
  const signed = jsonOf(previous.signedBytes)
  const targets = signed.targets as { [path: string]: JsonObject }
  return { ...signed, ...frameJson(terms, { ...targets, [path]: withdrawnTarget(targets[path] as JsonObject, hash) }) }
}

/**
 * The `signed` part that follows `previous` with these rotations, the last of which is new; its releases stay, but for a tombstone, which
 * has none. Without `previous` there are none either.
 */
export function withRotations(
  previous: AnnouncementDocument | undefined,
  terms: AnnouncementTerms,
  rotations: readonly RotationDocument[],
): JsonObject {
  const signed = previous === undefined ? {} : jsonOf(previous.signedBytes)
  const targets = rotationNumber(rotations) === TOMBSTONE ? {} : ((signed.targets as JsonObject | undefined) ?? {})
  return { ...signed, ...frameJson(terms, targets), rotations: rotations.map(({ raw }) => jsonOf(raw)) }
}

function frameJson(terms: AnnouncementTerms, targets: JsonObject): JsonObject {
  const { mesh, role, epoch, version, expires } = terms
  const dates = { expires: dateText(expires) }
  return { _type: 'targets', spec_version: SPEC_VERSION, mesh, role, epoch, version, ...dates, targets }
}
