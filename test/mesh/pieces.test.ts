// The contract of pieces on real libp2p nodes, and every way in which the other side can misbehave.
import type { Stream } from '@libp2p/interface'
import { afterEach, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { MeshOptions } from '../../src/mesh/node.ts'
import { PIECES_PROTOCOL } from '../../src/mesh/pieces.ts'
import { piecesContract } from '../contracts/pieces.ts'
import { startNode, stopNodes, type TestNode } from './nodes.ts'

piecesContract('libp2p', async (count, links, events) => {
  const prepare =
    (i: number): MeshOptions['prepare'] =>
    (mesh) =>
      mesh.pieces.onEvents(events(i))
  const nodes = await Promise.all(Array.from({ length: count }, (_, i) => startNode({ prepare: prepare(i) as never })))
  const link = async (a: number, b: number) => {
    const [from, to] = [nodes[a], nodes[b]] as [TestNode, TestNode]
    const times = to.diary.of('connected').filter(({ peer }) => peer === from.id).length + 1
    await from.dial(to)
    await to.diary.until('connected', from.id, times)
  }
  for (const [a, b] of links) await link(a, b)
  return {
    pieces: nodes.map(({ mesh }) => mesh.pieces),
    ids: nodes.map(({ id }) => id),
    cut: async (a, b) => {
      const [one, other] = [nodes[a], nodes[b]] as [TestNode, TestNode]
      for (const connection of one.libp2p.getConnections()) connection.abort(new Error('power cut'))
      await Promise.all([one.diary.until('disconnected', other.id), other.diary.until('disconnected', one.id)])
    },
    link,
    beat: () => new Promise((resolve) => setImmediate(resolve)),
    close: stopNodes,
  }
})

describe('a member that misbehaves', () => {
  afterEach(stopNodes)

  test('T02 sends an endless length or more than may come: cut off before it is buffered, and the link stays', async () => {
    for (const bytes of [Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x01), Uint8Array.of(0x81, 0x05)]) {
      const { node, member, raw } = await intruder()
      raw.send(bytes)
      await node.told('closed')
      expect(node.messages).toEqual([])
      expect(member.diary.of('disconnected')).toEqual([])
    }
  })

  test('T20 sends an empty message: it is handed on like any other, since whoever listens counts what does not parse', async () => {
    const { node, raw } = await intruder()
    raw.send(Uint8Array.of(0, 1, 7))
    while (node.messages.length < 2) await node.next()
    expect(node.messages).toEqual([new Uint8Array(0), Uint8Array.of(7)])
    expect(node.happened).toEqual(['opened'])
  })

  test('T20 opens more streams than one: they are refused, and the first goes on', async () => {
    const { node, member, raw, open } = await intruder()
    const more = await Promise.allSettled([open(), open(), open()])
    await Promise.all(more.map((each) => (each.status === 'fulfilled' ? closed(each.value) : undefined)))
    raw.send(Uint8Array.of(2, 7, 8))
    while (node.messages.length === 0) await node.next()
    expect(node.messages).toEqual([Uint8Array.of(7, 8)])
    expect(node.happened).toEqual(['opened'])
    expect(member.diary.of('disconnected')).toEqual([])
  })

  test('T26 begins a message and does not go on: the stream ends', async () => {
    const { node, raw } = await intruder({ pieces: { patience: 50 } })
    raw.send(Uint8Array.of(5, 1, 2))
    await node.told('closed')
    expect(node.messages).toEqual([])
  })

  test('never reads: it holds one message and those that wait, all are rejected, and the stream ends', async () => {
    const { node, raw } = await intruder({ pieces: { patience: 200 } })
    raw.pause()
    const { pieces } = node.node.mesh
    const large = new Uint8Array(limits.pieceBytesMin)
    const sent = Array.from({ length: 8 }, () => pieces.send(node.peer, large))
    const outcomes = Promise.allSettled(sent)
    const [stream] = node.streams()
    while (buffered(stream as Stream) === 0) await new Promise(setImmediate)
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    expect(buffered(stream as Stream)).toBeLessThanOrEqual(limits.pieceChunkBytes)
    pieces.close(node.peer)
    expect((await outcomes).at(-1)?.status).toBe('rejected')
    expect(node.happened).toEqual(['opened', 'closed'])
  })

  test('never reads: a message that waits too long ends the stream', async () => {
    const { node, raw } = await intruder({ pieces: { patience: 100 } })
    raw.pause()
    const short = new Uint8Array(limits.pieceControlBytes)
    const outcomes = await Promise.allSettled(
      Array.from({ length: limits.pieceSendsQueued }, () => node.node.mesh.pieces.send(node.peer, short)),
    )
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']))
    await node.told('closed')
  })

  test('never reads: more messages than may wait end the stream, whoever waits for them or not', async () => {
    const { node, raw } = await intruder()
    raw.pause()
    const { pieces } = node.node.mesh
    for (let i = 0; i <= limits.pieceSendsQueued; i++) void pieces.send(node.peer, Uint8Array.of(1))
    await node.told('closed')
  })

  test('does not answer, or does not speak the protocol: opening ends in one closed', async () => {
    const silent = await startNode()
    const asker = await watched({ requestTimeout: 100 })
    await asker.node.dial(silent)
    asker.node.mesh.pieces.open(silent.id)
    await asker.told('closed')
    await silent.libp2p.handle(PIECES_PROTOCOL, () => undefined)
    asker.node.mesh.pieces.open(silent.id)
    await asker.told('closed', 2)
    expect(asker.happened).toEqual(['closed', 'closed'])
  })

  test('answers with more than nothing: opening ends in one closed', async () => {
    const rude = await startNode()
    const asker = await watched({})
    await asker.node.dial(rude)
    await rude.libp2p.handle(PIECES_PROTOCOL, (stream) => void stream.send(Uint8Array.of(1, 1)))
    asker.node.mesh.pieces.open(rude.id)
    await asker.told('closed')
    expect(asker.happened).toEqual(['closed'])
  })
})

