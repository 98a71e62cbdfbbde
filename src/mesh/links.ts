// Links: one connection per member, dialled only when core says so. What libp2p reports is turned into the port's events.
import type { Connection, IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits, SECOND } from '../core/limits.ts'
import type { LinkEvents, Links, Relaying } from '../ports/links.ts'
import { bareAddress, nearestFirst, parseAddress, tidyAddresses } from './addresses.ts'
import { dialProblem } from './dial-problem.ts'
import type { Gate } from './gate.ts'
import type { Mappings } from './mappings.ts'
import type { Pairing } from './pairing.ts'
import type { Punching } from './punching.ts'
import type { PortTcp } from './tcp.ts'
import type { Traffic } from './traffic.ts'

export interface LinkParts {
  libp2p: Libp2p
  gate: Gate
  pairing: Pairing
  traffic: Traffic
  tcp: PortTcp
  mappings: Mappings
  punching: Punching
  events: LinkEvents
}

export class MeshLinks implements Links {
  readonly #parts: LinkParts
  #told: string | undefined
  #silent = false

  constructor(parts: LinkParts) {
    this.#parts = parts
    parts.libp2p.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
    parts.libp2p.addEventListener('connection:close', ({ detail }) => this.#closed(detail))
    parts.libp2p.addEventListener('peer:identify', ({ detail }) => this.#identified(detail))
    parts.libp2p.addEventListener('transport:listening', () => this.#tellListening())
    parts.pairing.onLost((peer) => this.#ended(peer))
  }

  async dial(peer: NodeId, addresses: readonly string[], options: { signal: AbortSignal }): Promise<void> {
    const { libp2p, gate, pairing } = this.#parts
    if (pairing.linked(peer)) return
    const usable = nearestFirst(addresses.flatMap((text) => parseAddress(text) ?? []))
    if (usable.length === 0) {
      throw new Failure('E_NO_ADDRESS', `${peer} has no TCP address that can be dialled: [${addresses.join(', ')}]`)
    }
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(limits.dialTimeout)])
    try {
      await libp2p.dial(
        usable.map((address) => address.encapsulate(`/p2p/${peer}`)),
        { signal },
      )
    } catch (error) {
      const reason = gate.takeReason(peer) ?? error
      await pairing.settled(peer)
      if (pairing.linked(peer)) return
      this.#forgetStrangers()
      throw reason instanceof Failure ? reason : unreachable(peer, usable.map(String), error)
    } finally {
      gate.takeReason(peer)
    }
  }

  async improve(peer: NodeId): Promise<void> {
    throw new Failure('E_NO_MEMBER', `no other path to ${peer} is known`)
  }

  punch(peer: NodeId, options: { signal: AbortSignal }): Promise<void> {
    return this.#parts.punching.punch(peer, options)
  }

  async reserve(relay: NodeId): Promise<readonly string[]> {
    throw new Failure('E_REFUSED', `${relay} does not relay`)
  }

  release(): void {}

  offerRelay(): void {}

  relaying(): Relaying {
    return { reservations: 0, circuits: 0, bytes: 0, refused: 0 }
  }

  async pulse(peer: NodeId): Promise<number> {
    throw new Failure('E_NO_MEMBER', `${peer} did not answer`)
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

  /** Where this node listens: bare, wildcards resolved to the addresses of this machine. */
  listening(): string[] {
    return tidyAddresses(this.#parts.libp2p.getMultiaddrs())
  }

  /** No events any more: whoever stops a node does not want to hear that its links close. */
  silence(): void {
    this.#silent = true
  }

  #opened(connection: Connection): void {
    const { pairing, punching, events } = this.#parts
    const what = pairing.opened(connection)
    if (what === undefined || this.#silent) return
    const { direction, remoteAddr } = connection
    const path = {
      address: bareAddress(remoteAddr),
      direction,
      route: punching.knocks(remoteAddr) ? 'punched' : 'direct',
    } as const
    events[what === 'moved' ? 'moved' : 'connected'](connection.remotePeer.toString(), path)
    this.#tellListening()
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
    mappings.told(connection, port, seenAs.decapsulateCode(CODE_P2P))
    if (!this.#silent && tcp.isShared(connection)) events.observed(peer, bareAddress(seenAs))
  }

  /** A machine's addresses change without an event; that shows when links come and go. */
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

function unreachable(peer: NodeId, tried: readonly string[], error: unknown): Failure {
  const errors = error instanceof AggregateError ? error.errors : [error]
  const reasons = new Set(errors.map(dialProblem))
  const where = tried.map((address) => bareAddress(multiaddr(address))).join(', ')
  return new Failure('E_NO_MEMBER', `${peer} cannot be reached at ${where}: ${[...reasons].join('; ')}`, {
    cause: error,
  })
}
