// The journal of one path as a pure state machine: an entry, a wish and what this run knows -> the next action.
// Invariants: no step before the edge that it rests on is on disk; what is in use is left alone until the switch, which is one
// rename; `installed` changes only when the switch is on disk. Every step may be repeated, so a crash costs a repetition:
//
//   fetching --(encoding complete)--> verified --(stage)--> staged --(switch)--> switched --> healthy --> committed, then tidy
//
// The edge to `staged` is the point of no return. After a crash behind it the switch may or may not have happened, and only doing
// it again makes journal and disk agree; so it is finished from the journal alone, whatever was announced meanwhile, and a newer
// release begins after it. Until the switch was asked for, or once this run saw that it failed and left in use what was, the release can
// still be dropped or replaced: a disk that cannot be written must not bind a node to a release that was withdrawn long ago. The members
// of a bundle reach that point in one write, which is for all of them what a restart is: from then on they are finished. What cannot be
// finished, since it is damaged and nobody gives it again, goes on when it is in use already, and is dropped when it is not.
//
// A patch is begun when its base is what is installed. When it does not make the artifact, the same release goes on with its whole encoding:
// one edge back to `fetching`, or from `staged` to itself, since nothing that is written undoes a switch.
import { limits } from '../limits.ts'
import { type Encoding, type Release, wholeOf } from '../trust/announcement.ts'
import { lacks } from './selection.ts'
import type { InstallEntry, InstallJob, InstallProblem, InstallStep, Underway } from './states.ts'

/** A release, and in which epoch of which role it is announced. */
export interface Announced {
  release: Release
  role: string
  epoch: number
}

/**
 * What the announcements want for a path; undefined: nothing. `may`: nothing keeps it from going on now. `bound`: its edge to `staged`
 * is written together with those of others (clause BUNDLE 4); `behind`: something that it requires is to be switched to first.
 */
export type Wish = (Announced & { may: boolean; bound?: boolean; behind?: boolean }) | undefined

/** What the run that is under way knows beyond the journal. */
export interface Known {
  /** The step that was done since the last edge. */
  done: InstallStep | undefined
  /** Whether the switch may have happened: it was asked for, or an earlier run may have asked for it. */
  doubt: 'none' | 'asked' | 'inherited'
  /** The switch found what was staged missing or damaged: it is unpacked anew. */
  restage: boolean
  /** Whether the last switch, which failed, left the release in use; undefined when the disk did not say. */
  inUse: boolean | undefined
  /** The patch under way makes no artifact here. */
  noPatch: boolean
  /** What is to be tidied up when there is time. */
  tidy: InstallJob | undefined
}

export type Action =
  /** Write the entry; nothing else happens until it is on disk. */
  | { do: 'write'; entry: InstallEntry }
  | { do: 'step'; step: InstallStep; job: InstallJob }
  /** The encoding must be here, whole. */
  | { do: 'fetch' }
  | { do: 'rest' }

const NOTHING_KNOWN: Known = {
  done: undefined,
  doubt: 'none',
  restage: false,
  inUse: undefined,
  noPatch: false,
  tidy: undefined,
}

/** What is known when an entry was read at the start of a run. */
export function afterRestart({ path, underway }: InstallEntry): Known {
  // What was begun before this release may have left something behind; from `verified` on it could be our own.
  const tidy = underway?.state === 'fetching' ? jobOf(path, underway) : undefined
  return { ...NOTHING_KNOWN, doubt: underway?.state === 'staged' ? 'inherited' : 'none', tidy }
}

/**
 * What is known after an edge is on disk: a committed release is tidied up after, one that was given up as well. `bound`: it was
 * written together with those of others, whose switch may come first.
 */
export function afterEdge(before: InstallEntry, after: InstallEntry, known: Known, bound = false): Known {
  const { path, underway } = before
  if (isFallBack(before, after)) return { ...known, done: undefined, noPatch: false }
  const gone = underway !== undefined && underway.release !== after.underway?.release
  const tidy = gone && underway.state !== 'fetching' ? jobOf(path, underway) : known.tidy
  return { ...NOTHING_KNOWN, doubt: bound ? 'inherited' : 'none', tidy }
}

/** The edge to the whole encoding of the same release, after a patch that could not be applied. */
export function isFallBack({ underway: before }: InstallEntry, { underway: after }: InstallEntry): boolean {
  return before !== undefined && before.release === after?.release && before.encoding.hash !== after.encoding.hash
}

/** What is known when a step was asked for. */
export function afterAsking(step: InstallStep, known: Known): Known {
  return step === 'switch' && known.doubt === 'none' ? { ...known, doubt: 'asked' } : known
}

/**
 * What is known when a step is done, or failed. A switch may fail behind its rename, so only what the disk says then ends the doubt
 * that asking for it made. The doubt of an earlier run stays: others of its bundle may be in use.
 */
export function afterStep(step: InstallStep, problem: InstallProblem | undefined, known: Known): Known {
  if (step === 'tidy') return { ...known, tidy: undefined }
  if (problem === undefined) return { ...known, done: step, restage: false, noPatch: false }
  if (step !== 'switch') return { ...known, noPatch: problem.noPatch === true }
  const { reason, inUse } = problem
  const doubt = known.doubt === 'asked' && inUse === false ? 'none' : known.doubt
  return { ...known, done: undefined, doubt, restage: reason === 'ioError' || reason === 'badArtifact', inUse }
}

/**
 * What to do next for a path. Ask again after every action, with what came of it.
 * @param complete whether all pieces of the encoding under way are here.
 */
export function next(entry: InstallEntry, wish: Wish, known: Known, complete: boolean): Action {
  return nextOf(entry, wish, known, complete && !known.noPatch)
}

