// Gossip as gossipsub spreads it: each topic has a mesh of neighbours among those who are linked and subscribed (D 3, at least 2, at most
// 4), a message goes along it as far as validators accept it, and every copy is counted. What a copy's loss took is mentioned in the next
// three heartbeats to one neighbour outside the mesh, who asks for it. A message is encoded once and decoded once; all share the result.
import type { Millis } from '../../../src/core/env.ts'
import type { Input, Verdict } from '../../../src/core/events.ts'
import type { Prng } from '../prng.ts'
import type { EventQueue } from '../queue.ts'
import type { Kind, Ledger } from './ledger.ts'
import {
  BEAT,
  copyOverhead,
  graft,
  MENTIONED_BEATS,
  MENTIONED_ID,
  mentionFrame,
  UNWANTED,
  UNWANTED_FROM,
} from './overhead.ts'
import type { Wires } from './wires.ts'

const [D, D_LOW, D_HIGH, D_OUT] = [3, 2, 4, 1]
const DIGESTS = /^\/pimesh\/1\/[0-9a-f]{16}\/dig/

/** What is on its way: bytes for the ledger, and what they decode to. */
export interface Message {
  kind: Kind
  topic: string
  bytes: number
  content: Content
}

/** The rest of the input that it becomes, shared by all who get it. */
export type Content = Bare<Extract<Input, { type: 'gossip' | 'digestHeard' | 'summaryHeard' }>>
type Bare<T> = T extends unknown ? Omit<T, 'ticket' | 'from' | 'topic'> : never

/** Hands a message to a node, which says what becomes of it, at once or later. */
export type Receive = (to: number, message: Message, from: number, judge: (verdict: Verdict) => void) => void

interface Member {
  node: number
  mesh: Set<number>
  /** Until when its heartbeats have something to mention. */
  mentions: Millis
}

interface Topic {
  name: string
  members: Map<number, Member>
  /** Links or members changed: the meshes are looked at before the next message. */
  stale: boolean
}

/** A message under way: who has it, or will have it, and when. */
interface Spread {
  message: Message
  topic: Topic
  heard: Map<number, Millis>
  has: Set<number>
}

export class Topics {
  readonly #queue: EventQueue
  readonly #wires: Wires
  readonly #prng: Prng
  readonly #ledger: Ledger
  readonly #loss: number
  readonly #topics = new Map<string, Topic>()
  /** Topics of each node. */
  readonly #of = new Map<number, Set<Topic>>()
  readonly #receive: Receive
  delivered = 0
  copies = 0
  /** Verdicts that were not `accept`. */
  refused = 0

  constructor(parts: { queue: EventQueue; wires: Wires; prng: Prng; ledger: Ledger; loss: number; receive: Receive }) {
    this.#queue = parts.queue
    this.#wires = parts.wires
    this.#prng = parts.prng
    this.#ledger = parts.ledger
    this.#loss = parts.loss
    this.#receive = parts.receive
  }

  subscribe(node: number, name: string): void {
    const topic = this.#topic(name)
    if (topic.members.has(node)) return
    topic.members.set(node, { node, mesh: new Set(), mentions: 0 })
    topic.stale = true
    const own = this.#of.get(node) ?? new Set()
    this.#of.set(node, own.add(topic))
  }

  unsubscribe(node: number, name: string): void {
    this.#part(node, this.#topic(name))
    this.#of.get(node)?.delete(this.#topic(name))
  }

