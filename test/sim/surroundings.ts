// What a simulated machine sees of the simulated world, and who watches it.
import type { Millis, NodeId } from '../../src/core/env.ts'
import type { AnyResponse, Effect, Input, Ticket } from '../../src/core/events.ts'
import type { HealthRecord } from '../../src/core/fleet/record.ts'
import type { Envelope } from '../../src/core/fleet/rows.ts'
import type { Vote } from '../../src/core/fleet/vote.ts'
import type { NodeCore } from '../../src/core/node.ts'
import type { ProtocolName } from '../../src/core/protocols.ts'
import type { Credential } from '../../src/wire/credential.ts'
import type { SavedState } from '../../src/wire/state.ts'
import type { KeyRing } from './crypto.ts'
import type { SimDirectories } from './directory.ts'
import type { Flows } from './flows.ts'
import type { Gate } from './gate.ts'
import type { GossipModel, Message } from './gossip.ts'
import type { Version } from './installer.ts'
import type { SimMesh } from './mesh.ts'
import type { Network } from './network.ts'
import type { Publisher } from './publisher.ts'
import type { EventQueue } from './queue.ts'
import type { Scenario } from './scenario.ts'
import type { SimNode } from './sim-node.ts'
import type { Trace } from './trace.ts'
import type { Ways } from './ways.ts'

/** A gossiped record: encoded once by its author, decoded once, the frozen result shared by all who receive it. */
export interface RecordMessage extends Message {
  type: 'record'
  envelope: Envelope
  record: HealthRecord
}

/** A gossiped vote, shared like a record. */
export interface VoteMessage extends Message {
  type: 'vote'
  envelope: Envelope
  vote: Vote
}

/** A gossiped head of an announcement; decoded by each who receives it. */
export interface HeadMessage extends Message {
  type: 'head'
}

/** A digest or a summary; decoded once, as records are. */
export interface FleetMessage extends Message {
  type: 'digest' | 'summary'
  /** Of the receiver's ticket and the neighbour that it came from. */
  input: (ticket: Ticket, from: NodeId) => Input
}

export type SimMessage = RecordMessage | VoteMessage | HeadMessage | FleetMessage

/** Is told of everything that happens to machines; records it and checks the invariants. */
export interface Watch {
  /** @param state what its disk holds. */
  started(node: SimNode, state: SavedState): void
  stopped(node: SimNode, how: 'killed' | 'powerCut' | 'left'): void
  before(node: SimNode, input: Input): void
  effect(node: SimNode, effect: Effect): void
  after(node: SimNode, core: NodeCore, input: Input): void
  threw(node: SimNode, input: Input, error: unknown): void
  /** The core took an input that must be answered, and did not answer in time. */
  silent(node: SimNode, what: string): void
  /** Under `path` another version is in use; undefined for none. */
  inUse(node: number, path: string, before: Version | undefined, after: Version | undefined): void
}

export interface Surroundings {
  scenario: Scenario
  queue: EventQueue
  network: Network
  gossip: GossipModel<SimMessage>
  /** Heads that were gossiped, by topic and bytes. */
  heads: Map<string, HeadMessage>
  flows: Flows
  ways: Ways
  directories: SimDirectories
  publisher: Publisher
  gate: Gate
  mesh: SimMesh
  keys: KeyRing
  trace: Trace
  watch: Watch
  nodeOf(index: number): NodeId
  /** Parses what a machine shows at the gate; the same bytes once, the result shared by all. */
  credentialOf(bytes: Uint8Array): Credential
  /** Parses an answer. One that carries documents is parsed once, and shared like a credential. */
  responseOf(protocol: ProtocolName, bytes: Uint8Array): AnyResponse
  indexOf(node: NodeId): number
  /** The machine that listens on an address. */
  at(address: string): number | undefined
  machine(index: number): SimNode
}

/** A moment of virtual time for a person: `03:21.450`. */
export function clockText(time: Millis): string {
  const minutes = Math.floor(time / 60_000)
  const seconds = ((time % 60_000) / 1000).toFixed(3)
  return `${String(minutes).padStart(2, '0')}:${seconds.padStart(6, '0')}`
}
