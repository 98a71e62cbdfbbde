// A tiny mesh in memory for tests of the swarm: virtual time, links, one stream per pair, disks and uplinks, and checks of the
// swarm's invariants at every effect. A node runs a real Swarm, or misbehaves as `manners` says. No step looks at all nodes or
// links: thousands of nodes have to run in minutes.
import { createHash } from 'node:crypto'
import { earliest } from '../../../src/core/earliest.ts'
import type { Millis, NodeId } from '../../../src/core/env.ts'
import type { Effect } from '../../../src/core/events.ts'
import type { Row } from '../../../src/core/fleet/rows.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import type { Link } from '../../../src/core/links/links.ts'
import { emptyBits, setBit } from '../../../src/core/swarm/bitfield.ts'
import type { Allowance } from '../../../src/core/swarm/budgets.ts'
import type { PieceArrival, PieceMessage } from '../../../src/core/swarm/messages.ts'
import { pieceBytes } from '../../../src/core/swarm/pieces.ts'
import { Swarm } from '../../../src/core/swarm/swarm.ts'
import type { Encoding } from '../../../src/core/trust/announcement.ts'
import { Prng } from '../../sim/prng.ts'
import { EventQueue } from '../../sim/queue.ts'
import { directoryOf, noDirectory } from './directories.ts'
import type { TestEncoding } from './encodings.ts'
import { answers, boasts, type Data, listOf, type Said } from './liars.ts'
import { type DiskStep, type Manners, type Site, type Stream, TestNode } from './test-node.ts'

const RELEASE = '00'.repeat(8)

export class World {
  readonly queue = new EventQueue()
  readonly random: Prng
  readonly nodes = new Map<NodeId, TestNode>()
  readonly encodings = new Map<string, TestEncoding>()
  latency = 5
  /** Between nodes that are not on one LAN; undefined: the same. */
  farLatency: Millis | undefined
  diskTime = 3
  /** Who is in the address book of a node, outside its zone. */
  contacts: (node: TestNode) => Entry[] = () => []
  /** Where the publisher says that it can be dialled. */
  origin: readonly string[] = []
  /** Zone-mates whose records say that they have the release. */
  reporting: readonly NodeId[] = []
  /** Whom the directory names; undefined: there is none. */
  named: readonly NodeId[] | undefined
  /** False: the dial of the first to the second fails. */
  accepts: (from: TestNode, to: TestNode) => boolean = () => true
  /** Called when a node has all of an encoding, and would have it after a power cut. */
  completed: (node: TestNode, encoding: string) => void = () => undefined
  /** Told of each step of a disk before its node is. */
  onDisk: (node: TestNode, what: DiskStep) => void = () => undefined
  #arrival = 0

  constructor(seed: number, encodings: readonly TestEncoding[]) {
    this.random = new Prng(seed)
    for (const encoding of encodings) this.encodings.set(encoding.encoding.hash, encoding)
  }

  get now(): Millis {
    return this.queue.now
  }

  get kept(): ReadonlyMap<string, Encoding> {
    return new Map([...this.encodings.values()].map(({ encoding }) => [encoding.hash, encoding]))
  }

  add(name: NodeId, manners: Manners = 'honest', site?: Site, allowance: Allowance = {}, local?: Millis): TestNode {
    const node = new TestNode(name, manners, site)
    node.allowance = allowance
    node.local = local
    this.nodes.set(name, node)
    if (manners === 'honest') this.start(node)
    return node
  }

  node(name: NodeId): TestNode {
    return this.nodes.get(name) as TestNode
  }

  /** A node that has the encoding from the first moment. */
  seed(name: NodeId, { encoding, list }: TestEncoding): TestNode {
    const node = this.nodes.get(name) ?? this.add(name)
    node.disk.set(encoding.hash, new Set(Array.from({ length: list.length / 32 }, (_, index) => index)))
    this.step(node, () => node.swarm.imported(encoding, list, this.now))
    return node
  }

  want(name: NodeId, ...wanted: TestEncoding[]): TestNode {
    const node = this.node(name)
    this.step(node, () => {
      for (const { encoding } of wanted) {
        node.swarm.want({ encoding, release8: RELEASE, origin: this.origin, decoded: 0 }, this.now)
      }
    })
    return node
  }