  /** The process ended. */
  leave(node: number): void {
    for (const topic of this.#of.get(node) ?? []) this.#part(node, topic)
    this.#of.delete(node)
  }

  /** Who is on a topic of digests: reporters. */
  *above(): Iterable<number> {
    for (const { name, members } of this.#topics.values()) if (DIGESTS.test(name)) yield* members.keys()
  }

  /** A link opened or closed. */
  relinked(a: number, b: number): void {
    for (const topic of this.#of.get(a) ?? []) if (topic.members.has(b)) topic.stale = true
  }

  /** Who publishes on a topic that it is not on sends to D of those it is linked to that are (gossipsub's fan-out). */
  publish(author: number, message: Message): void {
    const topic = this.#topic(message.topic)
    if (topic.stale) this.#mend(topic)
    const spread: Spread = { message, topic, heard: new Map([[author, this.#queue.now]]), has: new Set([author]) }
    this.#forward(spread, author, author)
    this.#later(spread, MENTIONED_BEATS)
  }

  #topic(name: string): Topic {
    const known = this.#topics.get(name)
    if (known !== undefined) return known
    const topic = { name, members: new Map(), stale: false }
    this.#topics.set(name, topic)
    return topic
  }

  #part(node: number, topic: Topic): void {
    if (topic.members.delete(node)) topic.stale = true
  }

  /** Meshes as gossipsub's heartbeat keeps them. */
  #mend(topic: Topic): void {
    topic.stale = false
    for (const member of topic.members.values()) this.#drop(topic, member)
    for (const member of topic.members.values()) {
      if (member.mesh.size < D_LOW) this.#graft(topic, member, D, () => true)
      else if (this.#outbound(member) < D_OUT) {
        const isDialled = (other: number) => this.#wires.dialled(member.node, other)
        this.#graft(topic, member, member.mesh.size + D_OUT, isDialled)
      }
    }
    for (const member of topic.members.values()) if (member.mesh.size > D_HIGH) this.#thin(topic, member)
  }

  /** Neighbours in the mesh that it dialled: one at least, so that nobody is surrounded by those who came to it. */
  #outbound(member: Member): number {
    return [...member.mesh].filter((other) => this.#wires.dialled(member.node, other)).length
  }

  #drop(topic: Topic, member: Member): void {
    for (const other of member.mesh)
      if (!topic.members.has(other) || !this.#wires.linked(member.node, other)) member.mesh.delete(other)
  }

  /** Who has Dhi neighbours refuses, but for those that it dialled itself; who is refused by all is taken in, and another one let go. */
  #graft(topic: Topic, member: Member, size: number, suits: (other: number) => boolean): void {
    let full: Member | undefined
    for (const other of this.#prng.shuffled(this.#neighbours(topic, member).filter(suits))) {
      if (member.mesh.size >= size) return
      const mate = topic.members.get(other) as Member
      const isRefused = mate.mesh.size >= D_HIGH && !this.#wires.dialled(other, member.node)
      if (!isRefused) this.#join(topic, member, mate)
      else {
        full = mate
        this.#transmit(member.node, other, 'mention', graft(topic.name))
        this.#transmit(other, member.node, 'mention', graft(topic.name))
      }
    }
    if (member.mesh.size > 0 || full === undefined) return
    this.#prune(topic, full, member.node)
    this.#join(topic, member, full)
  }

  #join(topic: Topic, a: Member, b: Member): void {
    a.mesh.add(b.node)
    b.mesh.add(a.node)
    this.#transmit(a.node, b.node, 'mention', graft(topic.name))
  }

  /** Above Dhi one neighbour is let go: one that can spare us, if there is any. */
  #prune(topic: Topic, member: Member, newcomer: number): void {
    const others = [...member.mesh].filter((other) => other !== newcomer)
    const spare = others.find((other) => (topic.members.get(other)?.mesh.size ?? 0) > D_LOW) ?? others[0]
    if (spare === undefined) return
    member.mesh.delete(spare)
    topic.members.get(spare)?.mesh.delete(member.node)
    this.#transmit(member.node, spare, 'mention', graft(topic.name))
  }

  /** Above Dhi the heartbeat goes back to D, and keeps one that was dialled. */
  #thin(topic: Topic, member: Member): void {
    const mesh = this.#prng.shuffled([...member.mesh])
    const kept = mesh.find((other) => this.#wires.dialled(member.node, other))
    const spare = mesh.filter((other) => other !== kept).slice(0, member.mesh.size - D)
    for (const other of spare) {
      member.mesh.delete(other)
      topic.members.get(other)?.mesh.delete(member.node)
      this.#transmit(member.node, other, 'mention', graft(topic.name))
    }
  }

  /** Linked, subscribed, and not in the mesh. */
  #neighbours(topic: Topic, member: Member): number[] {
    const found: number[] = []
    for (const other of this.#wires.peersOf(member.node)) {
      if (topic.members.has(other) && !member.mesh.has(other)) found.push(other)
    }
    return found
  }

