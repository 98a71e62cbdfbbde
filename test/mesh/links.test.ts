// Links between real nodes: events, simultaneous dials, refusals of a dial, addresses, traffic, and what is left behind.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { listenProblem } from '../../src/mesh/listen-problem.ts'
import { failureOf, never, startNode, stopNodes, type TestNode, wordKeeper } from './nodes.ts'

afterEach(stopNodes)

test('both ends hear once of a link that opens and closes', async () => {
  const [a, b] = [await startNode(), await startNode()]
  await a.dial(b)
  await b.diary.until('connected', a.id)
  expect(a.diary.of('connected')).toEqual([
    { type: 'connected', peer: b.id, address: b.addresses[0], direction: 'outbound', route: 'lan' },
  ])
  expect(b.diary.of('connected')[0]).toMatchObject({ direction: 'inbound' })
  await a.dial(b) // a second time: nothing happens
  await a.mesh.links.close(b.id)
  await b.diary.until('disconnected', a.id)
  expect(a.diary.of('connected').length).toBe(1)
  expect(a.diary.of('disconnected')).toEqual([{ type: 'disconnected', peer: b.id }])
  await a.mesh.links.close(b.id) // of no link: nothing
})

test('a node that stops closes its links, and says nothing of its own', async () => {
  const [a, b] = [await startNode(), await startNode()]
  await a.dial(b)
  await b.diary.until('connected', a.id)
  await a.mesh.stop()
  await b.diary.until('disconnected', a.id)
  expect(a.diary.of('disconnected')).toEqual([])
  await a.mesh.stop()
})

test('dials that cross end in one connection, and both succeed', async () => {
  for (let round = 0; round < 5; round++) {
    const [a, b] = [await startNode(), await startNode()]
    await Promise.all([a.dial(b), b.dial(a)])
    await Promise.all([a.diary.until('connected', b.id), b.diary.until('connected', a.id)])
    await Promise.all([a.diary.until('discovered', b.id), b.diary.until('discovered', a.id)])
    expect(a.libp2p.getConnections().length).toBe(1)
    expect(b.libp2p.getConnections().length).toBe(1)
    expect(a.diary.of('disconnected').length + b.diary.of('disconnected').length).toBe(0)
  }
})

test('a member with two addresses that takes its time in the gate is dialled once: the second address does not end the first', async () => {
  const keeper = wordKeeper('member')
  const judge: typeof keeper.judge = async (...asked) => {
    await sleep(3 * limits.addressHeadStart)
    return keeper.judge(...asked)
  }
  const listen = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0']
  const [a, b] = [await startNode(), await startNode({ listen, keeper: { ...keeper, judge } })]
  expect(b.addresses).toHaveLength(2)
  await a.dial(b)
  await b.diary.until('connected', a.id)
  expect(b.libp2p.getConnections()).toHaveLength(1)
})

test('a dial that another one waits for is made again for that one when who began it gave up', async () => {
  const { promise: judged, resolve: asked } = Promise.withResolvers<void>()
  const keeper = wordKeeper('member')
  let times = 0
  const judge: typeof keeper.judge = async (...shown) => {
    asked()
    times += 1
    return times === 1 ? new Promise(() => undefined) : keeper.judge(...shown)
  }
  const [a, b] = [await startNode(), await startNode({ keeper: { ...keeper, judge } })]
  const beginner = new AbortController()
  const first = failureOf(a.mesh.links.dial(b.id, b.addresses, { signal: beginner.signal }))
  const second = a.dial(b)
  await judged
  beginner.abort(new Failure('E_NO_MEMBER', 'another address was faster'))
  await second
  expect(await first).toBeInstanceOf(Failure)
})

