import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Serving } from '../../../src/core/swarm/serving.ts'

const ENCODING = 'ab'.repeat(32)
const piece = (index: number) => ({ encoding: ENCODING, index })

function setUp(isNear = () => true) {
  const out = new Outbox()
  const serving = new Serving(out, isNear, { serveAt: (_, now) => now, serve: () => undefined })
  const serves = () => out.drain().flatMap((effect) => (effect.type === 'pieceServe' ? [effect] : []))
  const ask = (node: string, ...indexes: number[]) =>
    indexes.map((index) => serving.asked(node, piece(index), limits.pieceBytesMin, 0))
  return { serving, serves, ask }
}

describe('serving', () => {
  it('serves a few at a time: of one peer, and in all', () => {
    const { serves, ask } = setUp()
    ask('a', 0, 1, 2, 3)
    expect(serves().map(({ index }) => index)).toEqual([0, 1])
    for (const node of ['b', 'c', 'd']) ask(node, 0, 1, 2)
    expect(serves()).toHaveLength(limits.servedAtOnce - limits.servedPerPeer)
  })

  it('keeps what waits for the wire where it can be taken back, until members outside confirm what they got', () => {
    const { serving, serves, ask } = setUp(() => false)
    for (const node of ['a', 'b', 'c', 'd']) ask(node, 0)
    const first = serves()
    expect(first).toHaveLength(limits.flightsMin)
    for (const { ticket } of first) serving.served(ticket, 1)
    expect(serves()).toEqual([])
    expect(serving.cancelled('c', piece(0))).toBe(true)
    serving.landed('a', piece(0), 10)
    expect(serves().map(({ peer }) => peer)).toEqual(['d'])
    serving.left('b', 20)
    ask('e', 0)
    expect(serves().map(({ peer }) => peer)).toEqual(['e'])
  })

  it('goes round over those who wait', () => {
    const { serving, serves, ask } = setUp()
    ask('a', 0, 1, 2, 3, 4, 5)
    ask('b', 0, 1)
    ask('c', 0, 1)
    const first = serves()
    expect(first.map(({ peer }) => peer).join('')).toBe('aabbcc')
    ask('d', 0)
    for (const { ticket } of first.filter(({ peer }) => peer === 'a')) serving.served(ticket, 1)
    expect(
      serves()
        .map(({ peer }) => peer)
        .sort()
        .join(''),
    ).toBe('ad')
  })

  it('T20: cuts off who asks twice, or for more than anybody does', () => {
    const { ask } = setUp()
    expect(ask('a', 0, 1, 2, 0)).toEqual([undefined, undefined, undefined, 'twice'])
    expect(ask('a', 2)).toEqual(['twice'])
    const many = Array.from({ length: limits.requestsQueued + 5 }, (_, i) => i + 10)
    expect(ask('b', ...many).filter((problem) => problem === 'tooMany').length).toBeGreaterThan(0)
  })

  it('takes back what waits, and lets what is on its way be asked for again', () => {
    const { serving, serves, ask } = setUp()
    ask('a', 0, 1, 2)
    expect(serving.cancelled('a', piece(2))).toBe(true)
    expect(serving.cancelled('a', piece(2))).toBe(false)
    expect(serving.cancelled('a', piece(0))).toBe(false)
    expect(ask('a', 0)).toEqual([undefined])
    expect(serves().map(({ index }) => index)).toEqual([0, 1])
    expect(serving.size).toBe(2)
  })

  it('T26: peers that never read block the others only for a time, and then wait behind them', () => {
    const { serving, serves, ask } = setUp()
    for (const node of ['x', 'y', 'z']) ask(node, 0, 1, 2, 3)
    expect(serves()).toHaveLength(limits.servedAtOnce)
    ask('honest', 0)
    expect(serving.check(limits.requestPatienceMax - 1)).toEqual([])
    const closed = serving.check(limits.requestPatienceMax)
    expect(closed).toHaveLength(1)
    serving.left(closed[0] as string, limits.requestPatienceMax)
    serving.check(limits.requestPatienceMax + limits.dialForgotten)
    expect(serves()[0]?.peer).toBe('honest')
  })

  it('does not blame slow readers while anything gets done', () => {
    const { serving, serves, ask } = setUp()
    for (const node of ['x', 'y', 'z']) ask(node, 0, 1, 2, 3)
    const first = serves()
    ask('honest', 0)
    serving.served(first[0]?.ticket as number, limits.requestPatienceMax - 1)
    expect(serving.check(limits.requestPatienceMax)).toEqual([])
    expect(serving.deadline()).toBeGreaterThan(limits.requestPatienceMax)
  })

  it('closes a stream whose peer never reads, even when nobody waits, and forgets what is not reported', () => {
    const { serving, ask } = setUp()
    ask('x', 0)
    expect(serving.check(limits.serveTimeout)).toEqual(['x'])
    serving.left('x', limits.serveTimeout)
    expect(serving.check(limits.serveTimeout)).toEqual([])
    serving.check(limits.serveTimeout + limits.dialForgotten)
    expect(serving.size).toBe(0)
  })

  it('lets a longer piece take as many times longer', () => {
    const { serving } = setUp()
    serving.asked('x', piece(0), 4 * limits.pieceBytesMin, 0)
    expect(serving.check(4 * limits.serveTimeout - 1)).toEqual([])
    expect(serving.check(4 * limits.serveTimeout)).toEqual(['x'])
  })

  it('blames nobody for the time in which this machine slept', () => {
    const { serving, ask } = setUp()
    ask('x', 0)
    serving.forgive(limits.serveTimeout)
    expect(serving.check(2 * limits.serveTimeout - 1)).toEqual([])
    expect(serving.check(2 * limits.serveTimeout)).toEqual(['x'])
  })

  it('a peer that comes back on a new stream may ask for what the old one did not bring', () => {
    const { serving, ask } = setUp()
    ask('a', 0, 1, 2)
    serving.left('a', 5)
    expect(ask('a', 0, 2)).toEqual([undefined, undefined])
  })

  it('names what nobody can give any more', () => {
    const { serving, ask } = setUp()
    ask('a', 0, 1, 2, 3)
    expect(serving.ended(ENCODING)).toEqual([
      { ...piece(2), node: 'a' },
      { ...piece(3), node: 'a' },
    ])
    expect(serving.size).toBe(2)
  })
})
