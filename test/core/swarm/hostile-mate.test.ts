import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../../src/core/limits.ts'
import { emptyBits, setBit } from '../../../src/core/swarm/bitfield.ts'
import { Alone } from './alone.ts'
import { testEncoding } from './encodings.ts'

/** A node with a mate on its LAN, which wants the same, and others outside. */
function withMate() {
  const linkOf = (peer: string) => {
    const route = peer === 'mate' ? ('lan' as const) : ('direct' as const)
    return { peer, zone: '/a', address: '', direction: 'outbound' as const, route, since: 0 }
  }
  return new Alone(undefined, { links: { all: () => [].values(), get: linkOf, wantFor: () => undefined } })
}

describe('beside a mate', () => {
  it('a claim that is made and taken back without end cuts it off (T20)', () => {
    const wanted = testEncoding('a', 8)
    const { hash: encoding } = wanted.encoding
    const alone = withMate()
    alone.fetches(wanted, 'outside')
    alone.meets('mate')
    alone.holds('mate', wanted, emptyBits(8), true)
    for (let index = 0; index < 8; index++) alone.says('mate', { type: 'claim', encoding, index, passOn: true })
    let times = 0
    for (; times <= limits.pieceIdleMessages && alone.of('piecesClose').length === 0; times++) {
      alone.says('mate', { type: 'unclaim', encoding, index: 3 })
      alone.says('mate', { type: 'claim', encoding, index: 3, passOn: true })
    }
    expect([times, alone.refusals]).toEqual([limits.pieceIdleMessages + 1, ['tooOften']])
  })

  it('a slow member outside is asked again as soon as what is asked of it would not only wait there', () => {
    const wanted = testEncoding('a', 8)
    const alone = withMate()
    const [first] = alone.requests(alone.fetches(wanted, 'slow'))
    alone.meets('mate', 'quick')
    alone.holds('mate', wanted, emptyBits(8), true)
    const gives = (peer: string, index: number) => alone.keeps(alone.sends(peer, wanted, index))
    const one = emptyBits(8)
    const its = first?.index === 0 ? 1 : 0
    setBit(one, its)
    alone.holds('quick', wanted, one)
    alone.wait(100)
    gives('quick', its)
    alone.wait(20 * SECOND - 100)
    gives('slow', first?.index as number)
    const [second] = alone.requests(alone.wait(20 * SECOND))
    alone.wait(4 * SECOND)
    gives('slow', second?.index as number)
    // It took 20 s and 5 s: what is asked of it now would come in 16.25 s, and the others may have it before.
    expect(alone.requests(alone.wait(15_200))).toEqual([])
    expect(alone.requests(alone.wait(100))).toMatchObject([{ peer: 'slow' }])
  })
})
