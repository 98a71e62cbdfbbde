// Links over a relay: made, gated, told, moved to a better path; and what a relay promises and takes back.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { afterEach, describe, expect, test } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import type { MeshOptions } from '../../src/mesh/node.ts'
import { RELAY_PROTOCOL } from '../../src/mesh/relay.ts'
import { decodeRelayAnswer, encodeRelayRequest } from '../../src/wire/relay.ts'
import { failureOf, never, startNode, stopNodes, type TestNode, wordKeeper } from './nodes.ts'

afterEach(stopNodes)

const within = () => ({ signal: never() })

/** A relay and a node that has a reservation with it, and the addresses that it got. */
async function behindRelay(options: Partial<MeshOptions> = {}, relayOptions: Partial<MeshOptions> = {}) {
  const [relay, hidden] = [await startNode(relayOptions), await startNode(options)]
  relay.mesh.links.offerRelay(true)
  await hidden.dial(relay)
  const addresses = await hidden.mesh.links.reserve(relay.id, within())
  return { relay, hidden, addresses }
}

describe('a relayed link', () => {
  test('opens over a relay that is linked already, and both ends say what it is', async () => {
    const { relay, hidden, addresses } = await behindRelay()
    expect(addresses).toEqual([`${relay.addresses[0]}/p2p/${relay.id}/p2p-circuit`])
    const caller = await startNode()
    await caller.dial(relay)
    await caller.dial({ id: hidden.id, addresses })
    await hidden.diary.until('connected', caller.id)
    const there = caller.diary.of('connected').find(({ peer }) => peer === hidden.id)
    expect(there).toMatchObject({ address: addresses[0], direction: 'outbound', route: 'relayed' })
    const here = hidden.diary.of('connected').find(({ peer }) => peer === caller.id)
    expect(here).toMatchObject({ direction: 'inbound', route: 'relayed' })
    expect(here?.address).toBe(addresses[0])
    expect(relay.mesh.links.relaying()).toMatchObject({ reservations: 1, circuits: 1, refused: 0 })
  })

  test('opens over a relay that nobody has dialled yet, of which we hear as of any link', async () => {
    const { relay, hidden, addresses } = await behindRelay()
    const caller = await startNode()
    await caller.dial({ id: hidden.id, addresses })
    expect(caller.diary.of('connected').map(({ peer, route }) => [peer, route])).toEqual([
      [relay.id, 'lan'],
      [hidden.id, 'relayed'],
    ])
  })

  test('opens over a relay that is reached at its second address only: a site may let out none but 443', async () => {
    const { relay, hidden, addresses } = await behindRelay()
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const caller = await startNode()
    const first = `/ip4/127.0.0.1/tcp/${port}/p2p/${relay.id}/p2p-circuit`
    await caller.dial({ id: hidden.id, addresses: [first, ...addresses] })
    expect(caller.diary.of('connected').map(({ peer }) => peer)).toEqual([relay.id, hidden.id])
    silent.close()
  })

  test('carries questions, pulses and gossip, and ends with either end', async () => {
    const { hidden, addresses } = await behindRelay()
    const caller = await startNode()
    await hidden.mesh.streams.handle('hello', async (_peer, request) => request)
    await caller.dial({ id: hidden.id, addresses })
    const answer = await caller.mesh.streams.ask(hidden.id, 'hello', Uint8Array.of(7), { ...within(), maxBytes: 9 })
    expect([...answer]).toEqual([7])
    expect(await caller.mesh.links.pulse(hidden.id, within())).toBeLessThan(5_000)
    await gossips(caller, hidden)
    await gossips(hidden, caller)
    await caller.mesh.links.close(hidden.id)
    await hidden.diary.until('disconnected', caller.id)
  })

  test('is gated from end to end: whom the relay admits, the other end may still refuse', async () => {
    const { relay, hidden, addresses } = await behindRelay()
    const turncoat = await startNode({ keeper: turning('member', 'stranger') })
    await turncoat.dial(relay)
    const refused = await failureOf(turncoat.dial({ id: hidden.id, addresses }))
    expect(refused).toMatchObject({ code: 'E_REFUSED' })
    expect(hidden.diary.of('connected').map(({ peer }) => peer)).toEqual([relay.id])
  })
})

