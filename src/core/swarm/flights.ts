// Flights: pieces that were sent over the wire to members outside, until these say that they have them. Only so many are under way
// at a time: what is sent together arrives together, late, and cannot be taken back when the asker has it from elsewhere. How many that
// is, is found as TCP Vegas finds its window (Brakmo and Peterson 1995): of what is under way, the share w (1 - shortest time / time)
// only waits in some queue; the window grows while that is less than one piece, and shrinks when it is more than two.
// Invariant: nobody is kept from being served by members that confirm nothing: who never confirmed takes no place of who did, and who let a
// piece be overdue counts no more until it has confirmed more than it let be, twice as much for each that it lets be meanwhile (T19). A debt that
// is paid is forgotten: who pays and lets be in turns costs a place for a patience each time.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import { pieceScale } from './pieces.ts'

interface Flight {
  encoding: string
  index: number
  bytes: number
  since: Millis
  /** When it is not waited for any longer. */
  due: Millis
}

/** How much of a longer time the shortest one that is remembered goes up: a path may have become a longer one. */
const FORGET = 1 / 64

export class Flights {
  readonly #flights = new Map<NodeId, Flight[]>()
  /** Shortest time in which a piece of the shortest length arrived, by member. */
  readonly #shortest = new Map<NodeId, Millis>()
  /** How many pieces a member has to confirm before it counts again. */
  readonly #debts = new Map<NodeId, number>()
  /** Pieces that went to such a member, the last ones: only what was sent can be confirmed, and once. */
  readonly #uncounted = new Map<NodeId, Set<string>>()
  #window: number = limits.flightsMin
  #count = 0
  /** Of these, to members that confirmed one before. */
  #proven = 0

  /** Pieces under way. */
  get size(): number {
    return this.#count
  }

  /** No other piece may be sent to this member now. @param whole of an encoding that is all here */
  isFull(node: NodeId, whole: boolean): boolean {
    const window = whole ? Math.max(limits.flightsWhole, this.#window) : this.#window
    const count = this.#shortest.has(node) ? this.#proven : this.#count
    return count >= Math.floor(window) && !this.#debts.has(node)
  }

  /** A piece of so many bytes is about to be read and sent. */
  began(node: NodeId, { encoding, index }: { encoding: string; index: number }, bytes: number, now: Millis): void {
    if (this.#debts.has(node)) return this.#remember(node, { encoding, index })
    const flights = this.#flights.get(node) ?? []
    flights.push({ encoding, index, bytes, since: now, due: now + this.#patience(node) * pieceScale(bytes) })
    this.#flights.set(node, flights)
    this.#counted(node, 1)
  }

  /** The member says that it has a piece. @returns true when it was under way */
  landed(node: NodeId, encoding: string, index: number, now: Millis): boolean {
    if (this.#uncounted.get(node)?.delete(keyOf({ encoding, index }))) this.#pays(node)
    const flight = this.#take(node, (other) => other.index === index && other.encoding === encoding)
    if (flight === undefined) return false
    this.#measured(node, (now - flight.since) / pieceScale(flight.bytes))
    return true
  }

  /** The piece was not sent after all. */
  failed(node: NodeId, encoding: string, index: number): void {
    this.#uncounted.get(node)?.delete(keyOf({ encoding, index }))
    this.#take(node, (other) => other.index === index && other.encoding === encoding)
  }

  /** The stream with a member is gone. What was under way to it is not confirmed any more: a new stream would be cheap, too. */
  left(node: NodeId): void {
    if (this.#flights.has(node)) this.#owes(node)
    this.#uncounted.delete(node)
    this.#counted(node, -(this.#flights.get(node)?.length ?? 0))
    this.#flights.delete(node)
  }

  /** The link with a member is gone. What it owes stays: a new link would be cheap. */
  forget(node: NodeId): void {
    this.left(node)
    this.#shortest.delete(node)
  }

  /** Gives up what is overdue. */
  check(now: Millis): void {
    for (const node of [...this.#flights.keys()]) this.#checkOf(node, now)
  }

  /** This machine slept so long: nobody is to blame for that time. */
  forgive(gap: Millis): void {
    for (const flights of this.#flights.values())
      for (const flight of flights) {
        flight.since += gap
        flight.due += gap
      }
  }

  deadline(): Millis | undefined {
    let at: Millis | undefined
    for (const flights of this.#flights.values()) for (const { due } of flights) at = Math.min(at ?? due, due)
    return at
  }

  /** What is overdue may still come, and counts then as a payment. */
  #checkOf(node: NodeId, now: Millis): void {
    const overdue = () => this.#take(node, ({ due }) => now >= due)
    for (let flight = overdue(); flight !== undefined; flight = overdue()) {
      this.#owes(node)
      this.#remember(node, flight)
    }
  }

  #remember(node: NodeId, piece: Pick<Flight, 'encoding' | 'index'>): void {
    const pieces = this.#uncounted.get(node) ?? new Set()
    this.#uncounted.set(node, pieces.add(keyOf(piece)))
    for (const oldest of pieces) if (pieces.size > limits.flightDebt) pieces.delete(oldest)
  }

  #take(node: NodeId, is: (flight: Flight) => boolean): Flight | undefined {
    const flights = this.#flights.get(node)
    const place = flights?.findIndex(is) ?? -1
    if (flights === undefined || place < 0) return undefined
    const [flight] = flights.splice(place, 1)
    this.#counted(node, -1)
    if (flights.length === 0) this.#flights.delete(node)
    return flight
  }

  #counted(node: NodeId, by: number): void {
    this.#count += by
    if (this.#shortest.has(node)) this.#proven += by
  }

  #owes(node: NodeId): void {
    const debt = this.#debts.get(node) ?? 0
    this.#debts.delete(node)
    this.#debts.set(node, Math.min(limits.flightDebt, 2 * debt + 2))
    for (const oldest of this.#debts.keys()) if (this.#debts.size > limits.bannedPeers) this.#debts.delete(oldest)
  }

  #pays(node: NodeId): void {
    const debt = this.#debts.get(node)
    if (debt !== undefined && debt > 1) this.#debts.set(node, debt - 1)
    else {
      this.#debts.delete(node)
      this.#uncounted.delete(node)
    }
  }

  #measured(node: NodeId, took: Millis): void {
    // It is proven by this: so are the others of its that are under way.
    if (!this.#shortest.has(node)) this.#proven += this.#flights.get(node)?.length ?? 0
    const known = this.#shortest.get(node) ?? took
    const shortest = took < known ? took : known + FORGET * (took - known)
    this.#shortest.set(node, shortest)
    const waiting = took === 0 ? 0 : this.#window * (1 - shortest / took)
    const wasFull = this.#count + 1 >= Math.floor(this.#window)
    if (waiting > limits.flightsWaiting) this.#window -= 1 / this.#window
    else if (waiting < limits.flightsWaiting / 2 && wasFull) this.#window += 1 / this.#window
    this.#window = Math.min(limits.flightsMax, Math.max(limits.flightsMin, this.#window))
  }

  /** How long the shortest piece is waited for. */
  #patience(node: NodeId): Millis {
    const shortest = this.#shortest.get(node)
    if (shortest === undefined) return limits.requestPatienceMin
    return Math.max(limits.flightPatience, limits.requestPatienceFactor * this.#window * shortest)
  }
}

function keyOf({ encoding, index }: Pick<Flight, 'encoding' | 'index'>): string {
  return `${encoding} ${index}`
}