  /** Starts a node from its disk and journal. */
  start(node: TestNode): void {
    node.up = true
    node.forget()
    const env = {
      random: () => this.random.real(),
      sha256: (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest()),
    }
    const links = {
      all: () => node.links.values(),
      get: (peer: NodeId) => node.links.get(peer),
      wantFor: ({ node: peer }: { node: NodeId }) => {
        node.dialled.push(peer)
        this.queue.after(20, () => this.accepts(node, this.node(peer)) && this.link(node.name, peer))
      },
    }
    const refusals = {
      count: (code: string, peer: NodeId, detail: string) => {
        node.refusals.push({ code, peer, detail })
        if (this.node(peer).manners === 'honest') throw new Error(`${node.name} refuses ${peer}: ${code}, ${detail}`)
      },
    }
    const reports = (peer: NodeId) => (this.reporting.includes(peer) ? entryOf(peer) : undefined)
    const book = { inZone: () => [], outside: () => this.contacts(node), get: reports }
    const view = { rows: () => [...(node.site?.rows ?? []), ...this.reporting.map(rowOf)] }
    const saved = {
      holdings: [...node.saved.holdings].map(([encoding, bits]) => ({ encoding, bits })),
      pieceLists: [...node.saved.lists].map(([hash, list]) => ({ hash, list })),
      cached: [...node.saved.cached.values()],
    }
    const localAt = (now: Millis) => (node.local === undefined ? undefined : node.local + now)
    const self = { node: node.name, zone: '/a', isNode: true, localAt }
    const { allowance, usage, out } = node
    const directory = this.named === undefined ? noDirectory() : directoryOf({ out, isOpen: () => true })
    node.directory = directory
    const room = { cache: node.cache, isOpen: () => node.open }
    const parts = { env, out, self, links, book, view, refusals, directory, allowance, usage, ...room }
    node.swarm = new Swarm(parts, saved, this.now)
    this.step(node, () => this.tell(node))
  }

  /** What releases name, as far as this node has heard. */
  tell(node: TestNode): void {
    const encodings = [...this.encodings.values()].map(({ encoding }) => encoding)
    const offered = encodings.map((encoding) => ({ encoding, release8: '', origin: [], decoded: 0 }))
    node.swarm.keep(this.kept, this.now, offered)
  }

  /** The process ends: streams and links go, the disk stays. */
  kill(node: TestNode): void {
    node.up = false
    for (const peer of [...node.links.keys()]) this.unlink(node.name, peer)
  }

  /** @param relay the node through which all goes that they say to each other */
  link(a: NodeId, b: NodeId, relay?: NodeId): void {
    const [from, to] = [this.nodes.get(a), this.nodes.get(b)]
    if (!from?.up || !to?.up || from.links.has(b)) return
    const route = relay !== undefined ? 'relayed' : from.isOnLan(to) ? 'lan' : 'direct'
    const address = relay === undefined ? '' : `/ip4/5.5.5.5/tcp/1/p2p/${relay}/p2p-circuit`
    const link = (peer: NodeId): Link => {
      return { peer, zone: this.node(peer).zone, address, direction: 'outbound', route, since: this.now }
    }
    from.links.set(b, link(b))
    to.links.set(a, link(a))
    this.step(from, (swarm) => swarm.linked(b, this.now))
    this.step(to, (swarm) => swarm.linked(a, this.now))
  }

  unlink(a: NodeId, b: NodeId): void {
    this.node(a).links.delete(b)
    this.node(b).links.delete(a)
    this.cut(a, b)
    this.step(this.node(a), (swarm) => swarm.unlinked(b, this.now))
    this.step(this.node(b), (swarm) => swarm.unlinked(a, this.now))
  }

  linkAll(): void {
    const names = [...this.nodes.keys()]
    for (const [i, a] of names.entries()) for (const b of names.slice(i + 1)) this.link(a, b)
  }

  /** The stream of a pair is lost; both ends hear of it. */
  cut(a: NodeId, b: NodeId): void {
    const stream = this.node(a).streams.get(b)
    if (stream === undefined) return
    stream.open = false
    const ends = [this.node(a), this.node(b)] as const
    for (const [at, other] of [ends, ends.toReversed()] as [TestNode, TestNode][]) at.lost(other.name)
    this.step(ends[0], (swarm) => swarm.closed(b, this.now))
    this.step(ends[1], (swarm) => swarm.closed(a, this.now))
  }

  /** Cuts one of the streams that are open. */
  cutAny(): void {
    const streams = new Set([...this.nodes.values()].flatMap((node) => [...node.streams.values()]))
    const stream = this.random.pick([...streams])
    if (stream !== undefined) this.cut(...stream.ends)
  }

