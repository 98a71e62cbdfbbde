// The setup: what a node starts from, and what earlier runs of it wrote.
import type { Millis, NodeId } from './env.ts'
import type { HealthRecord } from './fleet/record.ts'
import type { Envelope, Status } from './fleet/rows.ts'
import type { SavedZone } from './fleet/summary.ts'
import type { SavedBlock } from './history/node-history.ts'
import type { RelayMode } from './links/reach.ts'
import type { Contact } from './protocols.ts'
import type { InstallEntry } from './rollout/states.ts'
import type { Subject } from './rollout/subject.ts'
import type { Allowance } from './swarm/budgets.ts'
import type { CacheBudgets, Cached } from './swarm/cache.ts'
import type { Usage } from './swarm/month.ts'
import type { AnnouncementDocument, PathFloor, RoleFloor } from './trust/announcement.ts'
import type { AuditEntry } from './trust/audit.ts'
import type { BeaconDocument, BeaconFloor } from './trust/beacon.ts'
import type { Membership, RootDocument, TargetsDocument } from './trust/documents.ts'
import type { StatementDocument } from './trust/statement.ts'

/** What a node starts from: its membership, and what earlier runs wrote. */
export interface NodeSetup {
  /** Hex mesh id. */
  mesh: string
  membership: Membership
  /** All root versions held, in order; the last is in force. */
  roots: readonly RootDocument[]
  /** No root below this version is ever in force. */
  rootFloor: number
  /** The lower bound on time that is on disk; 0 when none is. */
  timeBound?: Millis
  /** The keyid of the beacon key on this machine. */
  beaconKey?: string
  /** The last incarnation that was persisted; 0 when there is none. */
  incarnation: number
  memberships: readonly Membership[]
  contacts: readonly { contact: Contact; wall: Millis }[]
  rows: readonly { node: NodeId; envelope: Envelope; record: HealthRecord; status: Status; heardWall: Millis }[]
  wall: Millis
  /** Shortest promise of our records. */
  recordPeriodMin: Millis
  /** How far apart the view and the address book are written. */
  viewFlushPeriod: Millis
  publishers: SavedPublishers
  /** No older targets document is ever in force; of the first epoch unless another is said. */
  targetsFloor: number
  targetsFloorEpoch?: number | undefined
  artifacts: SavedArtifacts
  installs: readonly InstallEntry[]
  /** Of enrol keys. */
  statements: readonly StatementDocument[]
  /** What earlier runs accepted and refused. */
  audit: readonly AuditEntry[]
  /** Zones that spoke to this node when it reported. */
  zones?: readonly SavedZone[]
  /** Of pimesh, as records tell it. */
  version?: string
  /** Values that earlier runs kept. */
  history?: readonly SavedBlock[]
  /** Whether values are kept at all; false unless said: ten thousand simulated nodes keep none. */
  keepsHistory?: boolean
  /** What this machine is, for selectors. */
  facts: MachineFacts
  /** Fetch and serve every release, whether this node is selected or not. */
  mirror: boolean
  /** What fetching and serving may take; without, there is no bound. */
  allowance?: Allowance
  /** What they took of the month so far. */
  usage?: Usage | undefined
  /** What may be kept and fetched for others beside what this node needs; nothing unless another is said. */
  cache?: CacheBudgets
  /** Whether this node relays for others; `auto` unless another is said. */
  relay?: RelayMode
  /** Where it could be dialled from outside when that was last written. */
  reachable?: readonly string[]
  /** Whether it asks the directory and serves in it; true unless another is said. */
  directory?: boolean
  /** Where others can dial it beside where it listens, as its owner says. */
  announce?: readonly string[]
  /** Whether it doubts itself when its own timers come late; true unless a simulation shows what that is good for. */
  localHealth?: boolean
}

/** What earlier runs accepted from publishers. */
export interface SavedPublishers {
  targets: TargetsDocument | undefined
  /** The highest version that was accepted; 0 when there was none. Of the first epoch unless another is said. */
  targetsFloor: number
  targetsFloorEpoch?: number | undefined
  announcements: readonly { side: 'held' | 'rival'; announcement: AnnouncementDocument }[]
  roleFloors: readonly RoleFloor[]
  pathFloors: readonly PathFloor[]
  beacon?: BeaconDocument
  beaconFloor?: BeaconFloor
}

/** What earlier runs fetched, or began to. */
export interface SavedArtifacts {
  holdings: readonly { encoding: string; bits: Uint8Array }[]
  pieceLists: readonly { hash: string; list: Uint8Array }[]
  /** Of the above, what was there although it was not needed. */
  cached?: readonly Cached[]
}

export type MachineFacts = Pick<Subject, 'model' | 'os' | 'kernel' | 'arch' | 'cpus'>
