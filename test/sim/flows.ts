// Streams of pieces as a model: one per pair of linked machines, reliable and in order as long as its link lives. A message waits
// for the sender's uplink, travels, and stands still while a partition lies between; what was lost comes again a little later.
import type { Millis } from '../../src/core/env.ts'
import { limits, MINUTE, SECOND } from '../../src/core/limits.ts'
import type { Link, Network } from './network.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'

/** TCP's retransmission of what was lost: its shortest and its longest pause. */
const AGAIN = { min: 0.2 * SECOND, max: MINUTE } as const

/** What the model tells a machine, as ports/pieces has it. */
export interface FlowMachine {
  /** Number of the process: it hears nothing of an earlier one. */
  run(): number
  piecesOpened(peer: number): void
  piecesClosed(peer: number): void
  /** In order; the next message of this peer comes after `next` was called. */
  pieceArrived(peer: number, bytes: Uint8Array, next: () => void): void
}

export interface FlowFaults {
  loss: number
  /** Bytes per second that a machine sends, over all its streams. */
  uploadRate: number
}

interface Item {
  /** undefined: a request to open the stream. */
  bytes: Uint8Array | undefined
  /** Bytes that it stands for. */
  length: number
  ready: Millis
  /** After this the sender gives the stream up. */
  patience: Millis
  pause: Millis
  done: () => void
}

interface Lane {
  items: Item[]
  /** None arrives before this: the one before it did not. */
  last: Millis
  /** The first item is on its way, or is being read. */
  busy: boolean
}

interface Stream {
  readonly link: Link
  readonly ends: Map<number, 'opening' | 'open'>
  /** By sender. */
  readonly lanes: Map<number, Lane>
}

export class Flows {
  readonly #queue: EventQueue
  readonly #network: Network
  readonly #prng: Prng
  readonly #faults: FlowFaults
  readonly #machines: FlowMachine[] = []
  /** By machine and peer: the streams that the machine believes in. */
  readonly #streams: Map<number, Stream>[] = []
  readonly #expected: Map<number, number>[] = []
  readonly #uplinks: Millis[] = []

  constructor(queue: EventQueue, network: Network, prng: Prng, faults: FlowFaults) {
    this.#queue = queue
    this.#network = network
    this.#prng = prng
    this.#faults = faults
  }

  /** Machines are added in the order of their numbers. */
  add(machine: FlowMachine): void {
    this.#machines.push(machine)
    this.#streams.push(new Map())
    this.#expected.push(new Map())
    this.#uplinks.push(0)
  }