describe('bounds', () => {
  afterEach(stopNodes)

  test('above the number of streams the newest is refused, and one that ends makes room', async () => {
    const hub = await watched({ pieces: { streams: 2 } })
    const others = await Promise.all([watched({}), watched({}), watched({})])
    for (const { node } of others) await node.dial(hub.node)
    for (const { node } of others) {
      const before = hub.happened.length
      node.mesh.pieces.open(hub.node.id)
      const other = others.find((each) => each.node === node) as Watched
      await (before < 2 ? hub.told('opened', before + 1) : other.told('closed'))
    }
    expect(others.map(({ happened }) => happened.at(-1))).toEqual(['opened', 'opened', 'closed'])
    const last = others[2] as Watched
    hub.node.mesh.pieces.open(last.node.id)
    await hub.told('closed')
    others[0]?.node.mesh.pieces.close(hub.node.id)
    await hub.told('closed', 2)
    hub.node.mesh.pieces.open(last.node.id)
    await hub.told('opened', 3)
  })

  test('a node that stops tells nothing, and its streams end on the other side', async () => {
    const [a, b] = [await watched({}), await watched({})]
    await a.node.dial(b.node)
    a.node.mesh.pieces.open(b.node.id)
    await Promise.all([a.told('opened'), b.told('opened')])
    const sent = Promise.allSettled(
      Array.from({ length: 50 }, () => a.node.mesh.pieces.send(b.node.id, new Uint8Array(640))),
    )
    await a.node.mesh.stop()
    await Promise.all([sent, b.told('closed')])
    a.node.mesh.pieces.open(b.node.id)
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    expect(a.happened).toEqual(['opened'])
  })
})

/** A node, and what its pieces told. */
class Watched {
  readonly happened: ('opened' | 'closed')[] = []
  readonly messages: Uint8Array[] = []
  node!: TestNode
  peer = ''
  #waiting: (() => void)[] = []

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  async told(what: 'opened' | 'closed', times = 1): Promise<void> {
    while (this.happened.filter((each) => each === what).length < times) await this.next()
  }

  streams(): Stream[] {
    const streams = this.node.libp2p.getConnections().flatMap((connection) => connection.streams)
    return streams.filter(({ protocol }) => protocol === PIECES_PROTOCOL)
  }

  readonly prepare: MeshOptions['prepare'] = ({ pieces }) =>
    pieces.onEvents({
      opened: (peer) =>
        this.#add(() => {
          this.peer = peer
          this.happened.push('opened')
        }),
      closed: () => this.#add(() => this.happened.push('closed')),
      message: async (_peer, bytes) => this.#add(() => this.messages.push(bytes)),
    })

  #add(add: () => unknown): void {
    add()
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

async function watched(options: Partial<MeshOptions>): Promise<Watched> {
  const seen = new Watched()
  seen.node = await startNode({ ...options, prepare: seen.prepare as NonNullable<MeshOptions['prepare']> })
  return seen
}

/** A member that opened a stream with a node, bare: its bytes are what it says they are. */
async function intruder(options: Partial<MeshOptions> = {}) {
  const node = await watched(options)
  const member = await startNode()
  await member.dial(node.node)
  const open = async () => (await member.libp2p.getConnections()[0]?.newStream([PIECES_PROTOCOL])) as Stream
  const raw = await open()
  await node.told('opened')
  return { node, member, raw, open }
}

function closed(stream: Stream): Promise<unknown> | undefined {
  return stream.status === 'open' ? new Promise((resolve) => stream.addEventListener('close', resolve)) : undefined
}

function buffered(stream: Stream): number {
  return (stream as unknown as { writeBufferLength: number }).writeBufferLength
}
