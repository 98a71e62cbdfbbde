// The current releases with what the nodes say of them, as the local API's JSON: joins announcements and records, which know
// each other only by the first 8 bytes of a release's hash.
import type { QueryResult } from '../core/events.ts'
import type { Row } from '../core/fleet/rows.ts'
import { limits } from '../core/limits.ts'
import type { InstallReport } from '../core/rollout/states.ts'
import { pieceCount } from '../core/swarm/pieces.ts'
import { type AnnouncementDocument, NO_NODE, type Release, wholeOf } from '../core/trust/announcement.ts'
import type { WhenStale } from '../core/trust/documents.ts'
import type { Expiry } from '../core/trust/expiry.ts'
import type { Freshness } from '../core/trust/freshness.ts'
import { TOMBSTONE } from '../core/trust/rotations.ts'
import type { InstallHereJson, InstallJson, ReleaseJson, ReleasesJson, SourcesJson } from './api-types.ts'
import { completeness, zoneJson } from './rows-json.ts'

/** What is in force for a role. */
export interface CurrentRole {
  document: AnnouncementDocument
  frozen: boolean
  expired: boolean
  expiry?: Expiry
  role?: { whenStale?: WhenStale }
}

export interface ReleasesParts {
  /** The id of this peer. */
  self: string
  /** In order of the targets document. */
  current: readonly CurrentRole[]
  /** What the zones answered; without zones when nobody was asked. */
  result: QueryResult
  /** What a release has come to on this peer; null when there is nothing to say. */
  here: (release: Release) => InstallHereJson | null
  /** Whether its selector names this peer; null for an operator's. */
  selected: (release: Release) => boolean | null
  /** Of this peer. */
  freshness?: Freshness
}

const RELEASE8 = 16

/** Releases in order of role and path, nodes of each in order of zone and name. */
export function releasesJson(parts: ReleasesParts): ReleasesJson {
  const reports = reportsByRelease(parts.result)
  const heardOf = (release: Release) => namesOf(release).flatMap((name) => reports.get(name) ?? [])
  const releases = parts.current.flatMap((role) =>
    role.document.signed.releases.map((release) => releaseJson(release, role, heardOf(release), parts)),
  )
  const { result, freshness, current } = parts
  const announced = current.flatMap(({ document }) => document.signed.releases)
  const earlier = earlierJson(reports, announced)
  const ended = current.flatMap(({ document: { signed } }) => (signed.rotation === TOMBSTONE ? [signed.role] : []))
  return {
    schema: 'pimesh.releases/1',
    releases,
    ...(ended.length === 0 ? {} : { ended }),
    ...(earlier.length === 0 ? {} : { earlier }),
    zones: result.zones.map(zoneJson),
    ...(freshness === undefined ? {} : { freshness }),
    completeness: completeness(result),
  }
}

/** What nodes have in use that is announced no more, what most have first. */
function earlierJson(
  reports: ReadonlyMap<string, Heard[]>,
  current: readonly Release[],
): NonNullable<ReleasesJson['earlier']> {
  const told = new Set(current.flatMap(namesOf))
  return [...reports]
    .filter(([release8]) => !told.has(release8))
    .map(([release8, heard]) => ({ release8, nodes: heard.filter(({ report }) => isInUse(report)).length }))
    .filter(({ nodes }) => nodes > 0)
    .sort((a, b) => b.nodes - a.nodes)
}

const isInUse = ({ state }: InstallReport): boolean => ['switched', 'healthy', 'committed'].includes(state)

/** By which records know it. Of what is withdrawn, nodes speak under the hash that it had before. */
function namesOf({ hash, withdraws }: Release): string[] {
  return [hash, ...(withdraws === undefined ? [] : [withdraws])].map((one) => one.slice(0, RELEASE8))
}

function releaseJson(
  release: Release,
  current: CurrentRole,
  heard: readonly Heard[],
  parts: ReleasesParts,
): ReleaseJson {
  const { path, version, counter, hash, artifact, to, installer } = release
  const { role, epoch, version: roleVersion, expires } = current.document.signed
  const encoding = wholeOf(release.encodings)
  return {
    release: `${path}@${version}`,
    ...{ path, version, counter, hash, role, epoch, roleVersion },
    expires: new Date(expires).toISOString(),
    expired: current.expired,
    ...(current.expiry && { expiry: current.expiry }),
    ...(current.role?.whenStale && { whenStale: current.role.whenStale }),
    frozen: current.frozen,
    to,
    installer: installer?.type ?? null,
    unsupported: release.unsupported ?? null,
    ...(release.withdraws !== undefined && isForNobody(release) && { withdrawn: true }),
    requires: release.requires.map((hash) => requiredJson(hash, current.document.signed.releases)),
    artifact: { hash: artifact.hash, bytes: artifact.length },
    encoding: encoding === undefined ? null : encodingJson(encoding),
    selected: parts.selected(release),
    here: parts.here(release),
    nodes: [...heard.map((one) => installJson(one, release)), ...ownReport(parts, release)].sort(byPlace),
    unsaid: unsaid(parts, release),
  }
}

