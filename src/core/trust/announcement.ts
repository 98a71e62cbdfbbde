// An announcement: one signed version of a publisher role's metadata, the set of its current releases.
// Its identity, order and tie-break lie over the canonical `signed` part; docs/protocol.md, clause ANN, is its byte form.
import type { Millis } from '../env.ts'
import type { Signed } from './documents.ts'
import type { RotationDocument } from './rotations.ts'

/** How the bytes of an artifact may be carried; what this version does not know is left out when an announcement is parsed. */
export type EncodingType = 'identity' | 'zstd' | 'zstd-patch'

/** One transferable form of an artifact, cut into pieces. */
export interface Encoding {
  type: EncodingType
  /**
   * The identity of the encoding: hex SHA-256 over its own SHA-256, its length and its piece list, so that who describes another
   * role's encoding falsely describes another encoding.
   */
  hash: string
  /** Hex SHA-256 of the encoded bytes. */
  sha256: string
  /** Bytes, at least 1. */
  length: number
  /** Bytes of a piece; the last one may be shorter. */
  pieceLength: number
  /** Hex SHA-256 of the piece list: the concatenated 32-byte SHA-256 hashes of the pieces. */
  pieceList: string
  /** Of a patch, and of nothing else: hex SHA-256 of the artifact that it changes. Who does not have that one cannot use it. */
  base?: string
}

/** The first of these that needs no base; one that this version can install has one. */
export function wholeOf<T extends Pick<Encoding, 'base'>>(encodings: readonly T[]): T | undefined {
  return encodings.find(({ base }) => base === undefined)
}

/** What turns the artifact into a running thing, as the publisher asks for it. */
export interface InstallerSpec {
  type: 'file'
  /** Name of the file in its versioned folder. */
  file: string
  /** Mode 0755 instead of 0644. */
  executable: boolean
}

/** One named version of one artifact with its target selector and installer. */
export interface Release {
  /** Hex SHA-256 over role, path and the release's own canonical JSON: stays the same when the role signs again. */
  hash: string
  /** `acme/agent`: segments of [A-Za-z0-9._-], neither `.` nor `..`. */
  path: string
  /** Orders the releases of a path, 1..2^31-1. */
  counter: number
  /** A label for people. */
  version: string
  /** Hex SHA-256 and length in bytes of the artifact. */
  artifact: { hash: string; length: number }
  /** CEL over the facts of a node (clause CEL). */
  to: string
  installer: InstallerSpec | undefined
  /** The forms that this version of pimesh can use, the preferred one first. */
  encodings: readonly Encoding[]
  /** Multiaddrs with /p2p/ID of members that had it first: hints. */
  origin: readonly string[]
  /** Hashes of releases of the same announcement that must come into use with it (clause BUNDLE). */
  requires: readonly string[]
  /** The hash of the release that this one withdraws: the same in all but its selector, which names no node (clause ANN 18). */
  withdraws: string | undefined
  /** What in this release a newer pimesh would understand: it is passed on and served, and never installed here. */
  unsupported: string | undefined
}

/** The selector that names no node: that of what is withdrawn. */
export const NO_NODE = 'false'

export interface Announcement {
  /** Hex mesh id, and the role's name: both are signed, so that the bytes mean nothing elsewhere (T23). */
  mesh: string
  role: string
  /** Must be the epoch of the role's delegation; with `rotation` and `version` the order of announcements. */
  epoch: number
  /** Of the last of `rotations`, or TOMBSTONE; undefined: the delegated keys sign. */
  rotation?: number
  version: number
  /** The keys that the role gave itself, in order; undefined: none. */
  rotations?: readonly RotationDocument[]
  expires: Millis
  /** One per path, in order of path. */
  releases: readonly Release[]
}
export type AnnouncementDocument = Signed<Announcement>

/** What names one announcement: goes over the gossip topic and, for each role, into every hello. */
export interface Head {
  role: string
  epoch: number
  /** Undefined: 0. */
  rotation?: number
  version: number
  /** Hex hash of the `signed` part. */
  hash: string
}

/** The head of a register, with the other side of an equivocation when there is one. */
export interface VectorEntry extends Head {
  /** Hex hash of the other `signed` part of the same (epoch, rotation, version). */
  rival: string | undefined
}

/** What a node holds of the publishers: the delegations, and one entry per role. Every hello carries it. */
export interface VersionVector {
  /** 0 and undefined while it holds none. */
  targetsVersion: number
  /** Hex hash of the targets' `signed` part. */
  targetsHash: string | undefined
  heads: readonly VectorEntry[]
}

/** Of a node that has heard of no publisher. */
export const EMPTY_VECTOR: VersionVector = { targetsVersion: 0, targetsHash: undefined, heads: [] }

/** The highest (epoch, rotation, version) of a role that was accepted; nothing lower is ever accepted again. */
export interface RoleFloor {
  role: string
  epoch: number
  /** Undefined: 0. */
  rotation?: number
  version: number
}

/**
 * The highest counter of a path that a role announced in an epoch, and its artifact: nothing lower of that role and epoch, and no
 * other artifact under the same counter, is ever installed. It binds nobody else: a stolen key blocks no path beyond its epoch.
 */
export interface PathFloor {
  role: string
  epoch: number
  path: string
  counter: number
  /** Hex SHA-256 of the artifact. */
  artifact: string
}

/** Negative, zero or positive as `a` is older than, as new as or newer than `b`; equal ones may still differ in their hash. */
export function compareVersions(a: Ordered, b: Ordered): number {
  return a.epoch - b.epoch || (a.rotation ?? 0) - (b.rotation ?? 0) || a.version - b.version
}

/** What orders the announcements of a role, before their hashes. */
export type Ordered = Pick<Head, 'epoch' | 'rotation' | 'version'>

/** That of a head, a floor or an announcement alone. */
export function orderOf({ epoch, rotation, version }: Ordered): Ordered {
  return { epoch, ...(rotation === undefined ? {} : { rotation }), version }
}
