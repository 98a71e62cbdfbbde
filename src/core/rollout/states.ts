// How far a release has come on a node, as its journal holds it and its record reports it.
import type { Encoding } from '../trust/announcement.ts'

/** The way of a release; numbers on the wire are places in this list, from 1: append only. */
export const INSTALL_STATES = [
  /** Selected for this node, which waits for something (`reason` says what). */
  'announced',
  'fetching',
  'verified',
  'staged',
  'switched',
  'healthy',
  'committed',
  'rolledBack',
  'failed',
] as const
export type InstallState = (typeof INSTALL_STATES)[number]

/** Why a release waits or failed; numbers on the wire are places in this list, from 1: append only. */
export const INSTALL_REASONS = [
  /** Not enough space: goes on when there is. */
  'diskFull',
  /** The install folder or the artifact store cannot be written: goes on when it can. */
  'notWritable',
  /** Nobody who is reachable has the pieces that are missing. */
  'noProvider',
  /** A newer pimesh is needed (installer, encoding or a field). */
  'unsupported',
  /** The bytes are what the piece list says, and not the announced artifact. */
  'badArtifact',
  /** The disk or the system failed otherwise. */
  'ioError',
  /** Its announcement has expired. */
  'expired',
  /** Its role signed two different announcements of one version. */
  'frozen',
  /** Its counter is not above what this node accepted before. */
  'oldCounter',
  /** The owner of the zone does not take releases of its publisher. */
  'notTaken',
  /** The owner of the zone has vetoed it. */
  'vetoed',
  /** The owner of the zone lets installations begin in other hours, or the clock does not say which hour it is. */
  'outsideHours',
  /** No newer beacon came for three periods, and its role refuses to install then. */
  'stale',
  /** Whether its announcement has expired cannot be said, and it is not newer than what is installed. */
  'clockUnknown',
  /** The bundle that it belongs to waits. */
  'requires',
  /** Nothing comes from other sites, as the owner of the node bounds it: this month, at this hour, or while the board is hot. */
  'pausedMonth',
  'pausedHours',
  'pausedHot',
] as const
export type InstallReason = (typeof INSTALL_REASONS)[number]

/** One release in a node's record. */
export interface InstallReport {
  /** First 8 bytes of the release's hash, hex. */
  release8: string
  state: InstallState
  reason: InstallReason | undefined
  /** How much of the encoding is here, 0..100. */
  percent: number
  /** Of the bytes that came, the part over the LAN or from others than those that had it first, 0..100; undefined when none came since the daemon started. */
  peers?: number | undefined
  /** First 2 bytes of the hash of the encoding that it takes or took, hex; undefined where nobody knows. */
  encoding2?: string | undefined
}

/** What is installed under a path, and in which epoch of which role it was announced. */
export interface Installed {
  role: string
  epoch: number
  release: string
  counter: number
  version: string
  /** Hex SHA-256. */
  artifact: string
  /** How many bytes fewer than the whole the patch has that it came as; absent when it came whole. */
  saved?: number
}

/** The edges of a journal: `committed` is not among them, since what came there is `installed`. */
export type UnderwayState = 'fetching' | 'verified' | 'staged' | 'switched' | 'healthy'

/** On its way, with all that a job needs: an installation can be finished when its announcement is gone. */
export interface Underway extends Installed {
  /** The last edge that is on disk. */
  state: UnderwayState
  /** Of the artifact, in bytes. */
  length: number
  encoding: InstallJob['encoding']
  installer: InstallJob['installer']
}

/** The journal of one path: what is in use, what is on its way, and what failed here for good. */
export interface InstallEntry {
  path: string
  installed: Installed | undefined
  underway: Underway | undefined
  /** Hashes of releases that failed here for good, newest last: not tried again. */
  failed: readonly { release: string; reason: InstallReason }[]
}

/** What an installer is asked to do: all it needs, so that each step can be redone from the journal alone. */
export interface InstallJob {
  path: string
  release: string
  counter: number
  version: string
  artifact: { hash: string; length: number }
  /** `hash` names it, `sha256` is that of its bytes; a patch names the artifact that it changes, which is installed under this path. */
  encoding: Pick<Encoding, 'type' | 'hash' | 'sha256' | 'base'>
  installer: { type: 'file'; file: string; executable: boolean }
}

/** stage: unpack beside what is in use; switch: put it in use at once; tidy: remove what nobody goes back to. */
export type InstallStep = 'stage' | 'switch' | 'tidy'
export interface InstallProblem {
  reason: InstallReason
  detail: string
  /** Bytes. */
  missing?: number
  /** The file of the encoding does not have the SHA-256 that was signed: the disk changed it, or the signature is of another one. */
  mismatch?: true
  /** The patch does not make the artifact of what is installed here, whoever is to blame: the whole encoding will. */
  noPatch?: true
  /** Of a switch: whether the release is in use nevertheless, on disk; absent when the disk does not say. */
  inUse?: boolean
}