function requiredJson(hash: string, announced: readonly Release[]) {
  const release = announced.find((one) => one.hash === hash)
  return { hash, release: release === undefined ? null : `${release.path}@${release.version}` }
}

function encodingJson({ type, hash, length, pieceLength }: Release['encodings'][number]) {
  return { type, hash, bytes: length, pieces: pieceCount(length, pieceLength) }
}

/** Who left has nothing to do with the fleet any more, whatever it had. */
const isHere = (row: Row): boolean => row.status !== 'left'

/** Of this node, when its own record is full of other releases. */
function ownReport({ self, result, here, selected }: ReleasesParts, release: Release): InstallJson[] {
  const zone = result.zones.find(({ rows }) => rows.some(({ node }) => node === self))
  const row = zone?.rows.find(({ node }) => node === self)
  const own = selected(release) === true ? here(release) : null
  if (zone === undefined || row === undefined || own === null || tellsOf(row, release)) return []
  const { state, reason, percent } = own
  const name = nameOf(row, result)
  const place = { node: self, name, zone: zone.zone, ageMs: 0, status: row.status }
  return [{ ...place, state, reason, percent, peersPercent: peersOf(own.sources), form: null }]
}

function tellsOf({ record }: Row, { hash }: Release): boolean {
  return record.installs.some(({ release8 }) => release8 === hash.slice(0, RELEASE8))
}

const isForNobody = ({ to }: Release): boolean => to.trim() === NO_NODE

/** Nodes that may have it and whose records are full of other releases. What has come to it here is known without a record. */
function unsaid({ self, result }: ReleasesParts, release: Release): number {
  if (isForNobody(release)) return 0
  const full = result.zones
    .flatMap(({ rows }) => rows.filter(isHere))
    .filter(({ node, record }) => node !== self && record.installs.length >= limits.recordInstalls)
  return full.filter((row) => !tellsOf(row, release)).length
}

/** What the record of a node says of a release. */
interface Heard {
  report: InstallReport
  row: Row
  zone: string
  name: string
}

function reportsByRelease(result: QueryResult): Map<string, Heard[]> {
  const reports = new Map<string, Heard[]>()
  for (const { zone, rows } of result.zones)
    for (const row of rows.filter(isHere))
      for (const report of row.record.installs) {
        const list = reports.get(report.release8) ?? []
        list.push({ report, row, zone, name: nameOf(row, result) })
        reports.set(report.release8, list)
      }
  return reports
}

function nameOf({ node, envelope }: Row, { memberships }: QueryResult): string {
  return memberships.get(envelope.membership)?.claims.name ?? node
}

function byPlace(a: InstallJson, b: InstallJson): number {
  return compare(a.zone, b.zone) || compare(a.name, b.name) || compare(a.node, b.node)
}

function installJson({ report, row, zone, name }: Heard, { encodings }: Release): InstallJson {
  const { state, reason, percent, peers, encoding2 } = report
  const ageMs = row.age === null ? null : Math.round(row.age)
  return {
    ...{ node: row.node, name, zone, state, reason: reason ?? null, percent, ageMs, status: row.status },
    ...{ peersPercent: peers ?? null, form: formJson(encoding2, encodings) },
  }
}

/** Null also where two encodings of one release are alike in their first bytes. */
function formJson(
  encoding2: string | undefined,
  encodings: Release['encodings'],
): NonNullable<InstallJson['form']> | null {
  const whole = wholeOf(encodings)
  const [encoding, twin] = encodings.filter(({ hash }) => encoding2 !== undefined && hash.startsWith(encoding2))
  if (encoding === undefined || twin !== undefined || whole === undefined) return null
  return { type: encoding.type, bytes: encoding.length, savedBytes: whole.length - encoding.length }
}

function peersOf(sources: SourcesJson | undefined): number | null {
  if (sources === undefined) return null
  const { site, members, publisher } = sources
  return Math.floor((100 * (site + members)) / (site + members + publisher))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
