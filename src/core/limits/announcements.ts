// Bounds of one room, in ../limits.ts with all others. What publishers announce, and how it spreads.
import { DAY, HOUR, MINUTE, SECOND } from './units.ts'

export const announcementsLimits = {
  // Announcements ----------------------------------------------------------------------------------------------------
  /** An announcement; larger ones are refused before they are parsed. 64 releases of 800 bytes fit. */
  announcementBytes: 65_536,
  /** Releases in one announcement: one per artifact path of a role. */
  releases: 64,
  /** A head on the gossip topic: role, two numbers and a hash have 85 bytes. */
  headBytes: 160,
  /** Length of an artifact path: four segments of 31. */
  pathLength: 128,
  /** Length of a release's version label. */
  versionLength: 64,
  /** A selector, in characters: ten conditions. */
  selectorLength: 1_024,
  /** Nodes and depth of a selector's syntax tree: bounds what evaluating it may cost on every node. */
  selectorNodes: 256,
  /** See selectorNodes. */
  selectorDepth: 24,
  /** Compiled selectors kept: all releases of all roles that a fleet has in practice. */
  selectorCache: 256,
  /** Origins named by a release. */
  releaseOrigins: 4,
  /** Encodings of a release: one whole, and patches against the versions in use. */
  releaseEncodings: 16,
  /** Release hashes in `requires`. */
  releaseRequires: 16,
  /** Bodies asked for in one sync request: three of the largest fit an answer. */
  syncAnnouncements: 3,
  /** A body that was promised by a head and did not come is asked of the same peer again after this. */
  bodyRetry: 20 * SECOND,
  /** Heads of one neighbour whose bodies are fetched per minute: an honest one tells of a few releases; T21's flood of new ones stops here. */
  headsPerMinute: 30,
  /** Targets of peers that are taken at once, each in force at once: what an owner changes within a few minutes, a revocation among it. */
  targetsAtOnce: 4,
  /** Then one per pause, the newest by then: a stolen targets key costs a card some writes an hour, and a change waits for no more than this on a link. */
  targetsPause: 1 * MINUTE,
  /** Heads of gossip whose bodies are on their way; each waits for 2 x requestTimeout at most. */
  headsWaiting: 256,
  /** Bodies asked for at the same time, in all: 32 answers of the largest size are 8 MB. */
  bodiesAtOnce: 32,
  /** Of one peer: leaves it as many streams of sync again for what else we ask (see inboundStreamsPerProtocol). */
  bodiesPerPeer: 2,
  /** Bodies that wait while others are being written: 2 MB. */
  bodiesQueued: 32,
  /** Documents whose signatures did not hold, remembered by their hash: what 32 neighbours may have fetched in a minute. */
  knownBad: 1_024,
  /**
   * What a peer may give in an hour that is refused, in points; a head of gossip costs one. An honest member passes on some that are
   * late, and those of 64 roles of newer targets, again and again: not a thousand.
   */
  refusedPoints: 1_024,
  /** Points of a document that no honest member gives: 16 of them, each up to 16 signature checks of 2 ms, are half a second an hour. */
  refusedAtFault: 64,
  /** Of one from a peer that goes by other targets or roots: both sides of an equivocation of each of 64 roles may honestly be wrong. */
  refusedInDoubt: 8,
  /** After so long a peer's budget is whole again. */
  refusedTime: HOUR,
  /** A peer that used its budget up is neither admitted nor dialled for so long: a broken one may have been mended by then. */
  dropTime: HOUR,
  /** Acceptances in the audit log: a release a day for four months. Refusals have their own places and cannot push them out. */
  auditAccepted: 128,
  /** Refusals in the audit log, of 150 bytes: a peer fills at most 24 of them in an hour, one for each reason and kind. */
  auditRefused: 128,
  /** Refusals of one peer for one reason within this time are one entry with a count. */
  auditCoalesced: HOUR,
  /** A first refusal is written after this, with those that came meanwhile: what an attack may hide by a power cut. */
  auditFreshDelay: 10 * SECOND,
  /** Counts that grew are written this far apart: 128 entries of 150 bytes are 3 MB a day under attack, of a budget of 10. */
  auditGrownDelay: 10 * MINUTE,
  /** Bodies that peers did not give, remembered by peer and hash: those of all links for a minute. */
  bodiesMissed: 1_024,
  /**
   * Artifact paths of one role whose highest counter is remembered: four announcements without a common path; a new epoch begins anew.
   * For each role, so that none takes another's room: 64 roles take 16,384 floors (3 MB) at most.
   */
  pathFloors: 256,
  /** A beacon: 64 roles with both sides of an equivocation, and the signatures of all its keys. */
  beaconBytes: 20_480,
  /** Keys of the beacon role: a few nodes that are seldom off at the same time; a head has one bit for each. */
  beaconKeys: 8,
  /** Shortest period of beacons: for laboratories; each costs every node a few hellos and signature checks. */
  beaconPeriodMin: 10 * SECOND,
  /** Longest period: a mesh that hears of a freeze after three weeks has no use for beacons. */
  beaconPeriodMax: 7 * DAY,
  /** So many silent periods are a freeze: a holder that restarts, and one period in which holders disagree, are none. */
  beaconSilence: 3,
  /** A holder signs when what it holds has not changed for so long, or a tenth of the period if that is shorter: hello has told the others by then. */
  beaconQuiet: 2 * MINUTE,
  /** A peer is asked for its beacons this often at most: signatures arrive one after the other. */
  beaconAskPause: 5 * SECOND,
  /** A key file has 190 bytes, an encrypted one 450; whatever is longer is none, and is not read. */
  keyFileBytes: 4_096,
  /**
   * Memory that unlocking a key file may take: a file says how much it needs. Those made here take half of it, 64 MiB, which a board
   * with 512 MB has.
   */
  keyFileMemory: 134_217_728,
  /** How often a key file may have that memory gone through: once takes about a second on a Pi, and is what files made here ask for. */
  keyFilePasses: 4,
  /** Characters of a new passphrase, at least: with fewer, guessing ends before long whatever a guess costs. */
  passphraseMin: 8,
  /** Bytes of a passphrase: a file that is longer holds something else. */
  passphraseBytes: 1_024,
  /** How long a publisher waits for another one of the same folder to sign and hand in: both take about a second. */
  signingTurn: 30 * SECOND,
  /** A signing request: two announcements, targets, and 256 roots (rootVersions) of 64 keys, which have 15 kB each. */
  signingRequestBytes: 4_194_304,
  /** Values in one: those roots have 190,000. Four MiB of nothing but empty lists would take half a gigabyte of memory to read. */
  signingRequestValues: 262_144,
  /** An announcement expires so long after it was signed, unless the publisher says otherwise: a quarter, so that keys prove alive. */
  announcementLifetime: 90 * DAY,
} as const
