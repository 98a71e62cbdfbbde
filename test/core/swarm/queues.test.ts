// What is asked of all members outside together, where mates share the wire (limits.sharedQueues): whoever is not asked because of that is
// asked when the queues have run dry, and who gives nothing keeps nobody from being asked.
import { expect, it } from 'vitest'
import { limits, SECOND } from '../../../src/core/limits.ts'
import { emptyBits, setBit } from '../../../src/core/swarm/bitfield.ts'
import { Alone } from './alone.ts'
import { testEncoding } from './encodings.ts'
import { Sites } from './sites.ts'

const WANTED = testEncoding('a', 100)
/** Each needs a second for a piece: as many as fill the queues. */
const OTHERS = Array.from({ length: limits.sharedQueues / SECOND }, (_, i) => `other${i}`)

/** `last` and the others gave a piece each after a second; a mate wants all, and has nothing. The others hold as many pieces as they are told to. */
function site(each: number) {
  const linked = ['mate', 'last', ...OTHERS].map((peer) => ({
    ...{ peer, zone: '/a', address: '', direction: 'outbound' as const, since: 0 },
    route: peer === 'mate' ? ('lan' as const) : ('direct' as const),
  }))
  const get = (name: string) => linked.find(({ peer }) => peer === name)
  const alone = new Alone(undefined, { links: { all: () => linked.values(), get, wantFor: () => undefined } })
  alone.fetches(WANTED, 'last')
  alone.meets('mate', ...OTHERS)
  alone.holds('mate', WANTED, emptyBits(WANTED.hashes.length), true)
  for (const [place, peer] of OTHERS.entries()) {
    const bits = emptyBits(WANTED.hashes.length)
    for (let i = 0; i < each; i++) setBit(bits, 1 + place * each + i)
    alone.holds(peer, WANTED, bits)
  }
  const first = alone.requests()
  expect(new Set(first.map(({ peer }) => peer))).toEqual(new Set(['last', ...OTHERS]))
  alone.now += SECOND
  const given = first.toSorted((a, b) => Number(a.peer === 'last') - Number(b.peer === 'last'))
  const asked = given.flatMap(({ peer, index }) => {
    const sent = alone.sends(peer, WANTED, index)
    return [...alone.requests(sent), ...alone.requests(alone.keeps(sent))]
  })
  return { alone, asked }
}

it('who was not asked since the queues were long is asked when they have run dry, though nothing else happens then', () => {
  const { alone, asked } = site(2)
  expect(new Set(asked.map(({ peer }) => peer))).toEqual(new Set(OTHERS))
  alone.now += SECOND
  for (const { peer, index } of asked) alone.keeps(alone.sends(peer, WANTED, index))
  const later = alone.requests(alone.wait(limits.sharedQueues))
  expect(later.map(({ peer }) => peer)).toContain('last')
})

it('who lets what it was asked for lapse keeps nobody from being asked', () => {
  const { alone, asked } = site(20)
  expect(asked.map(({ peer }) => peer)).not.toContain('last')
  const lapsed = alone.requests(alone.wait(limits.requestPatienceMin + 1))
  const given = lapsed.find(({ peer }) => peer === 'last')
  expect(given).toBeDefined()
  const next = alone.requests(alone.sends('last', WANTED, given?.index as number))
  expect(next.map(({ peer }) => peer)).toContain('last')
})

it('long pieces fill the queues as short ones do, and not four times as soon', async () => {
  for (const seed of [1, 2]) {
    const sites = new Sites({ sites: 3, nodes: 4, exchange: true, pieces: 128, scale: 4, seed })
    expect(await sites.run()).toBeLessThan(1.2 * sites.bound)
    expect(Math.max(...sites.copies)).toBeLessThanOrEqual(1.02)
  }
})
