// The gossip contract on real gossipsub nodes, and what our settings and guards add to it.
import { afterEach, describe, expect, test } from 'vitest'
import type { Verdict } from '../../src/core/events.ts'
import { limits } from '../../src/core/limits.ts'
import { gossipSettings, messageId } from '../../src/mesh/gossip-settings.ts'
import type { GossipHandler } from '../../src/ports/gossip.ts'
import { gossipContract } from '../contracts/gossip.ts'
import { failureOf, startNode, stopNodes, type TestNode } from './nodes.ts'

const TOPIC = '/pimesh/1/0011223344556677/rec/uk'

gossipContract('gossipsub', async (count, links) => {
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode()))
  // A few at a time, as the link policy dials: all nodes share one thread here, and a handshake has 4 s.
  for (let i = 0; i < links.length; i += limits.dialsAtOnce) {
    await Promise.all(links.slice(i, i + limits.dialsAtOnce).map(([a, b]) => nodes[a]?.dial(nodes[b] as TestNode)))
  }
  return {
    gossips: nodes.map(({ mesh }) => mesh.gossip),
    ids: nodes.map(({ id }) => id),
    beat: () => heartbeat(nodes[0] as TestNode),
    close: stopNodes,
  }
})

describe('settings (clause TOPICS 1)', () => {
  test('a message id is the first 12 bytes of SHA-256 of the topic, a zero and the data', () => {
    const id = messageId('topic', new TextEncoder().encode('abc'))
    expect(Buffer.from(id).toString('hex')).toBe('3abc69be0674db95212e4004')
  })

  test.each([
    ['without data', {}],
    ['too long', { data: new Uint8Array(limits.gossipMessageBytes + 1) }],
    ['with an author of its own', { data: new Uint8Array(1), from: new Uint8Array(38) }],
    ['on a topic that is not ours', { data: new Uint8Array(1), topic: 'other' }],
  ])('a message %s is dropped before gossipsub remembers it', (_what, message) => {
    const { fastMsgIdFn } = gossipSettings(new Set([TOPIC]))
    expect(() => fastMsgIdFn?.({ topic: TOPIC, ...message })).toThrow(/dropped/)
    expect(fastMsgIdFn?.({ topic: TOPIC, data: new Uint8Array(limits.gossipMessageBytes) })).toHaveLength(12)
  })

  test('the numbers keep to what gossipsub asks of them', () => {
    const { D = 0, Dlo = 0, Dhi = 0, Dscore = 0, Dout = 0 } = gossipSettings(new Set())
    expect([Dlo <= D, D <= Dhi, Dout < Dlo, Dout <= D / 2, Dscore <= D]).toEqual([true, true, true, true, true])
  })
})

describe('heads', () => {
  afterEach(stopNodes)

  const HEADS = '/pimesh/1/0011223344556677/ann'

  /** Three nodes in a line, on the topics of records and of heads; `judge` is the one in the middle. */
  async function line(judge: GossipHandler): Promise<{ nodes: TestNode[]; got: string[]; arrived(): Promise<void> }> {
    const nodes = [await startNode(), await startNode(), await startNode()]
    const got: string[] = []
    let wake = () => {}
    for (const [i, { mesh }] of nodes.entries()) {
      mesh.gossip.onMessage(async (topic, bytes, from) => {
        if (i === 1) return judge(topic, bytes, from)
        got.push(`${i} ${topic.slice(-3)} ${new TextDecoder().decode(bytes)}`)
        wake()
        return 'accept'
      })
      for (const topic of [TOPIC, HEADS]) mesh.gossip.subscribe(topic)
    }
    await nodes[0]?.dial(nodes[1] as TestNode)
    await nodes[1]?.dial(nodes[2] as TestNode)
    for (const node of nodes) {
      for (const topic of [TOPIC, HEADS]) while ((inside(node).mesh.get(topic)?.size ?? 0) === 0) await heartbeat(node)
    }
    const arrived = () =>
      new Promise<void>((resolve) => {
        wake = resolve
      })
    return { nodes, got, arrived }
  }
  const text = (value: string) => new TextEncoder().encode(value)

  test('one that is accepted after 12 heartbeats is still passed on, and holds up nothing on either topic', async () => {
    const body = Promise.withResolvers<Verdict>()
    const heard = Promise.withResolvers<void>()
    const { nodes, got, arrived } = await line(async (_topic, bytes) => {
      if (new TextDecoder().decode(bytes) !== 'slow') return 'accept'
      heard.resolve()
      return body.promise
    })
    const [a, b] = nodes as [TestNode, TestNode]
    await a.mesh.gossip.publish(HEADS, text('slow'))
    await heard.promise
    for (const [topic, message] of [
      [TOPIC, 'record'],
      [HEADS, 'head'],
    ] as const) {
      const more = arrived()
      await a.mesh.gossip.publish(topic, text(message))
      await more
    }
    for (let beat = 0; beat < 12; beat++) await inside(b).heartbeat()
    expect(got).toEqual(['2 /uk record', '2 ann head'])
    const last = arrived()
    body.resolve('accept')
    await last
    expect(got).toEqual(['2 /uk record', '2 ann head', '2 ann slow'])
  })

  test('one that was ignored is sent when the node publishes it itself, once', async () => {
    const heard: string[] = []
    const ignored = Promise.withResolvers<void>()
    const { nodes, got, arrived } = await line(async (_topic, bytes) => {
      heard.push(new TextDecoder().decode(bytes))
      if (heard.length === 1) ignored.resolve()
      return heard.length === 1 ? 'ignore' : 'accept'
    })
    const [a, b] = nodes as [TestNode, TestNode]
    await a.mesh.gossip.publish(HEADS, text('unknown'))
    await ignored.promise
    await heartbeat(b)
    const sent = arrived()
    await b.mesh.gossip.publish(HEADS, text('unknown'))
    await sent
    const sends = sendsOf(b)
    await b.mesh.gossip.publish(HEADS, text('unknown'))
    expect(sends()).toBe(0)
    const after = arrived()
    await a.mesh.gossip.publish(HEADS, text('next'))
    await after
    expect(got).toEqual(['2 ann unknown', '2 ann next'])
    expect(heard).toEqual(['unknown', 'next'])
  })

  test('one that waits for its verdict is not sent by a publish of the same, nor after it was passed on', async () => {
    const body = Promise.withResolvers<Verdict>()
    const heard = Promise.withResolvers<void>()
    const { nodes, got, arrived } = await line(() => {
      heard.resolve()
      return body.promise
    })
    const [a, b] = nodes as [TestNode, TestNode]
    await a.mesh.gossip.publish(HEADS, text('slow'))
    await heard.promise
    const sends = sendsOf(b)
    await b.mesh.gossip.publish(HEADS, text('slow'))
    expect(sends()).toBe(0)
    const last = arrived()
    body.resolve('accept')
    await last
    expect(sends()).toBe(1)
    await b.mesh.gossip.publish(HEADS, text('slow'))
    expect(sends()).toBe(1)
    expect(got).toEqual(['2 ann slow'])
  })

  test('a neighbour that sent a head in time has broken no promise while its body is fetched', () => {
    const { gossipsubIWantFollowupMs = 0 } = gossipSettings(new Set())
    expect(gossipsubIWantFollowupMs).toBeGreaterThan(2 * limits.requestTimeout)
  })
})

