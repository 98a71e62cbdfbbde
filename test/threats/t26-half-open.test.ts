// T26: a member opens a thousand streams of each protocol of paths, says half a message on each, and waits. Few are taken, others are
// served meanwhile, and nothing of it is left when the time for a question is over.
import type { Stream } from '@libp2p/interface'
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { DIALBACK_PROTOCOL } from '../../src/mesh/dialback.ts'
import { PUNCH_PROTOCOL } from '../../src/mesh/punching.ts'
import { CALL_PROTOCOL, RELAY_PROTOCOL } from '../../src/mesh/relay.ts'
import { never, startNode, stopNodes, type TestNode } from '../mesh/nodes.ts'

afterEach(stopNodes)

const TAKEN = [
  [RELAY_PROTOCOL, limits.relayCircuitsPerPeer + limits.inboundStreamsPerProtocol],
  [CALL_PROTOCOL, 0],
  [DIALBACK_PROTOCOL, 1],
  [PUNCH_PROTOCOL, 2],
] as const
const TRIES = 1_000
/** Below streamsPerLink, so that it is the protocol which refuses. */
const AT_ONCE = 20
const near = () => false

test('T26 slowloris: a thousand half-open streams of a member hold few places, and nobody else up', async () => {
  const [relay, guest, hostile] = [await startNode({ near }), await startNode({ near }), await startNode({ near })]
  relay.mesh.links.offerRelay(true)
  await guest.dial(relay)
  await hostile.dial(relay)
  await relay.diary.until('connected', hostile.id)
  // Else its own bounds of what it opens would be met first.
  await hostile.libp2p.unhandle(TAKEN.map(([protocol]) => protocol))
  const held: Stream[] = []
  for (const [protocol, most] of TAKEN) {
    for (let tries = 0; tries < TRIES; tries += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, () => halfOpen(hostile, protocol))
      held.push(...(await Promise.all(some)).flat())
    }
    const open = () => held.filter((stream) => stream.protocol === protocol && stream.status === 'open').length
    // What is refused is told a moment later; the others are given up after limits.requestTimeout.
    await expect.poll(open, { timeout: limits.requestTimeout / 2, message: protocol }).toBeLessThanOrEqual(most)
    expect(open(), protocol).toBeGreaterThan(most / 2 - 1)
  }
  const addresses = await guest.mesh.links.reserve(relay.id, { signal: never() })
  const caller = await startNode({ near })
  await caller.dial({ id: guest.id, addresses })
  await Promise.all(held.filter(({ protocol }) => protocol === RELAY_PROTOCOL).map(closed))
  expect(caller.libp2p.getConnections().length).toBe(2)
  expect(hostile.diary.of('disconnected')).toEqual([])
})

async function halfOpen(node: TestNode, protocol: string): Promise<Stream[]> {
  const [connection] = node.libp2p.getConnections()
  const options = { maxOutboundStreams: TRIES, signal: never() }
  const stream = await connection?.newStream([protocol], options).catch(() => undefined)
  if (stream?.status !== 'open') return []
  stream.send(Uint8Array.of(80))
  return [stream]
}

function closed(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.status === 'open') stream.addEventListener('close', () => resolve())
    else resolve()
  })
}
