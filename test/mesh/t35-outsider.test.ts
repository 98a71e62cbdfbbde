// T35: a libp2p peer without membership. It is built of public libp2p parts alone and imports nothing of ours; whatever it
// tries at the gate, it sees no subscription, no record and no open stream, and is closed within 5 s. The same peer with a
// membership gets all of it, so the test would notice an open door.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { ConnectionEncrypter, SecuredConnection } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterEach, describe, expect, test } from 'vitest'
import { ASK, answerOf, KEY, message, multihash } from './directory-messages.ts'
import { failureOf, MESH8, startNode, stopNodes, type TestNode } from './nodes.ts'

const TOPIC = `/pimesh/1/${MESH8}/rec/uk/glasgow`
const PROTOCOLS = ['/pimesh/hello/1', '/pimesh/sync/1', '/pimesh/query/1']
/** What a member that relays has beside them. */
const PATH_PROTOCOLS = ['/pimesh/relay/1', '/pimesh/call/1', '/pimesh/dialback/1', '/pimesh/punch/1', '/pimesh/kad/1']
const CLOSED_WITHIN = 5_000

/** What the outsider does on the secured stream, where members show their memberships. */
type AtTheGate = (secured: SecuredConnection) => Promise<SecuredConnection>

const goesOn: AtTheGate = async (secured) => secured
const isSilent: AtTheGate = ({ connection }) => {
  return new Promise((_, reject) => connection.addEventListener('close', () => reject(new Error('closed'))))
}
const sendsJunk: AtTheGate = async (secured) => {
  secured.connection.send(Uint8Array.from({ length: 600 }, (_, i) => (i * 167) % 256))
  return secured
}
const shows = (credential: string, reply: string): AtTheGate => {
  return async (secured) => {
    const frames = lpStream(secured.connection)
    await frames.writeV([new TextEncoder().encode(credential), new TextEncoder().encode(reply)])
    await frames.read()
    await frames.read()
    frames.unwrap()
    return secured
  }
}

const attempts: [string, string, AtTheGate][] = [
  ['speaks plain noise', '/noise', goesOn],
  ['speaks noise under our name and goes on as if there were no gate', '/pimesh/noise/1', goesOn],
  ['sends junk', '/pimesh/noise/1', sendsJunk],
  ['is silent', '/pimesh/noise/1', isSilent],
  ['shows what is refused', '/pimesh/noise/1', shows('stranger', 'welcome')],
  ['shows nothing, and admits us', '/pimesh/noise/1', shows('', 'welcome')],
]

const outsiders: Libp2p[] = []

afterEach(async () => {
  await Promise.all(outsiders.splice(0).map((each) => each.stop()))
  await stopNodes()
})

describe.each(attempts)('an outsider that %s', (_what, protocol, atTheGate) => {
  test('and dials: sees nothing and is closed', async () => {
    const [node, member] = await twoMembers()
    const { outsider, seen } = await startOutsider(protocol, atTheGate)
    const closed = endOf(outsider, node)
    expect(await withinBound(closed)).toBe('closed')
    await showSomething(node, member)
    expect(seen).toEqual([])
    expectUnknown(node, outsider)
  })

  test('and is dialled, since anybody can announce an address: sees nothing and is closed', async () => {
    const [node, member] = await twoMembers()
    const { outsider, seen } = await startOutsider(protocol, atTheGate)
    const [address] = outsider.getMultiaddrs().map((each) => each.decapsulateCode(421).toString())
    const dialled = failureOf(node.dial({ id: outsider.peerId.toString(), addresses: [address as string] }))
    expect(await withinBound(dialled)).toBe('closed')
    await showSomething(node, member)
    expect(seen).toEqual([])
    expectUnknown(node, outsider)
  })
})

test('the same peer with a membership sees all of it', async () => {
  const [node, member] = await twoMembers()
  const { outsider: guest, seen } = await startOutsider(
    '/pimesh/noise/1',
    shows('member', 'welcome'),
    `pimesh/${MESH8}`,
  )
  const connection = await guest.dial(addressOf(node))
  await node.diary.until('connected', guest.peerId.toString())
  expect((await connection.newStream(PROTOCOLS)).protocol).toBe('/pimesh/hello/1')
  const directory = lpStream(await connection.newStream('/pimesh/kad/1'))
  await directory.write(message({ type: ASK, key: multihash(KEY) }))
  expect(answerOf((await directory.read()).slice()), 'who provides what').toEqual({ providers: 1 })
  while (!seen.includes('record')) {
    await showSomething(node, member)
    await heartbeat(node)
  }
  expect(seen).toContain('subscription')
})

