// Everything that can happen to a node (Input) and everything it can ask of the world (Effect), on one page.
import type { MembershipId, Millis, NodeId } from './env.ts'
import type { DescentAnswer } from './fleet/descents.ts'
import type { Digest } from './fleet/digest.ts'
import type { MetricValues } from './fleet/metrics.ts'
import type { CollectorTrouble, NamedValue } from './fleet/named-values.ts'
import type { HealthRecord } from './fleet/record.ts'
import type { Envelope, Row, Status, StatusCounts } from './fleet/rows.ts'
import type { SightAnswer, SightQuestion } from './fleet/sightings.ts'
import type { Summary } from './fleet/summary.ts'
import type { Vote } from './fleet/vote.ts'
import type { HistoryAnswer, HistoryQuestion } from './history/inquiries.ts'
import type { SavedBlock } from './history/node-history.ts'
import type { TierName } from './history/tiers.ts'
import type { Path, Route } from './links/paths.ts'
import type { NodeEvent } from './node-events.ts'
import type { Contact, ProtocolName, Requests, Responses } from './protocols.ts'
import type { InstallEntry, InstallJob, InstallProblem, InstallStep } from './rollout/states.ts'
import type { Cached } from './swarm/cache.ts'
import type { Told } from './swarm/directory.ts'
import type { ArtifactProblem, PieceArrival, PieceMessage } from './swarm/messages.ts'
import type { Usage } from './swarm/month.ts'
import type { AnnouncementDocument, Encoding, Head, PathFloor, RoleFloor } from './trust/announcement.ts'
import type { AuditEntry } from './trust/audit.ts'
import type { Beacon, BeaconDocument, BeaconFloor } from './trust/beacon.ts'
import type { Membership, RootDocument, TargetsDocument } from './trust/documents.ts'
import type { StatementDocument } from './trust/statement.ts'

/** Ties an effect to the input that reports its outcome. Unique within one run of a node. */
export type Ticket = number

/** A request together with its protocol, so that the pair cannot come apart. */
export type AnyRequest = { [P in ProtocolName]: { protocol: P; body: Requests[P] } }[ProtocolName]
export type AnyResponse = { [P in ProtocolName]: { protocol: P; body: Responses[P] } }[ProtocolName]

