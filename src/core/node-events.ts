// What a node tells people: events, each once.
import type { Millis, NodeId } from './env.ts'
import type { RefusalCode } from './events.ts'
import type { CollectorTrouble } from './fleet/named-values.ts'
import type { AlertKind, Status } from './fleet/rows.ts'
import type { Route } from './links/paths.ts'
import type { InstallState } from './rollout/states.ts'
import type { Pause } from './swarm/budgets.ts'
import type { Freshness } from './trust/freshness.ts'

/** Something a person may want to know. */
export type NodeEvent =
  /** `by`: the witnesses that found it gone; without, its silence says so. `quiet`: no news for a person. */
  | { type: 'status'; node: NodeId; from: Status | undefined; to: Status; by?: readonly NodeId[]; quiet?: boolean }
  /** So many changes of status were not told of one by one. */
  | { type: 'statusMore'; count: number }
  /** So many of the zone are not heard as they promised: one event instead of one for each. And, later: all but so many are back. */
  | { type: 'zoneSplit'; missing: number; members: number }
  | { type: 'zoneHealed'; after: Millis; missing: number }
  /** Nobody speaks for these zones any more, which were heard of: one event for all that are named at once; `dark` are all leaf zones that are dark. And: they are heard again. */
  | { type: 'zoneDark'; zones: readonly string[]; dark: number }
  | { type: 'zoneBack'; zones: readonly string[]; after: Millis; dark: number }
  /** What the active reporter of a zone says of it is not what we see, as its standby, several times now. */
  | { type: 'disputes'; zone: string; reporter: NodeId }
  | { type: 'alert'; kind: AlertKind; node: NodeId; detail: string }
  | { type: 'refused'; code: RefusalCode; peer: NodeId; detail: string }
  | { type: 'rootAccepted'; version: number }
  | { type: 'rootRefused'; peer: NodeId; detail: string }
  | { type: 'incarnation'; incarnation: number; reason: 'start' | 'heardHigher' }
  | { type: 'firstHeartbeat' }
  | { type: 'diskFailed'; detail: string }
  | { type: 'gossipFailed'; detail: string }
  | { type: 'targetsAccepted'; version: number }
  /** A statement of an enrol key is in force; `struck`: nodes that it takes out of our sight. */
  | { type: 'statementAccepted'; enroller: string; version: number; struck: readonly NodeId[] }
  /** One enrol key signed two statements of one version: what only the other one revokes has to be revoked again. */
  | { type: 'statementTwins'; enroller: string; version: number }
  /** This node is revoked: `by` says so; undefined when a statement that is in force here does. */
  | { type: 'revoked'; by: NodeId | undefined }
  /** An announcement is in force. `from` undefined: handed in on this machine. */
  | { type: 'announced'; role: string; epoch: number; version: number; from: NodeId | undefined }
  | { type: 'announcementRefused'; code: RefusalCode; role: string; version: number; from: NodeId | undefined }
  /** The role changed its keys itself; with TOMBSTONE it ended itself, and nothing of it counts until its epoch is raised. */
  | { type: 'roleRotated'; role: string; epoch: number; rotation: number }
  /** One (epoch, rotation, version) with two `signed` parts: the role is frozen until a higher version. */
  | { type: 'equivocation'; role: string; epoch: number; version: number }
  /** A release came to this state here; `name` is path@version. */
  | { type: 'install'; name: string; state: InstallState; detail: string | undefined }
  /** An installation begins although nobody here can say whether its announcement has expired; `name` is path@version. */
  | { type: 'expiryUnknown'; name: string }
  | { type: 'beaconAccepted'; counter: number; time: Millis }
  | { type: 'freshness'; freshness: Freshness }
  | { type: 'providerBanned'; peer: NodeId; encoding: string }
  /** Nothing is fetched from or served to other sites any more, as the owner of this node bounds it; and, later: it is again. */
  | { type: 'paused'; pause: Pause }
  | { type: 'wentOn'; after: Millis }
  /** The link with a peer goes on over another path. */
  | { type: 'moved'; peer: NodeId; from: Route; to: Route }
  /** A member relays for us from now on; and: it does not any more, or would not. */
  | { type: 'reserved'; relay: NodeId }
  | { type: 'unreserved'; relay: NodeId; why: 'full' | 'refused' | 'lost'; detail: string }
  /** Members can dial this node from outside; with no address: they cannot, as far as was found. */
  | { type: 'reachable'; addresses: readonly string[] }
  /** No member outside could be dialled since then, though not for want of trying; and, later: one could. */
  | { type: 'cutOff'; since: Millis }
  | { type: 'wayOut'; after: Millis }
  /** Something is wrong with a custom collector of this machine (another thing than before); and, later: with `trouble` undefined, no more. */
  | { type: 'collector'; collector: string; trouble: CollectorTrouble | undefined }
  /** Too much of what it gave or told of was refused: its link is closed, and it is kept out for limits.dropTime. */
  | { type: 'peerDropped'; peer: NodeId }
