// Serving: the pieces that others ask of this node. Whoever was given least is next, each with a few at a time, so that nobody waits
// for whoever asks most or for the longest pieces; and a few in all, since each holds its bytes in memory. Over the wire to the outside
// only so many are under way at a time (flights.ts), and the others wait here, where they can be taken back; nor does one go before
// the budgets allow it. A peer that does not read what it asked for holds a place only so long, and from then on is served when nobody
// else waits (T19, T26).
import { earliest } from '../earliest.ts'
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Budgets } from './budgets.ts'
import { Flights } from './flights.ts'
import { pieceScale } from './pieces.ts'

interface Piece {
  encoding: string
  index: number
}

interface Queued extends Piece {
  bytes: number
  /** All of its encoding is here. */
  whole: boolean
}

/** A piece that is being read or sent. */
interface Serve extends Queued {
  node: NodeId
  since: Millis
  /** The asker does not want it any more; it may change its mind. */
  cancelled: boolean
  /** Its stream is gone, or was told to close: only the report of that is awaited. */
  over: boolean
}

export class Serving {
  readonly #out: Outbox
  /** It is on one LAN with this node. */
  readonly #isNear: (node: NodeId) => boolean
  readonly #flights = new Flights()
  readonly #budgets: Pick<Budgets, 'serveAt' | 'serve'>
  /** Whose turn is next comes first. */
  readonly #queues = new Map<NodeId, Queued[]>()
  readonly #serves = new Map<Ticket, Serve>()
  /** Who did not read what it asked for. */
  readonly #stuck = new Set<NodeId>()
  /** When a serve last ended. */
  #endedAt: Millis = Number.NEGATIVE_INFINITY
  /** Bytes that each was given since it began to ask, on a scale on which all who wait began where the others were. */
  readonly #given = new Map<NodeId, number>()
  /** What whoever had the last turn had been given before it. */
  #level = 0
  /** When the next of those is served that wait for a budget alone. */
  #affordableAt: Millis | undefined

  constructor(out: Outbox, isNear: (node: NodeId) => boolean, budgets: Pick<Budgets, 'serveAt' | 'serve'>) {
    this.#out = out
    this.#isNear = isNear
    this.#budgets = budgets
  }

