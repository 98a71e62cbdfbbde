import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/core/events.ts'
import { GossipModel, type Message } from './gossip.ts'
import { Network } from './network.ts'
import { Prng } from './prng.ts'
import { EventQueue } from './queue.ts'
import { Traffic } from './traffic.ts'

function world(
  size: number,
  options: { loss?: number; duplicate?: number; verdict?: (node: number) => Verdict | undefined; seed?: number },
) {
  const { loss = 0, duplicate = 0, verdict = () => 'accept', seed = 1 } = options
  const queue = new EventQueue()
  const prng = new Prng(seed)
  const network = new Network(queue, prng, { loss, delay: { min: 5, mean: 20, max: 200 } }, new Traffic())
  const gossip = new GossipModel<Message>(queue, network, prng, duplicate)
  /** Verdicts that are not given at once. */
  const late: ((verdict: Verdict) => void)[] = []
  const heard = Array.from({ length: size }, () => [] as Message[])
  for (let node = 0; node < size; node++) {
    network.add({ alive: () => true, linked: () => undefined, moved: () => undefined, unlinked: () => undefined })
    gossip.join(node, (message, _from, judge) => {
      heard[node]?.push(message)
      const judged = verdict(node)
      if (judged !== undefined) judge(judged)
      else late.push(judge)
    })
    gossip.subscribe(node, 'topic')
  }
  for (let a = 0; a < size; a++) for (let b = a + 1; b < size; b++) network.open(a, b, 'x')
  const publish = (author: number): Message => {
    const message: Message = { topic: 'topic', author, bytes: new Uint8Array(100), kind: 'gossip' }
    gossip.publish(message)
    return message
  }
  return { queue, network, gossip, heard, late, publish }
}

describe('the model of gossip', () => {
  it('reaches everybody once when nothing is lost, over few transmissions', async () => {
    const { queue, network, heard, publish } = world(12, {})
    publish(0)
    await queue.run(10_000)
    expect(heard.map((messages) => messages.length)).toEqual([0, ...new Array<number>(11).fill(1)])
    expect(network.traffic.messages.gossip).toBeLessThan(12 * 6)
  })

  it('reaches nearly everybody when a fifth is lost', async () => {
    const { queue, heard, publish } = world(12, { loss: 0.2 })
    for (let i = 0; i < 100; i++) publish(i % 12)
    await queue.run(10_000)
    const total = heard.reduce((sum, messages) => sum + messages.length, 0)
    expect(total).toBeGreaterThan(0.98 * 1_100)
    expect(total).toBeLessThanOrEqual(1_100)
  })

  it('is passed on only by those whose validator accepted it', async () => {
    const { queue, heard, publish, network } = world(12, { verdict: () => 'ignore' })
    publish(0)
    await queue.run(10_000)
    const reached = heard.filter((messages) => messages.length > 0).length
    expect(reached).toBeGreaterThan(2)
    expect(reached).toBeLessThan(11)
    expect([...network.peers(0)]).toHaveLength(11)
  })

  it('goes no further before its verdict is there', async () => {
    const { queue, heard, late, publish } = world(12, { verdict: () => undefined })
    publish(0)
    await queue.run(10_000)
    const reached = () => heard.filter((messages) => messages.length > 0).length
    const first = reached()
    expect(first).toBeLessThan(11)
    for (const judge of late.splice(0)) judge('accept')
    await queue.run(20_000)
    expect(reached()).toBeGreaterThan(first)
  })

  it('is nothing new where it was before, and spreads again from whoever lacked it', async () => {
    const { queue, network, gossip, publish } = world(3, {})
    const message = publish(0)
    await queue.run(10_000)
    const sent = network.traffic.messages.gossip
    gossip.publish(message, 1)
    await queue.run(20_000)
    expect(network.traffic.messages.gossip).toBe(sent)
    gossip.leave(2)
    gossip.join(2, (_message, _from, judge) => judge('accept'))
    gossip.subscribe(2, 'topic')
    gossip.publish(message, 2)
    await queue.run(30_000)
    expect(network.traffic.messages.gossip).toBeGreaterThan(sent)
  })

  it('delivers some twice where it is told to forget', async () => {
    const { queue, heard, publish } = world(4, { duplicate: 0.5 })
    for (let i = 0; i < 100; i++) publish(0)
    await queue.run(1_000_000)
    const twice = heard.slice(1).flatMap((messages) => messages.length - new Set(messages).size)
    for (const count of twice) expect(count).toBeGreaterThan(20)
  })

  it('forgets a node that left and does not confuse its next process with it', async () => {
    const { queue, gossip, heard, publish } = world(3, { duplicate: 1 })
    publish(0)
    await queue.run(1_000)
    const before = heard[1]?.length ?? 0
    gossip.leave(1)
    gossip.join(1, () => expect.unreachable())
    gossip.subscribe(1, 'other')
    await queue.run(1_000_000)
    expect(before).toBeGreaterThan(0)
    expect(heard[1]?.length).toBe(before)
  })
})
