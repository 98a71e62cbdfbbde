// Published: the publishing half of the local API. What this peer holds of the publishers, how far their releases have come here
// and in the fleet, and what publishers on this machine hand in.
import { resolve } from 'node:path'
import type { QueryResult } from '../core/events.ts'
import type { NodeCore } from '../core/node.ts'
import type { ReleaseHere } from '../core/releases.ts'
import { pauseText } from '../core/swarm/budgets.ts'
import type { FetchProblem } from '../core/swarm/progress.ts'
import { type Release, wholeOf } from '../core/trust/announcement.ts'
import { withNode } from './api-reach-types.ts'
import type { ApiBackend } from './api-server.ts'
import type { InstallHereJson, PublishersJson } from './api-types.ts'
import type { Driver } from './driver.ts'
import { releasesJson } from './releases-json.ts'
import type { Submissions } from './submissions.ts'

interface Parts {
  core: NodeCore
  driver: Pick<Driver, 'query'>
  submissions: Submissions
  mesh: string
  /** The folder below which releases are installed. */
  installRoot: string
  now: () => number
}

/** Nobody was asked. */
const NOBODY: QueryResult = { zones: [], memberships: new Map() }

const decoder = new TextDecoder()

export function publishing(parts: Parts): Pick<ApiBackend, 'releases' | 'publishers' | 'importEncoding' | 'submit'> {
  const { core, driver, submissions } = parts
  return {
    async releases({ zones, timeoutMs, local }) {
      const result = local ? NOBODY : await driver.query(zones, timeoutMs)
      return releasesJson({
        self: core.snapshot().membership.claims.node,
        current: core.releases.publishers().current,
        result,
        here: (release) => hereOf(release, parts),
        selected: (release) => core.releases.release(release).selected ?? null,
        freshness: core.releases.freshness(parts.now()),
      })
    },
    publishers: () => publishersJson(core, parts.mesh),
    importEncoding: (encoding, body, signal) => submissions.import(encoding, body, signal),
    submit: (body) => submissions.submit(body),
  }
}

function publishersJson(core: NodeCore, mesh: string): PublishersJson {
  const { membership, listening, links } = core.snapshot()
  const { newestTargets: targets, targetsFloor, current, pathFloors } = core.releases.publishers()
  const { node } = membership.claims
  return {
    schema: 'pimesh.publishers/1',
    mesh,
    addresses: listening.map((address) => withNode(address, node)),
    linked: links.length,
    targets: targets === undefined ? null : decoder.decode(targets.raw),
    targetsFloor: { epoch: targetsFloor.epoch ?? 1, version: targetsFloor.version },
    roles: current.map(({ document, frozen }) => {
      const { role, epoch, version } = document.signed
      return { role, epoch, version, frozen, announcement: decoder.decode(document.raw) }
    }),
    // In the order of targets' roles: of two that announced a path, the first one counts, as it does for the release.
    counters: Object.fromEntries(pathFloors.toReversed().map(({ path, counter }) => [path, counter])),
  }
}

function hereOf(release: Release, { core, installRoot, now }: Parts): InstallHereJson | null {
  const known = core.releases.release(release)
  const here = hereJson(known, release, installRoot)
  if (here === null) return null
  const { paused } = core.releases.budgets(now())
  const pause = paused && { paused: { detail: pauseText(paused), lan: paused.lan } }
  const { site, members, publisher } = known.came
  const sources = site + members + publisher > 0 && { sources: { site, members, publisher } }
  return { ...here, ...sources, ...pause }
}

/** What an operator's peer serves has come to no state here: its progress is told under `fetching` or, when whole, `verified`. */
function hereJson({ state, progress, saved }: ReleaseHere, release: Release, root: string): InstallHereJson | null {
  // That it is announced is all that somebody knows who neither wants it nor has any of it. Who fetches for others may lack what it needs.
  if (state === undefined && (progress?.have ?? 0) === 0 && progress?.problem === undefined) return null
  const totalBytes = progress?.totalBytes ?? wholeOf(release.encodings)?.length ?? 0
  const bytes = progress?.bytes ?? 0
  const whole = totalBytes > 0 && bytes === totalBytes
  const inUse = state?.state === 'committed' || state?.state === 'healthy' || state?.state === 'switched'
  return {
    state: state?.state ?? (whole ? 'verified' : 'fetching'),
    reason: state?.reason ?? null,
    detail: state?.detail ?? problemText(progress?.problem),
    percent: totalBytes === 0 ? 0 : Math.floor((100 * bytes) / totalBytes),
    bytes,
    totalBytes,
    bytesPerSecond: Math.round(progress?.bytesPerSecond ?? 0),
    providers: progress?.providers ?? 0,
    copies: progress?.copies ?? 0,
    best: progress === undefined ? 0 : Math.floor((100 * progress.most) / progress.pieces),
    ...(saved !== undefined && { savedBytes: saved }),
    installedAt: inUse && release.installer ? resolve(root, release.path, 'current', release.installer.file) : null,
  }
}

function problemText(problem: FetchProblem | undefined): string | null {
  if (problem === undefined) return null
  if (problem === 'noProvider') return 'nobody who is reachable has the pieces that are missing'
  if (problem.code === 'paused') return pauseText(problem.pause)
  return problem.code === 'diskFull' ? `the disk is full: ${problem.missing} bytes more are needed` : problem.detail
}
