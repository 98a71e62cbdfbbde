// TCP from one port: whatever is dialled beyond this network goes out from the same local port, so that a NAT which keeps its
// mappings shows one address of this node to everybody. What a relay sees of it tells where a peer has to knock (mappings.ts).
// Several outgoing sockets can share a port (libuv sets SO_REUSEADDR) as long as nobody listens on it.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import {
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  serviceCapabilities,
  type Transport,
  transportSymbol,
  type Upgrader,
} from '@libp2p/interface'
import { type TCPComponents, type TCPDialOptions, tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { hostOf } from '../core/links/paths.ts'
import { isNear } from './addresses.ts'
import { SilentPorts } from './silent-ports.ts'

/** What @libp2p/tcp passes on to the socket, although its types do not say so; a test notices when that changes. */
export type PortDialOptions = TCPDialOptions & { localPort?: number }

export class PortTcp implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = '@pimesh/tcp'
  readonly [serviceCapabilities]: string[] = ['@libp2p/transport']
  readonly #tcp: Transport
  readonly #isNear: (address: Multiaddr) => boolean
  readonly #ports = new WeakMap<Connection, number>()
  readonly #shared = new WeakSet<Connection>()
  readonly #silent = new SilentPorts()
  #port: Promise<number> | undefined

  /** `near`: whether an address is on a network of this machine; nothing is translated on the way there. */
  constructor(components: TCPComponents, near: (address: Multiaddr) => boolean = isNear) {
    this.#tcp = tcp()(components)
    this.#isNear = near
  }

  /** A port that cannot be used now leaves the dial to a fresh one: what a relay sees of that is as good for a punch. */
  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    if (this.#isNear(address)) return this.#tcp.dial(address, options)
    try {
      const connection = await this.#patiently(await this.#fixed(), address, options)
      this.#shared.add(connection)
      return connection
    } catch (error) {
      if (!this.#taken(error)) throw error
      return await this.#patiently(await freePort(), address, options)
    }
  }

  /** Rejects with code EADDRINUSE or EADDRNOTAVAIL when this port has a connection there already, or is another program's. */
  async dialFrom(localPort: number, address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const connection = await this.#tcp.dial(address, { ...options, localPort } as PortDialOptions)
    this.#ports.set(connection, localPort)
    return connection
  }

  /** What a firewall swallows is given up soon where the host answers at another port. */
  async #patiently(localPort: number, address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const host = hostOf(address.toString())
    const { signal, answered } = this.#silent.wait(host)
    // From here on it is for the member at the other end to be slow.
    const upgradeOutbound: Upgrader['upgradeOutbound'] = (connection, own) => {
      answered()
      return options.upgrader.upgradeOutbound(connection, { ...own, signal: options.signal })
    }
    const upgrader = { upgradeOutbound } as Upgrader
    try {
      const both = AbortSignal.any([options.signal, signal])
      return await this.dialFrom(localPort, address, { ...options, upgrader, signal: both })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') this.#silent.refused(host)
      throw error
    } finally {
      answered()
    }
  }

  /** From which port we dialled; undefined when it dialled us, or is near. */
  portOf(connection: Connection): number | undefined {
    return this.#ports.get(connection)
  }

  /** Whether that is the port from which everybody is dialled: what others see of it can be compared. */
  isShared(connection: Connection): boolean {
    return this.#shared.has(connection)
  }

  createListener(options: CreateListenerOptions): Listener {
    return this.#tcp.createListener(options)
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#tcp.listenFilter(addresses)
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#tcp.dialFilter(addresses)
  }

  async #fixed(): Promise<number> {
    const port = this.#port ?? freePort()
    this.#port = port
    try {
      return await port
    } catch (error) {
      if (this.#port === port) this.#port = undefined // for want of descriptors, say: the next dial tries again
      throw error
    }
  }

  /** Another program got the port while no connection of ours held it: the next dial takes another one. */
  #taken(error: unknown): boolean {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE') this.#port = undefined
    return code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL'
  }
}

/** A TCP port that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer((socket) => socket.destroy()).listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
