// Pairing: at most one connection between two nodes. gossipsub opens its streams once per peer, on whichever connection it
// sees first; when a second connection exists and the first one closes, it stays deaf without an error. So a second one is
// never let through the gate: of two dials that cross, the one of the lower node id goes on.
import type { Connection } from '@libp2p/interface'
import type { NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'

type Direction = 'inbound' | 'outbound'

interface Handshake {
  direction: Direction
  giveWay: AbortController
  ended: Promise<void>
}

/** A handshake that may go on: `signal` aborts it when another one takes precedence; `leave` is called at its end. */
export interface Turn {
  signal: AbortSignal
  leave(): void
}

export class Pairing {
  readonly #self: NodeId
  readonly #handshakes = new Map<NodeId, Handshake>()
  readonly #open = new Map<NodeId, Set<Connection>>()

  constructor(self: NodeId) {
    this.#self = self
  }

  linked(peer: NodeId): boolean {
    return this.#open.has(peer)
  }

  connections(): Connection[] {
    return [...this.#open.values()].flatMap((connections) => [...connections])
  }

  connection(peer: NodeId): Connection | undefined {
    return [...(this.#open.get(peer) ?? [])].at(-1)
  }

  /**
   * Starts a handshake with a peer whose key is proven.
   * @throws Failure E_REFUSED when this connection is one too many
   */
  enter(peer: NodeId, direction: Direction): Turn {
    const other = this.#handshakes.get(peer)
    if (direction === 'outbound' && this.linked(peer)) throw superfluous(peer)
    if (other !== undefined && !this.#precedes(peer, direction, other)) throw superfluous(peer)
    other?.giveWay.abort(superfluous(peer))
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const handshake: Handshake = { direction, giveWay: new AbortController(), ended }
    this.#handshakes.set(peer, handshake)
    const leave = () => {
      if (this.#handshakes.get(peer) === handshake) this.#handshakes.delete(peer)
      resolve()
    }
    return { signal: handshake.giveWay.signal, leave }
  }

  /** Resolves when no handshake with the peer is under way and what it led to has been seen. */
  async settled(peer: NodeId): Promise<void> {
    for (let current = this.#handshakes.get(peer); current !== undefined; current = this.#handshakes.get(peer)) {
      await current.ended
      await nextTurn()
    }
  }

  /** A peer that dials us although we have a link lost its end of it: ours goes before the new one opens. */
  async displace(peer: NodeId): Promise<void> {
    const stale = [...(this.#open.get(peer) ?? [])]
    for (const connection of stale) connection.abort(new Failure('E_PROTOCOL', `${peer} opened a new link`))
    if (stale.length > 0) await nextTurn()
  }

  /** True when it is the peer's first. A connection that is closed already does not count: nobody will report its end. */
  opened(connection: Connection): boolean {
    if (connection.status !== 'open') return false
    const peer = connection.remotePeer.toString()
    const connections = this.#open.get(peer) ?? new Set()
    this.#open.set(peer, connections.add(connection))
    return connections.size === 1
  }

  /** True when it was the peer's last. */
  closed(connection: Connection): boolean {
    const peer = connection.remotePeer.toString()
    const connections = this.#open.get(peer)
    if (connections === undefined || !connections.delete(connection) || connections.size > 0) return false
    return this.#open.delete(peer)
  }

  /** Both nodes decide alike without asking: a node that dials twice means the newer dial. */
  #precedes(peer: NodeId, direction: Direction, other: Handshake): boolean {
    if (direction === other.direction) return direction === 'inbound'
    return (direction === 'outbound') === this.#self < peer
  }
}

function superfluous(peer: NodeId): Failure {
  return new Failure('E_REFUSED', `another link with ${peer} is open or being opened`)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