/** Shows one word to the first, another to all who follow. */
function turning(first: string, then: string): MeshOptions['keeper'] {
  let shown = 0
  return { ...wordKeeper('member'), credential: () => new TextEncoder().encode(shown++ === 0 ? first : then) }
}

test('a relay connects nobody with itself: neither who asks, nor the relay', async () => {
  const { relay, hidden } = await behindRelay()
  const ask = async (node: TestNode, peer: string) => {
    const stream = await node.libp2p.getConnections()[0]?.newStream(RELAY_PROTOCOL)
    const frames = lpStream(stream as Stream)
    await frames.write(encodeRelayRequest({ type: 'connect', peer }))
    return decodeRelayAnswer((await frames.read()).slice()).status
  }
  expect(await ask(hidden, hidden.id)).toBe('absent')
  expect(await ask(hidden, relay.id)).toBe('absent')
  expect(relay.mesh.links.relaying()).toMatchObject({ circuits: 0, bytes: 0 })
})

describe('a reservation', () => {
  test('is refused by who does not offer, and by who is itself behind a relay', async () => {
    const { hidden, addresses } = await behindRelay()
    const node = await startNode()
    await node.dial({ id: hidden.id, addresses })
    expect(await failureOf(node.mesh.links.reserve(hidden.id, within()))).toMatchObject({ code: 'E_REFUSED' })
    const plain = await startNode()
    await node.dial(plain)
    expect(await failureOf(node.mesh.links.reserve(plain.id, within()))).toMatchObject({ code: 'E_REFUSED' })
    expect(await failureOf(node.mesh.links.reserve('nobody', within()))).toMatchObject({ code: 'E_NO_MEMBER' })
  })

  test('beyond the budget is refused politely, and counted; one given back makes room', async () => {
    const { relay, hidden } = await behindRelay({}, { relay: { reservations: 1 } })
    const second = await startNode()
    await second.dial(relay)
    expect(await failureOf(second.mesh.links.reserve(relay.id, within()))).toMatchObject({ code: 'E_RELAY_FULL' })
    expect(relay.mesh.links.relaying()).toMatchObject({ reservations: 1, refused: 1 })
    await hidden.mesh.links.reserve(relay.id, within()) // its own, anew
    hidden.mesh.links.release(relay.id)
    while (relay.mesh.links.relaying().reservations > 0) await turn()
    await second.mesh.links.reserve(relay.id, within())
    expect(hidden.diary.of('unreserved')).toEqual([])
  })

  test('of who is gone before it is answered is none: it takes no place of others', async () => {
    const [relay, hasty, other] = [
      await startNode({ relay: { reservations: 1 } }),
      await startNode(),
      await startNode(),
    ]
    relay.mesh.links.offerRelay(true)
    await Promise.all([hasty.dial(relay), other.dial(relay)])
    const stream = await hasty.libp2p.getConnections()[0]?.newStream(RELAY_PROTOCOL)
    const asked = encodeRelayRequest({ type: 'reserve' })
    stream?.send(Uint8Array.of(asked.length, ...asked))
    stream?.abort(new Error('in the same breath'))
    await hasty.mesh.links.pulse(relay.id, within()) // behind both on the wire
    await other.mesh.links.reserve(relay.id, within())
  })

  test('ends at once when the relay withdraws, with the reason; what is forwarded goes on', async () => {
    const { relay, hidden, addresses } = await behindRelay()
    const caller = await startNode()
    await caller.dial({ id: hidden.id, addresses })
    relay.mesh.links.offerRelay(false)
    await hidden.diary.until('unreserved', relay.id)
    expect(hidden.diary.of('unreserved')).toEqual([{ type: 'unreserved', relay: relay.id, why: 'refused' }])
    await caller.mesh.links.pulse(hidden.id, within())
    const late = await startNode()
    expect(await failureOf(late.dial({ id: hidden.id, addresses }))).toMatchObject({
      code: 'E_NO_MEMBER',
      message: expect.stringContaining('no reservation'),
    })
  })

  test('ends with the link, without an event of its own, and the circuits over the relay with it', async () => {
    const { relay, hidden, addresses } = await behindRelay()
    const caller = await startNode()
    await caller.dial({ id: hidden.id, addresses })
    await hidden.diary.until('connected', caller.id)
    await relay.mesh.stop()
    await Promise.all([
      hidden.diary.until('disconnected', relay.id),
      hidden.diary.until('disconnected', caller.id),
      caller.diary.until('disconnected', hidden.id),
    ])
    expect(hidden.diary.of('unreserved')).toEqual([])
    expect(await failureOf(hidden.mesh.links.reserve(relay.id, within()))).toBeInstanceOf(Failure)
  })
})