test('a peer that lost its end of a link replaces it by dialling', async () => {
  const secret = new Uint8Array(randomBytes(32))
  const b = await startNode()
  const first = await startNode({ secret })
  await first.dial(b)
  await b.diary.until('connected', first.id)
  const again = await startNode({ secret }) // the same node id, while the first link is still open
  await again.dial(b)
  await b.diary.until('connected', first.id, 2)
  expect(b.diary.of('disconnected').length).toBe(1)
  expect(b.libp2p.getConnections().length).toBe(1)
  const answer = again.mesh.streams.ask(b.id, 'hello', new Uint8Array(1), { signal: never(), maxBytes: 10 })
  expect(await failureOf(answer)).toBeInstanceOf(Failure)
  expect(b.diary.of('disconnected').length).toBe(1)
})

test('a dial fails with what went wrong: nobody there, somebody else there, no usable address, given up', async () => {
  const [a, b, c] = [await startNode(), await startNode(), await startNode()]
  const dial = (peer: string, addresses: string[], signal = never()) =>
    failureOf(a.mesh.links.dial(peer, addresses, { signal }))
  expect(await dial(b.id, ['/ip4/127.0.0.1/tcp/1'])).toMatchObject({
    code: 'E_NO_MEMBER',
    message: expect.stringMatching(/cannot be reached at \/ip4\/127\.0\.0\.1\/tcp\/1: connection refused$/),
  })
  expect(await dial(b.id, c.addresses)).toMatchObject({ code: 'E_NO_MEMBER' })
  expect(await dial(a.id, a.addresses)).toBeInstanceOf(Failure)
  for (const useless of [
    [],
    ['junk'],
    ['/ip4/127.0.0.1/udp/1'],
    ['/unix/%2Ftmp%2Fx'],
    [`/dns4/${'x'.repeat(200)}/tcp/1`],
  ]) {
    expect(await dial(b.id, useless)).toMatchObject({ code: 'E_NO_ADDRESS' })
  }
  expect(await dial(b.id, b.addresses, AbortSignal.abort())).toBeInstanceOf(Failure)
  expect(await dial('nobody', b.addresses)).toBeInstanceOf(Failure)
  expect(a.diary.of('connected')).toEqual([])
})

test('an unusable address before a good one costs nothing', async () => {
  const [a, b] = [await startNode(), await startNode()]
  await a.dial({ id: b.id, addresses: ['/ip4/127.0.0.1/tcp/1', ...b.addresses] })
  expect(a.diary.of('connected')[0]?.address).toBe(b.addresses[0])
})

test('a linked peer tells its own addresses, bounded and usable, and libp2p keeps none of them', async () => {
  const tells = Array.from({ length: 20 }, (_, i) => `/ip4/10.0.0.${i}/tcp/1`)
  const [a, b] = [await startNode(), await startNode()]
  saysOfItself(b.libp2p, ['/ip4/10.9.9.9/udp/1/quic-v1', ...tells])
  await a.dial(b)
  await a.diary.until('discovered', b.id)
  const told = a.diary.of('discovered')[0]
  expect(told).toMatchObject({ source: 'identify', addresses: tells.slice(0, limits.addressesPerContact) })
  const kept = await a.libp2p.peerStore.all()
  expect(kept.map(({ id, addresses }) => [id.toString(), addresses.length])).toEqual([[b.id, 0]])
})

test('after a disconnect neither gossip nor the peer store remembers the peer', async () => {
  const [a, b] = [await startNode(), await startNode()]
  await a.dial(b)
  await Promise.all([a.diary.until('discovered', b.id), b.diary.until('discovered', a.id)])
  expect(a.libp2p.services.gossip.getPeers().length).toBe(1)
  await b.mesh.stop()
  await a.diary.until('disconnected', b.id)
  await failureOf(a.dial(b)) // a failed dial is forgotten, too
  while ((await a.libp2p.peerStore.all()).length > 0) await new Promise((resolve) => setImmediate(resolve))
  expect(a.libp2p.services.gossip.getPeers()).toEqual([])
})

