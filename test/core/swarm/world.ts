// A tiny mesh in memory for tests of the swarm: virtual time, links, one stream per pair, disks and uplinks, and checks of the
// swarm's invariants at every effect. A node runs a real Swarm, or misbehaves as `manners` says.
import { createHash } from 'node:crypto'
import type { Millis, NodeId } from '../../../src/core/env.ts'
import type { Effect, Ticket } from '../../../src/core/events.ts'
import type { Row } from '../../../src/core/fleet/rows.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Link } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { emptyBits, fullBits, setBit } from '../../../src/core/swarm/bitfield.ts'
import type { ArtifactProblem, PieceArrival, PieceMessage } from '../../../src/core/swarm/messages.ts'
import { pieceBytes } from '../../../src/core/swarm/pieces.ts'
import { Swarm } from '../../../src/core/swarm/swarm.ts'
import type { Encoding } from '../../../src/core/trust/announcement.ts'
import { Prng } from '../../sim/prng.ts'
import { EventQueue } from '../../sim/queue.ts'
import { JUNK, type TestEncoding } from './encodings.ts'

/** How a node that is not honest answers requests; all but who `claims` say that they hold everything. */
export type Manners = 'honest' | 'silent' | 'drips' | 'poisons' | 'refuses' | 'junk' | 'claims'

interface Stream {
  ends: readonly [NodeId, NodeId]
  open: boolean
  /** When what was sent last arrives at each end: messages don't overtake each other. */
  busyUntil: Map<NodeId, Millis>
}

/** A LAN behind one thin wire, which all its nodes share; they are linked with each other by the route `lan`. */
export interface Site {
  /** Bytes per second, out and in. */
  up: number
  down: number
  /** Bytes of pieces that came over the wire. */
  came: number
  /** When the wire is free again. */
  upUntil: Millis
  downUntil: Millis
}

export class TestNode {
  readonly name: NodeId
  readonly manners: Manners
  /** Undefined: alone, on a wire that only its uplink bounds. */
  readonly site: Site | undefined
  readonly disk = new Map<string, Set<number>>()
  readonly saved = { holdings: new Map<string, Uint8Array>(), lists: new Map<string, Uint8Array>() }
  readonly synced: string[] = []
  readonly banned: NodeId[] = []
  readonly refusals: { code: string; peer: NodeId; detail: string }[] = []
  readonly dialled: NodeId[] = []
  /** Pieces written, in order; and all data that came, wanted or not. */
  readonly writes: string[] = []
  arrivals = 0
  /** Bytes of pieces that it sent. */
  gave = 0
  /** Bytes per second that it can send, all its streams together. */
  uplink = 12_500_000
  up = true
  /** It runs the version before: it knows no claims, and says none. */
  old = false
  /** What the disk answers to a write, while it is set. */
  diskProblem: ArtifactProblem | undefined
  out = new Outbox()
  swarm!: Swarm
  sentUntil: Millis = 0
  wakeAt: Millis = Number.POSITIVE_INFINITY
  readonly bad = new Map<NodeId, number>()
  readonly expected = new Map<NodeId, number>()
  /** What it asked of whom and nobody answered or cancelled. */
  readonly asked = new Map<string, { peer: NodeId; key: string; bytes: number }>()
  readonly everAsked = new Set<string>()
  readonly writing = new Map<Ticket, { key: string; bytes: number }>()
  readonly arrived = new Map<Ticket, { hash: string }>()

  constructor(name: NodeId, manners: Manners, site?: Site) {
    this.name = name
    this.manners = manners
    this.site = site
  }
}

export class World {
  readonly queue = new EventQueue()
  readonly random: Prng
  readonly nodes = new Map<NodeId, TestNode>()
  readonly encodings = new Map<string, TestEncoding>()
  readonly #links = new Map<string, Link>()
  readonly #streams = new Map<string, Stream>()
  latency = 5
  /** Between nodes that are not on one LAN; undefined: the same. */
  farLatency: Millis | undefined
  diskTime = 3
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

