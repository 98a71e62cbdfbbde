import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../../src/core/limits.ts'
import { Flights } from '../../../src/core/swarm/flights.ts'

const BYTES = limits.pieceBytesMin
const ENCODING = 'ab'.repeat(32)

interface Wire {
  /** ms for a piece, one after the other, and to confirm it. */
  each: number
  delay: number
  /** That always want more, and confirmed one each. */
  members?: number
  /** Besides them, that confirm so long after they were sent it. */
  late?: number
  after?: number
  pieces?: number
}

/** Returns what was under way whenever one was confirmed, the share of the time that the wire was busy, and what each member had. */
function over({ each, delay, members = 8, late = 0, after = 0, pieces = 400 }: Wire) {
  const flights = new Flights()
  const landings: { node: string; index: number; at: number }[] = []
  const seen: number[] = []
  const had = new Map<string, number>()
  let [now, free, next, busy] = [0, 0, 0, 0]
  const names = Array.from({ length: members + late }, (_, i) => `n${i}`)
  const begin = (node: string) => {
    had.set(node, (had.get(node) ?? 0) + 1)
    flights.began(node, { encoding: ENCODING, index: next }, BYTES, now)
    free = Math.max(free, now) + each
    busy += each
    const confirms = names.indexOf(node) < members ? 0 : now + after
    landings.push({ node, index: next++, at: Math.max(free + delay, confirms) })
  }
  const land = () => {
    landings.sort((a, b) => a.at - b.at)
    const first = landings[0] as (typeof landings)[number]
    const wakes = flights.deadline() ?? first.at
    if (wakes < first.at) {
      now = Math.max(now, wakes)
      return flights.check(now)
    }
    const { node, index, at } = first
    landings.shift()
    now = at
    flights.landed(node, ENCODING, index, now)
    seen.push(flights.size + 1)
  }
  const least = (a: string, b: string) => (had.get(a) ?? 0) - (had.get(b) ?? 0)
  for (const node of names) {
    begin(node)
    while (landings.length > 0) land()
  }
  const since = now
  busy = 0
  had.clear()
  while (next < pieces) {
    const fits = () => names.toSorted(least).find((node) => !flights.isFull(node, false))
    for (let node = fits(); node !== undefined && next < pieces; node = fits()) begin(node)
    land()
  }
  return { seen: seen.slice(pieces / 2), used: busy / (free - since), had }
}

