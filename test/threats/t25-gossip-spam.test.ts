// T25: gossip spam. A member floods a neighbour with promises of messages that do not exist (IHAVE), with questions (IWANT), with
// GRAFTs, and sends others' messages ahead of them where they are refused, so that they would count as seen. Its score falls below
// zero and what it says is ignored; what others say arrives as before, and their score stays.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SECOND } from '../../src/core/limits.ts'
import { gossipSettings } from '../../src/mesh/gossip-settings.ts'
import { startNode, stopNodes, type TestNode } from '../mesh/nodes.ts'

const TOPIC = '/pimesh/1/0011223344556677/rec/uk'
const OTHER = '/pimesh/1/0011223344556677/ann'
/** What gossipsub takes of one peer between two heartbeats. */
const IHAVES = 10
const IDS = 500

interface Control {
  ihave?: { topicID: string; messageIDs: Uint8Array[] }[]
  iwant?: { messageIDs: Uint8Array[] }[]
  graft?: { topicID: string }[]
  prune?: { topicID: string; peers: [] }[]
  idontwant?: never[]
}
interface Rpc {
  subscriptions: []
  messages: { topic: string; data: Uint8Array }[]
  control?: Control
}
interface Inside {
  score: { score(id: string): number }
  streamsOutbound: Map<string, unknown>
  mesh: Map<string, Set<string>>
  sendRpc(id: string, rpc: Rpc): boolean
  heartbeat(): Promise<void>
  handleReceivedRpc(from: unknown, rpc: unknown): Promise<void>
}

let victim: TestNode
let honest: TestNode
let hostile: TestNode
/** What the victim took, in order. */
let taken: string[]
let wake: () => void

const inside = (node: TestNode) => node.libp2p.services.gossip as unknown as Inside
const text = (value: string) => new TextEncoder().encode(value)

beforeEach(async () => {
  ;[victim, honest, hostile] = [await startNode(), await startNode(), await startNode()]
  taken = []
  wake = () => undefined
  for (const { mesh } of [honest, hostile]) mesh.gossip.onMessage(async () => 'accept')
  victim.mesh.gossip.onMessage(async (topic, bytes) => {
    // As core does: a record has no place among the heads.
    if (topic === OTHER) return 'reject'
    taken.push(new TextDecoder().decode(bytes))
    wake()
    return 'accept'
  })
  for (const { mesh } of [victim, honest, hostile]) for (const topic of [TOPIC, OTHER]) mesh.gossip.subscribe(topic)
  await honest.dial(victim)
  await hostile.dial(victim)
  for (const node of [honest, hostile]) while (!meshed(node)) await beat(node)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await stopNodes()
})

/** It and the victim have each other in the mesh of both topics. */
function meshed(node: TestNode): boolean {
  return [TOPIC, OTHER].every(
    (topic) => inside(node).mesh.get(topic)?.has(victim.id) && inside(victim).mesh.get(topic)?.has(node.id),
  )
}

function beat(node: TestNode): Promise<void> {
  const { gossip } = node.libp2p.services
  return new Promise((resolve) => gossip.addEventListener('gossipsub:heartbeat', () => resolve(), { once: true }))
}

/** The hostile one says this to the victim, past all rules of gossipsub; resolves when the victim has handled it. */
async function say(...rpcs: Partial<Rpc>[]): Promise<void> {
  const seen = handled(rpcs.length)
  for (const { messages = [], control } of rpcs) {
    const whole = control && { ihave: [], iwant: [], graft: [], prune: [], idontwant: [], ...control }
    expect(inside(hostile).sendRpc(victim.id, { subscriptions: [], messages, ...(whole && { control: whole }) })).toBe(
      true,
    )
  }
  await seen
}

/** Resolves when the victim has handled so many RPCs of the hostile one. */
function handled(count: number): Promise<void> {
  return new Promise((resolve) => {
    const gossip = inside(victim)
    const handle = gossip.handleReceivedRpc.bind(gossip)
    let left = count
    gossip.handleReceivedRpc = async (from, rpc) => {
      await handle(from, rpc)
      if (String(from) === hostile.id && --left === 0) {
        gossip.handleReceivedRpc = handle
        resolve()
      }
    }
  })
}