/** A node with a record on its topic, and a member that receives it. */
async function twoMembers(): Promise<[TestNode, TestNode]> {
  const [node, member] = [await startNode(), await startNode()]
  for (const { mesh } of [node, member]) {
    mesh.gossip.onMessage(async () => 'accept')
    mesh.gossip.subscribe(TOPIC)
    await mesh.streams.handle('hello', async (_peer, request) => request)
  }
  await member.dial(node)
  await node.diary.until('connected', member.id)
  node.mesh.links.offerRelay(true)
  node.mesh.directory.serve(true)
  member.mesh.directory.servers([{ node: node.id, addresses: node.addresses }])
  await member.mesh.directory.provide(KEY, member.addresses, { signal: AbortSignal.timeout(CLOSED_WITHIN) })
  await member.mesh.links.reserve(node.id, { signal: AbortSignal.timeout(CLOSED_WITHIN) })
  return [node, member]
}

let records = 0

/** Publishes a record and answers a question: what there is to see, moves. */
async function showSomething(node: TestNode, member: TestNode): Promise<void> {
  await node.mesh.gossip.publish(TOPIC, Uint8Array.of(1, records >> 8, records++ & 255))
  const options = { signal: AbortSignal.timeout(CLOSED_WITHIN), maxBytes: 1 }
  await member.mesh.streams.ask(node.id, 'hello', Uint8Array.of(1), options)
}

async function startOutsider(protocol: string, atTheGate: AtTheGate, protocolPrefix = 'ipfs') {
  const seen: string[] = []
  const outsider = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    streamMuxers: [yamux()],
    connectionEncrypters: [
      (components): ConnectionEncrypter => {
        const plain = noise()(components)
        return {
          protocol,
          secureInbound: async (stream, options) => atTheGate(await plain.secureInbound(stream, options)),
          secureOutbound: async (stream, options) => atTheGate(await plain.secureOutbound(stream, options)),
        }
      },
    ],
    services: {
      identify: identify({ protocolPrefix }),
      pubsub: gossipsub({ globalSignaturePolicy: 'StrictNoSign', allowPublishToZeroTopicPeers: true }),
    },
  })
  const { pubsub } = outsider.services
  pubsub.addEventListener('subscription-change', () => seen.push('subscription'))
  pubsub.addEventListener('message', () => seen.push('record'))
  pubsub.subscribe(TOPIC)
  await outsider.handle([...PROTOCOLS, ...PATH_PROTOCOLS], () => {
    seen.push('stream')
  })
  outsider.addEventListener('peer:identify', () => seen.push('identity'))
  outsiders.push(outsider)
  return { outsider, seen }
}

/** Dials, tries every protocol when it believes to be in, and resolves when the connection is gone. */
async function endOf(outsider: Libp2p, node: TestNode): Promise<void> {
  const closed = new Promise<void>((resolve) => outsider.addEventListener('connection:close', () => resolve()))
  const connection = await outsider
    .dial(addressOf(node), { signal: AbortSignal.timeout(60_000) })
    .catch(() => undefined)
  if (connection === undefined) return
  for (const protocol of [...PROTOCOLS, ...PATH_PROTOCOLS]) await failureOf(connection.newStream([protocol]))
  if (connection.status === 'open') await closed
}

async function withinBound(work: Promise<unknown>): Promise<'closed' | 'still open'> {
  const late = new Promise<'still open'>((resolve) => setTimeout(resolve, CLOSED_WITHIN, 'still open').unref())
  return Promise.race([work.then(() => 'closed' as const), late])
}

function expectUnknown(node: TestNode, outsider: Libp2p): void {
  const id = outsider.peerId.toString()
  expect(node.diary.of('connected').map(({ peer }) => peer)).not.toContain(id)
  expect(node.libp2p.getPeers().map(String)).not.toContain(id)
  expect(node.libp2p.services.gossip.getPeers().map(String)).not.toContain(id)
}

function addressOf(node: TestNode) {
  return multiaddr(`${node.addresses[0]}/p2p/${node.id}`)
}

function heartbeat(node: TestNode): Promise<void> {
  const { gossip } = node.libp2p.services
  return new Promise((resolve) => gossip.addEventListener('gossipsub:heartbeat', () => resolve(), { once: true }))
}