describe('a relayed link that finds a better path', () => {
  test('moves at both ends; the relay is rid of it, and gossip goes both ways', async () => {
    const { relay, hidden, addresses } = await behindRelay()
    const caller = await startNode()
    await caller.dial({ id: hidden.id, addresses })
    await hidden.diary.until('connected', caller.id)
    await gossips(caller, hidden)
    await caller.mesh.links.improve(hidden.id, [...addresses, ...hidden.addresses], within())
    await Promise.all([caller.diary.until('moved', hidden.id), hidden.diary.until('moved', caller.id)])
    expect(caller.diary.of('moved')).toEqual([
      { type: 'moved', peer: hidden.id, address: hidden.addresses[0], direction: 'outbound', route: 'lan' },
    ])
    expect(hidden.diary.of('moved')[0]).toMatchObject({ direction: 'inbound', route: 'lan' })
    await gossips(caller, hidden)
    await gossips(hidden, caller)
    expect(caller.diary.of('disconnected').length + hidden.diary.of('disconnected').length).toBe(0)
    expect(caller.libp2p.getConnections().length).toBe(2)
    while (relay.mesh.links.relaying().circuits > 0) await turn()
  })

  test('loses no question that is under way: it is asked once more on the new path', async () => {
    const { hidden, addresses } = await behindRelay()
    const caller = await startNode()
    const asked: string[] = []
    const begun = Promise.withResolvers<void>()
    await hidden.mesh.streams.handle('hello', async (_peer, request) => {
      asked.push('once')
      begun.resolve()
      if (asked.length === 1) await new Promise((resolve) => setTimeout(resolve, 60_000).unref())
      return request
    })
    await caller.dial({ id: hidden.id, addresses })
    await hidden.diary.until('connected', caller.id)
    const answer = caller.mesh.streams.ask(hidden.id, 'hello', Uint8Array.of(3), { ...within(), maxBytes: 9 })
    await begun.promise
    await caller.mesh.links.improve(hidden.id, hidden.addresses, within())
    expect([...(await answer)]).toEqual([3])
    expect(asked.length).toBe(2)
  })

  test('may move again and again while a question is under way, and take one that is asked in the middle of a move', async () => {
    const { hidden, addresses } = await behindRelay()
    const caller = await startNode()
    const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let times = 0
    await hidden.mesh.streams.handle('hello', async (_peer, request) => {
      asked[times]?.resolve()
      if (times++ < asked.length) await new Promise((resolve) => setTimeout(resolve, 60_000).unref())
      return request
    })
    await caller.dial({ id: hidden.id, addresses })
    await hidden.diary.until('connected', caller.id)
    const ask = (byte: number) =>
      caller.mesh.streams.ask(hidden.id, 'hello', Uint8Array.of(byte), { ...within(), maxBytes: 9 })
    const answer = ask(3)
    await asked[0]?.promise
    await caller.mesh.links.improve(hidden.id, hidden.addresses, within())
    await asked[1]?.promise
    const inTheMiddle = Promise.withResolvers<Uint8Array>()
    caller.libp2p.addEventListener('connection:close', () => ask(4).then(inTheMiddle.resolve, inTheMiddle.reject))
    await caller.mesh.links.improve(hidden.id, hidden.addresses, within())
    expect([...(await answer)]).toEqual([3])
    expect([...(await inTheMiddle.promise)]).toEqual([4])
    expect(caller.diary.of('disconnected')).toEqual([])
  })

  test('stays as it is when there is nothing better', async () => {
    const { hidden, addresses } = await behindRelay()
    const caller = await startNode()
    await caller.dial({ id: hidden.id, addresses })
    const improve = (to: readonly string[]) => failureOf(caller.mesh.links.improve(hidden.id, to, within()))
    expect(await improve(['/ip4/127.0.0.1/tcp/1'])).toMatchObject({ code: 'E_NO_MEMBER' })
    expect(await improve(addresses)).toMatchObject({ code: 'E_NO_ADDRESS' })
    expect(await failureOf(caller.mesh.links.improve('nobody', [], within()))).toMatchObject({ code: 'E_NO_MEMBER' })
    await caller.mesh.links.pulse(hidden.id, within())
    expect(caller.diary.of('moved')).toEqual([])
  })

  test('a question that a peer fails is not asked again', async () => {
    const [node, peer] = [await startNode(), await startNode()]
    let asked = 0
    await peer.mesh.streams.handle('hello', async () => {
      asked++
      throw new Error('no')
    })
    await node.dial(peer)
    const answer = node.mesh.streams.ask(peer.id, 'hello', Uint8Array.of(3), { ...within(), maxBytes: 9 })
    expect(await failureOf(answer)).toMatchObject({ code: 'E_PROTOCOL' })
    expect(asked).toBe(1)
  })
})

