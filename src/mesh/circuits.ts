// Circuits: the transport of relayed addresses. We call a member by its relay, or its relay hands us a caller; noise and the gate then
// run from end to end, as on any other connection (protocol clause RELAY).
import {
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  type Stream,
  serviceCapabilities,
  type Transport,
  transportSymbol,
  type Upgrader,
} from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { relayOf } from '../core/links/paths.ts'
import { decodeCaller, decodeRelayAnswer, encodeRelayRequest, type RelayStatus } from '../wire/relay.ts'
import { bareAddress, isRelayed } from './addresses.ts'
import { CircuitConnection } from './circuit-connection.ts'
import { boundedFrames } from './frames.ts'
import { RELAY_PROTOCOL } from './relay.ts'
import type { Reservations } from './reservations.ts'

export interface CircuitParts {
  upgrader: Upgrader
  reservations: Reservations
  /** The link with a relay; it is dialled at the address when there is none. */
  link: (relay: NodeId, address: string, signal: AbortSignal) => Promise<Connection>
}

const WHY: Record<Exclude<RelayStatus, 'ok'>, string> = {
  full: 'its budget is used up',
  refused: 'it does not relay',
  absent: 'that member has no reservation there',
}

export class Circuits implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = '@pimesh/circuits'
  readonly [serviceCapabilities]: string[] = ['@libp2p/transport']
  readonly #parts: CircuitParts

  constructor(parts: CircuitParts) {
    this.#parts = parts
  }

  /** Rejects with Failure E_NO_MEMBER or E_RELAY_FULL when the relay does not connect us, else as the gate does. */
  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const signal = options.signal ?? AbortSignal.timeout(limits.addressDialTimeout)
    const text = bareAddress(address)
    const [relay, peer] = [relayOf(text) ?? '', address.toString().slice(text.length + '/p2p/'.length)]
    const link = await this.#parts.link(relay, text.slice(0, text.indexOf('/p2p/')), signal)
    const stream = await link.newStream([RELAY_PROTOCOL], { signal })
    try {
      await connect(stream, { relay, peer }, signal)
      return await options.upgrader.upgradeOutbound(new CircuitConnection(stream, address, 'outbound'), { signal })
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  /** A relay hands us a caller. Never rejects. */
  async accept(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(limits.requestTimeout)
    try {
      const relay = connection.remotePeer.toString()
      if (!this.#parts.reservations.with(relay)) throw new Failure('E_PROTOCOL', `${relay} was not asked to relay`)
      const frames = boundedFrames(stream, limits.relayMessageBytes, limits.relayEarlyBytes)
      const peer = decodeCaller((await frames.read({ signal })).slice())
      const address = multiaddr(`${connection.remoteAddr}/p2p-circuit/p2p/${peer}`)
      const caller = new CircuitConnection(frames.unwrap(), address, 'inbound')
      await this.#parts.upgrader.upgradeInbound(caller, { signal })
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  createListener(_options: CreateListenerOptions): Listener {
    throw new Failure('E_NO_ADDRESS', 'a relayed address is reserved, not listened on')
  }

  listenFilter(): Multiaddr[] {
    return []
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(isRelayed)
  }
}

async function connect(stream: Stream, to: { relay: NodeId; peer: NodeId }, signal: AbortSignal): Promise<void> {
  const frames = boundedFrames(stream, limits.relayMessageBytes, limits.relayEarlyBytes)
  await frames.write(encodeRelayRequest({ type: 'connect', peer: to.peer }), { signal })
  const { status } = decodeRelayAnswer((await frames.read({ signal })).slice())
  if (status !== 'ok') {
    const code = status === 'full' ? 'E_RELAY_FULL' : 'E_NO_MEMBER'
    throw new Failure(code, `${to.relay} does not connect us with ${to.peer}: ${WHY[status]}`)
  }
  frames.unwrap()
}
