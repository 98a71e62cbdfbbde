// The current releases with what the nodes say of them, as the local API's JSON: joins announcements and records, which know
// each other only by the first 8 bytes of a release's hash.
import type { QueryResult, ZoneAnswer } from '../core/events.ts'
import type { Row } from '../core/fleet/rows.ts'
import { limits } from '../core/limits.ts'
import type { InstallReport } from '../core/rollout/states.ts'
import { pieceCount } from '../core/swarm/pieces.ts'
import type { AnnouncementDocument, Release } from '../core/trust/announcement.ts'
import type { WhenStale } from '../core/trust/documents.ts'
import type { Expiry } from '../core/trust/expiry.ts'
import type { Freshness } from '../core/trust/freshness.ts'
import type { InstallHereJson, InstallJson, ReleaseJson, ReleasesJson } from './api-types.ts'
import { completeness } from './rows-json.ts'

/** What is in force for a role. */
export interface CurrentRole {
  document: AnnouncementDocument
  frozen: boolean
  expired: boolean
  expiry?: Expiry
  role?: { whenStale?: WhenStale }
}

export interface ReleasesParts {
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
  const releases = parts.current.flatMap((role) =>
    role.document.signed.releases.map((release) =>
      releaseJson(release, role, reports.get(release.hash.slice(0, RELEASE8)) ?? [], parts),
    ),
  )
  const { result, freshness } = parts
  const fresh = freshness === undefined ? {} : { freshness }
  return { schema: 'pimesh.releases/1', releases, ...fresh, completeness: completeness(result) }
}

function releaseJson(release: Release, current: CurrentRole, nodes: InstallJson[], parts: ReleasesParts): ReleaseJson {
  const { path, version, counter, hash, artifact, to, installer } = release
  const { role, epoch, version: roleVersion, expires } = current.document.signed
  const [encoding] = release.encodings
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
    artifact: { hash: artifact.hash, bytes: artifact.length },
    encoding: encoding === undefined ? null : encodingJson(encoding),
    selected: parts.selected(release),
    here: parts.here(release),
    nodes,
    unsaid: unsaid(parts.result, hash.slice(0, RELEASE8)),
  }
}

function encodingJson({ type, hash, length, pieceLength }: Release['encodings'][number]) {
  return { type, hash, bytes: length, pieces: pieceCount(length, pieceLength) }
}

/** Who left has nothing to do with the fleet any more, whatever it had. */
const isHere = (row: Row): boolean => row.status !== 'left'

/** Nodes whose records are full of other releases. */
function unsaid({ zones }: QueryResult, release8: string): number {
  const full = zones
    .flatMap(({ rows }) => rows.filter(isHere))
    .filter(({ record }) => record.installs.length >= limits.recordInstalls)
  return full.filter(({ record }) => !record.installs.some((report) => report.release8 === release8)).length
}

function reportsByRelease({ zones, memberships }: QueryResult): Map<string, InstallJson[]> {
  const reports = new Map<string, InstallJson[]>()
  for (const zone of zones)
    for (const row of zone.rows.filter(isHere))
      for (const report of row.record.installs) {
        const name = memberships.get(row.envelope.membership)?.claims.name ?? row.node
        const list = reports.get(report.release8) ?? []
        list.push(installJson(report, row, zone, name))
        reports.set(report.release8, list)
      }
  for (const list of reports.values())
    list.sort((a, b) => compare(a.zone, b.zone) || compare(a.name, b.name) || compare(a.node, b.node))
  return reports
}

function installJson(report: InstallReport, row: Row, { zone }: ZoneAnswer, name: string): InstallJson {
  const { state, reason, percent } = report
  const ageMs = row.age === null ? null : Math.round(row.age)
  return { node: row.node, name, zone, state, reason: reason ?? null, percent, ageMs, status: row.status }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