  /** Runs until `done` or for `time`. Returns the time it took. */
  async run(time: Millis, done: () => boolean = () => false): Promise<Millis> {
    const from = this.now
    const end = from + time
    while (!done() && this.now < end) await this.queue.run(Math.min(end, this.now + 50))
    return this.now - from
  }

  has(name: NodeId, { encoding }: TestEncoding): boolean {
    return this.node(name).swarm.isComplete(encoding.hash)
  }

  /** One step of a node's core, and what follows from it. */
  step(node: TestNode, change: (swarm: Swarm) => void): void {
    if (!node.up || node.manners !== 'honest') return
    change(node.swarm)
    node.swarm.check(this.now)
    node.directory.check(this.now)
    for (const effect of node.out.drain()) this.#perform(node, effect)
    this.#schedule(node)
  }

  /** Sends a message; it arrives after the latency, and after all that was sent before it. */
  send(from: NodeId, to: NodeId, message: Said, delay: Millis): void {
    const [sender, receiver] = [this.node(from), this.node(to)]
    const stream = sender.streams.get(to)
    if (stream === undefined || (NEW.has(message.type) && (sender.old || receiver.old))) return
    const end = stream.ends[0] === to ? 0 : 1
    const at = Math.max(this.now + delay + this.#latencyOf(sender, receiver), stream.busyUntil[end])
    stream.busyUntil[end] = at
    this.queue.at(at, () => {
      if (stream.open) this.#receive(receiver, from, message)
    })
  }

  #receive(node: TestNode, from: NodeId, message: Said): void {
    if (node.manners !== 'honest') return this.#misbehave(node, from, message)
    if (message.type === 'data') return this.#arrive(node, from, message)
    if (message.type === 'refuse') node.asked.delete(`${from} ${message.encoding} ${message.index}`)
    this.step(node, (swarm) => swarm.message(from, message as PieceArrival, this.now))
  }

