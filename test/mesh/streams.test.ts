// Streams between real nodes: both directions, every bound, and every way in which the other side can misbehave or vanish.
import type { Stream } from '@libp2p/interface'
import { afterEach, expect, test } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { failureOf, never, startNode, stopNodes, type TestNode } from './nodes.ts'

afterEach(stopNodes)

const echo = async (_peer: string, request: Uint8Array) => request
const options = { signal: never(), maxBytes: limits.syncBytes }

/** Two linked nodes; `b` serves. */
async function linked(requestTimeout?: number): Promise<[TestNode, TestNode]> {
  const extra = requestTimeout === undefined ? {} : { requestTimeout }
  const [a, b] = [await startNode(extra), await startNode(extra)]
  await a.dial(b)
  await b.diary.until('connected', a.id)
  return [a, b]
}

test('question and answer, either way, of any length up to the bounds', async () => {
  const [a, b] = await linked()
  await b.mesh.streams.handle('hello', async (peer, request) => new TextEncoder().encode(`${peer} ${request.length}`))
  await a.mesh.streams.handle('sync', async () => new Uint8Array(limits.syncBytes).fill(7))
  const answer = await a.mesh.streams.ask(b.id, 'hello', new Uint8Array(limits.helloBytes), options)
  expect(new TextDecoder().decode(answer)).toBe(`${a.id} ${limits.helloBytes}`)
  const large = await b.mesh.streams.ask(a.id, 'sync', new Uint8Array(0), options)
  expect(large.length).toBe(limits.syncBytes)
  expect(large.every((byte) => byte === 7)).toBe(true)
})

test('streams leave nothing behind', async () => {
  const [a, b] = await linked()
  await b.mesh.streams.handle('query', echo)
  for (let i = 0; i < limits.streamsPerLink * 2; i++) await a.mesh.streams.ask(b.id, 'query', Uint8Array.of(i), options)
  const ours = (node: TestNode) =>
    node.libp2p
      .getConnections()
      .flatMap(({ streams }) => streams.filter(({ protocol }) => protocol.startsWith('/pimesh/query')))
  expect(ours(a)).toEqual([])
  while (ours(b).length > 0) await new Promise(setImmediate)
})

test('a request or a response above its bound is not read, and the link stays', async () => {
  const [a, b] = await linked()
  let asked = 0
  await b.mesh.streams.handle('sync', async () => {
    asked++
    return new Uint8Array(100)
  })
  const ask = (length: number, maxBytes: number) =>
    a.mesh.streams.ask(b.id, 'sync', new Uint8Array(length), { signal: never(), maxBytes })
  expect(await failureOf(ask(limits.questionBytes + 1, 100))).toMatchObject({ code: 'E_PROTOCOL' })
  expect(asked).toBe(0)
  expect(await failureOf(ask(1, 99))).toMatchObject({ code: 'E_PROTOCOL' })
  expect((await ask(1, 100)).length).toBe(100)
  expect(a.diary.of('disconnected')).toEqual([])
})

test('a handler that throws, no handler, no link: each is one failure', async () => {
  const [a, b] = await linked()
  await b.mesh.streams.handle('hello', () => Promise.reject(new Error('broken')))
  const ask = (peer: string, protocol: 'hello' | 'sync') =>
    failureOf(a.mesh.streams.ask(peer, protocol, new Uint8Array(1), options))
  for (const failure of [await ask(b.id, 'hello'), await ask(b.id, 'sync'), await ask('nobody', 'hello')]) {
    expect(failure).toBeInstanceOf(Failure)
    expect(failure).toMatchObject({ code: 'E_PROTOCOL' })
  }
  expect(a.diary.of('disconnected')).toEqual([])
})

test('the asker gives up by its signal and by the time-out, and the handler hears of it', async () => {
  const [a, b] = await linked(200)
  const heard: Promise<unknown>[] = []
  await b.mesh.streams.handle('hello', (_peer, _request, { signal }) => {
    heard.push(new Promise((resolve) => signal.addEventListener('abort', resolve)))
    return new Promise(() => undefined)
  })
  const giveUp = new AbortController()
  const asked = failureOf(a.mesh.streams.ask(b.id, 'hello', Uint8Array.of(1), { signal: giveUp.signal, maxBytes: 1 }))
  while (heard.length === 0) await new Promise(setImmediate)
  giveUp.abort()
  expect(await asked).toMatchObject({ code: 'E_PROTOCOL' })
  expect(await failureOf(a.mesh.streams.ask(b.id, 'hello', Uint8Array.of(1), options))).toMatchObject({
    code: 'E_PROTOCOL',
  })
  await Promise.all(heard)
  expect(heard.length).toBe(2)
})