export type Input =
  /** The deadline passed. */
  | { type: 'woken' }
  /** The wall clock, as this machine shows it, and how far local time is ahead of UTC; read at start, at every sample and when it stepped. */
  | { type: 'wall'; wall: Millis; offset?: Millis }
  /**
   * A health sample that was asked for. `clockTrusted`: the kernel says its clock is synchronised. `more`: what was measured beside the
   * record's metrics; `troubles`: custom collectors that cannot be taken as they are.
   */
  | {
      type: 'sampled'
      metrics: MetricValues
      clockTrusted: boolean
      more?: readonly NamedValue[]
      troubles?: readonly CollectorTrouble[]
    }
  /** Our record was sealed and handed to gossip; its envelope is what we serve to others. */
  | { type: 'published'; envelope: Envelope; record: HealthRecord }
  /** A batch of changes is on disk. */
  | { type: 'persisted'; ticket: Ticket }
  /** A batch could not be written (disk full, read-only, ...). */
  | { type: 'persistFailed'; ticket: Ticket; reason: string }
  /** The gate: on a secured stream, before any other byte, `remote` showed this membership (undefined: nothing that parses). */
  | {
      type: 'credential'
      ticket: Ticket
      remote: NodeId
      membership: Membership | undefined
      /** The membership of whoever countersigned it, as `remote` shows it. */
      witness: Membership | undefined
      claimedMesh: string | undefined
      /** Both ends agreed, over the link that they have, to put this one in its place. */
      replaces?: boolean
    }
  /** The member at the other end countersigned our membership in the gate: ours, with that countersignature. */
  | { type: 'countersigned'; membership: Membership }
  /** Without a route it counts as direct. */
  | { type: 'connected'; peer: NodeId; address: string; direction: 'inbound' | 'outbound'; route?: Route }
  /** The link with `peer` goes on over another path: whatever was under way on the old one is repeated or resumed. */
  | ({ type: 'moved'; peer: NodeId } & Path)
  | { type: 'disconnected'; peer: NodeId }
  | { type: 'dialFailed'; peer: NodeId; reason: string }
  /** No better path was found; the link is as it was. */
  | { type: 'improveFailed'; peer: NodeId; how: 'dial' | 'punch'; reason: string }
  /** Addresses of this machine came or went: a cable, a new network. */
  | { type: 'networkChanged' }
  /** How `peer` sees us, over a link that we dialled from the port that all of them share. */
  | { type: 'observed'; peer: NodeId; address: string }
  /** All addresses at which members could dial us from outside, as far as was tested; replaces what was said before. */
  | { type: 'reachable'; addresses: readonly string[] }
  /** `relay` takes in for us what is sent to these addresses. */
  | { type: 'reserved'; relay: NodeId; addresses: readonly string[] }
  /** `full`: its budget is used up. `refused`: it does not relay. `lost`: anything else. */
  | { type: 'unreserved'; relay: NodeId; why: 'full' | 'refused' | 'lost'; detail: string }
  /** The other end answered; and: it did not, in time. */
  | { type: 'pulsed'; peer: NodeId; roundTrip: Millis }
  | { type: 'pulseMissed'; peer: NodeId }
  /** The directory dialled this peer to ask it something: a link that nobody else wanted. */
  | { type: 'visited'; peer: NodeId }
  /** Something outside the mesh's own traffic says that `peer` may be at these addresses. */
  | { type: 'discovered'; peer: NodeId; addresses: readonly string[]; source: 'mdns' | 'identify' | 'bootstrap' }
  /** Our own listening addresses changed. */
  | { type: 'listening'; addresses: readonly string[] }
  /** A well-framed envelope arrived on a topic, forwarded by `from`; the driver waits for the verdict. */
  | {
      type: 'gossip'
      ticket: Ticket
      from: NodeId
      topic: string
      envelope: Envelope
      record: HealthRecord | undefined
      /** Of an envelope whose body is a vote. */
      vote?: Vote | undefined
    }
  /** As `gossip`, with an envelope of kind `dig` or `sum`; undefined: its body does not parse. */
  | { type: 'digestHeard'; ticket: Ticket; from: NodeId; topic: string; envelope: Envelope; digest: Digest | undefined }
  | {
      type: 'summaryHeard'
      ticket: Ticket
      from: NodeId
      topic: string
      envelope: Envelope
      summary: Summary | undefined
    }
  /** Our digest, or the summary that we pass on, was sealed and handed to gossip, as it came out. */
  | { type: 'digestPublished'; envelope: Envelope; digest: Digest }
  | { type: 'summaryPublished'; envelope: Envelope; summary: Summary }
  /** A member asks something of us; the driver waits for the reply. */
  | ({ type: 'asked'; ticket: Ticket; peer: NodeId } & AnyRequest)
  /** The answer to an `ask` of ours. */
  | ({ type: 'answered'; ticket: Ticket; peer: NodeId } & AnyResponse)
  /** `malformed`: an answer came that cannot be read. */
  | {
      type: 'askFailed'
      ticket: Ticket
      peer: NodeId
      protocol: ProtocolName
      reason: string
      malformed?: boolean
    }
  /** A person asks for rows (local API). `zones`: names, or patterns of those that are known; undefined: all that are known. */
  | { type: 'query'; ticket: Ticket; zones: readonly string[] | undefined; timeout: Millis }
  /** A person asks for the values of a node over time (local API). */
  | { type: 'askHistory'; ticket: Ticket; question: HistoryQuestion }
  /** The same by whom a node is seen; answered with `sightDone`. */
  | { type: 'askSight'; ticket: Ticket; question: SightQuestion }
  /** The same for the zones below inner zones; answered with `descentDone`. */
  | { type: 'descend'; ticket: Ticket; zones: readonly string[] | undefined; timeout: Millis }
  /** A head arrived on the announcements' topic, forwarded by `from`; the driver waits for the verdict. */
  | { type: 'headHeard'; ticket: Ticket; from: NodeId; topic: string; head: Head }
  /** The beacon that we asked to be signed. */
  | { type: 'beaconSigned'; beacon: BeaconDocument }
  /** A publisher on this machine hands in an announcement; the driver waits for `submission`. */
  | {
      type: 'submitted'
      ticket: Ticket
      targets: TargetsDocument | undefined
      announcement: AnnouncementDocument
      /** Encodings of its releases whose bytes the daemon has taken already, with their piece lists. */
      imported: readonly { encoding: Encoding; pieceList: Uint8Array }[]
    }
  /** Targets are handed in by themselves on this machine; the driver waits for `submission`. */
  | { type: 'delegated'; ticket: Ticket; targets: TargetsDocument }
  /** Whoever enrols hands in a statement on this machine; the driver waits for `submission`. */
  | { type: 'stated'; ticket: Ticket; statement: StatementDocument }
  /** Roots are handed in on this machine; the driver waits for `submission`. */
  | { type: 'rooted'; ticket: Ticket; roots: readonly RootDocument[] }
  /** A member refused us at the gate; undefined for a code that only newer nodes know. */
  | { type: 'turnedAway'; peer: NodeId; code: RefusalCode | undefined }
  /** There is a stream of /pimesh/pieces/1 with this peer; and: there is none any more, or none could be opened. */
  | { type: 'piecesOpened'; peer: NodeId }
  | { type: 'piecesClosed'; peer: NodeId }
  /** Undefined: nothing that parses came. */
  | { type: 'pieceMessage'; peer: NodeId; message: PieceArrival | undefined }
  /** `have`: the pieces that are on disk and were hashed again. */
  | { type: 'artifactPrepared'; ticket: Ticket; have: Uint8Array }
  /** A piece was written at its place. */
  | { type: 'pieceKept'; ticket: Ticket }
  /** A piece was handed to the stream, or could not be: undefined when only the stream was to blame. */
  | { type: 'pieceServed'; ticket: Ticket; problem: ArtifactProblem | undefined }
  | { type: 'artifactSynced'; ticket: Ticket }
  /** Preparing, keeping or syncing failed. */
  | { type: 'artifactFailed'; ticket: Ticket; problem: ArtifactProblem }
  /** A step of an installation is done, or failed. */
  | { type: 'installStepped'; ticket: Ticket; problem: InstallProblem | undefined }
  /** The directory named these, or nobody. */
  | { type: 'directoryFound'; ticket: Ticket; providers: readonly Told[] }
  /** So many servers of the directory were told. */
  | { type: 'directoryProvided'; ticket: Ticket; servers: number }
  /** Say goodbye: the daemon is about to stop. */
  | { type: 'leaving' }