  /** Tables that grow with what others do. */
  get size(): number {
    let queued = 0
    for (const queue of this.#queues.values()) queued += queue.length
    return queued + this.#serves.size
  }

  /** True while a peer waits for something. */
  isBusy(node: NodeId): boolean {
    return this.#queues.has(node) || this.#of(node) > 0
  }

  /**
   * A piece that is here, of so many bytes, is asked for.
   * @returns why the asker is to be cut off: it asked twice for one piece, or for more than anybody does
   */
  asked(node: NodeId, piece: Piece & { whole?: boolean }, bytes: number, now: Millis): 'twice' | 'tooMany' | undefined {
    const queue = this.#queues.get(node) ?? []
    if (queue.some((queued) => same(queued, piece))) return 'twice'
    for (const serve of this.#serves.values()) {
      if (serve.node !== node || serve.over || !same(serve, piece)) continue
      if (!serve.cancelled) return 'twice'
      serve.cancelled = false
      return undefined
    }
    if (queue.length >= limits.requestsQueued) return 'tooMany'
    queue.push({ encoding: piece.encoding, index: piece.index, bytes, whole: piece.whole === true })
    this.#queues.set(node, queue)
    this.#start(now)
    return undefined
  }

  /** @returns true when it waited, and does no more; else it is on its way, or was not asked for */
  cancelled(node: NodeId, piece: Piece): boolean {
    const queue = this.#queues.get(node)
    const place = queue?.findIndex((queued) => same(queued, piece)) ?? -1
    if (queue !== undefined && place >= 0) {
      queue.splice(place, 1)
      if (queue.length === 0) this.#queues.delete(node)
      return true
    }
    for (const serve of this.#serves.values()) if (serve.node === node && same(serve, piece)) serve.cancelled = true
    return false
  }

  /** A peer says that it has a piece. */
  landed(node: NodeId, { encoding, index }: Piece, now: Millis): void {
    if (this.#flights.landed(node, encoding, index, now)) this.#start(now)
  }

  /** A piece was handed over, or could not be. Returns what it was; undefined when it was given up before. */
  served(ticket: Ticket, now: Millis, problem?: unknown): (Piece & { node: NodeId }) | undefined {
    const serve = this.#serves.get(ticket)
    if (serve === undefined) return undefined
    this.#serves.delete(ticket)
    if (problem !== undefined) this.#flights.failed(serve.node, serve.encoding, serve.index)
    this.#endedAt = now
    if (!serve.over && now - serve.since < limits.requestPatienceMax * pieceScale(serve.bytes))
      this.#stuck.delete(serve.node)
    this.#start(now)
    return serve
  }

  /** The stream with this peer is gone. */
  left(node: NodeId, now: Millis): void {
    this.#queues.delete(node)
    this.#flights.left(node)
    for (const serve of this.#serves.values()) {
      if (serve.node !== node || serve.over) continue
      serve.over = true
      serve.since = now
    }
  }

  /** The link with this peer is gone. */
  forget(node: NodeId): void {
    this.#flights.forget(node)
  }

  /** Pieces of this encoding cannot be given any more. Returns what was asked for in vain. */
  ended(encoding: string): (Piece & { node: NodeId })[] {
    const refused: (Piece & { node: NodeId })[] = []
    for (const [node, queue] of this.#queues) {
      const rest = queue.filter((piece) => piece.encoding !== encoding)
      for (const { encoding: of, index } of queue) if (of === encoding) refused.push({ encoding, index, node })
      if (rest.length === 0) this.#queues.delete(node)
      else this.#queues.set(node, rest)
    }
    return refused
  }

  /** Nothing goes to some peers for a time. Returns what they asked for in vain. */
  paused(isPaused: (node: NodeId) => boolean): (Piece & { node: NodeId })[] {
    const refused: (Piece & { node: NodeId })[] = []
    for (const [node, queue] of this.#queues) {
      if (!isPaused(node)) continue
      for (const { encoding, index } of queue) refused.push({ encoding, index, node })
      this.#queues.delete(node)
    }
    return refused
  }

  /** Returns the peers whose stream is to be closed, since they don't read. */
  check(now: Millis): NodeId[] {
    const closing: NodeId[] = []
    for (const [ticket, serve] of this.#serves) {
      const end = this.#endOf(serve)
      if (now < end) continue
      if (serve.over) this.#serves.delete(ticket)
      else closing.push(this.#giveUp(serve, now))
    }
    this.#flights.check(now)
    this.#start(now)
    return closing
  }

  /** This machine slept so long: nobody is to blame for that time. */
  forgive(gap: Millis): void {
    this.#endedAt += gap
    this.#flights.forgive(gap)
    for (const serve of this.#serves.values()) serve.since += gap
  }

  /** When check() is next needed. */
  deadline(): Millis | undefined {
    let at = earliest(this.#flights.deadline(), this.#affordableAt)
    for (const serve of this.#serves.values()) at = Math.min(at ?? Number.POSITIVE_INFINITY, this.#endOf(serve))
    return at
  }

  /**
   * Until when a serve may take. While others wait and nothing at all gets done, whoever holds its place longest is to blame; else
   * it may be slow. What was closed and not reported back is forgotten in the end.
   */
  #endOf(serve: Serve): Millis {
    if (serve.over) return serve.since + limits.dialForgotten
    const blocked = this.#oldest() === serve && this.#queues.size > 0 && this.#serves.size >= limits.servedAtOnce
    const scale = pieceScale(serve.bytes)
    const hurried = Math.max(this.#endedAt, serve.since) + limits.requestPatienceMax * scale
    const end = serve.since + limits.serveTimeout * scale
    return blocked ? Math.min(hurried, end) : end
  }

  #oldest(): Serve | undefined {
    for (const serve of this.#serves.values()) if (!serve.over) return serve
    return undefined
  }

  #giveUp(serve: Serve, now: Millis): NodeId {
    serve.over = true
    serve.since = now
    this.#endedAt = now
    this.#stuck.delete(serve.node)
    this.#stuck.add(serve.node)
    for (const node of this.#stuck) if (this.#stuck.size > limits.bannedPeers) this.#stuck.delete(node)
    return serve.node
  }

  #start(now: Millis): void {
    this.#affordableAt = undefined
    while (this.#serves.size < limits.servedAtOnce) {
      const node = this.#next(now)
      const piece = node === undefined ? undefined : this.#queues.get(node)?.shift()
      if (node === undefined || piece === undefined) return
      this.#toBack(node)
      const ticket = this.#out.ticket()
      if (!this.#isNear(node)) this.#flights.began(node, piece, piece.bytes, now)
      this.#serves.set(ticket, { ...piece, node, since: now, cancelled: false, over: false })
      this.#budgets.serve(node, piece.bytes, now)
      this.#gives(node, piece.bytes)
      const { encoding, index } = piece
      this.#out.emit({ type: 'pieceServe', ticket, peer: node, encoding, index })
    }
  }

  /** Whose turn it is: of those that wait and have a place, who was given least; the stuck ones only when nobody else does. */
  #next(now: Millis): NodeId | undefined {
    let least: NodeId | undefined
    let last: NodeId | undefined
    this.#affordableAt = undefined
    for (const [node, [first]] of this.#queues) {
      const far = !this.#isNear(node)
      if (this.#of(node) >= limits.servedPerPeer || (far && this.#flights.isFull(node, first?.whole === true))) continue
      const at = this.#budgets.serveAt(node, now)
      if (at === undefined || at > now) {
        this.#affordableAt = earliest(this.#affordableAt, at)
        continue
      }
      if (this.#stuck.has(node)) last ??= node
      else if (least === undefined || this.#givenTo(node) < this.#givenTo(least)) least = node
    }
    return least ?? last
  }

  #givenTo(node: NodeId): number {
    return Math.max(this.#level, this.#given.get(node) ?? 0)
  }

  #gives(node: NodeId, bytes: number): void {
    this.#level = this.#givenTo(node)
    this.#given.set(node, this.#level + bytes)
    for (const [other, given] of this.#given) if (given <= this.#level) this.#given.delete(other)
  }

  #toBack(node: NodeId): void {
    const queue = this.#queues.get(node)
    this.#queues.delete(node)
    if (queue !== undefined && queue.length > 0) this.#queues.set(node, queue)
  }

  #of(node: NodeId): number {
    let count = 0
    for (const serve of this.#serves.values()) if (serve.node === node) count += 1
    return count
  }
}

function same(a: Piece, b: Piece): boolean {
  return a.index === b.index && a.encoding === b.encoding
}
