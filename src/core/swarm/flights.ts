// Flights: pieces that were sent over the wire to members outside, until these say that they have them. Only so many are under way
// at a time (window.ts): what is sent together arrives together, late, and cannot be taken back when the asker has it from elsewhere.
// Invariant: nobody is kept from being served by members that confirm nothing, or late (T19): who never confirmed takes no place of who did;
// a piece keeps its place from others only for twice as long as the quickest quarter of the members needs; and who let one be overdue takes none until
// its debt is paid (debts.ts).
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import { Debts } from './debts.ts'
import { pieceScale } from './pieces.ts'
import { Window } from './window.ts'

interface Flight {
  encoding: string
  index: number
  bytes: number
  since: Millis
  /** When it is not waited for any longer. */
  due: Millis
  /** It took so long that it keeps no place from others. */
  faded: boolean
}

export class Flights {
  readonly #flights = new Map<NodeId, Flight[]>()
  readonly #window = new Window()
  readonly #debts = new Debts()
  /** Pieces that went to a member that owes some, the last ones: only what was sent can be confirmed, and once. */
  readonly #uncounted = new Map<NodeId, Set<string>>()

  /** Pieces under way that have a place. */
  get size(): number {
    return this.#held()
  }

  /** No other piece may be sent to this member now. @param whole of an encoding that is all here */
  isFull(node: NodeId, whole: boolean): boolean {
    if (this.#debts.has(node)) return false
    return this.#held(this.#window.isProven(node)) >= this.#window.places(whole)
  }

  /** A piece of so many bytes is about to be read and sent. */
  began(node: NodeId, { encoding, index }: { encoding: string; index: number }, bytes: number, now: Millis): void {
    if (this.#debts.has(node)) return this.#remember(node, { encoding, index })
    const flights = this.#flights.get(node) ?? []
    const due = now + this.#window.patience(node) * pieceScale(bytes)
    flights.push({ encoding, index, bytes, since: now, due, faded: false })
    this.#flights.set(node, flights)
  }

  /** The member says that it has a piece. @returns true when it was under way */
  landed(node: NodeId, encoding: string, index: number, now: Millis): boolean {
    if (this.#uncounted.get(node)?.delete(keyOf({ encoding, index })) && this.#debts.pays(node))
      this.#uncounted.delete(node)
    const wasFull = this.size >= this.#window.places(false)
    const flight = this.#take(node, (other) => other.index === index && other.encoding === encoding)
    if (flight === undefined) return false
    this.#debts.kept(node)
    this.#window.measured(node, (now - flight.since) / pieceScale(flight.bytes), wasFull)
    return true
  }

  /** The piece was not sent after all. */
  failed(node: NodeId, encoding: string, index: number): void {
    this.#uncounted.get(node)?.delete(keyOf({ encoding, index }))
    this.#take(node, (other) => other.index === index && other.encoding === encoding)
  }

  /** The stream with a member is gone. What was under way to it is not confirmed any more: a new stream would be cheap, too. */
  left(node: NodeId): void {
    if (this.#flights.delete(node)) this.#debts.owes(node)
    this.#uncounted.delete(node)
  }

  /** The link with a member is gone. What it owes stays: a new link would be cheap. */
  forget(node: NodeId): void {
    this.left(node)
    this.#window.forget(node)
  }

  /** Gives up what is overdue, and gives places to others that were held for long. */
  check(now: Millis): void {
    for (const [node, flights] of [...this.#flights]) {
      for (const flight of flights) flight.faded ||= now >= this.#fadesAt(flight)
      this.#checkOf(node, now)
    }
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
    for (const flights of this.#flights.values())
      for (const flight of flights) {
        const next = flight.faded ? flight.due : Math.min(flight.due, this.#fadesAt(flight))
        at = Math.min(at ?? next, next)
      }
    return at
  }

  /** What is overdue may still come, and counts then as a payment. */
  #checkOf(node: NodeId, now: Millis): void {
    const overdue = () => this.#take(node, ({ due }) => now >= due)
    for (let flight = overdue(); flight !== undefined; flight = overdue()) {
      this.#debts.owes(node)
      this.#remember(node, flight)
    }
  }

  #fadesAt({ since, bytes }: Flight): Millis {
    return since + limits.flightHeld * this.#window.quick * pieceScale(bytes)
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
    if (flights.length === 0) this.#flights.delete(node)
    return flight
  }

  /** @param proven only by members that confirmed one before */
  #held(proven = false): number {
    let held = 0
    for (const [node, flights] of this.#flights) {
      if (proven && !this.#window.isProven(node)) continue
      for (const { faded } of flights) held += faded ? 0 : 1
    }
    return held
  }
}

function keyOf({ encoding, index }: Pick<Flight, 'encoding' | 'index'>): string {
  return `${encoding} ${index}`
}
