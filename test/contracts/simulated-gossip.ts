// The simulator's gossip behind the Gossip port, so that one contract suite holds for it and for real gossipsub.
import type { NodeId } from '../../src/core/env.ts'
import { SECOND } from '../../src/core/limits.ts'
import type { Gossip, GossipHandler } from '../../src/ports/gossip.ts'
import { GossipModel, type Message } from '../sim/gossip.ts'
import { Network } from '../sim/network.ts'
import { Prng } from '../sim/prng.ts'
import { EventQueue } from '../sim/queue.ts'
import { Traffic } from '../sim/traffic.ts'
import type { GossipNetwork } from './gossip.ts'

const FAULTS = { loss: 0.2, delay: { min: 2, mean: 40, max: 2_000 } }
const DUPLICATES = 0.1
/** A heartbeat of gossipsub, in which a mention is answered. */
const BEAT = SECOND

interface Shared {
  model: GossipModel<Message>
  /** One object for each content: gossip knows a message by its bytes. */
  contents: Map<string, Message>
  ids: readonly NodeId[]
}

class SimulatedGossip implements Gossip {
  readonly #node: number
  readonly #shared: Shared
  #handler: GossipHandler = async () => 'ignore'

  constructor(node: number, shared: Shared) {
    this.#node = node
    this.#shared = shared
    shared.model.join(node, ({ topic, bytes }, from, judge) => {
      void this.#handler(topic, bytes.slice(), shared.ids[from] as NodeId).then(judge)
    })
  }

  onMessage(handler: GossipHandler): void {
    this.#handler = handler
  }

  subscribe(topic: string): void {
    this.#shared.model.subscribe(this.#node, topic)
  }

  unsubscribe(topic: string): void {
    this.#shared.model.unsubscribe(this.#node, topic)
  }

  async publish(topic: string, bytes: Uint8Array): Promise<void> {
    const { contents, model } = this.#shared
    const key = `${topic} ${Buffer.from(bytes).toString('hex')}`
    if (contents.has(key)) return
    const message: Message = { topic, author: this.#node, bytes: bytes.slice(), kind: 'gossip' }
    contents.set(key, message)
    model.publish(message)
  }
}

/** A network of `count` simulated nodes with these links; virtual time goes on with each beat. */
export async function simulatedNetwork(
  count: number,
  links: readonly (readonly [number, number])[],
  seed: number,
): Promise<GossipNetwork> {
  const [queue, prng] = [new EventQueue(), new Prng(seed)]
  const network = new Network(queue, prng, FAULTS, new Traffic())
  const ids = Array.from({ length: count }, (_, i) => `node${i}`)
  const shared = { model: new GossipModel<Message>(queue, network, prng, DUPLICATES), contents: new Map(), ids }
  const gossips = ids.map((_, i) => {
    network.add({ alive: () => true, linked: () => undefined, moved: () => undefined, unlinked: () => undefined })
    return new SimulatedGossip(i, shared)
  })
  for (const [a, b] of links) network.open(a, b, '')
  // Verdicts are promises here: they are settled between two slices of virtual time.
  const beat = async () => {
    for (let slice = 0; slice < 10; slice++) {
      await queue.run(queue.now + BEAT / 10)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { gossips, ids, beat, close: async () => queue.halt() }
}
