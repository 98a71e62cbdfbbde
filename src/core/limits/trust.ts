// Bounds of one room, in ../limits.ts with all others. Who belongs to the mesh, and what is signed about that.
import { DAY, HOUR, MINUTE, SECOND } from './units.ts'

export const trustLimits = {
  // Membership and trust ---------------------------------------------------------------------------------------------
  /** A membership with its invite is about 1.3 kB; whatever is larger is refused before it is parsed. */
  membershipBytes: 4_096,
  /** An invite inside a membership: leaves room for the claims, the countersignature and their signatures (below 1,280). */
  inviteBytes: 2_816,
  /** Root and targets documents; refused above before any parsing. */
  rootBytes: 65_536,
  /** Nesting of any JSON document: the deepest legitimate one, an announcement in a signing request, has 9. */
  jsonDepth: 12,
  /** Root versions held and served: one a month for 20 years. */
  rootVersions: 256,
  /** Candidates for one root version that are checked in one offer: an honest peer sends one, each costs some milliseconds. */
  rootCandidates: 4,
  /** Keys in a root document, and signatures on any document: refused before any crypto. */
  documentKeys: 64,
  /** Signatures on one document: three times the largest threshold anyone runs; each more would be a verification an attacker gets for free. */
  documentSignatures: 16,
  /** Memberships held in memory and on disk: 512 zone-mates and as many callers; 1.3 kB each. */
  memberships: 1_024,
  /** Labels of a membership, and the length of a key or value. */
  labels: 16,
  /** Length of a label key or value: a DNS label is 63; longer text belongs into another tool. */
  labelLength: 64,
  /** Length of a node's name. */
  nameLength: 32,
  /** Seats of one invite: a large school; more would make a leaked token worth stealing. */
  inviteSeats: 1_024,
  /** Cells of a site, at most 32 nodes each: with 99, two digits name a cell of a site of 3,000. */
  cells: 99,
  /** An enrolment statement of the most entries; refused above before it is parsed. */
  statementBytes: 65_536,
  /** Nodes that one enrol key has revoked at a time: more is a raised epoch. 80 bytes each. */
  revokedNodes: 256,
  /** Invites that one enrol key has revoked at a time. 90 bytes each. */
  revokedInvites: 128,
  /** Zones and invites whose memberships one enrol key prolongs. */
  extensions: 64,
  /** Policies of zones that one enrol key states. */
  policies: 16,
  /** Publishers that a policy takes, and releases that it vetoes: what is superseded needs no veto any more. */
  policyNames: 16,
  /** How far ahead of its statement an extension may reach: as long as a membership of its own would last. */
  extensionMax: 730 * DAY,
  /** A member that answered a question for statements with nothing new, or not at all, is not asked again for so long. */
  statementRetry: 20 * SECOND,
  /** A clock may be this far from another and still agree whether an invite had expired. */
  clockSkew: 5 * MINUTE,
  /** A token is used within a weekend, or leaked. */
  inviteLifetime: 48 * HOUR,
  /** Two years: longer than a board stays unvisited, shorter than one stays forgotten. */
  membershipLifetime: 730 * DAY,
  /** A year, as TUF repositories have it: the yearly signing proves that the keys are still held. */
  rootLifetime: 365 * DAY,
  /** A token after decompression: an invite with its root documents is below 8 kB. */
  tokenBytes: 32_768,
  /** Addresses in a token: a few members to start from, and the line stays short enough to paste. */
  tokenAddresses: 8,
  /** With less than this share of its lifetime left, a document is said to expire soon: a year's root three months before. */
  expiresSoonShare: 0.25,
  /** Longest life of an invite, a membership or a root: 100 years, so that every date has a four-digit year. */
  lifetimeMax: 36_500 * DAY,
  /** Delegated roles in targets, and path patterns of one; refused above before any crypto. */
  delegatedRoles: 64,
  /**
   * Epochs that roles can have in each epoch of targets: in the next one all begin above, so that a thief of the targets keys cannot use
   * them up (clause TARGETS 3). A publisher has one more for every theft, and 32,767 epochs of targets fit below 2^31.
   */
  roleEpochs: 65_536,
  /** Path patterns of one role: more are more roles. */
  rolePaths: 16,
  /** Times that a role changes its own keys in one epoch, each once a year or two: each costs a threshold of signature checks and up to 13 kB. */
  rotations: 8,
  /** Public keys kept ready for verification (about 0.5 kB each): all members a node can hold, and their invites' keys. */
  keyCache: 2_048,
  /** The gate: one message each way and one verdict, within this time (T35: closed within 5 s). */
  gateTimeout: 4 * SECOND,
  /** A credential holds two memberships of the largest size, a reply up to 1,024 seats: both below this, buffered for a stranger. */
  gateMessageBytes: 9_216,
  /** Bytes that may wait behind a message of the gate: the next one, and what the other side sends once it is through. */
  gateBufferBytes: 65_536,

  // Zones ------------------------------------------------------------------------------------------------------------
  /** Depth of a zone: continent, country, city, site, building, room. */
  zoneSegments: 6,
  /** Length of a segment: six of them and a cell still fit a gossip topic. */
  zoneSegmentLength: 32,
} as const
