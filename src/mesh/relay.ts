// The relay: what this node does for two members that cannot reach each other (protocol clause RELAY; docs/decisions/0014). It
// forwards what it cannot read. A reservation is a stream that its holder keeps open: it ends with that stream, at once and at both ends.
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import type { Relaying } from '../ports/links.ts'
import { decodeRelayRequest, encodeCaller, encodeRelayAnswer, type RelayStatus } from '../wire/relay.ts'
import { isRelayed } from './addresses.ts'
import { forward } from './forwarding.ts'
import { boundedFrames } from './frames.ts'
import type { Pairing } from './pairing.ts'
import { type RelayAllowance, RelayBudget } from './relay-budget.ts'

/** What a member asks of a relay; on the same stream runs what is forwarded for it. */
export const RELAY_PROTOCOL = '/pimesh/relay/1'
/** What a relay opens to who holds a reservation, when somebody calls. */
export const CALL_PROTOCOL = '/pimesh/call/1'

type Frames = ReturnType<typeof boundedFrames<Stream>>

interface Asker {
  peer: NodeId
  /** Not over a relay itself: a circuit within a circuit serves nobody. */
  direct: boolean
}

export interface RelayParts {
  libp2p: Libp2p
  pairing: Pairing
  allowance: RelayAllowance
  /** Where others can dial this node. */
  addresses: () => readonly string[]
}

export class Relay {
  readonly #parts: RelayParts
  readonly #budget: RelayBudget
  readonly #reservations = new Map<NodeId, Frames>()
  /** Circuits by the two members that they join. */
  readonly #circuits = new Set<readonly [NodeId, NodeId]>()
  readonly #streams = new Set<Stream>()
  #offers = false
  #bytes = 0
  #refused = 0

  constructor(parts: RelayParts) {
    this.#parts = parts
    this.#budget = new RelayBudget(parts.allowance)
  }

  async start(): Promise<void> {
    const most = limits.relayCircuitsPerPeer + limits.inboundStreamsPerProtocol
    await this.#parts.libp2p.handle(RELAY_PROTOCOL, (stream, connection) => this.#asked(stream, connection), {
      maxInboundStreams: most,
      maxOutboundStreams: most,
    })
  }

  /** Whether others may reserve here. What is being forwarded goes on. */
  offer(on: boolean): void {
    this.#offers = on
    if (!on) this.#withdraw('refused')
  }

  relaying(): Relaying {
    const [reservations, circuits] = [this.#reservations.size, this.#circuits.size]
    return { reservations, circuits, bytes: this.#bytes, refused: this.#refused }
  }

  /** Never rejects: whatever goes wrong ends this stream, and the peer hears of it as a reset. */
  async #asked(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(limits.requestTimeout)
    try {
      const frames = boundedFrames(stream, limits.relayMessageBytes, limits.relayEarlyBytes)
      const request = decodeRelayRequest((await frames.read({ signal })).slice())
      const asker = { peer: connection.remotePeer.toString(), direct: !isRelayed(connection.remoteAddr) }
      if (request.type === 'reserve') await this.#reserve(stream, frames, asker, signal)
      else await this.#connect(frames, asker, request.peer, signal)
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #reserve(stream: Stream, frames: Frames, { peer, direct }: Asker, signal: AbortSignal): Promise<void> {
    const status = direct && this.#offers ? this.#room(peer) : 'refused'
    if (status !== 'ok') return this.#refuse(frames, status, signal)
    this.#reservations.get(peer)?.unwrap().abort(new Error('it reserved anew'))
    this.#reservations.set(peer, frames)
    const ended = () => {
      if (this.#reservations.get(peer) === frames) this.#reservations.delete(peer)
    }
    stream.addEventListener('close', ended)
    stream.addEventListener('remoteCloseWrite', () => {
      ended()
      stream.close().catch((error: Error) => stream.abort(error))
    })
    try {
      await frames.write(encodeRelayAnswer({ status: 'ok', addresses: this.#parts.addresses() }), { signal })
    } catch (error) {
      ended() // it was gone already, and nobody says so a second time
      throw error
    }
  }

  #room(peer: NodeId): RelayStatus {
    const more = this.#reservations.has(peer) ? 0 : 1
    return this.#budget.spent || this.#reservations.size + more > this.#parts.allowance.reservations ? 'full' : 'ok'
  }

  async #connect(frames: Frames, { peer: from, direct }: Asker, to: NodeId, signal: AbortSignal): Promise<void> {
    const connection = direct && from !== to ? this.#parts.pairing.connection(to) : undefined
    if (connection === undefined || !this.#reservations.has(to)) return this.#refuse(frames, 'absent', signal)
    if (this.#isFull(from, to)) return this.#refuse(frames, 'full', signal)
    const circuit = [from, to] as const
    this.#circuits.add(circuit)
    try {
      const called = await this.#call(connection, from, signal).catch(() => undefined)
      if (called === undefined) return await this.#refuse(frames, 'absent', signal)
      await this.#connected(frames, called, signal)
    } finally {
      this.#circuits.delete(circuit)
    }
  }

  #isFull(from: NodeId, to: NodeId): boolean {
    const ends = (peer: NodeId) => [...this.#circuits].filter((circuit) => circuit.includes(peer)).length
    const most = limits.relayCircuitsPerPeer
    const full = this.#budget.spent || this.#circuits.size >= limits.relayCircuits
    return full || ends(from) >= most || ends(to) >= most
  }

  async #call(connection: Connection, from: NodeId, signal: AbortSignal): Promise<Stream> {
    const stream = await connection.newStream([CALL_PROTOCOL], { signal })
    const frames = boundedFrames(stream, limits.relayMessageBytes, limits.relayEarlyBytes)
    await frames.write(encodeCaller(from), { signal })
    return frames.unwrap()
  }

  /** Who called may be gone by now: then whom it called hears of that at once. */
  async #connected(caller: Frames, called: Stream, signal: AbortSignal): Promise<void> {
    try {
      await caller.write(encodeRelayAnswer({ status: 'ok', addresses: [] }), { signal })
    } catch (error) {
      called.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
    await this.#join(caller.unwrap(), called)
  }

  async #join(caller: Stream, called: Stream): Promise<void> {
    for (const stream of [caller, called]) this.#streams.add(stream)
    await forward(caller, called, (bytes) => this.#spend(bytes))
    for (const stream of [caller, called]) this.#streams.delete(stream)
  }

  #spend(bytes: number): number {
    this.#bytes += bytes
    const wait = this.#budget.take(bytes)
    if (this.#budget.spent) setImmediate(() => this.#exhausted())
    return wait
  }

  /** Nothing is left of the day: who goes by this relay finds another one. */
  #exhausted(): void {
    if (!this.#budget.spent) return
    this.#withdraw('full')
    for (const stream of this.#streams) stream.abort(new Error('the budget of this relay is used up'))
  }

  #withdraw(status: RelayStatus): void {
    if (status === 'full') this.#refused += this.#reservations.size
    for (const frames of this.#reservations.values()) {
      const signal = AbortSignal.timeout(limits.requestTimeout)
      void this.#answer(frames, status, signal).catch(() => undefined)
    }
    this.#reservations.clear()
  }

  async #refuse(frames: Frames, status: RelayStatus, signal: AbortSignal): Promise<void> {
    if (status === 'full') this.#refused++
    await this.#answer(frames, status, signal)
  }

  async #answer(frames: Frames, status: RelayStatus, signal: AbortSignal): Promise<void> {
    await frames.write(encodeRelayAnswer({ status, addresses: [] }), { signal })
    await frames.unwrap().close({ signal })
  }
}
