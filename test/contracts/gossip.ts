// What core may expect of Gossip, checked on every implementation: test/contracts/gossip.test.ts runs it on the
// simulator's gossip, test/mesh/gossip.test.ts on real gossipsub nodes.
import { afterEach, describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/env.ts'
import type { Verdict } from '../../src/core/events.ts'
import type { Gossip } from '../../src/ports/gossip.ts'

export interface GossipNetwork {
  gossips: readonly Gossip[]
  ids: readonly NodeId[]
  /** Resolves after some more time of the implementation: messages under way have had a chance to move. */
  beat(): Promise<void>
  close(): Promise<void>
}

/** A network of started nodes; `links` are pairs of their indices. */
export type MakeNetwork = (count: number, links: readonly (readonly [number, number])[]) => Promise<GossipNetwork>

const TOPIC = '/pimesh/1/0011223344556677/rec/uk/glasgow'
const OTHER = '/pimesh/1/0011223344556677/rec/nl/pcx'
const MOST = 0.8

const open: GossipNetwork[] = []
let sent = 0

export function gossipContract(name: string, makeNetwork: MakeNetwork): void {
  const network = async (...args: Parameters<MakeNetwork>) => {
    const made = await makeNetwork(...args)
    open.push(made)
    return made
  }

  describe(`gossip on ${name}`, () => {
    afterEach(() => Promise.all(open.splice(0).map((each) => each.close())))

    test('reaches most subscribers, more than 20 behind one address as well, and never its publisher', async () => {
      // 12 neighbours each: gossipsub's default penalty for a shared address would begin with the 11th
      const net = await network(22, everyoneToNext(22, 6))
      const inboxes = net.gossips.map((gossip) => listen(gossip, TOPIC))
      await warmUp(net, 0, TOPIC, inboxes.slice(1), 1)
      const message = await publish(net, 0)
      const have = () => inboxes.slice(1).filter((inbox) => inbox.has(message)).length
      while (have() < MOST * 21) await Promise.race([net.beat(), ...inboxes.map((inbox) => inbox.next())])
      expect(inboxes[0]?.has(message)).toBe(false)
    })

    test('names the neighbour that forwarded, and copies the bytes', async () => {
      const net = await network(3, line(3))
      const inboxes = net.gossips.map((gossip) => listen(gossip, TOPIC))
      await warmUp(net, 0, TOPIC, inboxes.slice(2), 1)
      const last = inboxes[2]?.all.at(-1)
      expect(last?.from).toBe(net.ids[1])
      expect(last?.topic).toBe(TOPIC)
      expect(last?.bytes.buffer.byteLength).toBe(last?.bytes.length)
    })

    test('does not reach who is not subscribed, nor who no longer is', async () => {
      const net = await network(4, everyoneToNext(4, 3))
      const [a, b, c, d] = net.gossips.map((gossip, i) => listen(gossip, i === 3 ? OTHER : TOPIC)) as Inbox[]
      await warmUp(net, 0, TOPIC, [b as Inbox, c as Inbox], 1)
      net.gossips[2]?.unsubscribe(TOPIC)
      const before = c?.all.length
      await warmUp(net, 0, TOPIC, [b as Inbox], 3)
      expect(c?.all.length).toBe(before)
      expect(d?.all).toEqual([])
      expect(a?.all).toEqual([])
    })

    test.each(['ignore', 'reject'] as const)('a message that is answered with %s goes no further', async (verdict) => {
      const net = await network(3, line(3))
      const bad = `bad ${verdict}`
      const judge = (text: string): Verdict => (text.startsWith('bad') ? verdict : 'accept')
      const [, middle, end] = net.gossips.map((gossip, i) =>
        listen(gossip, TOPIC, i === 1 ? judge : undefined),
      ) as Inbox[]
      await warmUp(net, 0, TOPIC, [end as Inbox], 1)
      while (!middle?.texts.some((text) => text.startsWith('bad'))) {
        await publish(net, 0, bad)
        await net.beat()
      }
      await warmUp(net, 0, TOPIC, [end as Inbox], 2)
      expect(end?.texts.filter((text) => text.startsWith('bad'))).toEqual([])
    })

    test('a handler that takes its time holds up only its own message', async () => {
      const net = await network(2, line(2))
      const release = Promise.withResolvers<Verdict>()
      const inbox = new Inbox()
      net.gossips[1]?.onMessage(async (topic, bytes, from) => {
        inbox.add({ topic, bytes, from })
        return inbox.all.length === 1 ? release.promise : 'accept'
      })
      net.gossips[1]?.subscribe(TOPIC)
      listen(net.gossips[0] as Gossip, TOPIC)
      await warmUp(net, 0, TOPIC, [inbox], 3)
      release.resolve('accept')
    })

    test('publishing without a neighbour, without a subscription and twice the same resolves', async () => {
      const net = await network(1, [])
      const [alone] = net.gossips as [Gossip]
      await alone.publish(TOPIC, new Uint8Array(10))
      await alone.publish(TOPIC, new Uint8Array(10))
      const inbox = listen(alone, TOPIC)
      await alone.publish(TOPIC, new Uint8Array(11))
      await net.beat()
      expect(inbox.all).toEqual([])
    })

    test('who is not subscribed can publish to those who are', async () => {
      const net = await network(2, line(2))
      const inbox = listen(net.gossips[1] as Gossip, TOPIC)
      await warmUp(net, 0, TOPIC, [inbox], 1)
    })
  })
}

interface Heard {
  topic: string
  bytes: Uint8Array
  from: NodeId
}

class Inbox {
  readonly all: Heard[] = []
  #waiting: (() => void)[] = []

  get texts(): string[] {
    return this.all.map(({ bytes }) => new TextDecoder().decode(bytes))
  }

  add(heard: Heard): void {
    this.all.push(heard)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  has(text: string): boolean {
    return this.texts.includes(text)
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

function listen(gossip: Gossip, topic: string, judge: (text: string) => Verdict = () => 'accept'): Inbox {
  const inbox = new Inbox()
  gossip.onMessage(async (heardTopic, bytes, from) => {
    inbox.add({ topic: heardTopic, bytes, from })
    return judge(new TextDecoder().decode(bytes))
  })
  gossip.subscribe(topic)
  return inbox
}

async function publish(net: GossipNetwork, from: number, prefix = 'message'): Promise<string> {
  const text = `${prefix} ${sent++}`
  await net.gossips[from]?.publish(TOPIC, new TextEncoder().encode(text))
  return text
}

/** Publishes fresh messages, one a beat, until each of the inboxes has got so many of them. */
async function warmUp(net: GossipNetwork, from: number, topic: string, inboxes: readonly Inbox[], count: number) {
  const texts = new Set<string>()
  const got = (inbox: Inbox) => new Set(inbox.texts.filter((text) => texts.has(text))).size
  while (inboxes.some((inbox) => got(inbox) < count)) {
    const text = `warm ${topic.length} ${sent++}`
    texts.add(text)
    await net.gossips[from]?.publish(topic, new TextEncoder().encode(text))
    await net.beat()
  }
}

function line(count: number): [number, number][] {
  return Array.from({ length: count - 1 }, (_, i) => [i, i + 1])
}

/** Each linked to the next so many, in a ring. */
function everyoneToNext(count: number, steps: number): [number, number][] {
  const links = new Map<string, [number, number]>()
  for (let i = 0; i < count; i++) {
    for (let step = 1; step <= steps; step++) {
      const [low, high] = [i, (i + step) % count].sort((x, y) => x - y) as [number, number]
      if (low !== high) links.set(`${low} ${high}`, [low, high])
    }
  }
  return [...links.values()]
}
