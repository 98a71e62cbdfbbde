// Reports: what a node says of the releases on it, all of it for a person at this machine, the most important few in a record.
import { limits } from '../limits.ts'
import { type Encoding, wholeOf } from '../trust/announcement.ts'
import type { Choice, Hold } from './selection.ts'
import { lacks } from './selection.ts'
import type { InstallEntry, InstallProblem, InstallReason, InstallReport, InstallState } from './states.ts'
import type { Supply } from './supply.ts'

/** What the swarm says of encodings. */
type Supplied = Pick<Supply, 'percentOf' | 'peersOf'>

/** What is known of one path. */
export interface PathView {
  entry: InstallEntry
  choice: Choice | undefined
  /** What the release under way, or about to be, waits for. */
  trouble: InstallProblem | undefined
  /** How the last release failed that failed in this run. */
  failure: { release: string; detail: string } | undefined
  /** Grows with every release committed in this run; 0 for those of earlier runs. */
  committed: number
}

export interface Standing {
  state: InstallState
  reason: InstallReason | undefined
  /** A sentence for a person when something is wrong. */
  detail: string | undefined
}

const HOLDS: Readonly<Record<Exclude<Hold, 'requires'>, string>> = {
  oldCounter: 'its counter is not above what this node has accepted before, or stands for another artifact now',
  unsupported: 'it needs a newer pimesh',
  frozen: 'its role has signed two different announcements of one version: it waits for a higher version',
  expired: 'its announcement has expired: it waits for a newer one',
  notTaken: 'the owner of this zone takes no releases of its publisher',
  vetoed: 'the owner of this zone has vetoed it',
  outsideHours:
    'the owner of this zone lets installations begin in other hours, or the clock of this node is not synchronised and says nothing',
  stale:
    'no beacon came for three periods, and its role installs nothing then: something newer may be withheld from this node',
  clockUnknown:
    "whether its announcement has expired cannot be said before this machine's clock is synchronised, and it is not newer than what is installed",
}

/** What a release has come to under its path; undefined when it has nothing to do with this node. */
export function standingOf(view: PathView, release: string): Standing | undefined {
  const { entry, choice, trouble, failure } = view
  const hold = choice?.release.hash === release && choice.selected ? holdOf(choice) : undefined
  const { underway } = entry
  if (underway?.release === release) return waiting(underway.state, trouble, hold)
  if (entry.installed?.release === release) return fine('committed')
  const failed = entry.failed.find((it) => it.release === release)
  const detail = failure?.release === release ? failure.detail : undefined
  if (failed !== undefined) return { state: 'failed', reason: failed.reason, detail }
  if (choice?.release.hash !== release || !choice.selected) return undefined
  if (hold?.reason === 'unsupported') return { state: 'failed', ...hold }
  return waiting('announced', underway === undefined ? trouble : undefined, hold)
}

/** What keeps the release that counts from going on. */
export function holdOf({ release, hold, lacking = '' }: Choice): { reason: Hold; detail: string } | undefined {
  if (hold === undefined) return undefined
  if (hold === 'requires') return { reason: hold, detail: lacking }
  return { reason: hold, detail: hold === 'unsupported' ? `${HOLDS[hold]} for ${lacks(release)}` : HOLDS[hold] }
}

function waiting(
  state: InstallState,
  trouble: InstallProblem | undefined,
  hold: { reason: Hold; detail: string } | undefined,
): Standing {
  // Once it is in use nothing holds it any more, and until it is, a hold outlasts a full disk.
  const inUse = state === 'switched' || state === 'healthy'
  const cause = inUse ? trouble : (hold ?? trouble)
  return { state, reason: cause?.reason, detail: cause?.detail }
}

const fine = (state: InstallState): Standing => ({ state, reason: undefined, detail: undefined })

/**
 * What goes into a record: releases under way first, then those that wait or failed, then what was committed, the newest
 * first. At most limits.recordInstalls.
 */
export function reportsOf(views: Iterable<PathView>, supply: Supplied): InstallReport[] {
  const told: { report: InstallReport; rank: number; committed: number }[] = []
  for (const view of views) {
    for (const release of worthTelling(view)) {
      const standing = standingOf(view, release)
      if (standing === undefined) continue
      const { state, reason } = standing
      const percent = percentIn(view, state, supply)
      const report = { release8: release.slice(0, 16), state, reason, percent, ...cameAs(view, release, supply) }
      told.push({ report, rank: rankOf(state, reason), committed: view.committed })
    }
  }
  told.sort((a, b) => a.rank - b.rank || b.committed - a.committed)
  return told.slice(0, limits.recordInstalls).map(({ report }) => report)
}

/** What failed long ago and is announced no more is of no interest to the fleet. */
function worthTelling({ entry, choice }: PathView): Set<string> {
  const releases = [entry.underway?.release, choice?.release.hash, entry.installed?.release]
  return new Set(releases.filter((release) => release !== undefined))
}

function rankOf(state: InstallState, reason: InstallReason | undefined): number {
  if (state === 'committed') return 3
  if (state === 'announced') return reason === undefined ? 2 : 1
  return state === 'failed' ? 1 : 0
}

function percentIn({ entry }: PathView, state: InstallState, supply: Supplied): number {
  if (state === 'announced' || state === 'failed') return 0
  const { underway } = entry
  return state === 'fetching' && underway !== undefined ? supply.percentOf(underway.encoding.hash) : 100
}

function cameAs(view: PathView, release: string, supply: Supplied): Pick<InstallReport, 'peers' | 'encoding2'> {
  const { entry, choice } = view
  const announced = choice?.release.hash === release ? choice.release.encodings : []
  const encoding =
    entry.underway?.release === release ? entry.underway.encoding.hash : takenOf(announced, entry, release)
  const all = new Set([...announced.map(({ hash }) => hash), ...(encoding === undefined ? [] : [encoding])])
  return { peers: supply.peersOf([...all]), encoding2: encoding?.slice(0, ENCODING2) }
}

/** Hex digits. */
const ENCODING2 = 4

/** Of what is in use the journal says only how much it saved; that tells patches of one release apart, or two are alike. */
function takenOf(
  announced: readonly Pick<Encoding, 'hash' | 'length' | 'base'>[],
  { installed }: InstallEntry,
  release: string,
): string | undefined {
  if (installed?.release !== release) return undefined
  const whole = wholeOf(announced)
  if (whole === undefined || installed.saved === undefined) return whole?.hash
  return announced.find(({ base, length }) => base !== undefined && whole.length - length === installed.saved)?.hash
}