test('bytes of a relayed link are counted once at its ends, and twice where they come and go', async () => {
  const { relay, hidden, addresses } = await behindRelay()
  const caller = await startNode()
  await caller.dial(relay)
  await hidden.mesh.streams.handle('hello', async (_peer, request) => request)
  await caller.dial({ id: hidden.id, addresses })
  const bytesIn = ({ mesh }: TestNode) => mesh.links.traffic().bytesIn
  const before = [caller, hidden, relay].map(bytesIn)
  const body = new Uint8Array(20_000)
  await caller.mesh.streams.ask(hidden.id, 'hello', body, { ...within(), maxBytes: 20_000 })
  const [here, there, between] = [caller, hidden, relay].map((node, i) => bytesIn(node) - (before[i] as number))
  expect(here).toBeGreaterThan(20_000)
  expect(here).toBeLessThan(26_000)
  expect(there).toBeLessThan(26_000)
  expect(between).toBeGreaterThan(40_000)
  expect(between).toBeLessThan(52_000)
})

/** Resolves when a message of one has reached the other. */
async function gossips(from: TestNode, to: TestNode): Promise<void> {
  const topic = `/pimesh/1/test/${from.id}`
  const heard = Promise.withResolvers<void>()
  for (const { mesh } of [from, to]) mesh.gossip.subscribe(topic)
  to.mesh.gossip.onMessage(async () => {
    heard.resolve()
    return 'accept'
  })
  let sent = 0
  const { gossip } = from.libp2p.services
  const beat = () => void from.mesh.gossip.publish(topic, new TextEncoder().encode(`hello ${sent++}`))
  gossip.addEventListener('gossipsub:heartbeat', beat)
  await heard.promise
  gossip.removeEventListener('gossipsub:heartbeat', beat)
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
