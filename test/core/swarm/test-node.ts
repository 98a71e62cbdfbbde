// One node of the world in memory: its disk and journal, what it is linked with, and what a test looks at afterwards.
import type { Millis, NodeId } from '../../../src/core/env.ts'
import type { Change, Ticket } from '../../../src/core/events.ts'
import type { Row } from '../../../src/core/fleet/rows.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Link } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { Allowance } from '../../../src/core/swarm/budgets.ts'
import type { CacheBudgets, Cached } from '../../../src/core/swarm/cache.ts'
import type { Directory } from '../../../src/core/swarm/directory.ts'
import type { ArtifactProblem } from '../../../src/core/swarm/messages.ts'
import type { Usage } from '../../../src/core/swarm/month.ts'
import type { Swarm } from '../../../src/core/swarm/swarm.ts'

/** How a node that is not honest answers requests; all but who `claims` say that they hold everything. */
export type Manners = 'honest' | 'silent' | 'drips' | 'poisons' | 'refuses' | 'junk' | 'claims'

/** What a disk does for a node. */
export type DiskStep = 'write' | 'sync' | 'journal'

export interface Stream {
  ends: readonly [NodeId, NodeId]
  open: boolean
  /** When what was sent last arrives at each end: messages don't overtake each other. */
  busyUntil: [Millis, Millis]
}

/** A LAN behind one thin wire, which all its nodes share; they are linked with each other by the route `lan`. */
export class Site {
  /** Bytes per second, out and in. */
  readonly up: number
  readonly down: number
  /** What its nodes have heard of each other. */
  readonly rows: Row[] = []
  /** Bytes of pieces that came over the wire. */
  came = 0
  /** When the wire is free again. */
  #upUntil: Millis = 0
  #downUntil: Millis = 0

  constructor(up: number, down: number) {
    this.up = up
    this.down = down
  }

  /** When so many bytes have left by the wire that are sent now. */
  out(bytes: number, now: Millis): Millis {
    this.#upUntil = Math.max(this.#upUntil, now) + (bytes * 1000) / this.up
    return this.#upUntil
  }

  /** When all of so many bytes are in that come over the wire now. */
  in(bytes: number, now: Millis): Millis {
    this.came += bytes
    this.#downUntil = Math.max(this.#downUntil, now) + (bytes * 1000) / this.down
    return this.#downUntil
  }
}