/** @param complete whether the encoding under way is here, and of use */
function nextOf(entry: InstallEntry, wish: Wish, known: Known, complete: boolean): Action {
  const begun = begin(entry, wish)
  const { underway } = entry
  if (underway === undefined) return begun ?? rest(known)
  if (wish?.release.hash !== underway.release) {
    if (isReversible(underway, known, complete)) return begun ?? write(entry, undefined)
  } else if (isHeld(underway, wish.may, known, complete)) return { do: 'rest' }
  return advance(entry, underway, { known, complete, wish: wish?.release.hash === underway.release ? wish : undefined })
}

/** The first edge of the wished release; undefined when there is nothing to begin. */
function begin(entry: InstallEntry, wish: Wish): Action | undefined {
  if (wish === undefined || !wish.may) return undefined
  const { hash } = wish.release
  if (entry.installed?.release === hash || entry.failed.some(({ release }) => release === hash)) return undefined
  const underway = underwayOf(wish, entry.installed?.artifact)
  return underway && write(entry, underway)
}

/** What may not go on now stays where it is, unless it is as good as in use: nothing is done for it, nor fetched. */
export function isHeld(underway: Underway, may: boolean, known: Known, complete: boolean): boolean {
  return !may && known.doubt === 'none' && isReversible(underway, known, complete)
}

function isReversible({ state }: Underway, { doubt, restage, inUse }: Known, complete: boolean): boolean {
  if (state !== 'staged') return state === 'fetching' || state === 'verified'
  // What is not there, and nobody gives us again, cannot be finished; but what is in use must not be forgotten.
  return doubt === 'none' || (restage && !complete && inUse === false)
}

/** @param wish when it is for what is under way */
function advance(
  entry: InstallEntry,
  underway: Underway,
  { known, complete, wish }: { known: Known; complete: boolean; wish: Wish },
): Action {
  const edge = (state: Underway['state']) => write(entry, { ...underway, state })
  const step = (step: InstallStep): Action => ({ do: 'step', step, job: jobOf(entry.path, underway) })
  const whole = known.noPatch ? wholeOf(wish?.release.encodings ?? []) : undefined
  if (whole !== undefined) return write(entry, fallenBack(underway, whole))
  switch (underway.state) {
    case 'fetching':
      return complete ? edge('verified') : known.tidy === undefined ? { do: 'fetch' } : rest(known)
    case 'verified':
      if (known.done === 'stage') return wish?.bound ? { do: 'rest' } : edge('staged')
      return complete ? step('stage') : { do: 'fetch' }
    case 'staged':
      if (known.done === 'switch') return edge('switched')
      if (!known.restage) return wish?.behind ? { do: 'rest' } : step('switch')
      if (complete) return step('stage')
      if (wish !== undefined) return { do: 'fetch' }
      // Damaged, and nobody gives it again: in use it is all the same, or the disk is asked again whether it is.
      return known.inUse ? edge('switched') : step('switch')
    case 'switched':
      // A file has no health to wait for: it is in use. The edge stands for installers that start something.
      return edge('healthy')
    case 'healthy':
      return { do: 'write', entry: commit(entry, underway) }
  }
}

function fallenBack({ saved: _, ...underway }: Underway, whole: Encoding): Underway {
  return { ...underway, state: underway.state === 'verified' ? 'fetching' : underway.state, encoding: named(whole) }
}

/** What a job has to know of an encoding. */
function named({ type, hash, sha256, base }: Encoding): Underway['encoding'] {
  return base === undefined ? { type, hash, sha256 } : { type, hash, sha256, base }
}

function commit(entry: InstallEntry, underway: Underway): InstallEntry {
  const { role, epoch, release, counter, version, artifact, saved } = underway
  const installed = { role, epoch, release, counter, version, artifact, ...(saved && { saved }) }
  return { ...entry, installed, underway: undefined }
}

function rest({ tidy }: Known): Action {
  return tidy === undefined ? { do: 'rest' } : { do: 'step', step: 'tidy', job: tidy }
}

function write(entry: InstallEntry, underway: Underway | undefined): Action {
  return { do: 'write', entry: { ...entry, underway } }
}

/** The entry that remembers for good that what is under way is not the announced artifact. */
export function withFailure(entry: InstallEntry, { release }: Underway): InstallEntry {
  const failed = [...entry.failed, { release, reason: 'badArtifact' as const }]
  return { ...entry, underway: undefined, failed: failed.slice(-limits.failedReleases) }
}

/** The job of what is under way: from the journal alone. */
export function jobOf(path: string, underway: Underway): InstallJob {
  const { release, counter, version, artifact, length, encoding, installer } = underway
  return { path, release, counter, version, artifact: { hash: artifact, length }, encoding, installer }
}

/**
 * How a release begins, with the shortest of its encodings that is of use here; undefined when this version of pimesh cannot install it.
 * @param installed hex SHA-256 of the artifact in use
 */
export function underwayOf({ release, role, epoch }: Announced, installed?: string): Underway | undefined {
  const { hash, counter, version, artifact, installer } = release
  const encoding = release.encodings.find(({ base }) => base === undefined || base === installed)
  if (lacks(release) !== undefined || installer === undefined || encoding === undefined) return undefined
  const saved = encoding.base === undefined ? 0 : (wholeOf(release.encodings)?.length ?? 0) - encoding.length
  return {
    role,
    epoch,
    release: hash,
    counter,
    version,
    artifact: artifact.hash,
    state: 'fetching',
    length: artifact.length,
    encoding: named(encoding),
    installer,
    ...(saved > 0 && { saved }),
  }
}
