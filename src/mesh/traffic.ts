// Traffic: bytes of TCP payload in and out, read from the sockets' own counters when asked. It sees every connection that
// reaches libp2p through the connection gater, refused ones included, and costs nothing per message.
import type { Socket } from 'node:net'
import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface'

type Counters = Pick<Socket, 'bytesRead' | 'bytesWritten'>

export class Traffic {
  readonly #live = new Set<Counters>()
  #closedIn = 0
  #closedOut = 0

  /** Watches connections from their first byte; denies none. */
  readonly gater: ConnectionGater = {
    denyInboundConnection: (connection) => this.#watch(connection),
    denyOutboundConnection: (_peer, connection) => this.#watch(connection),
  }

  total(): { bytesIn: number; bytesOut: number } {
    let [bytesIn, bytesOut] = [this.#closedIn, this.#closedOut]
    for (const socket of this.#live) {
      bytesIn += socket.bytesRead
      bytesOut += socket.bytesWritten
    }
    return { bytesIn, bytesOut }
  }

  #watch(connection: MultiaddrConnection): false {
    const socket = socketOf(connection)
    if (socket === undefined) return false
    this.#live.add(socket)
    connection.addEventListener('close', () => {
      if (!this.#live.delete(socket)) return
      this.#closedIn += socket.bytesRead
      this.#closedOut += socket.bytesWritten
    })
    return false
  }
}

/** @libp2p/tcp keeps its socket in a field that only its types hide; a test notices when that changes. */
function socketOf(connection: MultiaddrConnection): Counters | undefined {
  const { socket } = connection as unknown as { socket?: Partial<Counters> }
  const counts = typeof socket?.bytesRead === 'number' && typeof socket.bytesWritten === 'number'
  return counts ? (socket as Counters) : undefined
}