  #forward(spread: Spread, node: number, from: number): void {
    const { topic, message } = spread
    const member = topic.members.get(node)
    const targets = member?.mesh ?? this.#fanout(topic, node)
    if (member !== undefined) this.#owe(topic, member)
    for (const other of targets) if (other !== from) this.#send(spread, node, other)
    if (message.bytes < UNWANTED_FROM || member === undefined || node === from) return
    for (const other of member.mesh) if (other !== from) this.#transmit(node, other, 'mention', UNWANTED)
  }

  #fanout(topic: Topic, node: number): number[] {
    const linked = [...this.#wires.peersOf(node)].filter((other) => topic.members.has(other))
    return this.#prng.shuffled(linked).slice(0, D)
  }

  /** One copy. What arrives first is judged; what comes later is only counted. */
  #send(spread: Spread, from: number, to: number): void {
    const { message } = spread
    if (message.bytes >= UNWANTED_FROM && (spread.heard.get(to) ?? Number.POSITIVE_INFINITY) < this.#queue.now) return
    this.copies++
    const wan = this.#wires.isWan(from, to)
    const bytes = message.bytes + copyOverhead(message.topic)
    this.#ledger.out(from, message.kind, bytes, wan)
    if (!this.#wires.passes(from, to) || this.#prng.chance(this.#loss)) return
    this.#ledger.in(to, message.kind, bytes, wan)
    const at = this.#queue.now + this.#wires.delay(from, to)
    if ((spread.heard.get(to) ?? Number.POSITIVE_INFINITY) <= at) return
    spread.heard.set(to, at)
    this.#queue.at(at, () => this.#arrive(spread, from, to))
  }

  #arrive(spread: Spread, from: number, to: number): void {
    if (spread.has.has(to) || !spread.topic.members.has(to)) return
    spread.has.add(to)
    this.delivered++
    this.#receive(to, spread.message, from, (verdict) => {
      if (verdict !== 'accept') this.refused++
      else if (spread.topic.members.has(to)) this.#forward(spread, to, from)
    })
  }

  /** What a member took is mentioned for some heartbeats: its id each time, and a frame for those that had nothing to mention yet. */
  #owe(topic: Topic, member: Member): void {
    const { now } = this.#queue
    const until = now + MENTIONED_BEATS * BEAT
    const beats = (until - Math.max(member.mentions, now)) / BEAT
    member.mentions = until
    const lazy = this.#lazy(topic, member)
    if (lazy === undefined) return
    this.#transmit(member.node, lazy, 'mention', beats * mentionFrame(topic.name) + MENTIONED_BEATS * MENTIONED_ID)
  }

  /** Some neighbour outside the mesh. */
  #lazy(topic: Topic, member: Member): number | undefined {
    const peers = this.#wires.peerList(member.node)
    for (let tries = 0; tries < 4 && peers.length > 0; tries++) {
      const other = peers[Math.floor(this.#prng.real() * peers.length)] as number
      if (topic.members.has(other) && !member.mesh.has(other)) return other
    }
    return undefined
  }

  #later(spread: Spread, beats: number): void {
    this.#queue.after(BEAT * (0.9 + 0.2 * this.#prng.real()), () => this.#mention(spread, beats))
  }

  /** Who misses a message hears of it from any that has it with the chance of being the one that is told; it asks, and gets it. */
  #mention(spread: Spread, beats: number): void {
    const { topic, message } = spread
    if (spread.has.size >= topic.members.size) return
    if (beats > 1) this.#later(spread, beats - 1)
    for (const { node } of topic.members.values()) {
      if (spread.has.has(node) || (spread.heard.get(node) ?? 0) > this.#queue.now) continue
      const teller = this.#teller(spread, node)
      if (teller === undefined || this.#prng.chance(this.#loss) || this.#prng.chance(this.#loss)) continue
      this.#transmit(node, teller, 'mention', mentionFrame(message.topic) + MENTIONED_ID)
      this.#send(spread, teller, node)
    }
  }

  #teller({ topic, has }: Spread, node: number): number | undefined {
    for (const peer of this.#wires.peersOf(node)) {
      const member = topic.members.get(peer)
      if (member === undefined || !has.has(peer) || member.mesh.has(node)) continue
      if (this.#prng.chance(1 / Math.max(1, this.#neighbours(topic, member).length))) return peer
    }
    return undefined
  }

  #transmit(from: number, to: number, kind: Kind, bytes: number): void {
    const wan = this.#wires.isWan(from, to)
    this.#ledger.out(from, kind, bytes, wan)
    if (this.#wires.passes(from, to)) this.#ledger.in(to, kind, bytes, wan)
  }
}