/** A change of what must survive a crash. wire/state.ts gives it a key and bytes. */
export type Change =
  | { type: 'incarnation'; incarnation: number }
  | { type: 'root'; root: RootDocument }
  /** It is not earlier than this; written with the document that raises it. */
  | { type: 'timeBound'; time: Millis }
  | { type: 'beacon'; beacon: BeaconDocument }
  /** No beacon of these keys with this counter or a lower one ever counts again; written with the beacon that raises it. */
  | { type: 'beaconFloor'; floor: BeaconFloor }
  /** Where members could dial this node from outside the last time that they tried. */
  | { type: 'reachable'; addresses: readonly string[] }
  | { type: 'membership'; membership: Membership }
  | { type: 'forgetMembership'; id: MembershipId }
  | { type: 'statement'; statement: StatementDocument }
  | { type: 'forgetStatement'; enroller: string }
  | { type: 'contact'; contact: Contact; wall: Millis }
  | { type: 'forgetContact'; node: NodeId }
  | { type: 'row'; node: NodeId; envelope: Envelope; status: Status; heardWall: Millis }
  | { type: 'forgetRow'; node: NodeId }
  /** A zone spoke on a topic of digests that this node listens to. */
  | { type: 'zone'; zone: string; leaf: boolean; heardWall: Millis }
  | { type: 'forgetZone'; zone: string; leaf: boolean }
  | { type: 'targets'; targets: TargetsDocument }
  /** No older targets are ever in force; written with the document that raises it. */
  | { type: 'targetsFloor'; version: number; epoch?: number }
  /** `side`: held is the winner of its (epoch, rotation, version); rival the other side of an equivocation. */
  | { type: 'announcement'; side: 'held' | 'rival'; announcement: AnnouncementDocument }
  | { type: 'forgetAnnouncement'; side: 'held' | 'rival'; role: string }
  | { type: 'roleFloor'; floor: RoleFloor }
  | { type: 'pathFloor'; floor: PathFloor }
  /** A newer epoch of the role made it void. */
  | { type: 'forgetPathFloor'; role: string; path: string }
  | { type: 'pieceList'; hash: string; list: Uint8Array }
  | { type: 'forgetPieceList'; hash: string }
  /** The pieces of an encoding that are on disk. */
  | { type: 'holding'; encoding: string; bits: Uint8Array }
  | { type: 'forgetHolding'; encoding: string }
  /** What pieces took of the month's budget. */
  | { type: 'usage'; usage: Usage }
  /** It is here although this node does not need it. */
  | { type: 'cached'; cached: Cached }
  | { type: 'forgetCached'; encoding: string }
  | { type: 'install'; entry: InstallEntry }
  | { type: 'history'; saved: SavedBlock }
  | { type: 'forgetHistory'; node: NodeId; tier: TierName; run: number; first: number }
  /** Takes the place of what its ring held in its slot. */
  | { type: 'audit'; entry: AuditEntry }

