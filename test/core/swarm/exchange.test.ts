import { describe, expect, it } from 'vitest'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import { emptyBits, fullBits, setBit } from '../../../src/core/swarm/bitfield.ts'
import { Alone } from './alone.ts'
import { JUNK, testEncoding } from './encodings.ts'

const WANTED = testEncoding('a', 21)
const HASH = WANTED.encoding.hash

/** A node that holds everything. */
function holder() {
  const alone = new Alone()
  alone.step((swarm) => swarm.keep(new Map([[HASH, WANTED.encoding]]), 0))
  alone.step((swarm) => swarm.imported(WANTED.encoding, WANTED.list, 0))
  return alone
}

describe('telling who holds what', () => {
  it('opens streams only when it wants something', () => {
    const alone = holder()
    alone.links.add('p')
    alone.step((swarm) => swarm.linked('p', 0))
    expect(alone.of('piecesOpen')).toEqual([])
    const other = testEncoding('b', 3)
    expect(alone.of('piecesOpen', alone.wants(WANTED, other))).toMatchObject([{ peer: 'p' }])
  })

  it('tells what it wants to every peer, and answers once with what it has', () => {
    const alone = holder()
    expect(alone.meets('p')).toEqual([])
    const answer = alone.holds('p', WANTED, emptyBits(21), true)
    expect(alone.said('bitfield', answer)).toMatchObject([
      { peer: 'p', message: { encoding: HASH, bits: fullBits(21), wants: false } },
    ])
    expect(alone.holds('p', WANTED, emptyBits(21), true)).toEqual([])
  })

  it('tells gains to those who want them and lack them', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'p')
    alone.meets('wants', 'has', 'does not')
    alone.holds('wants', WANTED, emptyBits(21), true)
    alone.holds('does not', WANTED, emptyBits(21), false)
    const { index } = alone.requests()[0] as { index: number }
    const bits = emptyBits(21)
    setBit(bits, index)
    alone.holds('has', WANTED, bits, true)
    const gained = alone.keeps(alone.sends('p', WANTED, index))
    expect(alone.said('have', gained)).toMatchObject([{ peer: 'wants', message: { index } }])
  })

  it('tells those who were told that it has pieces when they cannot be read any more, and when they can', () => {
    const alone = holder()
    alone.meets('p', 'stranger')
    alone.holds('p', WANTED, emptyBits(21), true)
    const bad = alone.step((swarm) => swarm.doubted(HASH, 'rotten', 0))
    expect(alone.said('bitfield', bad)).toMatchObject([{ peer: 'p', message: { bits: emptyBits(21) } }])
    alone.wait(limits.diskRetry + 1)
    expect(alone.said('bitfield', alone.prepared(emptyBits(21)))).toEqual([])
  })

  it('tells of a file that lost everything', () => {
    const alone = new Alone({
      holdings: [{ encoding: HASH, bits: fullBits(21) }],
      pieceLists: [{ hash: WANTED.encoding.pieceList, list: WANTED.list }],
    })
    alone.step((swarm) => swarm.keep(new Map([[HASH, WANTED.encoding]]), 0))
    alone.prepared(fullBits(21))
    alone.meets('p')
    alone.holds('p', WANTED, emptyBits(21), true)
    alone.says('p', { type: 'request', encoding: HASH, index: 4 })
    const { ticket } = alone.last('pieceServe')
    const effects = alone.step((swarm) => swarm.served(ticket, { code: 'corrupt', detail: 'rotten' }, alone.now))
    expect(alone.said('bitfield', effects)).toMatchObject([{ peer: 'p', message: { bits: emptyBits(21) } }])
  })

  it('remembers who wants what no release names yet, and tells it what is brought in then', () => {
    const alone = new Alone()
    alone.meets('p')
    expect(alone.holds('p', WANTED, emptyBits(21), true)).toEqual([])
    const effects = alone.step((swarm) => swarm.imported(WANTED.encoding, WANTED.list, alone.now))
    expect(alone.said('bitfield', effects)).toMatchObject([{ peer: 'p', message: { bits: fullBits(21) } }])
  })

  it('remembers only a few such encodings of each peer, and none that it does not want any more', () => {
    const alone = new Alone()
    alone.meets('p')
    const many = Array.from({ length: limits.unknownWants + 2 }, (_, i) => testEncoding(`u${i}`, 3))
    for (const each of many) alone.holds('p', each, emptyBits(3), true)
    alone.holds('p', many.at(-1) as typeof WANTED, emptyBits(3), false)
    const told = many.map(({ encoding, list }) =>
      alone.said(
        'bitfield',
        alone.step((swarm) => swarm.imported(encoding, list, 0)),
      ),
    )
    expect(told.map((said) => said.length)).toEqual([0, 0, ...Array(limits.unknownWants - 1).fill(1), 0])
  })

  it('answers again only who could have missed something', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'p')
    alone.meets('q')
    const toggle = () => [
      ...alone.holds('q', WANTED, emptyBits(21), false),
      ...alone.holds('q', WANTED, emptyBits(21), true),
    ]
    expect(alone.said('bitfield', toggle())).toHaveLength(1)
    expect(alone.said('bitfield', toggle())).toEqual([])
    alone.holds('q', WANTED, emptyBits(21), false)
    alone.keeps(alone.sends('p', WANTED, alone.requests()[0]?.index as number))
    expect(alone.said('bitfield', alone.holds('q', WANTED, emptyBits(21), true))).toHaveLength(1)
  })

  it('T20: cuts off who sends more bitfields of an encoding than anybody has to', () => {
    const alone = holder()
    alone.meets('p')
    const bits = (i: number) => (i % 2 === 0 ? fullBits(21) : emptyBits(21))
    for (let i = 0; i < limits.bitfieldsPerMinute; i++) alone.holds('p', WANTED, bits(i), true)
    alone.wait(MINUTE)
    for (let i = 0; i < limits.bitfieldsPerMinute; i++) alone.holds('p', WANTED, bits(i), true)
    expect(alone.refusals).toEqual([])
    expect(alone.of('piecesClose', alone.holds('p', WANTED, fullBits(21), true))).toEqual([
      { type: 'piecesClose', peer: 'p' },
    ])
    expect(alone.refusals).toEqual(['tooOften'])
  })

  it.each([
    ['what it has, again and again', { type: 'have', encoding: HASH, index: 3 }],
    ['what it has of unknown encodings', { type: 'have', encoding: JUNK, index: 3 }],
    ['what it wants of unknown encodings', { type: 'bitfield', encoding: JUNK, bits: emptyBits(3), wants: true }],
    ['cancels of nothing', { type: 'cancel', encoding: HASH, index: 3 }],
    ['refusals of nothing', { type: 'refuse', encoding: HASH, index: 3 }],
    ['requests for what is not here', { type: 'request', encoding: JUNK, index: 3 }],
  ] as const)('T20: cuts off who only sends %s', (_name, message) => {
    const alone = holder()
    alone.meets('p')
    alone.says('p', { type: 'have', encoding: HASH, index: 3 })
    for (let i = 0; i < limits.pieceIdleMessages; i++) alone.says('p', message)
    expect(alone.of('piecesClose')).toEqual([])
    alone.says('p', message)
    expect(alone.of('piecesClose')).toEqual([{ type: 'piecesClose', peer: 'p' }])
    expect(alone.refusals).toEqual(['tooOften'])
  })

  it('ignores encodings that no release names, and what they are said to hold', () => {
    const alone = holder()
    alone.meets('p')
    expect(alone.says('p', { type: 'bitfield', encoding: JUNK, bits: new Uint8Array(3), wants: true })).toEqual([])
    expect(alone.says('p', { type: 'have', encoding: JUNK, index: 4_000_000 })).toEqual([])
    const asked = alone.says('p', { type: 'request', encoding: JUNK, index: 4_000_000 })
    expect(alone.said('refuse', asked)).toHaveLength(1)
    expect(alone.refusals).toEqual([])
  })

  it.each([
    ['a bitfield that is too short', { type: 'bitfield', encoding: HASH, bits: new Uint8Array(2), wants: false }],
    ['a bitfield that is too long', { type: 'bitfield', encoding: HASH, bits: new Uint8Array(4), wants: false }],
    ['a bitfield with a spare bit', { type: 'bitfield', encoding: HASH, bits: Uint8Array.of(0, 0, 32), wants: true }],
    ['a piece beyond the end', { type: 'have', encoding: HASH, index: 21 }],
    ['a request beyond the end', { type: 'request', encoding: HASH, index: 21 }],
    ['what does not parse', undefined],
  ] as const)('T20: cuts off who sends %s', (_name, message) => {
    const alone = holder()
    alone.meets('p')
    const effects = alone.says('p', message)
    expect(effects).toEqual([{ type: 'piecesClose', peer: 'p' }])
    expect(alone.refusals).toEqual(['malformed'])
    expect(alone.says('p', { type: 'request', encoding: HASH, index: 0 })).toEqual([])
  })

  it('T20: cuts off who asks twice, and forgets what it asked for', () => {
    const alone = holder()
    alone.meets('p')
    for (const index of [0, 1, 2]) alone.says('p', { type: 'request', encoding: HASH, index })
    const effects = alone.says('p', { type: 'request', encoding: HASH, index: 2 })
    expect(alone.of('piecesClose', effects)).toHaveLength(1)
    expect(alone.refusals).toEqual(['tooOften'])
    for (const ticket of alone.tickets('pieceServe')) alone.step((swarm) => swarm.served(ticket, undefined, 0))
    expect(alone.swarm.sizes().serving).toBe(0)
  })

  it('answers every request: by the piece, or by a refusal when it was taken back', () => {
    const alone = holder()
    alone.meets('p')
    for (const index of [0, 1, 2]) alone.says('p', { type: 'request', encoding: HASH, index })
    const taken = alone.says('p', { type: 'cancel', encoding: HASH, index: 2 })
    expect(alone.said('refuse', taken)).toMatchObject([{ peer: 'p', message: { index: 2 } }])
    expect(alone.says('p', { type: 'cancel', encoding: HASH, index: 0 })).toEqual([])
  })

  it('refuses what it does not have, and what its disk cannot read; then it looks at the whole file again', () => {
    const alone = holder()
    alone.meets('p')
    alone.says('p', { type: 'request', encoding: HASH, index: 4 })
    const { ticket } = alone.last('pieceServe')
    const effects = alone.step((swarm) => swarm.served(ticket, { code: 'corrupt', detail: 'rotten' }, alone.now))
    expect(alone.said('refuse', effects)).toHaveLength(1)
    expect(alone.swarm.isComplete(HASH)).toBe(false)
    expect(alone.said('refuse', alone.says('p', { type: 'request', encoding: HASH, index: 5 }))).toHaveLength(1)
    alone.wait(limits.diskRetry + 1)
    const bits = fullBits(21)
    bits[0] = 0xef
    alone.prepared(bits)
    expect(alone.swarm.progress(HASH)).toMatchObject({ have: 20, problem: undefined })
    expect(alone.said('refuse', alone.says('p', { type: 'request', encoding: HASH, index: 4 }))).toHaveLength(1)
  })

  it('keeps a place for those who fetch: an idle stream gives way', () => {
    const alone = holder()
    const peers = Array.from({ length: limits.pieceStreams }, (_, i) => `p${i}`)
    alone.meets(...peers)
    expect(alone.of('piecesClose', alone.meets('early'))).toMatchObject([{ peer: 'early' }])
    alone.wait(limits.linkProven)
    alone.says('p0', { type: 'have', encoding: HASH, index: 0 })
    expect(alone.of('piecesClose', alone.meets('late'))).toMatchObject([{ peer: 'p1' }])
    expect(alone.swarm.sizes().streams).toBe(limits.pieceStreams)
  })

  it('opens a lost stream again, later each time, while there is something to do', () => {
    const alone = new Alone()
    alone.wants(WANTED)
    alone.links.add('p')
    alone.step((swarm) => swarm.linked('p', 0))
    const pauses: number[] = []
    for (let i = 0; i < 12; i++) {
      alone.step((swarm) => swarm.closed('p', alone.now))
      const from = alone.now
      const opened = alone.of('piecesOpen').length
      while (alone.of('piecesOpen').length === opened) alone.wait(100)
      pauses.push(alone.now - from)
    }
    expect(pauses[0]).toBeLessThan(2 * limits.pieceRestMin)
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(limits.pieceRestMax / 2)
    expect(pauses.at(-1)).toBeLessThanOrEqual(1.5 * limits.pieceRestMax + 100)
  })

  it('gives up a stream on which nobody reported', () => {
    const alone = new Alone()
    alone.wants(WANTED)
    alone.links.add('p')
    alone.step((swarm) => swarm.linked('p', 0))
    alone.wait(limits.dialForgotten + 2 * limits.pieceRestMin)
    expect(alone.of('piecesOpen')).toHaveLength(2)
  })

  it('forgets a peer whose link is gone', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'p')
    expect(alone.swarm.progress(HASH)).toMatchObject({ providers: 1, problem: undefined })
    alone.links.delete('p')
    alone.step((swarm) => swarm.unlinked('p', 0))
    expect(alone.swarm.sizes()).toMatchObject({ peers: 0, streams: 0, requestBytes: 0 })
    alone.wait(limits.providerSearchPeriod)
    expect(alone.swarm.progress(HASH)).toMatchObject({ providers: 0, problem: 'noProvider' })
  })
})
