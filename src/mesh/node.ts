// The mesh: composes libp2p and hands out the ports that core needs of it.
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, PrivateKey, ServiceMap, Stream, Upgrader } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { Directory } from '../ports/directory.ts'
import type { Gossip } from '../ports/gossip.ts'
import type { GateKeeper, LinkEvents, Links } from '../ports/links.ts'
import type { Pieces } from '../ports/pieces.ts'
import type { Streams } from '../ports/streams.ts'
import { isNear, isPublic, told } from './addresses.ts'
import { Circuits } from './circuits.ts'
import { Dialback } from './dialback.ts'
import { Dialler, type Transports } from './dialler.ts'
import { MeshDirectory } from './directory.ts'
import { discovery } from './discovery.ts'
import { Gate } from './gate.ts'
import { MeshGossip } from './gossip.ts'
import { gossipSettings } from './gossip-settings.ts'
import { Hosts } from './hosts.ts'
import { MeshLinks } from './links.ts'
import { listenProblem } from './listen-problem.ts'
import { Mappings } from './mappings.ts'
import { boundedYamux } from './muxer.ts'
import { NetworkWatch } from './network-watch.ts'
import { swiftNoise } from './noise.ts'
import { Pairing } from './pairing.ts'
import { MeshPieces, type PieceBounds } from './pieces.ts'
import { Punching } from './punching.ts'
import { Reachability } from './reachability.ts'
import { CALL_PROTOCOL, Relay } from './relay.ts'
import type { RelayAllowance } from './relay-budget.ts'
import { Reservations } from './reservations.ts'
import { MeshStreams } from './streams.ts'
import { PortTcp } from './tcp.ts'
import { Traffic } from './traffic.ts'

export interface MeshOptions {
  /** The node's key: a 32-byte Ed25519 seed. */
  secret: Uint8Array
  /** Multiaddrs; empty: this node only dials. */
  listen: readonly string[]
  /** What its owner says that others can dial, such as a forwarded port: tried from outside, and told as a relay's address. */
  announce: readonly string[]
  /** First 8 bytes of the mesh id, in hex. */
  mesh8: string
  keeper: GateKeeper
  events: LinkEvents
  /** Look for others on this LAN. */
  mdns: boolean
  /** Runs before the node listens: handlers that are set here miss nothing. Only gossip.subscribe must wait for the start. */
  prepare?: (mesh: Mesh) => Promise<void>
  /** Whether an address is on a network of this machine, where no NAT stands between; for tests. */
  near?: (address: Multiaddr) => boolean
  gateTimeout?: Millis
  requestTimeout?: Millis
  pieces?: Partial<PieceBounds>
  /** What this node spends on others when it relays. */
  relay?: Partial<RelayAllowance>
  /** Where it could be dialled from outside in an earlier run. */
  open?: readonly string[]
}

export interface Mesh {
  nodeId: NodeId
  gossip: Gossip
  streams: Streams
  pieces: Pieces
  links: Links
  directory: Directory
  /** Where others can dial this node, without /p2p/ID. */
  listening(): string[]
  /** Closes everything; leaves no timer behind. No event follows. */
  stop(): Promise<void>
}

/** What is inside, for those who test it. */
export interface Composed {
  mesh: Mesh
  libp2p: Libp2p<ServiceMap & { gossip: GossipSub }>
  mappings: Mappings
  punching: Punching
  directory: MeshDirectory
}

/**
 * A running mesh node. Rejects with Failure E_PORT_TAKEN or E_NO_ADDRESS when it cannot listen where it should.
 */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  return (await composeMesh(options)).mesh
}

/** Composes and starts; startMesh is this without the insides. */
export async function composeMesh(options: MeshOptions): Promise<Composed> {
  const privateKey = await generateKeyPairFromSeed('Ed25519', options.secret)
  const nodeId = peerIdFromPrivateKey(privateKey).toString()
  const pairing = new Pairing(nodeId)
  const reservations = new Reservations(pairing, (...what) => options.events.unreserved(...what))
  const parts: Parts = { nodeId, pairing, reservations, traffic: new Traffic(), topics: new Set() }
  const { libp2p, circuits, ...made } = await compose(options, privateKey, parts)
  const gossip = new MeshGossip(libp2p.services.gossip, parts.topics)
  gossip.watch(
    () => pairing.connections(),
    (connection) => connection.abort(new Failure('E_PROTOCOL', 'gossip has no stream on this link')),
  )
  const near = options.near ?? isNear
  const addresses = (): readonly string[] => dialable(options, links)
  const relay = new Relay({ libp2p, pairing, allowance: allowance(options), addresses })
  const paths = { ...made, nodeId, libp2p, pairing, near, mappings: new Mappings() }
  const punching = new Punching(paths)
  const { traffic } = parts
  const { announce, events } = options
  const dialback = new Dialback(paths)
  const listening = (): readonly string[] => links.listening()
  const reachability = new Reachability({
    pairing,
    dialback,
    listening,
    announce,
    reachable: (at) => links.reached(at),
  })
  const links: MeshLinks = new MeshLinks({
    ...paths,
    punching,
    relay,
    reservations,
    reachability,
    traffic,
    announce,
    events,
  })
  const opening = options.requestTimeout ?? limits.requestTimeout
  const streams = new MeshStreams(libp2p, pairing, opening)
  const bounds = { opening, patience: limits.requestPatienceMax, streams: limits.pieceStreams, ...options.pieces }
  const pieces = new MeshPieces(libp2p, pairing, bounds)
  const visited = (peer: NodeId) => events.visited(peer)
  const directory = new MeshDirectory({ ...paths, visited })
  const watch = new NetworkWatch(() => links.networkChanged())
  const stop = async () => {
    links.silence()
    watch.stop()
    reachability.stop()
    gossip.quiet()
    pieces.stop()
    punching.stop()
    dialback.stop()
    await directory.stop()
    await libp2p.stop()
    forgetAddressTimer(libp2p)
  }
  const ports = { gossip, streams, pieces, links, directory }
  const mesh: Mesh = { nodeId, ...ports, listening: () => links.listening(), stop }
  await Promise.all([relay.start(), dialback.start(), punching.serve(), acceptCalls(libp2p, circuits)])
  await options.prepare?.(mesh)
  await start(libp2p, options.listen)
  reachability.presume(options.open ?? [])
  watch.start()
  return { mesh, libp2p, mappings: paths.mappings, punching, directory }
}

