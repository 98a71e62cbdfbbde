// Gossip as a model, not as gossipsub: unordered, lossy, duplicating, eventually to most. Each subscriber passes a message on
// to a few fixed neighbours once its validator accepted it, and mentions it to one other at its next three beats, who fetches
// it if it lacks it. gossipsub's own timers, scores and control messages are left out (docs/simulation.md).
import type { Millis } from '../../src/core/env.ts'
import type { Verdict } from '../../src/core/events.ts'
import { MINUTE, SECOND } from '../../src/core/limits.ts'
import type { Network } from './network.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'
import type { Kind } from './traffic.ts'

/** gossipsub's D as the product sets it: neighbours that get every message at once. */
const EAGER = 3
const ID_BYTES = 12
const BEAT = 1 * SECOND
/** Beats at which a message is mentioned. */
const MENTIONS = 3
/** For so long a node knows a message again; two generations of half that age each. */
const SEEN = 2 * MINUTE

export interface Message {
  topic: string
  author: number
  bytes: Uint8Array
  /** What its transmissions are counted as. */
  kind: Kind
}

/**
 * A subscriber's validator: called once per message, or more often where `duplicate` says so. It calls `judge` once, now or
 * later; the message goes no further before that.
 */
export type Receive<M extends Message> = (message: M, from: number, judge: (verdict: Verdict) => void) => void

interface Neighbours {
  version: string
  eager: readonly number[]
  rest: readonly number[]
}

/** Whom a node passes everything on to of its own accord: a few of those that it is linked to and that subscribed. */
interface Chosen {
  version: string
  all: readonly number[]
  first: readonly number[]
}

interface Member<M extends Message> {
  topics: Set<string>
  receive: Receive<M>
  recent: Set<Message>
  older: Set<Message>
  turned: Millis
  /** By topic. */
  neighbours: Map<string, Neighbours>
  chosen: Map<string, Chosen>
  /** Number of the process: a message that was on its way to an earlier one is not for this one. */
  run: number
}

export class GossipModel<M extends Message> {
  readonly #queue: EventQueue
  readonly #network: Network
  readonly #prng: Prng
  readonly #duplicate: number
  readonly #salt: number
  /** Counts changes of subscriptions. */
  #subscriptions = 0
  readonly #members = new Map<number, Member<M>>()
  /** Deliveries to validators. */
  delivered = 0

  constructor(queue: EventQueue, network: Network, prng: Prng, duplicate: number) {
    this.#queue = queue
    this.#network = network
    this.#prng = prng
    this.#duplicate = duplicate
    this.#salt = prng.bits()
  }

