// A model of gossip, in memory and asynchronous: unordered, lossy, duplicating, and to most in the end. Seeded, so that a
// failure comes back. Messages spread from neighbour to neighbour; a lost hop is tried again, as IHAVE and IWANT would.
import type { NodeId } from '../../src/core/env.ts'
import type { Gossip, GossipHandler } from '../../src/ports/gossip.ts'
import type { GossipNetwork } from './gossip.ts'

const LOSS = 0.2
const DUPLICATES = 0.1
const ATTEMPTS = 4
/** Turns of the event loop that a hop takes at most, and that a beat lasts. */
const SLOWEST_HOP = 6
const BEAT = 12

interface Message {
  topic: string
  bytes: Uint8Array
}

/** mulberry32, a small public-domain generator: uniform in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

class ModelGossip implements Gossip {
  readonly id: NodeId
  readonly neighbours: ModelGossip[] = []
  readonly #random: () => number
  readonly #topics = new Set<string>()
  readonly #seen = new Set<string>()
  /** What was published here never comes back. */
  readonly #published = new Set<string>()
  #handler: GossipHandler = async () => 'ignore'

  constructor(id: NodeId, random: () => number) {
    this.id = id
    this.#random = random
  }

  onMessage(handler: GossipHandler): void {
    this.#handler = handler
  }

  subscribe(topic: string): void {
    this.#topics.add(topic)
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic)
  }

  async publish(topic: string, bytes: Uint8Array): Promise<void> {
    const message = { topic, bytes: bytes.slice() }
    if (this.#seen.has(keyOf(message))) return
    this.#seen.add(keyOf(message))
    this.#published.add(keyOf(message))
    this.#forward(message, undefined)
  }

  #forward(message: Message, source: ModelGossip | undefined): void {
    for (const neighbour of this.neighbours) if (neighbour !== source) void this.#hop(neighbour, message)
  }

  async #hop(to: ModelGossip, message: Message): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await turns(1 + Math.floor(this.#random() * SLOWEST_HOP))
      if (this.#random() >= LOSS) return to.#receive(message, this)
    }
  }

  async #receive(message: Message, from: ModelGossip): Promise<void> {
    if (!this.#topics.has(message.topic)) return
    if (this.#published.has(keyOf(message))) return
    const known = this.#seen.has(keyOf(message))
    if (known && this.#random() >= DUPLICATES) return
    this.#seen.add(keyOf(message))
    const verdict = await this.#handler(message.topic, message.bytes.slice(), from.id)
    if (verdict === 'accept' && !known) this.#forward(message, from)
  }
}

export async function modelNetwork(
  count: number,
  links: readonly (readonly [number, number])[],
  seed: number,
): Promise<GossipNetwork> {
  const random = seeded(seed)
  const gossips = Array.from({ length: count }, (_, i) => new ModelGossip(`node${i}`, random))
  for (const [a, b] of links) {
    gossips[a]?.neighbours.push(gossips[b] as ModelGossip)
    gossips[b]?.neighbours.push(gossips[a] as ModelGossip)
  }
  return { gossips, ids: gossips.map(({ id }) => id), beat: () => turns(BEAT), close: () => turns(BEAT) }
}

function keyOf({ topic, bytes }: Message): string {
  return `${topic} ${Buffer.from(bytes).toString('hex')}`
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
