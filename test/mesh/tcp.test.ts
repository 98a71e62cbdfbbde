// TCP from one port: dials beyond this network share a local port, those nearby don't, and a port that cannot be used stops no dial.
import { once } from 'node:events'
import { type AddressInfo, createServer, Server, type Socket } from 'node:net'
import type { Connection, Upgrader } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { afterEach, expect, test, vi } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { PortTcp } from '../../src/mesh/tcp.ts'

const servers: Server[] = []
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

/** Somebody who listens on 127.0.0.1; `seen` are the ports that dialled. */
async function host(port = 0): Promise<{ address: Multiaddr; seen: number[] }> {
  const seen: number[] = []
  const server = createServer((socket) => {
    seen.push(socket.remotePort ?? 0)
    sockets.push(socket.on('error', () => undefined))
  }).listen(port, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return { address: multiaddr(`/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`), seen }
}

function setUp(near: (address: Multiaddr) => boolean = () => false) {
  const transport = new PortTcp({ logger: defaultLogger() }, near)
  /** An upgrade that does nothing: the connection is the socket. */
  const upgrader = {
    upgradeOutbound: async (connection: unknown) => {
      const { socket } = connection as { socket: Socket }
      sockets.push(socket)
      return socket as unknown as Connection
    },
  } as unknown as Upgrader
  const signal = new AbortController().signal
  const dial = (address: Multiaddr) => transport.dial(address, { upgrader, signal })
  return { transport, dial }
}

test('everybody far away is dialled from one port; who is dialled twice sees a second one, and both are known', async () => {
  const { transport, dial } = setUp()
  const [a, b] = [await host(), await host()]
  const connections = [await dial(a.address), await dial(b.address), await dial(a.address)]
  const ports = connections.map((connection) => transport.portOf(connection))
  expect(ports).toEqual(connections.map((connection) => (connection as unknown as Socket).localPort))
  expect(ports[1]).toBe(ports[0])
  expect(ports[2]).not.toBe(ports[0])
})

test('a port that another program took meanwhile is given up for a new one', async () => {
  const { transport, dial } = setUp()
  const [a, b, c] = [await host(), await host(), await host()]
  const first = await dial(a.address)
  const port = transport.portOf(first) as number
  const closed = once(first as unknown as Socket, 'close')
  ;(first as unknown as Socket).resetAndDestroy()
  await closed
  await host(port)
  const [second, third] = [await dial(b.address), await dial(c.address)]
  expect(transport.portOf(second)).not.toBe(port)
  expect(transport.portOf(third)).not.toBe(port)
})

test('whom this network reaches is dialled as ever: loopback and on-link are near, a host name is not', async () => {
  const { transport, dial } = setUp((address) => address.toString().startsWith('/ip4/127.'))
  const a = await host()
  expect(transport.portOf(await dial(a.address))).toBeUndefined()
  const byDefault = new PortTcp({ logger: defaultLogger() })
  const upgradeOutbound = async (connection: unknown) => {
    sockets.push((connection as { socket: Socket }).socket)
    return connection as Connection
  }
  const options = { upgrader: { upgradeOutbound } as unknown as Upgrader, signal: new AbortController().signal }
  expect(byDefault.portOf(await byDefault.dial(a.address, options))).toBeUndefined()
  const named = multiaddr(a.address.toString().replace('/ip4/127.0.0.1', '/dns4/localhost'))
  expect(byDefault.portOf(await byDefault.dial(named, options))).toBeGreaterThan(0)
})

test('a dial that fails for another reason fails as ever', async () => {
  const { dial } = setUp()
  await expect(dial(multiaddr('/ip4/127.0.0.1/tcp/1'))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('a port that could not be had for want of descriptors fails one dial, not all that follow', async () => {
  const { dial } = setUp()
  const a = await host()
  const listen = vi.spyOn(Server.prototype, 'listen').mockImplementationOnce(function (this: Server) {
    setImmediate(() => this.emit('error', Object.assign(new Error('too many open files'), { code: 'EMFILE' })))
    return this
  })
  await expect(dial(a.address)).rejects.toMatchObject({ code: 'EMFILE' })
  listen.mockRestore()
  await dial(a.address)
})

test('a host that refuses one port is given all its time at another where it has answered', async () => {
  const { transport, dial } = setUp()
  const a = await host()
  const gone = await host()
  const server = servers.pop() as Server
  await new Promise((resolve) => server.close(resolve))
  await expect(dial(gone.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const upgrading = Promise.withResolvers<AbortSignal>()
    const slow = Promise.withResolvers<Connection>()
    const upgradeOutbound = async (_: unknown, { signal }: { signal: AbortSignal }) => {
      upgrading.resolve(signal)
      return await slow.promise
    }
    const options = { upgrader: { upgradeOutbound } as unknown as Upgrader, signal: new AbortController().signal }
    const dialled = transport.dial(a.address, options)
    const signal = await upgrading.promise
    await vi.advanceTimersByTimeAsync(10 * limits.silentPatience)
    expect(signal.aborted).toBe(false)
    slow.resolve({} as Connection)
    await dialled
  } finally {
    vi.useRealTimers()
  }
})