  /** A process starts to take part; what an earlier one at this machine had seen is forgotten. */
  join(node: number, receive: Receive<M>): void {
    const run = (this.#members.get(node)?.run ?? 0) + 1
    this.#members.set(node, {
      topics: new Set(),
      receive,
      recent: new Set(),
      older: new Set(),
      turned: this.#queue.now,
      neighbours: new Map(),
      chosen: new Map(),
      run,
    })
  }

  leave(node: number): void {
    this.#subscriptions++
    this.#members.get(node)?.topics.clear()
  }

  subscribe(node: number, topic: string): void {
    this.#subscriptions++
    this.#members.get(node)?.topics.add(topic)
  }

  unsubscribe(node: number, topic: string): void {
    this.#subscriptions++
    this.#members.get(node)?.topics.delete(topic)
  }

  /** Hands a message to the neighbours of `node`, unless it was there before: who publishes what is known says nothing new. */
  publish(message: M, node = message.author): void {
    const member = this.#members.get(node)
    if (member === undefined || this.#knows(member, message)) return
    this.#remember(node, message)
    this.#passOn(node, message, undefined)
  }

  #arrive(node: number, message: M, from: number): void {
    const member = this.#members.get(node)
    if (member === undefined || !member.topics.has(message.topic) || this.#knows(member, message)) return
    this.#remember(node, message)
    this.#deliver(node, member, message, from)
  }

  #deliver(node: number, member: Member<M>, message: M, from: number): void {
    this.delivered++
    member.receive(message, from, (verdict) => this.#judged(verdict, node, member, message, from))
  }

  #judged(verdict: Verdict, node: number, { run }: Member<M>, message: M, from: number): void {
    if (this.#members.get(node)?.run !== run) return
    if (verdict === 'accept') this.#passOn(node, message, from)
    if (!this.#prng.chance(this.#duplicate)) return
    // What a node took may come again at any time, as if replayed. What it ignored lives no longer than others mention it:
    // a late repetition of that would be news, and gossip delivers no news that late.
    const latest = verdict === 'accept' ? 1.5 * SEEN : MENTIONS * BEAT
    this.#queue.after(this.#prng.int(0, latest), () => {
      const now = this.#members.get(node)
      if (now?.run === run && now.topics.has(message.topic)) this.#deliver(node, now, message, from)
    })
  }

  #passOn(node: number, message: M, from: number | undefined): void {
    const { eager, rest } = this.#neighbours(node, message.topic)
    for (const peer of eager) if (peer !== from && peer !== message.author) this.#send(node, peer, message)
    const meant = rest.includes(from ?? node) || rest.includes(message.author)
    const others = meant ? rest.filter((peer) => peer !== from && peer !== message.author) : rest
    if (others.length > 0) for (let beat = 0; beat < MENTIONS; beat++) this.#mention(node, others, message, beat)
  }

  /** IHAVE, IWANT and the message: three transmissions, each of which may be lost. */
  #mention(node: number, rest: readonly number[], message: M, beat: number): void {
    const peer = this.#prng.pick(rest) as number
    this.#queue.after(beat * BEAT + this.#prng.int(0, BEAT), () => {
      const member = this.#members.get(peer)
      if (member === undefined || !this.#network.linked(node, peer) || this.#knows(member, message)) return
      this.#network.send(node, peer, 'mention', ID_BYTES, () =>
        this.#network.send(peer, node, 'mention', ID_BYTES, () => this.#send(node, peer, message)),
      )
    })
  }

  #send(from: number, to: number, message: M): void {
    this.#network.send(from, to, message.kind, message.bytes.length, () => this.#arrive(to, message, from))
  }

  /** Who gets everything at once and who is only told: worked out again when a subscription, or a link of one of them, changed. */
  #neighbours(node: number, topic: string): Neighbours {
    const member = this.#members.get(node) as Member<M>
    const version = this.#around(node)
    const held = member.neighbours.get(topic)
    if (held?.version === version) return held
    // Neighbours are fixed by chance per pair: each takes its first few, and a link serves both ways.
    const { all, first } = this.#choose(node, topic)
    const eager = all.filter((peer) => first.includes(peer) || this.#choose(peer, topic).first.includes(node))
    const neighbours = { version, eager, rest: all.filter((peer) => !eager.includes(peer)) }
    member.neighbours.set(topic, neighbours)
    return neighbours
  }

  /** Differs when the links of a node, or of one that it is linked to, changed, or a subscription of anybody. */
  #around(node: number): string {
    let changes = 0
    for (const peer of this.#network.peers(node)) changes += this.#network.version(peer)
    return `${this.#subscriptions} ${this.#network.version(node)} ${changes}`
  }

  #choose(node: number, topic: string): Chosen {
    const member = this.#members.get(node)
    const version = `${this.#subscriptions} ${this.#network.version(node)}`
    const held = member?.chosen.get(topic)
    if (held?.version === version) return held
    const all = [...this.#network.peers(node)].filter((peer) => this.#members.get(peer)?.topics.has(topic))
    const chosen = { version, all, first: this.#first(node, all) }
    member?.chosen.set(topic, chosen)
    return chosen
  }

  #first(node: number, peers: readonly number[]): number[] {
    const weighed = peers.map((peer) => ({ peer, weight: this.#weight(node, peer) }))
    weighed.sort((a, b) => a.weight - b.weight)
    return weighed.slice(0, EAGER).map(({ peer }) => peer)
  }

  #weight(a: number, b: number): number {
    const low = Math.min(a, b)
    const high = Math.max(a, b)
    let mixed = Math.imul(low * 10_007 + high, 0x9e3779b1) ^ this.#salt
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
    return (mixed ^ (mixed >>> 13)) >>> 0
  }

  #knows(member: Member<M>, message: Message): boolean {
    return member.recent.has(message) || member.older.has(message)
  }

  #remember(node: number, message: Message): void {
    const member = this.#members.get(node)
    if (member === undefined) return
    if (this.#queue.now - member.turned > SEEN) {
      member.older = member.recent
      member.recent = new Set()
      member.turned = this.#queue.now
    }
    member.recent.add(message)
  }
}
