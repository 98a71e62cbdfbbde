// Links: one connection per member, dialled only when core says so. What libp2p reports is turned into the port's events.
import type { Connection, IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import { CODE_P2P, type Multiaddr } from '@multiformats/multiaddr'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { SECOND } from '../core/limits.ts'
import { hostOf, type Path } from '../core/links/paths.ts'
import type { LinkEvents, Links, Relaying } from '../ports/links.ts'
import { bareAddress, isPublic, isRelayed, isShared, tidyAddresses, told } from './addresses.ts'
import type { Dialler, Transports } from './dialler.ts'
import type { Mappings } from './mappings.ts'
import { pulse } from './muxer.ts'
import type { Pairing } from './pairing.ts'
import type { Punching } from './punching.ts'
import type { Reachability } from './reachability.ts'
import type { Relay } from './relay.ts'
import type { Reservations } from './reservations.ts'
import type { PortTcp } from './tcp.ts'
import type { Traffic } from './traffic.ts'

export interface LinkParts {
  libp2p: Libp2p
  dialler: Dialler
  transports: () => Transports
  pairing: Pairing
  relay: Relay
  reservations: Reservations
  reachability: Reachability
  traffic: Traffic
  tcp: PortTcp
  mappings: Mappings
  punching: Punching
  events: LinkEvents
  /** What the owner says that others can dial. */
  announce: readonly string[]
  /** Whether an address is on a network of this machine. */
  near: (address: Multiaddr) => boolean
}

export class MeshLinks implements Links {
  readonly #parts: LinkParts
  #told: string | undefined
  #silent = false
  /** Our host as members see it, by address family. */
  readonly #outside = new Map<string, string>()
  /** Where members could dial us from outside. */
  #reachable: readonly string[] = []

  constructor(parts: LinkParts) {
    this.#parts = parts
    parts.libp2p.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
    parts.libp2p.addEventListener('connection:close', ({ detail }) => this.#closed(detail))
    parts.libp2p.addEventListener('peer:identify', ({ detail }) => this.#identified(detail))
    parts.libp2p.addEventListener('transport:listening', () => this.#tellListening())
    parts.pairing.onLost((peer) => this.#ended(peer))
  }

  async dial(peer: NodeId, addresses: readonly string[], { signal }: { signal: AbortSignal }): Promise<void> {
    try {
      await this.#parts.dialler.dial(peer, addresses, signal)
    } catch (error) {
      this.#forgetStrangers()
      throw error
    }
  }

  async improve(
    peer: NodeId,
    addresses: readonly string[],
    { signal, routed = true }: { signal: AbortSignal; routed?: boolean },
  ): Promise<void> {
    const { dialler, punching } = this.#parts
    try {
      await punching.replace(peer, { signal }, () => dialler.again(peer, addresses, signal, routed))
    } catch (error) {
      if (error instanceof Failure) throw error
      throw new Failure('E_NO_MEMBER', `${peer} did not agree to another path`, { cause: error })
    }
  }

  punch(peer: NodeId, options: { signal: AbortSignal }): Promise<void> {
    return this.#parts.punching.punch(peer, options)
  }

  async reserve(relay: NodeId, { signal }: { signal: AbortSignal }): Promise<readonly string[]> {
    return await this.#parts.reservations.reserve(relay, signal)
  }

  release(relay: NodeId): void {
    this.#parts.reservations.release(relay)
  }

  offerRelay(on: boolean): void {
    this.#parts.relay.offer(on)
  }

  relaying(): Relaying {
    return this.#parts.relay.relaying()
  }

  async pulse(peer: NodeId, { signal }: { signal: AbortSignal }): Promise<Millis> {
    const connection = this.#parts.pairing.connection(peer)
    if (connection === undefined) throw new Failure('E_NO_MEMBER', `there is no link with ${peer}`)
    return await pulse(connection, signal)
  }

  async close(peer: NodeId, { dead } = { dead: false }): Promise<void> {
    const connection = this.#parts.pairing.connection(peer)
    if (connection === undefined) return
    if (dead) return connection.abort(new Failure('E_NO_MEMBER', `${peer} was silent for too long`))
    await this.#parts.libp2p.hangUp(connection.remotePeer, { signal: AbortSignal.timeout(SECOND) })
  }

  traffic(): { bytesIn: number; bytesOut: number } {
    return this.#parts.traffic.total()
  }

  /**
   * Where this node listens: bare, wildcards resolved to the addresses of this machine. libp2p itself tells of no public one that its
   * own autonat, which we do not run, has not verified; zone-mates on a LAN with IPv6 alone have no other. Where a LAN has private
   * ones, its IPv6 firewall as a rule swallows what comes from outside: those are told when they were found open, and nobody waits.
   */
  listening(): string[] {
    const all = told(this.#parts.transports().getAddrs(), this.#parts.announce)
    const isSwallowed = (address: Multiaddr) => isPublic(address) && address.toString().startsWith('/ip6/')
    return tidyAddresses(all.some(isShared) ? all.filter((address) => !isSwallowed(address)) : all)
  }

  /** No events any more: whoever stops a node does not want to hear that its links close. */
  silence(): void {
    this.#silent = true
  }

  get reachable(): readonly string[] {
    return this.#reachable
  }

  reached(addresses: readonly string[]): void {
    this.#reachable = addresses
    if (!this.#silent) this.#parts.events.reachable(addresses)
  }

  /** Addresses of this machine came or went. */
  networkChanged(): void {
    if (this.#silent) return
    this.#tellListening()
    this.#parts.events.networkChanged()
    this.#parts.reachability.networkChanged()
  }

  #opened(connection: Connection): void {
    const { pairing, events } = this.#parts
    const what = pairing.opened(connection)
    if (what === undefined || this.#silent) return
    events[what === 'moved' ? 'moved' : 'connected'](connection.remotePeer.toString(), this.#path(connection))
    this.#parts.reachability.opened(connection)
    this.#tellListening()
  }

  #path({ direction, remoteAddr }: Connection): Path {
    const address = bareAddress(remoteAddr)
    if (isRelayed(remoteAddr)) return { address, direction, route: 'relayed' }
    if (this.#parts.punching.knocks(remoteAddr)) return { address, direction, route: 'punched' }
    return { address, direction, route: this.#parts.near(remoteAddr) ? 'lan' : 'direct' }
  }

  #closed(connection: Connection): void {
    this.#parts.mappings.forget(connection)
    if (this.#parts.pairing.closed(connection)) this.#ended(connection.remotePeer.toString())
  }

  #ended(peer: NodeId): void {
    if (this.#silent) return
    this.#parts.events.disconnected(peer)
    this.#tellListening()
    this.#forgetStrangers()
  }

  #identified({ peerId, connection, observedAddr, listenAddrs, signedPeerRecord }: IdentifyResult): void {
    const peer = peerId.toString()
    if (observedAddr !== undefined) this.#observed(peer, connection, observedAddr)
    const addresses = tidyAddresses(signedPeerRecord?.addresses ?? listenAddrs)
    if (this.#silent || addresses.length === 0 || !this.#parts.pairing.linked(peer)) return
    this.#parts.events.discovered(peer, addresses, 'identify')
  }

  /** What was not dialled from the shared port says nothing of it. */
  #observed(peer: NodeId, connection: Connection, seenAs: Multiaddr): void {
    const { tcp, mappings, events } = this.#parts
    const port = tcp.portOf(connection)
    if (port === undefined) return
    const shared = tcp.isShared(connection)
    mappings.told(connection, port, seenAs.decapsulateCode(CODE_P2P), shared)
    if (this.#silent || !shared) return
    events.observed(peer, bareAddress(seenAs))
    this.#seenFrom(seenAs.toString())
  }

  /** Another address of our network, seen from outside: what was open there may not be. */
  #seenFrom(address: string): void {
    const [family, host] = [address.split('/')[1] ?? '', hostOf(address)]
    const before = this.#outside.get(family)
    this.#outside.set(family, host)
    if (before !== undefined && before !== host) this.#parts.reachability.changed()
  }

  /** Listening on all interfaces is listening on what they are now. */
  #tellListening(): void {
    if (this.#silent) return
    const addresses = this.listening()
    if (addresses.join() === this.#told) return
    this.#told = addresses.join()
    this.#parts.events.listening(addresses)
  }

  /** Keeps libp2p's peer store to the linked ones. Later than its own handling of the disconnect, which reads there. */
  #forgetStrangers(): void {
    const { peerStore } = this.#parts.libp2p
    const stranger = (id: PeerId) => !this.#parts.pairing.linked(id.toString())
    setImmediate(() => {
      peerStore
        .all()
        .then((peers) => Promise.all(peers.filter(({ id }) => stranger(id)).map(({ id }) => peerStore.delete(id))))
        .catch(() => undefined) // the node stopped meanwhile
    })
  }
}