  #latencyOf(from: TestNode, to: TestNode): Millis {
    return from.isOnLan(to) ? this.latency : (this.farLatency ?? this.latency)
  }

  #schedule(node: TestNode): void {
    const at = earliest(node.swarm.deadline(), node.directory.deadline())
    if (at === undefined || at >= node.wakeAt) return
    if (!Number.isFinite(at)) throw new Error(`${node.name} wants to be woken at ${at}`)
    node.wakeAt = at
    const { swarm } = node
    this.queue.at(Math.max(at, this.now), () => {
      if (node.swarm !== swarm || node.wakeAt !== at) return
      node.wakeAt = Number.POSITIVE_INFINITY
      this.step(node, () => undefined)
      if (at < this.now) throw new Error(`${node.name} was woken late`)
      if ((node.swarm.deadline() ?? Number.POSITIVE_INFINITY) < this.now) throw new Error(`${node.name} spins`)
    })
  }

  #perform(node: TestNode, effect: Effect): void {
    switch (effect.type) {
      case 'piecesOpen': {
        const delay = this.#latencyOf(node, this.node(effect.peer))
        return this.queue.after(delay, () => this.#open(node, this.node(effect.peer)))
      }
      case 'piecesClose':
        node.nothingFrom(effect.peer)
        return this.queue.after(0, () => this.cut(node.name, effect.peer))
      case 'piecesExpect':
        return void node.expected.set(effect.peer, effect.maxBytes)
      case 'pieceSay':
        return this.#say(node, effect.peer, effect.message)
      case 'pieceServe':
        return this.#serve(node, effect)
      case 'pieceKeep':
        return this.#keep(node, effect)
      case 'pieceDrop':
        return void node.arrived.delete(effect.arrival)
      case 'artifactPrepare':
        return this.#later(node, this.diskTime, (swarm) => {
          const problem = node.diskProblem
          if (problem !== undefined) return swarm.failed(effect.ticket, problem, this.now)
          const have = emptyBits(effect.pieceList.length / 32)
          for (const index of node.pieces(effect.encoding.hash)) setBit(have, index)
          swarm.prepared(effect.ticket, have, this.now)
        })
      case 'artifactSync':
        return this.#sync(node, effect)
      case 'artifactForget':
        return void node.disk.delete(effect.encoding)
      case 'ask':
        return this.#ask(node, effect)
      case 'persist':
        return this.#persist(node, effect)
      case 'directoryFind':
        return this.#later(node, 200, (swarm) => {
          const providers = (this.named ?? []).map((peer) => ({ node: peer, addresses: ['/ip4/203.0.113.2/tcp/1'] }))
          const encoding = node.directory.found(effect.ticket, providers)
          if (encoding !== undefined) swarm.named(encoding, this.now)
        })
      case 'event':
        if (effect.event.type === 'providerBanned') node.banned.push(effect.event.peer)
    }
  }

  #later(node: TestNode, delay: Millis, then: (swarm: Swarm) => void): void {
    const { swarm } = node
    this.queue.after(delay, () => {
      if (node.swarm === swarm) this.step(node, then)
    })
  }

  #sync(node: TestNode, { ticket, encoding }: Extract<Effect, { type: 'artifactSync' }>): void {
    node.synced.push(encoding)
    const written = new Set(node.pieces(encoding))
    this.#later(node, this.diskTime, (swarm) => {
      node.durable.set(encoding, written)
      this.onDisk(node, 'sync')
      swarm.synced(ticket, this.now)
      if (swarm.isComplete(encoding)) this.completed(node, encoding)
    })
  }

  #persist(node: TestNode, { ticket, changes }: Extract<Effect, { type: 'persist' }>): void {
    for (const change of changes) {
      if (change.type === 'holding') node.saved.holdings.set(change.encoding, change.bits)
      else if (change.type === 'pieceList') node.saved.lists.set(change.hash, change.list)
      else if (change.type === 'forgetHolding') node.saved.holdings.delete(change.encoding)
      else if (change.type === 'forgetPieceList') node.saved.lists.delete(change.hash)
      else if (change.type === 'usage') node.usage = change.usage
    }
    this.#later(node, 1, (swarm) => swarm.persisted(ticket, this.now))
    for (const change of changes) node.save(change)
    this.#later(node, 1, (swarm) => {
      this.onDisk(node, 'journal')
      swarm.persisted(ticket, this.now)
    })
  }

  #ask(node: TestNode, effect: Extract<Effect, { type: 'ask' }>): void {
    if (effect.protocol !== 'sync' || effect.body.type !== 'pieceList') throw new Error('an odd question')
    const { hash } = effect.body
    const other = this.node(effect.peer)
    if (!other.up || other.manners === 'silent' || other.manners === 'drips') {
      return this.#later(node, limits.requestTimeout, (swarm) => swarm.askFailed(effect.ticket, this.now))
    }
    const encoding = [...this.encodings.values()].find(({ encoding }) => encoding.pieceList === hash)
    const list = other.manners === 'honest' ? other.swarm.pieceList(hash) : listOf(other.manners, encoding)
    this.#later(node, 2 * this.latency, (swarm) => swarm.listArrived(effect.ticket, effect.peer, list, this.now))
  }

  #open(a: TestNode, b: TestNode): void {
    if (a.streams.has(b.name)) return
    if (!a.links.has(b.name)) return this.step(a, (swarm) => swarm.closed(b.name, this.now))
    const ends = [a, b] as const
    const stream: Stream = { ends: [a.name, b.name], open: true, busyUntil: [0, 0] }
    a.streams.set(b.name, stream)
    b.streams.set(a.name, stream)
    for (const [at, other] of [ends, ends.toReversed()] as [TestNode, TestNode][]) {
      at.expected.set(other.name, limits.pieceControlBytes)
      this.step(at, (swarm) => swarm.opened(other.name, this.now))
      if (at.manners === 'honest') continue
      for (const encoding of this.encodings.values())
        for (const message of boasts(at.manners, encoding)) this.send(at.name, other.name, message, 0)
    }
  }

  #say(node: TestNode, peer: NodeId, message: PieceMessage): void {
    if (message.type === 'request') {
      const { encoding } = this.encodings.get(message.encoding) as TestEncoding
      node.asks(peer, message, pieceBytes(encoding, message.index))
      this.#checkBytes(node)
    }
    if (message.type === 'cancel') node.asked.delete(`${peer} ${message.encoding} ${message.index}`)
    this.send(node.name, peer, message, 0)
  }

  #checkBytes(node: TestNode): void {
    const { requestBytes } = node.swarm.sizes()
    if (requestBytes > limits.requestBytes) throw new Error(`${node.name} has ${requestBytes} bytes in flight`)
  }

  #arrive(node: TestNode, from: NodeId, data: Omit<Data, 'arrival'>): void {
    if (data.length + limits.pieceFrameBytes > (node.expected.get(from) ?? 0)) return this.cut(node.name, from)
    const arrival = ++this.#arrival
    node.arrived.set(arrival, { hash: data.hash })
    node.arrivals += 1
    node.came.push({ at: this.now, peer: from, bytes: data.length })
    node.asked.delete(`${from} ${data.encoding} ${data.index}`)
    const right = this.encodings.get(data.encoding)?.hashes[data.index] === data.hash
    const wasAsked = node.everAsked.delete(`${from} ${data.encoding} ${data.index}`)
    if (!right && wasAsked) node.bad.set(from, (node.bad.get(from) ?? 0) + 1)
    this.step(node, (swarm) => swarm.message(from, { ...data, arrival }, this.now))
    this.#checkBytes(node)
  }

  #serve(node: TestNode, { ticket, peer, encoding, index }: Extract<Effect, { type: 'pieceServe' }>): void {
    const { encoding: of, hashes } = this.encodings.get(encoding) as TestEncoding
    if (!node.pieces(encoding).has(index)) throw new Error(`${node.name} serves what it does not have`)
    const [asker, length] = [this.node(peer), pieceBytes(of, index)]
    const data = { type: 'data', encoding, index, length, hash: hashes[index] as string } as const
    const delay = this.#carry(node, asker, data)
    this.#later(node, delay, (swarm) => swarm.served(ticket, undefined, this.now))
  }

  /** Sends a piece over the wires between two nodes. @returns after how long it has left */
  #carry(from: TestNode, to: TestNode, data: Omit<Data, 'arrival'>): Millis {
    const { name, streams } = from
    const delay = from.send(to, data.length, this.now) - this.now
    const wire = from.isOnLan(to) ? undefined : to.site
    const stream = streams.get(to.name)
    if (wire === undefined) this.send(name, to.name, data, delay)
    else
      this.queue.after(delay, () => {
        if (stream?.open) this.send(name, to.name, data, wire.in(data.length, this.now) - this.now)
      })
    return delay
  }

  #keep(node: TestNode, { ticket, arrival, encoding, index }: Extract<Effect, { type: 'pieceKeep' }>): void {
    const { encoding: of, hashes } = this.encodings.get(encoding) as TestEncoding
    if (node.arrived.get(arrival)?.hash !== hashes[index]) throw new Error(`${node.name} keeps a bad piece`)
    if (node.pieces(encoding).has(index)) throw new Error(`${node.name} keeps piece ${index} twice`)
    node.arrived.delete(arrival)
    node.writing.set(ticket, { key: `${encoding} ${index}`, bytes: pieceBytes(of, index) })
    this.#later(node, this.diskTime, (swarm) => {
      node.writing.delete(ticket)
      const problem = node.diskProblem
      if (problem !== undefined) return swarm.failed(ticket, problem, this.now)
      node.writes.push(`${encoding} ${index}`)
      node.pieces(encoding).add(index)
      this.onDisk(node, 'write')
      swarm.kept(ticket, this.now)
    })
  }

  #misbehave(node: TestNode, peer: NodeId, message: Said): void {
    if (message.type !== 'request') return
    const encoding = this.encodings.get(message.encoding) as TestEncoding
    const piece = { index: message.index, length: pieceBytes(encoding.encoding, message.index) }
    const answer = answers(node.manners, encoding, piece, this.random)
    if (answer === undefined) return
    const { said, delay } = answer
    if (said.type !== 'data') this.send(node.name, peer, said, delay)
    else this.queue.after(delay, () => node.streams.has(peer) && this.#carry(node, this.node(peer), said))
  }
}

/** Messages that the version before did not know. */
const NEW: ReadonlySet<string> = new Set(['claim', 'unclaim', 'given', 'passed'])

/** In an address book, outside the zone. */
export function entryOf(node: NodeId): Entry {
  const nothing = { own: [], relays: false, nat: undefined, worked: undefined, by: undefined } as const
  return { node, zone: '/b', addresses: ['/ip4/203.0.113.3/tcp/1'], ...nothing, serves: true, seen: 0, source: 'disk' }
}

/** It reports the release. */
function rowOf(node: NodeId): Row {
  const installs = [{ release8: RELEASE, state: 'committed' }]
  return { node, status: 'up', record: { installs } } as unknown as Row
}
