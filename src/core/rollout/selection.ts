// Selection: which release of each path counts on this node, whether its selector names the node, and what keeps it from
// being installed. Invariant: what is not signed by a role for its path, or is older than what was accepted before, is never
// among what may be installed.
import { type Announcement, type PathFloor, type Release, wholeOf } from '../trust/announcement.ts'
import type { Delegation } from '../trust/documents.ts'
import { covers } from '../trust/paths.ts'
import type { PolicyHold } from './policy.ts'
import type { InstallReason } from './states.ts'

/** A role and the announcement that is in force for it. */
export interface Current {
  role: Delegation
  document: { signed: Pick<Announcement, 'releases'> }
  /** Its role signed two different announcements of one version. */
  frozen: boolean
  /** Provably. */
  expired: boolean
  /** Whether it has expired cannot be said: only what is newer than what is installed begins. */
  unsure?: boolean
  /** Its role refuses to install while nobody can say that nothing newer is withheld, and that is so now. */
  stale?: boolean
}

/** Why a release that is selected may not go on: until the role signs again, a newer pimesh runs, the zone's owner lets it, or for ever (oldCounter). */
export type Hold =
  | Extract<InstallReason, 'oldCounter' | 'unsupported' | 'frozen' | 'expired' | 'stale' | 'clockUnknown' | 'requires'>
  | PolicyHold

/** The release that counts for a path. */
export interface Choice {
  release: Release
  /** Who announces it, in which epoch. */
  role: string
  epoch: number
  /** Its selector names this node. */
  selected: boolean
  /** Undefined when nothing keeps it from being installed. */
  hold: Hold | undefined
  /** What its bundle waits for, as a sentence; with the hold `requires` only. */
  lacking?: string
  /** Whether its announcement has expired cannot be said. */
  unsure: boolean
}

/** Of a path. */
export type Floor = Pick<PathFloor, 'counter' | 'artifact'>

export interface Judge {
  /** True when the selector of the release names this node. */
  selects(release: Release): boolean
  /** What the role must not undercut under a path. */
  floors(role: Delegation, path: string): readonly Floor[]
  /** Why the owner of the zone does not let it go on. */
  forbids(role: Delegation, release: Release): PolicyHold | undefined
  /** True when the release is installed already, or strictly newer than what is. */
  isNews(role: Delegation, release: Release): boolean
}

/**
 * The release that counts for each path: that of the first role, in the order of targets, whose patterns cover the path and
 * that announces it. A terminating role that covers a path ends the search for it, also when it announces nothing there
 * (TUF specification 1.0.33, 5.6.7.2), or nothing that was heard of: whoever withholds its word gains nothing for the others.
 * @param roles in the order of targets.
 */
export function choose(roles: readonly Delegation[], current: readonly Current[], judge: Judge): Map<string, Choice> {
  const announcements = new Map(current.map((announced) => [announced.role.name, announced]))
  const choices = new Map<string, Choice>()
  roles.forEach((role, at) => {
    const announced = announcements.get(role.name)
    if (announced === undefined) return
    const ended = roles.slice(0, at).filter(({ terminating }) => terminating)
    for (const release of announced.document.signed.releases) {
      const { path } = release
      if (choices.has(path) || !covers(role, path) || ended.some((earlier) => covers(earlier, path))) continue
      const by = { role: role.name, epoch: role.epoch, unsure: announced.unsure === true }
      choices.set(path, { release, ...by, selected: judge.selects(release), hold: holdOf(release, announced, judge) })
    }
  })
  return choices
}

/** The lasting reasons come first: what people see should not change its mind when the others end. */
function holdOf(release: Release, { role, frozen, expired, unsure, stale }: Current, judge: Judge): Hold | undefined {
  if (judge.floors(role, release.path).some((floor) => undercuts(release, floor))) return 'oldCounter'
  if (lacks(release) !== undefined) return 'unsupported'
  const forbidden = judge.forbids(role, release)
  if (forbidden === 'notTaken' || forbidden === 'vetoed') return forbidden
  if (frozen) return 'frozen'
  if (expired) return 'expired'
  if (stale) return 'stale'
  if (unsure && !judge.isNews(role, release)) return 'clockUnknown'
  return forbidden
}

/** What in a release this version of pimesh cannot install; undefined when it can. */
export function lacks({ unsupported, installer, encodings }: Release): string | undefined {
  if (unsupported !== undefined) return unsupported
  if (installer === undefined) return 'its installer'
  return wholeOf(encodings) === undefined ? 'its encodings' : undefined
}

/** A lower counter is older; one counter stands for one artifact only. */
function undercuts(release: Release, floor: Floor): boolean {
  if (release.counter !== floor.counter) return release.counter < floor.counter
  return release.artifact.hash !== floor.artifact
}