export type Verdict = 'accept' | 'ignore' | 'reject'

/** Why the gate or a validator refused; counted by code and shown by `status`. */
export type RefusalCode =
  | 'noMembership'
  | 'foreignMesh'
  | 'wrongNode'
  | 'badSignature'
  | 'unknownEnroller'
  | 'outsideGrant'
  | 'expired'
  | 'inviteExpired'
  | 'seatTaken'
  | 'alreadyLinked'
  | 'badCountersignature'
  | 'wrongTopic'
  | 'wrongKind'
  | 'oldRecord'
  | 'unknownMembership'
  | 'malformed'
  | 'tooOften'
  | 'viewFull'
  | 'unknownRole'
  | 'wrongEpoch'
  | 'outsidePaths'
  | 'oldVersion'
  | 'keysRotated'
  | 'roleEnded'
  | 'bodyMissing'
  | 'diskFailed'
  | 'badPiece'
  | 'unasked'
  | 'revoked'
  | 'misbehaved'
  | 'wrongDay'

export type Admission =
  /** `countersign`: sign, with our key, that we met this membership at this wall time, and hand it over. */
  | { admitted: true; countersign: { membership: MembershipId; at: Millis } | undefined }
  /** `takenSeats`: with seatTaken, what the newcomer should avoid. */
  | { admitted: false; code: RefusalCode; takenSeats: readonly number[] }

export interface ZoneAnswer {
  zone: string
  state: 'answered' | 'silent' | 'forbidden'
  /** Members of the zone that were known and could have been asked; with 0, silence says nothing about the zone. */
  membersKnown: number
  /** The member that answered; undefined when nobody did. */
  by: NodeId | undefined
  counts: StatusCounts | undefined
  rows: readonly Row[]
  /** True when not all rows of the zone arrived. */
  partial: boolean
}

export interface QueryResult {
  zones: readonly ZoneAnswer[]
  /** Memberships of the rows' nodes, for names and labels. */
  memberships: ReadonlyMap<MembershipId, Membership>
}