/** Counts the messages that a node sends from now on. */
function sendsOf(node: TestNode): () => number {
  const gossip = inside(node)
  const send = gossip.sendRpc.bind(gossip)
  let count = 0
  gossip.sendRpc = (id, rpc) => {
    count += (rpc as { messages?: unknown[] }).messages?.length ?? 0
    return send(id, rpc)
  }
  return () => count
}

describe('guards', () => {
  afterEach(stopNodes)

  /** Two nodes whose gossip streams are open. */
  async function pair(): Promise<[TestNode, TestNode]> {
    const [a, b] = [await startNode(), await startNode()]
    await a.dial(b)
    for (const [node, peer] of [
      [a, b.id],
      [b, a.id],
    ] as const) {
      const { streamsOutbound, streamsInbound } = inside(node)
      while (!streamsOutbound.has(peer) || !streamsInbound.has(peer)) await heartbeat(node)
    }
    return [a, b]
  }

  test('a message above the bound cannot be published', async () => {
    const a = await startNode()
    const long = new Uint8Array(limits.gossipMessageBytes + 1)
    expect(await failureOf(a.mesh.gossip.publish(TOPIC, long))).toMatchObject({ code: 'E_PROTOCOL' })
  })

  test('a quiet link keeps a score of zero, also after a peer grafted too early', async () => {
    const [a, b] = await pair()
    for (const { mesh } of [a, b]) {
      mesh.gossip.onMessage(async () => 'accept')
      mesh.gossip.subscribe(TOPIC)
    }
    const { score } = inside(b)
    for (let i = 0; i < 6; i++) score.addPenalty(a.id, 1, 'graft_backoff')
    await heartbeat(b)
    expect(score.score(a.id)).toBe(0)
    for (let i = 0; i < 20; i++) score.addPenalty(a.id, 1, 'graft_backoff')
    while (score.score(a.id) === 0) await heartbeat(b) // it is worked out at most once a second
    expect(score.score(a.id)).toBeLessThan(0)
  })

  test('the answer to an IWANT for a whole zone of records does not cut the link', async () => {
    const [a, b] = await pair()
    const records = Array.from({ length: limits.viewNodes }, (_, i) => new Uint8Array(limits.recordBytes).fill(i % 251))
    for (const [i, record] of records.entries()) new DataView(record.buffer).setUint32(0, i)
    const got = new Set<number>()
    const all = Promise.withResolvers<void>()
    b.mesh.gossip.onMessage(async (_topic, bytes) => {
      if (got.add(new DataView(bytes.buffer).getUint32(0)).size === records.length) all.resolve()
      return 'accept'
    })
    b.mesh.gossip.subscribe(TOPIC)
    inside(a).sendRpc(b.id, { subscriptions: [], messages: records.map((data) => ({ topic: TOPIC, data })) })
    await all.promise
    expect(a.libp2p.services.gossip.getPeers().length).toBe(1)
  })

  test('a link on which gossip is deaf is closed, so that it can be dialled afresh', async () => {
    const [a, b] = await pair()
    for (const { streams } of a.libp2p.getConnections()) {
      for (const stream of streams) if (stream.protocol.startsWith('/meshsub')) stream.abort(new Error('lost'))
    }
    await Promise.all([a.diary.until('disconnected', b.id), b.diary.until('disconnected', a.id)])
    await a.dial(b)
    await a.diary.until('connected', b.id, 2)
  })
})

interface Inside {
  score: { addPenalty(id: string, penalty: number, label: string): void; score(id: string): number }
  streamsOutbound: Map<string, unknown>
  streamsInbound: Map<string, unknown>
  sendRpc(id: string, rpc: object): boolean
  mesh: Map<string, Set<string>>
  heartbeat(): Promise<void>
}

function inside(node: TestNode): Inside {
  return node.libp2p.services.gossip as unknown as Inside
}

function heartbeat(node: TestNode): Promise<void> {
  const { gossip } = node.libp2p.services
  return new Promise((resolve) => gossip.addEventListener('gossipsub:heartbeat', () => resolve(), { once: true }))
}