  /** Opens a stream unless there is one; the outcome is an event. */
  open(node: number, peer: number): void {
    if (this.#of(node).has(peer)) return
    const link = this.#network.link(node, peer)
    if (link === undefined) return this.#tell(node, (machine) => machine.piecesClosed(peer))
    const stream: Stream = { link, ends: new Map([[node, 'opening']]), lanes: new Map() }
    this.#of(node).set(peer, stream)
    this.#put(stream, node, peer, { bytes: undefined, length: 0, done: () => undefined })
    this.#queue.after(limits.requestTimeout, () => {
      if (stream.ends.get(node) === 'opening') this.#drop(stream, node, peer, true)
    })
  }

  /** The longest message that `node` reads from `peer`, in bytes that it stands for. */
  expect(node: number, peer: number, maxBytes: number): void {
    this.#expected[node]?.set(peer, maxBytes)
  }

  /** Sends bytes that stand for `length` bytes; `done` when the other end has them, or never will. */
  send(node: number, peer: number, bytes: Uint8Array, length: number, done: () => void = () => undefined): void {
    const stream = this.#of(node).get(peer)
    if (stream === undefined) return this.#queue.after(0, done)
    this.#put(stream, node, peer, { bytes, length, done })
  }

  /** `node` wants the stream no more: both ends hear of it. */
  close(node: number, peer: number): void {
    const stream = this.#of(node).get(peer)
    if (stream !== undefined) this.#break(stream, node, peer)
  }

  /** The link of `node` with `peer` is another, or none. True when a stream went with it: then no event follows. */
  unlinked(node: number, peer: number): boolean {
    const stream = this.#of(node).get(peer)
    if (stream === undefined || this.#network.link(node, peer) === stream.link) return false
    this.#drop(stream, node, peer, false)
    return true
  }

  /** The process at `node` ended; the other ends hear of it with their links. */
  crash(node: number): void {
    for (const [peer, stream] of [...this.#of(node)]) this.#drop(stream, node, peer, false)
    this.#expected[node]?.clear()
  }

  #put(stream: Stream, from: number, to: number, message: Pick<Item, 'bytes' | 'length' | 'done'>): void {
    const lane = this.#lane(stream, from)
    const again = this.#prng.chance(this.#faults.loss) ? AGAIN.min : 0
    const sent = this.#sent(from, message.length)
    const ready = Math.max(lane.last, Math.ceil(sent + this.#network.delay() + again))
    lane.last = ready
    lane.items.push({ ...message, ready, patience: ready + limits.requestPatienceMax, pause: AGAIN.min })
    if (message.bytes !== undefined) this.#network.traffic.sent(kindOf(message.length), message.length)
    this.#next(stream, from, to)
  }

  /** When the uplink has taken a message. What is small slips in between the others. */
  #sent(from: number, length: number): Millis {
    const { now } = this.#queue
    if (kindOf(length) === 'pieces') return now
    const sent = Math.max(now, this.#uplinks[from] as Millis) + (length * SECOND) / this.#faults.uploadRate
    this.#uplinks[from] = sent
    return sent
  }

  #next(stream: Stream, from: number, to: number): void {
    const lane = this.#lane(stream, from)
    const [item] = lane.items
    if (item === undefined || lane.busy) return
    lane.busy = true
    this.#queue.at(Math.max(this.#queue.now, item.ready), () => this.#arrive(stream, from, to, item))
  }

  #arrive(stream: Stream, from: number, to: number, item: Item): void {
    if (!stream.ends.has(from)) return
    if (this.#network.cut(from, to) || this.#network.cut(to, from)) return this.#again(stream, from, to, item)
    if (this.#network.link(to, from) !== stream.link) {
      this.#network.reset(from, stream.link)
      return this.#again(stream, from, to, item)
    }
    const lane = this.#lane(stream, from)
    lane.items.shift()
    lane.busy = false
    if (item.bytes === undefined) this.#heard(stream, from, to)
    else if (!stream.ends.has(to)) return this.#drop(stream, from, to, true)
    else this.#read(stream, from, to, item, item.bytes)
    this.#next(stream, from, to)
  }

  /** Nothing gets through now. */
  #again(stream: Stream, from: number, to: number, item: Item): void {
    const at = this.#queue.now + item.pause
    if (at > item.patience) return this.#drop(stream, from, to, true)
    item.pause = Math.min(AGAIN.max, 2 * item.pause)
    this.#queue.at(at, () => this.#arrive(stream, from, to, item))
  }

  /** The other end hears that a stream is wanted. */
  #heard(stream: Stream, from: number, to: number): void {
    const other = this.#of(to).get(from)
    if (other !== undefined) {
      // Both opened one at the same time: that of the lower number stays, and the other end will hear of it.
      if (other.link === stream.link && other.ends.get(to) === 'opening' && to < from) return
      this.#drop(other, to, from, other.ends.get(to) === 'open')
    }
    stream.ends.set(to, 'open')
    this.#of(to).set(from, stream)
    this.#tell(to, (machine) => machine.piecesOpened(from))
    this.#queue.after(this.#network.delay(), () => {
      if (stream.ends.get(from) !== 'opening') return
      stream.ends.set(from, 'open')
      this.#tell(from, (machine) => machine.piecesOpened(to))
    })
  }

  #read(stream: Stream, from: number, to: number, { length, done }: Item, bytes: Uint8Array): void {
    this.#network.traffic.arrived(kindOf(length), length)
    this.#queue.after(0, done)
    if (length > (this.#expected[to]?.get(from) ?? limits.pieceControlBytes)) return this.#break(stream, to, from)
    const lane = this.#lane(stream, from)
    lane.busy = true
    this.#machine(to).pieceArrived(from, bytes, () => {
      lane.busy = false
      this.#next(stream, from, to)
    })
  }

  /** `node` closes: the other end hears of it, unless it is cut off; then it does when it sends. */
  #break(stream: Stream, node: number, peer: number): void {
    this.#drop(stream, node, peer, true)
    this.#queue.after(this.#network.delay(), () => {
      if (!this.#network.cut(node, peer)) this.#drop(stream, peer, node, true)
    })
  }

  #drop(stream: Stream, node: number, peer: number, tell: boolean): void {
    if (!stream.ends.delete(node)) return
    if (this.#of(node).get(peer) === stream) this.#of(node).delete(peer)
    this.#expected[node]?.delete(peer)
    for (const { done } of this.#lane(stream, node).items.splice(0)) this.#queue.after(0, done)
    if (tell) this.#tell(node, (machine) => machine.piecesClosed(peer))
  }

  #tell(node: number, what: (machine: FlowMachine) => void): void {
    const machine = this.#machine(node)
    const run = machine.run()
    this.#queue.after(0, () => {
      if (machine.run() === run) what(machine)
    })
  }

  #lane(stream: Stream, from: number): Lane {
    const known = stream.lanes.get(from)
    if (known !== undefined) return known
    const lane: Lane = { items: [], last: 0, busy: false }
    stream.lanes.set(from, lane)
    return lane
  }

  #of(node: number): Map<number, Stream> {
    return this.#streams[node] as Map<number, Stream>
  }

  #machine(node: number): FlowMachine {
    return this.#machines[node] as FlowMachine
  }
}

const kindOf = (length: number) => (length <= limits.pieceControlBytes ? 'pieces' : 'data')