test('bytes are counted at both ends alike, and stay counted when the link is gone', async () => {
  const [a, b] = [await startNode(), await startNode()]
  await a.dial(b)
  await Promise.all([a.diary.until('discovered', b.id), b.diary.until('discovered', a.id)])
  await a.mesh.stop()
  await b.diary.until('disconnected', a.id)
  const [there, here] = [a.mesh.links.traffic(), b.mesh.links.traffic()]
  expect(there.bytesOut).toBeGreaterThan(1_000)
  expect(here.bytesOut).toBeGreaterThan(1_000)
  expect(here.bytesIn).toBeLessThanOrEqual(there.bytesOut)
  expect(here.bytesIn).toBeGreaterThan(there.bytesOut * 0.9)
})

test('a port that is taken, and an address that is not ours, are said so', async () => {
  const a = await startNode()
  expect(await failureOf(startNode({ listen: a.addresses }))).toMatchObject({ code: 'E_PORT_TAKEN' })
  expect(await failureOf(startNode({ listen: ['/ip4/192.0.2.1/tcp/0'] }))).toMatchObject({ code: 'E_NO_ADDRESS' })
})

test('a port below 1024 without the right to it is said so, with what would give it', () => {
  const denied = listenProblem(new Error('listen EACCES: permission denied 0.0.0.0:443'), '/ip4/0.0.0.0/tcp/443')
  expect(denied).toMatchObject({
    code: 'E_PORT_DENIED',
    message: expect.stringMatching(/tcp\/443.*setcap.*AmbientCapabilities.*another port/),
  })
})

test('a node tells where it listens, without its id, when it starts', async () => {
  const a = await startNode()
  expect(a.diary.of('listening')).toEqual([{ type: 'listening', addresses: a.addresses }])
  expect(a.addresses[0]).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/[0-9]+$/)
})

describe('a machine with public addresses tells', () => {
  async function told(interfaces: Record<string, string>): Promise<string[]> {
    const list = Object.entries(interfaces).map(([address, family]) => ({ address, family, internal: false }))
    const spy = vi
      .spyOn(os, 'networkInterfaces')
      .mockReturnValue({ eth0: list as unknown as os.NetworkInterfaceInfo[] })
    const { addresses } = await startNode({ listen: ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'] })
    spy.mockRestore()
    return addresses.map((address) => address.split('/')[2] ?? '')
  }

  test('these as well: it may be the first of its mesh, or on a LAN with IPv6 alone', async () => {
    expect(await told({ '80.1.1.1': 'IPv4', '2a00:1::7': 'IPv6' })).toEqual(['80.1.1.1', '2a00:1::7'])
    expect(await told({ '2a00:1::7': 'IPv6' })).toEqual(['2a00:1::7'])
  })

  test('none of IPv6 before it was found open where its LAN has others: whoever dials it would wait for what is swallowed', async () => {
    expect(await told({ '192.168.1.5': 'IPv4', '2a00:1::7': 'IPv6' })).toEqual(['192.168.1.5'])
  })
})

/** What identify tells of a node from now on. */
function saysOfItself(libp2p: object, addresses: readonly string[]): void {
  const { components } = libp2p as { components: { addressManager: { announce: Set<string> } } }
  for (const address of addresses) components.addressManager.announce.add(address)
}

/** A wire between a node and whoever dials it, which can be cut without either end being told, and joined again. */
async function wireTo(node: TestNode) {
  const port = Number(node.addresses[0]?.split('/').at(-1))
  const sockets: Socket[] = []
  const wire = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    sockets.push(near, far)
    for (const socket of [near, far]) socket.on('error', () => undefined)
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => near.write(bytes))
  }).listen(0, '127.0.0.1')
  await once(wire, 'listening')
  return {
    addresses: [`/ip4/127.0.0.1/tcp/${(wire.address() as AddressInfo).port}`],
    cut: () => sockets.forEach((socket) => void socket.pause()),
    join: () => sockets.forEach((socket) => void socket.resume()),
    end: () => {
      for (const socket of sockets) socket.destroy()
      wire.close()
    },
  }
}

