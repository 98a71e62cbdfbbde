// Pairing: at most one connection between two nodes. gossipsub opens its streams once per peer, on whichever connection it
// sees first; when a second connection exists and the first one closes, it stays deaf without an error. So of two dials that
// cross only one passes the gate: the node with the lower id decides which, the other lets both go on. A link may be replaced by
// a better one when both ends agreed to that over it: the old one closes once the new one has passed the gate, before it opens,
// and the link counts as open all the while.
import type { Connection, MessageStream } from '@libp2p/interface'
import type { NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'

type Direction = 'inbound' | 'outbound'

interface Handshake {
  direction: Direction
  /** We have admitted the peer: its end of the connection may be open already. */
  committed: boolean
  replaces: boolean
  giveWay: AbortController
  ended: Promise<void>
}

interface Move {
  from: Connection
  to: PromiseWithResolvers<Connection | undefined>
}

/** A handshake with a peer whose key is proven. */
export interface Turn {
  /** Aborts it when the peer has dialled anew. */
  signal: AbortSignal
  /** Both ends want this in place of the link that they have: that the peer answers there is nothing to hold against it. */
  replaces: boolean
  /** Resolves when this handshake may admit the peer. Rejects with Failure E_REFUSED when another link opened meanwhile. */
  commit(): Promise<void>
  /** The peer has admitted us, too: the link that there was is stale or replaced, and goes before the new one opens. */
  displace(): Promise<void>
  /** Ends the turn, whatever came of it: what passed the gate, or nothing. */
  leave(passed?: MessageStream): void
}

export class Pairing {
  readonly #self: NodeId
  readonly #handshakes = new Map<NodeId, Set<Handshake>>()
  readonly #open = new Map<NodeId, Set<Connection>>()
  /** How many times each is being replaced now. */
  readonly #replacing = new Map<NodeId, number>()
  /** Connections that closed while the ones that take their place are not open yet. */
  readonly #moving = new Map<NodeId, Move>()
  readonly #moved = new WeakMap<Connection, Connection>()
  #lost: (peer: NodeId) => void = () => undefined

  constructor(self: NodeId) {
    this.#self = self
  }

  /** Calls back when a connection that was to take the place of a closed one did not open after all: the link is gone. */
  onLost(lost: (peer: NodeId) => void): void {
    this.#lost = lost
  }

  linked(peer: NodeId): boolean {
    return this.#open.has(peer)
  }

  /** True while a dial of ours has proven the key of the peer and is in the gate. */
  dials(peer: NodeId): boolean {
    return [...this.#of(peer)].some(({ direction }) => direction === 'outbound')
  }

  connections(): Connection[] {
    return [...this.#open.values()].flatMap((connections) => [...connections])
  }

  connection(peer: NodeId): Connection | undefined {
    return [...(this.#open.get(peer) ?? [])].at(-1)
  }

  /** While `work` runs, a new link with the peer may take the place of the one that is open. The other end does the same. */
  async replacing<T>(peer: NodeId, work: () => Promise<T>): Promise<T> {
    this.#replacing.set(peer, (this.#replacing.get(peer) ?? 0) + 1)
    try {
      return await work()
    } finally {
      const others = (this.#replacing.get(peer) ?? 1) - 1
      if (others > 0) this.#replacing.set(peer, others)
      else this.#replacing.delete(peer)
    }
  }

  /** @throws Failure E_REFUSED when we dial a peer that we have a link with and are not replacing it, or dial it twice */
  enter(peer: NodeId, direction: Direction): Turn {
    const twin = [...this.#of(peer)].find((other) => other.direction === direction)
    const replaces = this.linked(peer) && this.#replacing.has(peer)
    if (direction === 'outbound' && ((this.linked(peer) && !replaces) || twin !== undefined)) throw superfluous(peer)
    twin?.giveWay.abort(superfluous(peer))
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const handshake: Handshake = { direction, replaces, committed: false, giveWay: new AbortController(), ended }
    const before = this.connection(peer)
    this.#handshakes.set(peer, this.#of(peer).add(handshake))
    return {
      signal: handshake.giveWay.signal,
      replaces,
      commit: () => this.#commit(peer, handshake, before),
      displace: () => this.#displace(peer, before),
      leave: (passed) => {
        const all = this.#of(peer)
        if (all.delete(handshake) && all.size === 0) this.#handshakes.delete(peer)
        if (passed === undefined) this.#fails(peer)
        else passed.addEventListener('close', () => this.#fails(peer))
        resolve()
      },
    }
  }

  /** Resolves when no handshake with the peer is under way and what came of them has been seen. */
  async settled(peer: NodeId): Promise<void> {
    for (let [any] = this.#of(peer); any !== undefined; [any] = this.#of(peer)) {
      await any.ended
      await nextTurn()
    }
  }

  /**
   * `first`: the link is open now. `moved`: it goes on over this connection. A connection that is closed already does not
   * count: nobody will report its end.
   */
  opened(connection: Connection): 'first' | 'moved' | undefined {
    if (connection.status !== 'open') return undefined
    const peer = connection.remotePeer.toString()
    const connections = this.#open.get(peer) ?? new Set()
    this.#open.set(peer, connections.add(connection))
    if (connections.size > 1) return undefined
    const move = this.#moving.get(peer)
    if (move === undefined) return 'first'
    this.#moving.delete(peer)
    this.#moved.set(move.from, connection)
    move.to.resolve(connection)
    return 'moved'
  }

  /** The connection that took the place of this one, once it is open; undefined when this one closed for another reason. */
  async successor(connection: Connection): Promise<Connection | undefined> {
    await nextTurn() // the streams of a connection end a moment before it does
    const move = this.#moving.get(connection.remotePeer.toString())
    return move?.from === connection ? move.to.promise : this.#moved.get(connection)
  }

  /** The connection that is about to take the place of one that closed; undefined when there is none, or it comes to nothing. */
  async moving(peer: NodeId): Promise<Connection | undefined> {
    return this.#moving.get(peer)?.to.promise
  }

  /** True when it was the peer's last, and none is about to take its place. */
  closed(connection: Connection): boolean {
    const peer = connection.remotePeer.toString()
    const connections = this.#open.get(peer)
    if (connections === undefined || !connections.delete(connection) || connections.size > 0) return false
    this.#open.delete(peer)
    const moves = this.#replacement(peer)
    if (moves) this.#moving.set(peer, { from: connection, to: Promise.withResolvers() })
    return !moves
  }

  /** The other end closes the old connection as soon as it is through, which may be before we are. */
  #replacement(peer: NodeId): boolean {
    return [...this.#of(peer)].some(({ replaces, committed }) => replaces && committed)
  }

  /** A handshake came to nothing, or a connection that passed the gate closed. */
  #fails(peer: NodeId): void {
    const move = this.#moving.get(peer)
    if (move === undefined || this.#replacement(peer)) return
    this.#moving.delete(peer)
    move.to.resolve(undefined)
    this.#lost(peer)
  }

  #of(peer: NodeId): Set<Handshake> {
    return this.#handshakes.get(peer) ?? new Set()
  }

  /** The deciding node admits the peer on one connection at a time, on the one that it dialled itself rather than the other. */
  async #commit(peer: NodeId, handshake: Handshake, before: Connection | undefined): Promise<void> {
    const precedes = (other: Handshake) => other !== handshake && (other.committed || other.direction === 'outbound')
    while (this.#self < peer) {
      const first = [...this.#of(peer)].find(precedes)
      if (first === undefined) break
      await first.ended
      await nextTurn()
    }
    const now = this.connection(peer)
    if (now !== undefined && now !== before) throw superfluous(peer)
    handshake.committed = true
  }

  async #displace(peer: NodeId, before: Connection | undefined): Promise<void> {
    if (before === undefined || before.status !== 'open') return
    before.abort(new Failure('E_PROTOCOL', `${peer} opened a new link`))
    await nextTurn()
  }
}

function superfluous(peer: NodeId): Failure {
  return new Failure('E_REFUSED', `another link with ${peer} is open or being opened`)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
