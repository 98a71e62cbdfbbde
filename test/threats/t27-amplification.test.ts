// T27: amplification. A hundred bytes from a peer that has shown no membership yield nothing from a member that relays and dials back: not a
// circuit, not a dial, not an answer beyond the handshake. What members may have relayed is capped: test/mesh/forwarding.test.ts.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { afterEach, expect, test } from 'vitest'
import { CALL_PROTOCOL, RELAY_PROTOCOL } from '../../src/mesh/relay.ts'
import { encodeDialback } from '../../src/wire/dialback.ts'
import { encodeRelayRequest } from '../../src/wire/relay.ts'
import { never, startNode, stopNodes, type TestNode } from '../mesh/nodes.ts'

afterEach(stopNodes)

const ASKED = ['/pimesh/dialback/1', RELAY_PROTOCOL, CALL_PROTOCOL]

/** A member that relays, for a member that has a reservation. */
async function relayWithGuest(): Promise<{ relay: TestNode; hidden: TestNode; relayed: string }> {
  const [relay, hidden] = [await startNode({ near: () => false }), await startNode({ near: () => false })]
  relay.mesh.links.offerRelay(true)
  await hidden.dial(relay)
  const [relayed = ''] = await hidden.mesh.links.reserve(relay.id, { signal: never() })
  return { relay, hidden, relayed }
}

test('T27 amplification: a hundred bytes without Noise yield the name of the security protocol, and the end', async () => {
  const { relay } = await relayWithGuest()
  const socket = connect(portOf(relay), '127.0.0.1')
  await once(socket, 'connect')
  const received = everything(socket)
  const request = Buffer.concat([encodeDialback([80, 443]), encodeRelayRequest({ type: 'reserve' })])
  socket.write(Buffer.concat([request, Buffer.alloc(100 - request.length)]))
  socket.end()
  expect((await received).length).toBeLessThanOrEqual(100)
  expect(relay.mesh.links.relaying()).toMatchObject({ reservations: 1, circuits: 0, bytes: 0 })
})

test('T27 amplification: a stranger with a key of its own gets no dial, no reservation and no circuit', async () => {
  const { relay, hidden, relayed } = await relayWithGuest()
  let dialled = 0
  const victim = createServer((socket) => {
    dialled++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(victim, 'listening')
  const stranger = await startStranger()
  try {
    const connection = await stranger
      .dial(multiaddr(`${relay.addresses[0]}/p2p/${relay.id}`), { signal: AbortSignal.timeout(20_000) })
      .catch(() => undefined)
    const { port } = victim.address() as { port: number }
    const asked = [
      encodeDialback([port]),
      encodeRelayRequest({ type: 'connect', peer: hidden.id }),
      new Uint8Array(100),
    ]
    for (const [i, protocol] of ASKED.entries()) {
      const stream = await connection?.newStream(protocol).catch(() => undefined)
      if (stream?.status === 'open') stream.send(Uint8Array.of(asked[i]?.length ?? 0, ...(asked[i] ?? [])))
    }
    expect(connection?.status).not.toBe('open')
    expect(dialled).toBe(0)
    expect(relay.mesh.links.relaying()).toMatchObject({ reservations: 1, circuits: 0, bytes: 0 })
    expect(relay.diary.of('connected').map(({ peer }) => peer)).toEqual([hidden.id])
    expect(relayed).toContain(relay.id)
  } finally {
    await stranger.stop()
    victim.close()
  }
})

/** Speaks noise under our name, and goes on as if there were no gate. */
function startStranger() {
  return createLibp2p({
    transports: [tcp()],
    streamMuxers: [yamux()],
    connectionEncrypters: [(components) => Object.assign(noise()(components), { protocol: '/pimesh/noise/1' })],
  })
}

function portOf(node: TestNode): number {
  return Number(node.addresses[0]?.split('/').at(-1))
}

async function everything(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  socket.on('data', (bytes) => parts.push(bytes)).on('error', () => undefined)
  await new Promise((resolve) => socket.on('close', resolve))
  return Buffer.concat(parts)
}
