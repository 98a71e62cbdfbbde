// T19 without `swarm.each`: who takes all and gives none gets what it would get if it behaved, whatever it confirms and however much it asks
// for, since whoever was given least is next. So there is no bound for each member by default, as in a BitTorrent client.
import { expect, it } from 'vitest'
import type { Millis } from '../../../src/core/env.ts'
import { limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Serving } from '../../../src/core/swarm/serving.ts'
import { EventQueue } from '../../sim/queue.ts'

const ENCODING = 'ab'.repeat(32)
/** Parts of the shortest piece. */
const PARTS = 4
/** ms that the wire takes for the shortest piece, and until it is there. */
const [EACH, DELAY] = [100, 30]

interface Manners {
  /** Requests that it has out. */
  asks: number
  /** After how long it confirms a piece that is there; undefined: never. */
  confirms: Millis | undefined
  /** Its link is cut and made again this often. */
  returns?: Millis
  /** So many times the shortest length. */
  length?: number
}

const HONEST: Manners = { asks: limits.requestsPerPeer, confirms: 0 }

/** The wire takes parts of pieces, of all members that something goes to in turn, as links do. */
class Wire {
  readonly #queue: EventQueue
  readonly #under = new Map<string, { parts: number; sent: () => void }[]>()
  #busy = false

  constructor(queue: EventQueue) {
    this.#queue = queue
  }

  send(peer: string, length: number, sent: () => void): void {
    this.#under.set(peer, [...(this.#under.get(peer) ?? []), { parts: PARTS * length, sent }])
    this.#next()
  }

  #next(): void {
    const [peer, pieces] = this.#under.entries().next().value ?? []
    const first = pieces?.[0]
    if (this.#busy || peer === undefined || pieces === undefined || first === undefined) return
    this.#busy = true
    this.#under.delete(peer)
    first.parts -= 1
    if (first.parts === 0) pieces.shift()
    if (pieces.length > 0) this.#under.set(peer, pieces)
    this.#queue.after(EACH / PARTS, () => {
      this.#busy = false
      if (first.parts === 0) first.sent()
      this.#next()
    })
  }
}

/** How many times the shortest piece each had after so long over one wire. */
async function served(members: readonly Manners[], whole: boolean, time: Millis): Promise<number[]> {
  const [queue, out] = [new EventQueue(), new Outbox()]
  const serving = new Serving(out, () => false, { serveAt: (_, now) => now, serve: () => undefined })
  const had = members.map(() => 0)
  const asked = members.map(() => 0)
  const lengthOf = (member: number) => members[member]?.length ?? 1
  const wire = new Wire(queue)
  const ask = (member: number) => {
    const piece = { encoding: ENCODING, index: (asked[member] as number)++ % limits.pieces, whole }
    serving.asked(String(member), piece, limits.pieceBytesMin * lengthOf(member), queue.now)
  }
  const arrives = (member: number, index: number) => {
    had[member] = (had[member] as number) + lengthOf(member)
    const { confirms } = members[member] as Manners
    const piece = { encoding: ENCODING, index }
    if (confirms !== undefined)
      queue.after(confirms, () => step(() => serving.landed(String(member), piece, queue.now)))
    step(() => ask(member))
  }
  const step = (change: () => void) => {
    change()
    serving.check(queue.now)
    for (const effect of out.drain()) {
      if (effect.type !== 'pieceServe') continue
      const { ticket, peer, index } = effect
      wire.send(peer, lengthOf(Number(peer)), () => {
        step(() => serving.served(ticket, queue.now))
        queue.after(DELAY, () => arrives(Number(peer), index))
      })
    }
  }
  const tick = () => {
    step(() => undefined)
    queue.after(50, tick)
  }
  const again = (member: number, every: Millis): void =>
    queue.after(every, () => {
      step(() => {
        serving.left(String(member), queue.now)
        serving.forget(String(member))
      })
      for (let i = 0; i < (members[member] as Manners).asks; i++) step(() => ask(member))
      again(member, every)
    })
  for (const [member, { asks, returns }] of members.entries()) {
    for (let i = 0; i < asks; i++) step(() => ask(member))
    if (returns !== undefined) again(member, returns)
  }
  tick()
  await queue.run(time)
  return had
}

it.each<[string, Manners, number?]>([
  ['confirms each at once', { asks: limits.requestsQueued, confirms: 0 }],
  ['confirms none', { asks: limits.requestsQueued, confirms: undefined }],
  ['confirms each just before it is overdue', { asks: limits.requestsQueued, confirms: limits.flightPatience - 200 }],
  ['confirms some too late', { asks: limits.requestsQueued, confirms: 3 * SECOND }],
  ['asks for long pieces', { asks: limits.requestsQueued, confirms: 0, length: 4 }, 0.75],
  ['comes back every 5 s', { asks: limits.requestsQueued, confirms: undefined, returns: 5 * SECOND }],
])('T19 who takes all, gives none and %s gets no more than its part', async (_what, taker, least = 0.95) => {
  const time = 5 * MINUTE
  for (const [takers, whole] of [
    [1, true],
    [6, true],
    [1, false],
    [6, false],
  ] as const) {
    const [a = 0, b = 0, ...theirs] = await served([HONEST, HONEST, ...Array<Manners>(takers).fill(taker)], whole, time)
    const part = time / EACH / (2 + takers)
    expect(Math.min(a, b)).toBeGreaterThan(least * part)
    for (const its of theirs) expect(its).toBeLessThan((2 - least) * part)
  }
})