test('a peer that vanishes in the middle ends the question on both sides', async () => {
  const [a, b] = await linked()
  const heard = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  await b.mesh.streams.handle('hello', (_peer, _request, { signal }) => {
    signal.addEventListener('abort', () => heard.resolve())
    started.resolve()
    return new Promise(() => undefined)
  })
  const asked = failureOf(a.mesh.streams.ask(b.id, 'hello', Uint8Array.of(1), options))
  await started.promise
  for (const connection of a.libp2p.getConnections()) connection.abort(new Error('power cut'))
  await heard.promise
  expect(await asked).toMatchObject({ code: 'E_PROTOCOL' })
})

test('half-open streams end by themselves, and one peer holds no more than its share', async () => {
  const [a, b] = await linked(300)
  await b.mesh.streams.handle('hello', echo)
  const connection = a.libp2p.getConnections()[0]
  const halfOpen = async (): Promise<{ stream: Stream; closed: Promise<unknown> }> => {
    const stream = (await connection?.newStream(['/pimesh/hello/1'])) as Stream
    return { stream, closed: new Promise((resolve) => stream.addEventListener('close', resolve)) }
  }
  const held = await Promise.all(Array.from({ length: limits.inboundStreamsPerProtocol }, halfOpen))
  held[0]?.stream.send(Uint8Array.of(200)) // the first byte of a length, and no more
  const failed = await failureOf(a.mesh.streams.ask(b.id, 'hello', Uint8Array.of(1), options))
  expect(failed).toMatchObject({ code: 'E_PROTOCOL' })
  await Promise.all(held.map(({ closed }) => closed))
  expect(await a.mesh.streams.ask(b.id, 'hello', Uint8Array.of(9), options)).toEqual(Uint8Array.of(9))
})

test('unnegotiated streams are bounded, and others are served meanwhile', async () => {
  const [a, b] = await linked()
  await b.mesh.streams.handle('hello', echo)
  const c = await startNode()
  await c.dial(b)
  const { muxer } = a.libp2p.getConnections()[0] as unknown as { muxer: { createStream(): Promise<Stream> } }
  await Promise.allSettled(Array.from({ length: 1_000 }, () => muxer.createStream()))
  expect(await c.mesh.streams.ask(b.id, 'hello', Uint8Array.of(5), options)).toEqual(Uint8Array.of(5))
  const open = b.libp2p.getConnections().filter(({ remotePeer }) => remotePeer.toString() === a.id)
  expect(open.flatMap(({ streams }) => streams).length).toBeLessThanOrEqual(limits.streamsPerLink + 4)
})

test('handlers that are set before the start serve the first who comes', async () => {
  const b = await startNode({ prepare: (mesh) => mesh.streams.handle('hello', echo) })
  const a = await startNode()
  await a.dial(b)
  expect(await a.mesh.streams.ask(b.id, 'hello', Uint8Array.of(3), options)).toEqual(Uint8Array.of(3))
})

test('T02 a frame of the muxer that promises more than the window closes the link by its header', async () => {
  const [a, b] = await linked()
  await gossips(a, b) // or the link would be closed for being deaf
  const { muxer } = a.libp2p.getConnections()[0] as unknown as { muxer: { send(bytes: Uint8Array): boolean } }
  const header = new DataView(new ArrayBuffer(12))
  header.setUint16(2, 1) // SYN of a new stream
  header.setUint32(4, 1_001)
  header.setUint32(8, 2 ** 31)
  muxer.send(new Uint8Array(header.buffer))
  await b.diary.until('disconnected', a.id)
})

/** Resolves when gossip has its streams on the link, both ways. */
async function gossips(...nodes: readonly [TestNode, TestNode]): Promise<void> {
  for (const [i, { libp2p }] of nodes.entries()) {
    const { gossip } = libp2p.services
    const { streamsInbound, streamsOutbound } = gossip as unknown as Record<string, Map<string, unknown>>
    const peer = nodes[1 - i]?.id as string
    while (!streamsInbound?.has(peer) || !streamsOutbound?.has(peer)) {
      await new Promise<void>((resolve) =>
        gossip.addEventListener('gossipsub:heartbeat', () => resolve(), { once: true }),
      )
    }
  }
}