test('a link whose path is dead closes at once when told so, at either end', async () => {
  const [a, b] = [await startNode(), await startNode()]
  const wire = await wireTo(b)
  try {
    await a.dial({ id: b.id, addresses: wire.addresses })
    await b.diary.until('connected', a.id)
    wire.cut()
    const [closedAtA, closedAtB] = [a.diary.until('disconnected', b.id), b.diary.until('disconnected', a.id)]
    await a.mesh.links.close(b.id, { dead: true })
    expect(a.libp2p.getConnections()).toEqual([])
    await closedAtA
    expect(b.diary.of('disconnected')).toEqual([])
    await b.mesh.links.close(a.id, { dead: true })
    expect(b.libp2p.getConnections()).toEqual([])
    await closedAtB
  } finally {
    wire.end()
  }
})

test('a pulse fails within its time; an answer that comes too late does the link no harm', async () => {
  const [a, b] = [await startNode(), await startNode()]
  const wire = await wireTo(b)
  const pulse = (time: number) => a.mesh.links.pulse(b.id, { signal: AbortSignal.timeout(time) })
  try {
    await a.dial({ id: b.id, addresses: wire.addresses })
    await b.diary.until('connected', a.id)
    expect(await pulse(5_000)).toBeLessThan(5_000)
    wire.cut()
    expect(await failureOf(pulse(100))).toMatchObject({ name: 'TimeoutError' })
    expect(await failureOf(pulse(100))).toMatchObject({ name: 'TimeoutError' })
    wire.join()
    await pulse(5_000)
    await pulse(5_000)
    expect(a.diary.of('disconnected').length + b.diary.of('disconnected').length).toBe(0)
    wire.cut()
    const waiting = failureOf(pulse(60_000))
    await a.mesh.links.close(b.id, { dead: true })
    expect(await waiting).toMatchObject({ code: 'E_NO_MEMBER' })
    expect(await failureOf(pulse(100))).toMatchObject({ code: 'E_NO_MEMBER' })
  } finally {
    wire.end()
  }
})

test('a pulse whose answer waits behind other bytes is answered by those: a busy link is not dead', async () => {
  const [a, b] = [await startNode(), await startNode()]
  await a.mesh.streams.handle('hello', async (_peer, request) => request)
  await a.dial(b)
  await Promise.all([a.diary.until('discovered', b.id), b.diary.until('discovered', a.id)])
  const [connection] = a.libp2p.getConnections() as unknown as { muxer: { ping(): Promise<number> } }[]
  if (connection === undefined) throw new Error('not linked')
  connection.muxer.ping = () => new Promise(() => undefined)
  const busy = a.mesh.links.pulse(b.id, { signal: AbortSignal.timeout(1_000) })
  await b.mesh.streams.ask(a.id, 'hello', Uint8Array.of(1), { signal: never(), maxBytes: 1 })
  expect(await busy).toBeGreaterThan(900)
  const quiet = () => a.mesh.links.pulse(b.id, { signal: AbortSignal.timeout(20) })
  let problem: unknown
  while (problem === undefined) await quiet().catch((error: unknown) => (problem = error)) // gossip speaks at times
  expect(problem).toMatchObject({ name: 'TimeoutError' })
})

test('a pulse takes as long as it takes, whatever the clock of this machine does meanwhile', async () => {
  const [a, b] = [await startNode(), await startNode()]
  await a.dial(b)
  let wall = Date.now()
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => (wall -= 10_000))
  try {
    const time = await a.mesh.links.pulse(b.id, { signal: AbortSignal.timeout(5_000) })
    expect(time).toBeGreaterThan(0)
    expect(time).toBeLessThan(5_000)
  } finally {
    clock.mockRestore()
  }
})