describe('what is under way over a wire (PIECES 8)', () => {
  it.each([
    [100, 20],
    [100, 100],
    [100, 400],
    [20, 100],
    [800, 50],
  ])('keeps a wire busy that takes %i ms for a piece and %i ms to confirm it, and no more than that', (each, delay) => {
    const { seen, used } = over({ each, delay })
    expect(used).toBeGreaterThan(0.9)
    expect(Math.max(...seen)).toBeLessThanOrEqual(Math.ceil((each + delay) / each) + limits.flightsWaiting + 1)
  })

  it.each([
    [limits.flightPatience - 1, 4],
    [limits.requestPatienceMin - 1, 4],
    [limits.requestPatienceMin - 1, 8],
  ])(
    'is kept from nobody by who confirms it after %i ms, just before it is overdue, %i of twelve (T19)',
    (after, late) => {
      const wire = { each: 100, delay: 50, pieces: 1_000 }
      const { used, had } = over({ ...wire, members: 12 - late, late, after })
      expect(used).toBeGreaterThan(0.8)
      const honest = [...had].slice(0, 12 - late).map(([, pieces]) => pieces)
      expect(Math.min(...honest)).toBeGreaterThan((0.95 * 1_000) / 12)
    },
  )

  it('has bounds', () => {
    expect(Math.max(...over({ each: 1, delay: 5_000, members: 1 }).seen)).toBe(limits.flightsMax)
    const flights = new Flights()
    for (let index = 0; index < limits.flightsMin; index++) flights.began('a', { encoding: ENCODING, index }, BYTES, 0)
    expect([flights.isFull('a', false), flights.isFull('a', true)]).toEqual([true, false])
  })

  it('is not waited for longer than anybody who asks does', () => {
    const flights = new Flights()
    const begin = (index: number, now: number) => flights.began('slow', { encoding: ENCODING, index }, BYTES, now)
    begin(0, 0)
    flights.landed('slow', ENCODING, 0, limits.requestPatienceMin - 1)
    begin(1, 20 * SECOND)
    flights.check(flights.deadline() as number)
    expect(flights.deadline()).toBe(20 * SECOND + limits.requestPatienceMax)
  })

  it('counts who does not confirm once, and then no more until it confirms more than that', () => {
    const flights = new Flights()
    const begin = (node: string, index: number, now: number) =>
      flights.began(node, { encoding: ENCODING, index }, BYTES, now)
    for (let index = 0; index < limits.flightsMin; index++) begin('mute', index, 0)
    expect([flights.isFull('mute', false), flights.deadline()]).toEqual([true, limits.requestPatienceMin])
    flights.check(limits.requestPatienceMin)
    expect([flights.isFull('mute', false), flights.size, flights.deadline()]).toEqual([false, 0, undefined])
    flights.forget('mute')
    for (let index = 0; index < 50; index++) begin('mute', index, 20 * SECOND)
    expect([flights.isFull('mute', false), flights.size]).toEqual([false, 0])
    // Two overdue pieces: 2, and twice that and 2.
    for (let index = 0; index < 6; index++) {
      begin('mute', index, 21 * SECOND)
      expect(flights.size).toBe(0)
      flights.landed('mute', ENCODING, index, 21 * SECOND)
    }
    begin('mute', 60, 22 * SECOND)
    expect(flights.size).toBe(1)
  })

  it('takes for a payment only what was sent, each piece once (T19)', () => {
    const flights = new Flights()
    const begin = (index: number, now: number) => flights.began('mute', { encoding: ENCODING, index }, BYTES, now)
    for (let index = 0; index < limits.flightsMin; index++) begin(index, 0)
    flights.check(limits.requestPatienceMin)
    for (let index = 100; index < 200; index++) flights.landed('mute', ENCODING, index, 20 * SECOND)
    begin(2, 20 * SECOND)
    for (let times = 0; times < 100; times++) flights.landed('mute', ENCODING, 2, 21 * SECOND)
    begin(3, 22 * SECOND)
    expect(flights.size).toBe(0)
    for (const index of [0, 1, 3, 4, 5]) {
      begin(index, 23 * SECOND)
      flights.landed('mute', ENCODING, index, 23 * SECOND)
    }
    begin(6, 24 * SECOND)
    expect(flights.size).toBe(1)
  })

  it('lets nobody out of what it did not confirm by a new stream', () => {
    const flights = new Flights()
    const begin = (index: number, now: number) => flights.began('mute', { encoding: ENCODING, index }, BYTES, now)
    begin(0, 0)
    flights.landed('mute', ENCODING, 0, 100)
    begin(1, 200)
    begin(2, 200)
    flights.left('mute')
    begin(1, 300)
    expect(flights.size).toBe(0)
  })

  it('keeps no place of those who confirmed from them, however many never do (T19)', () => {
    const flights = new Flights()
    const begin = (node: string, index: number) => flights.began(node, { encoding: ENCODING, index }, BYTES, 0)
    begin('honest', 0)
    flights.landed('honest', ENCODING, 0, 100)
    for (let i = 0; i < 10; i++) begin(`mute${i}`, i)
    expect([flights.isFull('honest', false), flights.isFull('new', false)]).toEqual([false, true])
    for (let index = 0; !flights.isFull('honest', false); index++) begin('honest', index)
    expect(flights.size).toBe(10 + limits.flightsMin)
    flights.forget('honest')
    expect(flights.size).toBe(10)
  })

  it('ends with the stream, with what was not sent, and waits longer after a sleep', () => {
    const flights = new Flights()
    flights.began('a', { encoding: ENCODING, index: 0 }, BYTES, 0)
    flights.began('b', { encoding: ENCODING, index: 1 }, BYTES, 0)
    flights.forgive(5 * SECOND)
    expect(flights.deadline()).toBe(limits.requestPatienceMin + 5 * SECOND)
    flights.left('a')
    flights.failed('b', ENCODING, 1)
    expect([flights.size, flights.deadline()]).toEqual([0, undefined])
  })
})