export class TestNode {
  readonly name: NodeId
  readonly manners: Manners
  /** Undefined: alone, on a wire that only its uplink bounds. */
  readonly site: Site | undefined
  readonly links = new Map<NodeId, Link>()
  /** By the node at the other end; each is in the table of both. */
  readonly streams = new Map<NodeId, Stream>()
  readonly disk = new Map<string, Set<number>>()
  readonly saved = {
    holdings: new Map<string, Uint8Array>(),
    lists: new Map<string, Uint8Array>(),
    cached: new Map<string, Cached>(),
  }
  readonly synced: string[] = []
  readonly banned: NodeId[] = []
  readonly refusals: { code: string; peer: NodeId; detail: string }[] = []
  readonly dialled: NodeId[] = []
  /** Pieces written, in order; and all data that came, wanted or not. */
  readonly writes: string[] = []
  arrivals = 0
  /** Bytes of pieces that it sent. */
  gave = 0
  /** Each piece that it began to send, and each that came. */
  readonly sent: { at: Millis; peer: NodeId; bytes: number }[] = []
  readonly came: { at: Millis; peer: NodeId; bytes: number }[] = []
  /** What its owner allows, and what was saved of the month. */
  allowance: Allowance = {}
  usage: Usage | undefined
  /** Local time at the beginning; undefined: its clock is not believed. */
  local: Millis | undefined
  /** Bytes per second that it can send, all its streams together. */
  uplink = 12_500_000
  up = true
  /** It runs the version before: it knows no claims, and says none. */
  old = false
  zone = '/a'
  /** What it may keep for others, and whether it can be dialled from outside. Changes count from its next start. */
  cache: CacheBudgets = { old: 0, forwarded: 0 }
  open = false
  /** Of each encoding the pieces that a power cut cannot take. */
  readonly durable = new Map<string, Set<number>>()
  /** What the disk answers to a write, while it is set. */
  diskProblem: ArtifactProblem | undefined
  out = new Outbox()
  swarm!: Swarm
  directory!: Directory
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
    const status = () => (this.up ? 'up' : 'down')
    site?.rows.push({
      node: name,
      record: { installs: [] },
      get status() {
        return status()
      },
    } as unknown as Row)
  }

  isOnLan({ site }: TestNode): boolean {
    return this.site !== undefined && this.site === site
  }

  /** What it holds of an encoding. */
  pieces(encoding: string): Set<number> {
    const disk = this.disk.get(encoding) ?? new Set()
    this.disk.set(encoding, disk)
    return disk
  }

  /** Its journal takes a change. */
  save(change: Change): void {
    const { holdings, lists, cached } = this.saved
    if (change.type === 'holding') holdings.set(change.encoding, change.bits)
    else if (change.type === 'pieceList') lists.set(change.hash, change.list)
    else if (change.type === 'forgetHolding') holdings.delete(change.encoding)
    else if (change.type === 'forgetPieceList') lists.delete(change.hash)
    else if (change.type === 'cached') cached.set(change.cached.encoding.hash, change.cached)
    else if (change.type === 'forgetCached') cached.delete(change.encoding)
  }

  /** Its process ended: what it knew is gone. */
  forget(): void {
    this.out = new Outbox()
    this.asked.clear()
    this.writing.clear()
    this.arrived.clear()
    this.expected.clear()
    this.everAsked.clear()
    this.bad.clear()
    this.wakeAt = Number.POSITIVE_INFINITY
  }

  /** It asks a peer for a piece. Throws when no swarm does that. */
  asks(peer: NodeId, { encoding, index }: { encoding: string; index: number }, bytes: number): void {
    const key = `${encoding} ${index}`
    let [others, ofPeer, flying] = [0, 1, bytes]
    for (const asked of this.asked.values()) {
      flying += asked.bytes
      if (asked.peer === peer) ofPeer += 1
      if (asked.key !== key) continue
      others += 1
      if (asked.peer === peer) throw new Error(`${this.name} asks ${peer} twice for ${key}`)
    }
    let here = this.pieces(encoding).has(index)
    for (const write of this.writing.values()) {
      flying += write.bytes
      here ||= write.key === key
    }
    if (here) throw new Error(`${this.name} asks for ${key}, which it has`)
    if (others > 1) throw new Error(`${this.name} asks a third peer for ${key}`)
    if ((this.bad.get(peer) ?? 0) >= limits.badPieces) throw new Error(`${this.name} asks ${peer}, who gave bad pieces`)
    if ((this.expected.get(peer) ?? 0) < bytes + limits.pieceFrameBytes) throw new Error('the piece would not be read')
    if (ofPeer > limits.requestsPerPeer) throw new Error(`${peer} is asked too much`)
    if (flying > limits.requestBytes && this.asked.size > 0)
      throw new Error(`${this.name} has ${flying} bytes in flight`)
    this.asked.set(`${peer} ${key}`, { peer, key, bytes })
    this.everAsked.add(`${peer} ${key}`)
  }

  /** Its stream with this peer is gone. */
  lost(peer: NodeId): void {
    this.streams.delete(peer)
    this.nothingFrom(peer)
  }

  /** What it asked of this peer will not come. */
  nothingFrom(peer: NodeId): void {
    for (const [key, asked] of this.asked) if (asked.peer === peer) this.asked.delete(key)
    for (const key of this.everAsked) if (key.startsWith(`${peer} `)) this.everAsked.delete(key)
  }

  /** When a piece has left that it sends to another now: a site's nodes have their own uplinks on the LAN, and one together for all that goes out. */
  send(to: TestNode, bytes: number, now: Millis): Millis {
    this.gave += bytes
    this.sent.push({ at: now, peer: to.name, bytes })
    if (this.site !== undefined && !this.isOnLan(to)) return this.site.out(bytes, now)
    this.sentUntil = Math.max(this.sentUntil, now) + (bytes * 1000) / this.uplink
    return this.sentUntil
  }
}
