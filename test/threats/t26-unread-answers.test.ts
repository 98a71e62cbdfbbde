// T26: a member says what must be answered, as fast as it can, and reads none of the answers: it is cut off before they take memory.
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { never, startNode, stopNodes } from '../mesh/nodes.ts'

afterEach(stopNodes)

test.each([
  ['pings', { type: 2 }],
  ['opens streams', { type: 1 }],
])('T26 slowloris: who %s and reads no answer is cut off before the answers take memory', async (_what, { type }) => {
  const [a, b] = [await startNode(), await startNode()]
  await a.dial(b)
  await Promise.all([a.diary.until('discovered', b.id), b.diary.until('discovered', a.id)])
  for (let times = 0; times < 50; times++) await a.mesh.links.pulse(b.id, { signal: never() }) // as fast as they come back
  const [connection] = a.libp2p.getConnections() as unknown as Insides[]
  if (connection === undefined) throw new Error('not linked')
  const { muxer, maConn } = connection
  muxer.handleFrame = () => undefined
  for (let id = 1; id < 4 * limits.answersUnread; id++)
    muxer.sendFrame({ type, flag: 1, streamID: ask(type, id), length: id })
  await a.mesh.streams
    .ask(b.id, 'hello', new Uint8Array(1), { signal: AbortSignal.timeout(200), maxBytes: 10 })
    .catch(() => 0)
  expect(b.diary.of('disconnected')).toEqual([]) // it reads
  maConn.socket._handle.readStop()
  for (let id = 1; b.diary.of('disconnected').length === 0; id++) {
    muxer.sendFrame({ type, flag: 1, streamID: ask(type, 100_000 + id), length: id })
    if (id % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
})

interface Insides {
  muxer: { sendFrame(header: object): void; handleFrame(): void }
  maConn: { socket: { _handle: { readStop(): void } } }
}

/** Of a ping, none. */
const ask = (type: number, id: number) => (type === 2 ? 0 : 1_000_001 + 2 * id)