function allowance({ relay }: MeshOptions): RelayAllowance {
  const { relayReservations: reservations, relayRate: rate, relayMonthly: monthly } = limits
  return { reservations, rate, monthly, ...relay }
}

/** What a relay tells of itself: what was found open, else what its owner or its interfaces say. */
function dialable({ announce }: MeshOptions, links: MeshLinks): readonly string[] {
  if (links.reachable.length > 0) return links.reachable
  return announce.length > 0 ? announce : links.listening().filter((text) => isPublic(multiaddr(text)))
}

async function acceptCalls(libp2p: Libp2p, circuits: Circuits): Promise<void> {
  const most = limits.relayCircuitsPerPeer
  const accept = (stream: Stream, connection: Connection) => circuits.accept(stream, connection)
  await libp2p.handle(CALL_PROTOCOL, accept, { maxInboundStreams: most, maxOutboundStreams: most })
}

/** What the pieces share. */
interface Parts {
  nodeId: NodeId
  pairing: Pairing
  reservations: Reservations
  traffic: Traffic
  /** Subscribed to now. */
  topics: Set<string>
}

/** What libp2p's components are needed for. */
interface Made {
  gate: Gate
  tcp: PortTcp
  circuits: Circuits
  dialler: Dialler
  transports: () => Transports
  upgrader: Upgrader
}

async function compose(options: MeshOptions, privateKey: PrivateKey, parts: Parts) {
  const { nodeId, pairing } = parts
  const timeout = options.gateTimeout ?? limits.gateTimeout
  const prefix = { protocolPrefix: `pimesh/${options.mesh8}` }
  const made = {} as Made
  const libp2p = await createLibp2p({
    start: false,
    privateKey,
    nodeInfo: { name: 'pimesh', version: '1', userAgent: 'pimesh/1' },
    addresses: { listen: [...options.listen], announceFilter: (all) => told(all, options.announce) },
    transports: [
      (components) => {
        made.upgrader = components.upgrader
        made.tcp = new PortTcp(components, options.near)
        return made.tcp
      },
      (components) => {
        const { reservations } = parts
        made.transports = () => components.transportManager
        made.dialler = new Dialler({ transports: made.transports, gate: () => made.gate, pairing })
        const link: Dialler['link'] = (...relay) => made.dialler.link(...relay)
        made.circuits = new Circuits({ upgrader: components.upgrader, reservations, link })
        return made.circuits
      },
    ],
    connectionEncrypters: [
      (components) => {
        made.gate = new Gate(swiftNoise(components), { nodeId, keeper: options.keeper, pairing, timeout })
        return made.gate
      },
    ],
    streamMuxers: [boundedYamux()],
    connectionGater: new Hosts(limits.handshakesPerHost).guard(parts.traffic.gater),
    connectionMonitor: { enabled: false },
    connectionManager: connectionLimits(timeout),
    peerStore: { addressFilter: (peer) => peer.toString() === nodeId },
    services: {
      identify: identify(prefix),
      ping: ping(prefix),
      gossip: gossipsub(gossipSettings(parts.topics)),
      ...(options.mdns && { discovery: lanDiscovery(options, parts) }),
    },
  })
  return { libp2p, ...made }
}

function lanDiscovery({ events }: MeshOptions, { nodeId, pairing }: Parts) {
  return discovery({
    nodeId,
    alone: () => pairing.connections().length === 0,
    found: (peer, addresses) => events.discovered(peer, addresses, 'mdns'),
  })
}

/** libp2p's own limits, as a last bound above core's policy. Its dial queue is not used (dialler.ts). */
function connectionLimits(handshake: Millis) {
  return {
    maxConnections: limits.connections,
    maxIncomingPendingConnections: limits.handshakesAtOnce,
    inboundConnectionThreshold: limits.inboundPerSecondPerHost,
    inboundUpgradeTimeout: handshake,
    inboundStreamProtocolNegotiationTimeout: limits.requestTimeout,
    outboundStreamProtocolNegotiationTimeout: limits.requestTimeout,
    reconnectRetries: 0,
  }
}

/** libp2p notes a second later that its listeners closed, although it has stopped: a process would wait for that. */
function forgetAddressTimer(libp2p: Libp2p): void {
  const { components } = libp2p as {
    components?: { addressManager?: { _updatePeerStoreAddresses?: { stop?(): void } } }
  }
  components?.addressManager?._updatePeerStoreAddresses?.stop?.()
}

async function start(libp2p: Libp2p, listen: readonly string[]): Promise<void> {
  try {
    await libp2p.start()
  } catch (error) {
    throw listenProblem(error, listen.join(', '))
  }
}