export type Effect =
  /** Ask the probe; the answer comes back as `sampled`. */
  | { type: 'sample' }
  /** Sign this record with our key, put it in an envelope and gossip it. */
  | { type: 'publish'; topic: string; record: HealthRecord }
  /** The same with a vote. */
  | { type: 'vote'; topic: string; vote: Vote }
  | { type: 'subscribe'; topic: string }
  | { type: 'unsubscribe'; topic: string }
  /** Sign this with our key, put it in an envelope and gossip it; it comes back as `digestPublished` or `summaryPublished`. */
  | { type: 'publishDigest'; topic: string; digest: Digest }
  | { type: 'publishSummary'; topic: string; summary: Summary }
  | { type: 'verdict'; ticket: Ticket; verdict: Verdict }
  | { type: 'admit'; ticket: Ticket; admission: Admission }
  /** Write all changes atomically; `sync`: reach the disk before `persisted`. */
  | { type: 'persist'; ticket: Ticket; changes: readonly Change[]; sync: boolean }
  | { type: 'dial'; peer: NodeId; addresses: readonly string[] }
  /**
   * Look for a better path to a linked peer: at these addresses (`routed`: private ones of other networks, too, if there is nothing
   * else), or through the NATs of both. The outcome is `moved` or `improveFailed`.
   */
  | { type: 'improve'; peer: NodeId; how: 'dial'; addresses: readonly string[]; routed: boolean }
  | { type: 'improve'; peer: NodeId; how: 'punch' }
  /** Ask a linked peer to take in for us what is sent to us through it; and: it need not any more. */
  | { type: 'reserve'; relay: NodeId }
  | { type: 'release'; relay: NodeId }
  /** Relay for others from now on, or no more. */
  | { type: 'offerRelay'; on: boolean }
  /** The smallest question there is, to find out within `timeout` whether anything gets through. */
  | { type: 'pulse'; peer: NodeId; timeout: Millis }
  /** `silent`: nothing comes over that link any more, so no goodbye can be waited for. */
  | { type: 'close'; peer: NodeId; reason: 'surplus' | 'refused' | 'silent' }
  | ({ type: 'ask'; ticket: Ticket; peer: NodeId } & AnyRequest)
  | ({ type: 'reply'; ticket: Ticket } & AnyResponse)
  | { type: 'queryDone'; ticket: Ticket; result: QueryResult }
  | { type: 'historyDone'; ticket: Ticket; answer: HistoryAnswer }
  | { type: 'sightDone'; ticket: Ticket; answer: SightAnswer }
  | { type: 'descentDone'; ticket: Ticket; answer: DescentAnswer }
  | { type: 'publishHead'; topic: string; head: Head }
  /** Sign this with our beacon key; it comes back as `beaconSigned`. */
  | { type: 'signBeacon'; beacon: Beacon }
  /** What became of what was handed in: undefined when it is in force. */
  | { type: 'submission'; ticket: Ticket; refused: RefusalCode | undefined }
  | { type: 'piecesOpen'; peer: NodeId }
  | { type: 'piecesClose'; peer: NodeId }
  /** The longest message that may come from this peer now, in bytes. */
  | { type: 'piecesExpect'; peer: NodeId; maxBytes: number }
  | { type: 'pieceSay'; peer: NodeId; message: PieceMessage }
  /** Read a piece, hash it again, send it. */
  | { type: 'pieceServe'; ticket: Ticket; peer: NodeId; encoding: string; index: number }
  /** Write the bytes of an arrival at their place; they are free then. */
  | { type: 'pieceKeep'; ticket: Ticket; arrival: Ticket; encoding: string; index: number }
  /** Forget the bytes of an arrival. */
  | { type: 'pieceDrop'; arrival: Ticket }
  /** `decoded`: bytes that unpacking it will need beside it. */
  | { type: 'artifactPrepare'; ticket: Ticket; encoding: Encoding; pieceList: Uint8Array; decoded: number }
  | { type: 'artifactSync'; ticket: Ticket; encoding: string }
  | { type: 'artifactForget'; encoding: string }
  | { type: 'install'; ticket: Ticket; step: InstallStep; job: InstallJob }
  /** Keep in mind for others who provides what, and answer them; or no more. */
  | { type: 'directoryServe'; on: boolean }
  /** Members that may serve the directory; replaces what was said before. */
  | { type: 'directoryServers'; known: readonly Told[] }
  /** Ask who provides an encoding (hex hash). */
  | { type: 'directoryFind'; ticket: Ticket; encoding: string }
  /** Have it be known that we do, at these addresses. */
  | { type: 'directoryProvide'; ticket: Ticket; encoding: string; addresses: readonly string[] }
  /** We do not any more. */
  | { type: 'directoryWithdraw'; encoding: string }
  /** What we show in the gate from now on. */
  | { type: 'credential'; membership: Membership }
  | { type: 'event'; event: NodeEvent }
  /** The goodbye record was handed to gossip: the driver may stop. */
  | { type: 'left' }