  add(name: NodeId, manners: Manners = 'honest', site?: Site): TestNode {
    const node = new TestNode(name, manners, site)
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
        node.swarm.want({ encoding, release8: '00'.repeat(8), origin: [], decoded: 0 }, this.now)
      }
    })
    return node
  }

  /** Starts a node from its disk and journal. */
  start(node: TestNode): void {
    node.up = true
    node.out = new Outbox()
    node.asked.clear()
    node.writing.clear()
    node.arrived.clear()
    node.expected.clear()
    node.everAsked.clear()
    node.bad.clear()
    node.wakeAt = Number.POSITIVE_INFINITY
    const env = {
      random: () => this.random.real(),
      sha256: (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest()),
    }
    const links = {
      all: () => this.linksOf(node.name).values(),
      get: (peer: NodeId) => this.#links.get(`${node.name} ${peer}`),
      wantFor: ({ node: peer }: { node: NodeId }) => {
        node.dialled.push(peer)
        this.queue.after(20, () => this.link(node.name, peer))
      },
    }
    const refusals = {
      count: (code: string, peer: NodeId, detail: string) => {
        node.refusals.push({ code, peer, detail })
        if (this.node(peer).manners === 'honest') throw new Error(`${node.name} refuses ${peer}: ${code}, ${detail}`)
      },
    }
    const [book, view] = [
      { inZone: () => [], outside: () => [], get: () => undefined },
      { rows: () => this.#rowsOf(node) },
    ]
    const saved = {
      holdings: [...node.saved.holdings].map(([encoding, bits]) => ({ encoding, bits })),
      pieceLists: [...node.saved.lists].map(([hash, list]) => ({ hash, list })),
    }
    const self = { node: node.name, zone: '/a' }
    node.swarm = new Swarm({ env, out: node.out, self, links, book, view, refusals }, saved)
    this.step(node, () => node.swarm.keep(this.kept, this.now))
  }

  /** The process ends: streams and links go, the disk stays. */
  kill(node: TestNode): void {
    node.up = false
    for (const { peer } of this.linksOf(node.name)) this.unlink(node.name, peer)
  }

  linksOf(name: NodeId): Link[] {
    return [...this.#links].filter(([key]) => key.startsWith(`${name} `)).map(([, link]) => link)
  }

  /** @param relay the node through which all goes that they say to each other */
  link(a: NodeId, b: NodeId, relay?: NodeId): void {
    const missing = this.nodes.get(a)?.up !== true || this.nodes.get(b)?.up !== true
    if (missing || this.#links.has(`${a} ${b}`)) return
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#links.set(`${from} ${to}`, {
        peer: to,
        zone: '/a',
        address: relay === undefined ? '' : `/ip4/5.5.5.5/tcp/1/p2p/${relay}/p2p-circuit`,
        direction: 'outbound',
        route: relay === undefined ? (this.#onLan(a, b) ? 'lan' : 'direct') : 'relayed',
        since: this.now,
      })
    }
    this.step(this.node(a), (swarm) => swarm.linked(b, this.now))
    this.step(this.node(b), (swarm) => swarm.linked(a, this.now))
  }

  /** The nodes of a site have heard of each other. */
  #rowsOf({ site }: TestNode): Row[] {
    const mates = [...this.nodes.values()].filter((mate) => site !== undefined && mate.site === site)
    return mates.map(
      ({ name, up }) => ({ node: name, status: up ? 'up' : 'down', record: { installs: [] } }) as unknown as Row,
    )
  }

  #onLan(a: NodeId, b: NodeId): boolean {
    return this.node(a).site !== undefined && this.node(a).site === this.node(b).site
  }

  #latencyOf(a: NodeId, b: NodeId): Millis {
    return this.#onLan(a, b) ? this.latency : (this.farLatency ?? this.latency)
  }

  unlink(a: NodeId, b: NodeId): void {
    this.#links.delete(`${a} ${b}`)
    this.#links.delete(`${b} ${a}`)
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
    const stream = this.#stream(a, b)
    if (stream === undefined) return
    stream.open = false
    this.#streams.delete(pairOf(a, b))
    for (const [at, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const node = this.node(at)
      this.#nothingFrom(node, other)
      this.step(node, (swarm) => swarm.closed(other, this.now))
    }
  }

  #nothingFrom(node: TestNode, peer: NodeId): void {
    for (const [key, asked] of node.asked) if (asked.peer === peer) node.asked.delete(key)
    for (const key of node.everAsked) if (key.startsWith(`${peer} `)) node.everAsked.delete(key)
  }

  /** Cuts one of the streams that are open. */
  cutAny(): void {
    const stream = this.random.pick([...this.#streams.values()])
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
    for (const effect of node.out.drain()) this.#perform(node, effect)
    const { requestBytes } = node.swarm.sizes()
    if (requestBytes > limits.requestBytes) throw new Error(`${node.name} has ${requestBytes} bytes in flight`)
    this.#schedule(node)
  }

  #schedule(node: TestNode): void {
    const at = node.swarm.deadline()
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
      case 'piecesOpen':
        return this.queue.after(this.#latencyOf(node.name, effect.peer), () => this.#open(node.name, effect.peer))
      case 'piecesClose':
        this.#nothingFrom(node, effect.peer)
        return this.queue.after(0, () => this.cut(node.name, effect.peer))
      case 'piecesExpect':
        node.expected.set(effect.peer, effect.maxBytes)
        return
      case 'pieceSay':
        return this.#say(node, effect.peer, effect.message)
      case 'pieceServe':
        return this.#serve(node, effect)
      case 'pieceKeep':
        return this.#keep(node, effect)
      case 'pieceDrop':
        node.arrived.delete(effect.arrival)
        return
      case 'artifactPrepare':
        return this.#later(node, this.diskTime, (swarm) => {
          const problem = node.diskProblem
          if (problem !== undefined) return swarm.failed(effect.ticket, problem, this.now)
          const have = emptyBits(effect.pieceList.length / 32)
          for (const index of this.#diskOf(node, effect.encoding.hash)) setBit(have, index)
          swarm.prepared(effect.ticket, have, this.now)
        })
      case 'artifactSync':
        node.synced.push(effect.encoding)
        return this.#later(node, this.diskTime, (swarm) => swarm.synced(effect.ticket, this.now))
      case 'artifactForget':
        node.disk.delete(effect.encoding)
        return
      case 'ask':
        return this.#ask(node, effect)
      case 'persist':
        return this.#persist(node, effect)
      case 'event':
        if (effect.event.type === 'providerBanned') node.banned.push(effect.event.peer)
        return
    }
  }

  #later(node: TestNode, delay: Millis, then: (swarm: Swarm) => void): void {
    const { swarm } = node
    this.queue.after(delay, () => {
      if (node.swarm === swarm) this.step(node, then)
    })
  }

  #persist(node: TestNode, { ticket, changes }: Extract<Effect, { type: 'persist' }>): void {
    for (const change of changes) {
      if (change.type === 'holding') node.saved.holdings.set(change.encoding, change.bits)
      else if (change.type === 'pieceList') node.saved.lists.set(change.hash, change.list)
      else if (change.type === 'forgetHolding') node.saved.holdings.delete(change.encoding)
      else if (change.type === 'forgetPieceList') node.saved.lists.delete(change.hash)
    }
    this.#later(node, 1, (swarm) => swarm.persisted(ticket, this.now))
  }

  #ask(node: TestNode, effect: Extract<Effect, { type: 'ask' }>): void {
    if (effect.protocol !== 'sync' || effect.body.type !== 'pieceList') throw new Error('an odd question')
    const { hash } = effect.body
    const other = this.node(effect.peer)
    if (!other.up || other.manners === 'silent' || other.manners === 'drips') {
      return this.#later(node, limits.requestTimeout, (swarm) => swarm.askFailed(effect.ticket, this.now))
    }
    const real = [...this.encodings.values()].find(({ encoding }) => encoding.pieceList === hash)?.list
    const list =
      other.manners === 'honest' ? other.swarm.pieceList(hash) : other.manners === 'junk' ? Uint8Array.of(1) : real
    this.#later(node, 2 * this.latency, (swarm) => swarm.listArrived(effect.ticket, effect.peer, list, this.now))
  }

  #stream(a: NodeId, b: NodeId): Stream | undefined {
    return this.#streams.get(pairOf(a, b))
  }

  #open(a: NodeId, b: NodeId): void {
    if (this.#stream(a, b) !== undefined) return
    if (!this.#links.has(`${a} ${b}`)) return this.step(this.node(a), (swarm) => swarm.closed(b, this.now))
    this.#streams.set(pairOf(a, b), { ends: [a, b], open: true, busyUntil: new Map() })
    for (const [at, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.node(at).expected.set(other, limits.pieceControlBytes)
      this.step(this.node(at), (swarm) => swarm.opened(other, this.now))
      if (this.node(at).manners !== 'honest')
        for (const { encoding } of this.encodings.values()) this.#boast(at, other, encoding)
    }
  }

  /** A liar says that it holds everything, or is fetching it. */
  #boast(from: NodeId, to: NodeId, { hash, length, pieceLength }: Encoding): void {
    if (this.node(from).manners === 'claims') return this.#claimAll(from, to, hash, Math.ceil(length / pieceLength))
    const bits = fullBits(Math.ceil(length / pieceLength))
    this.send(from, to, { type: 'bitfield', encoding: hash, bits, wants: false }, 0)
  }

  #claimAll(from: NodeId, to: NodeId, encoding: string, pieces: number): void {
    this.send(from, to, { type: 'bitfield', encoding, bits: emptyBits(pieces), wants: true }, 0)
    for (let index = 0; index < pieces; index++) {
      const passed = index % 2 === 0
      this.send(
        from,
        to,
        passed ? { type: 'passed', encoding, index } : { type: 'claim', encoding, index, passOn: true },
        0,
      )
    }
  }

  #say(node: TestNode, peer: NodeId, message: PieceMessage): void {
    if (message.type === 'request') this.#checkRequest(node, peer, message)
    if (message.type === 'cancel') node.asked.delete(`${peer} ${message.encoding} ${message.index}`)
    this.send(node.name, peer, message, 0)
  }

  #checkRequest(node: TestNode, peer: NodeId, { encoding, index }: { encoding: string; index: number }): void {
    const key = `${encoding} ${index}`
    const bytes = pieceBytes((this.encodings.get(encoding) as TestEncoding).encoding, index)
    const others = [...node.asked.values()].filter((asked) => asked.key === key)
    const here =
      this.#diskOf(node, encoding).has(index) || [...node.writing.values()].some((write) => write.key === key)
    if (here) throw new Error(`${node.name} asks for ${key}, which it has`)
    if (others.length > 1) throw new Error(`${node.name} asks a third peer for ${key}`)
    if (others.some((asked) => asked.peer === peer)) throw new Error(`${node.name} asks ${peer} twice for ${key}`)
    if ((node.bad.get(peer) ?? 0) >= limits.badPieces) throw new Error(`${node.name} asks ${peer}, who gave bad pieces`)
    if ((node.expected.get(peer) ?? 0) < bytes + limits.pieceFrameBytes) throw new Error('the piece would not be read')
    node.asked.set(`${peer} ${key}`, { peer, key, bytes })
    node.everAsked.add(`${peer} ${key}`)
    const all = [...node.asked.values()]
    if (all.filter((asked) => asked.peer === peer).length > limits.requestsPerPeer)
      throw new Error(`${peer} is asked too much`)
    const flying = [...all, ...node.writing.values()].reduce((sum, { bytes: size }) => sum + size, 0)
    if (flying > limits.requestBytes && all.length > 1) throw new Error(`${node.name} has ${flying} bytes in flight`)
  }

  /** Sends a message; it arrives after the latency, and after all that was sent before it. */
  send(from: NodeId, to: NodeId, message: PieceMessage | Omit<Data, 'arrival'>, delay: Millis): void {
    const stream = this.#stream(from, to)
    if (stream === undefined || (NEW.has(message.type) && (this.node(from).old || this.node(to).old))) return
    const at = Math.max(this.now + delay + this.#latencyOf(from, to), stream.busyUntil.get(to) ?? 0)
    stream.busyUntil.set(to, at)
    this.queue.at(at, () => {
      if (!stream.open) return
      const node = this.node(to)
      if (node.manners !== 'honest') return this.#misbehave(node, from, message)
      if (message.type === 'data') return this.#arrive(node, from, message)
      if (message.type === 'refuse') node.asked.delete(`${from} ${message.encoding} ${message.index}`)
      this.step(node, (swarm) => swarm.message(from, message as PieceArrival, this.now))
    })
  }

  #arrive(node: TestNode, from: NodeId, data: Omit<Data, 'arrival'>): void {
    if (data.length + limits.pieceFrameBytes > (node.expected.get(from) ?? 0)) return this.cut(node.name, from)
    const arrival = ++this.#arrival
    node.arrived.set(arrival, { hash: data.hash })
    node.arrivals += 1
    node.asked.delete(`${from} ${data.encoding} ${data.index}`)
    const right = this.encodings.get(data.encoding)?.hashes[data.index] === data.hash
    const wasAsked = node.everAsked.delete(`${from} ${data.encoding} ${data.index}`)
    if (!right && wasAsked) node.bad.set(from, (node.bad.get(from) ?? 0) + 1)
    this.step(node, (swarm) => swarm.message(from, { ...data, arrival }, this.now))
  }

  #serve(node: TestNode, { ticket, peer, encoding, index }: Extract<Effect, { type: 'pieceServe' }>): void {
    const { encoding: of, hashes } = this.encodings.get(encoding) as TestEncoding
    if (!this.#diskOf(node, encoding).has(index)) throw new Error(`${node.name} serves what it does not have`)
    const length = pieceBytes(of, index)
    const delay = this.#outOf(node, peer, length) - this.now
    node.gave += length
    const data = { type: 'data', encoding, index, length, hash: hashes[index] as string } as const
    const wire = this.#onLan(node.name, peer) ? undefined : this.node(peer).site
    const stream = this.#stream(node.name, peer)
    const arrive = (at: Site) => {
      if (stream?.open) this.send(node.name, peer, data, this.#into(at, length) - this.now)
    }
    if (wire === undefined) this.send(node.name, peer, data, delay)
    else this.queue.after(delay, () => arrive(wire))
    this.#later(node, delay, (swarm) => swarm.served(ticket, undefined, this.now))
  }

  /** When a piece has left a node: a site's nodes have their own uplinks on the LAN, and one together for all that goes out. */
  #outOf(node: TestNode, peer: NodeId, length: number): Millis {
    if (node.site === undefined || this.#onLan(node.name, peer)) {
      node.sentUntil = Math.max(node.sentUntil, this.now) + (length * 1000) / node.uplink
      return node.sentUntil
    }
    node.site.upUntil = Math.max(node.site.upUntil, this.now) + (length * 1000) / node.site.up
    return node.site.upUntil
  }

  /** When all of a piece is in that comes over the wire of a site now. */
  #into(wire: Site, length: number): Millis {
    wire.came += length
    wire.downUntil = Math.max(wire.downUntil, this.now) + (length * 1000) / wire.down
    return wire.downUntil
  }

  #keep(node: TestNode, { ticket, arrival, encoding, index }: Extract<Effect, { type: 'pieceKeep' }>): void {
    const { encoding: of, hashes } = this.encodings.get(encoding) as TestEncoding
    if (node.arrived.get(arrival)?.hash !== hashes[index]) throw new Error(`${node.name} keeps a bad piece`)
    if (this.#diskOf(node, encoding).has(index)) throw new Error(`${node.name} keeps piece ${index} twice`)
    node.arrived.delete(arrival)
    node.writing.set(ticket, { key: `${encoding} ${index}`, bytes: pieceBytes(of, index) })
    this.#later(node, this.diskTime, (swarm) => {
      node.writing.delete(ticket)
      const problem = node.diskProblem
      if (problem !== undefined) return swarm.failed(ticket, problem, this.now)
      node.writes.push(`${encoding} ${index}`)
      this.#diskOf(node, encoding).add(index)
      swarm.kept(ticket, this.now)
    })
  }

  #diskOf(node: TestNode, encoding: string): Set<number> {
    const disk = node.disk.get(encoding) ?? new Set()
    node.disk.set(encoding, disk)
    return disk
  }

  #misbehave(node: TestNode, peer: NodeId, message: PieceMessage | Omit<Data, 'arrival'>): void {
    if (message.type !== 'request') return
    const { encoding, index } = message
    const length = pieceBytes((this.encodings.get(encoding) as TestEncoding).encoding, index)
    const hash = this.encodings.get(encoding)?.hashes[index] as string
    const say = (data: PieceMessage | Omit<Data, 'arrival'>, delay: Millis) => this.send(node.name, peer, data, delay)
    if (node.manners === 'poisons') say({ type: 'data', encoding, index, length, hash: JUNK }, 10)
    else if (node.manners === 'drips') say({ type: 'data', encoding, index, length, hash }, length * 1000)
    else if (node.manners === 'refuses') say({ type: 'refuse', encoding, index }, 0)
    else if (node.manners === 'junk') say(this.#junk(encoding, index, length), 10)
  }

  #junk(encoding: string, index: number, length: number): PieceMessage | Omit<Data, 'arrival'> {
    const odd: (PieceMessage | Omit<Data, 'arrival'>)[] = [
      { type: 'have', encoding, index: limits.pieces - 1 },
      { type: 'have', encoding: JUNK, index: 7 },
      { type: 'bitfield', encoding, bits: new Uint8Array([255]), wants: true },
      { type: 'bitfield', encoding, bits: new Uint8Array(limits.pieces / 8).fill(255), wants: true },
      { type: 'request', encoding, index: limits.pieces - 1 },
      { type: 'request', encoding: JUNK, index: 0 },
      { type: 'refuse', encoding, index: index ^ 1 },
      { type: 'cancel', encoding: JUNK, index: 3 },
      { type: 'data', encoding, index: index ^ 1, length, hash: JUNK },
      { type: 'data', encoding: JUNK, index, length: 1, hash: JUNK },
      { type: 'data', encoding, index, length: 1, hash: JUNK },
    ]
    return this.random.pick(odd) as PieceMessage
  }
}

/** Messages that the version before did not know. */
const NEW: ReadonlySet<string> = new Set(['claim', 'unclaim', 'given', 'passed'])

type Data = Extract<PieceArrival, { type: 'data' }>

function pairOf(a: NodeId, b: NodeId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