/** Ids that the victim asks anybody for, and messages that it sends, from now on. */
function sentBy(node: TestNode): { asked: () => number; messages: () => number } {
  const gossip = inside(node)
  const send = gossip.sendRpc.bind(gossip)
  let [asked, messages] = [0, 0]
  gossip.sendRpc = (id, rpc) => {
    if (id === hostile.id) {
      for (const { messageIDs } of rpc.control?.iwant ?? []) asked += messageIDs.length
      messages += rpc.messages.length
    }
    return send(id, rpc)
  }
  return { asked: () => asked, messages: () => messages }
}

/** The honest one says something, and the victim takes it. */
async function hears(what: string): Promise<void> {
  const got = new Promise<void>((resolve) => {
    wake = () => taken.includes(what) && resolve()
  })
  await honest.mesh.gossip.publish(TOPIC, text(what))
  await got
}

/** The victim's score of a peer: worked out anew at most once a second. */
async function scoreAfter(node: TestNode, settled: (score: number) => boolean): Promise<number> {
  const { score } = inside(victim)
  while (!settled(score.score(node.id))) await beat(victim)
  return score.score(node.id)
}

/** So much later, as gossipsub sees it. */
function skip(ms: number): void {
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + ms)
}

let made = 0
function inventedIds(): Uint8Array[] {
  return Array.from({ length: IDS }, () => {
    const id = new Uint8Array(12)
    new DataView(id.buffer).setUint32(0, ++made)
    return id
  })
}

test('T25 promises of messages that do not exist cost the score, and then nothing is asked any more', async () => {
  const { gossipsubIWantFollowupMs = 0 } = gossipSettings(new Set())
  const sent = sentBy(victim)
  const flood = () =>
    Array.from({ length: 4 * IHAVES }, () => ({
      control: { ihave: [{ topicID: TOPIC, messageIDs: inventedIds() }] },
    }))
  await say(...flood())
  expect(sent.asked()).toBeGreaterThan(0)
  // Two windows between heartbeats, if one of them fell into the flood.
  expect(sent.asked()).toBeLessThanOrEqual(2 * IHAVES * IDS)
  await hears('during the flood')
  skip(gossipsubIWantFollowupMs + SECOND)
  expect(await scoreAfter(hostile, (score) => score < 0)).toBeLessThan(0)
  const before = sent.asked()
  await say(...flood())
  expect(sent.asked()).toBe(before)
  await hears('after the flood')
  expect(inside(victim).score.score(honest.id)).toBe(0)
})

test('T25 questions without end are answered a few times each', async () => {
  await hears('a record')
  const sent = sentBy(victim)
  const [id] = await idsOf('a record')
  const asks = () =>
    say(...Array.from({ length: 200 }, () => ({ control: { iwant: [{ messageIDs: [id as Uint8Array] }] } })))
  await asks()
  await asks()
  expect(sent.messages()).toBeLessThanOrEqual(4)
  await hears('after the questions')
})

test('T25 who grafts again and again loses its score, and is in no mesh', async () => {
  await say({ control: { prune: [{ topicID: TOPIC, peers: [] }] } })
  await say(...Array.from({ length: 50 }, () => ({ control: { graft: [{ topicID: TOPIC }] } })))
  expect(await scoreAfter(hostile, (score) => score < 0)).toBeLessThan(0)
  expect(inside(victim).mesh.get(TOPIC)?.has(hostile.id)).toBe(false)
  await hears('after the grafts')
  expect(inside(victim).score.score(honest.id)).toBe(0)
})

test('T25 a message that was sent ahead where it is refused still arrives where it belongs', async () => {
  await say({ messages: [{ topic: OTHER, data: text('genuine') }] })
  await hears('genuine')
})

async function idsOf(what: string): Promise<Uint8Array[]> {
  const { msgIdFn } = gossipSettings(new Set([TOPIC]))
  return [(await msgIdFn?.({ type: 'unsigned', topic: TOPIC, data: text(what) })) as Uint8Array]
}
