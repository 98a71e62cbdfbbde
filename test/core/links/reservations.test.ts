import { describe, expect, it } from 'vitest'
import { limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { reachWorld } from './reach-world.ts'

const OWN = '/ip4/192.168.1.5/tcp/31415'
const at = (host: string) => `/ip4/${host}/tcp/31415`
const through = (relay: string) => `${at('5.5.5.5')}/p2p/${relay}/p2p-circuit`

const PATH = { address: at('7.7.7.7'), direction: 'outbound', route: 'direct' } as const

/** A node behind a NAT that is linked to these relays, each on a host of its own. */
function behindNat(...relays: string[]) {
  const world = reachWorld()
  world.reach.listening([OWN], 0)
  for (const [i, relay] of relays.entries()) {
    world.know(relay, [at(`5.5.5.${i}`)], { relays: true })
    world.link(relay, 0, { address: at(`5.5.5.${i}`) })
    world.step(0, () => world.reach.observed(relay, '/ip4/80.1.1.1/tcp/1024', 0))
  }
  const reserved = () => world.of('reserve').map(({ relay }) => relay)
  return { ...world, reserved }
}

describe('a node behind a NAT', () => {
  it('asks two of the members that relay, on different hosts, and tells of the addresses', () => {
    const { reach, self, reserved, step, spread, run, know, link } = behindNat('r0', 'r1')
    know('r2', [at('5.5.5.0')], { relays: true })
    link('r2', 1, { address: at('5.5.5.0') })
    expect(reserved().sort()).toEqual(['r0', 'r1'])
    step(50, () => reach.reserved('r0', [through('r0')], 50))
    step(60, () => reach.reserved('r1', [through('r1')], 60))
    run(60, SECOND)
    expect(self.addresses).toEqual([OWN, through('r0'), through('r1')])
    expect(spread.filter((time) => time >= 50 && time <= 60 + limits.reachTellDelay)).toHaveLength(1)
    expect(reach.snapshot().reservations.map(({ relay }) => relay)).toEqual(['r0', 'r1'])
  })

  it('goes to the next when one is full, and leaves that one alone for minutes', () => {
    const { reach, reserved, step, run } = behindNat('r0', 'r1', 'r2')
    const [first, second] = reserved()
    step(50, () => reach.unreserved(first as string, 'full', '32 of 32', 50))
    const third = reserved().at(-1) as string
    expect([first, second]).not.toContain(third)
    step(60, () => reach.reserved(second as string, ['/a'], 60))
    step(60, () => reach.unreserved(third, 'full', '32 of 32', 60))
    run(60, 0.4 * limits.relayFullPause)
    expect(reserved()).toHaveLength(3)
    expect(reach.snapshot().waiting.map(({ why }) => why)).toEqual(['full', 'full'])
    run(0.4 * limits.relayFullPause, 2 * limits.relayFullPause)
    expect(reserved().length).toBeGreaterThan(3)
  })

  it('asks the only one at once when it is back, however often it was started anew', () => {
    const { reach, reserved, step, link, unlink } = behindNat('only')
    for (let round = 1; round <= 6; round++) {
      const now = round * 3 * SECOND
      step(now, () => reach.reserved('only', [through('only')], now))
      unlink('only', now + 1_000)
      link('only', now + 1_500, { address: at('5.5.5.0') })
      step(now + 2_000, () => reach.learnt('only', { reach: { relays: true, nat: 'none' } }, now + 2_000))
      expect(reserved()).toHaveLength(1 + round)
    }
  })

  it('asks one that refused, because it was started anew, as soon as that says that it relays', () => {
    const { reach, reserved, step } = behindNat('only')
    step(50, () => reach.unreserved('only', 'refused', 'it does not relay', 50))
    step(60, () => reach.learnt('only', { reach: { relays: false, nat: 'none' } }, 60))
    expect(reserved()).toEqual(['only'])
    step(70, () => reach.learnt('only', { reach: { relays: true, nat: 'none' } }, 70))
    expect(reserved()).toEqual(['only', 'only'])
  })

  it('asks again after a loss: another one at once, the same one after a pause that doubles up to its bound', () => {
    const { reach, of, step, run } = behindNat('only')
    let now = 0
    for (let i = 0; i < 12; i++) {
      const asked = of('reserve').at(-1)?.at as number
      step(asked + 1, () => reach.unreserved('only', 'lost', 'gone', asked + 1))
      now = run(asked + 1, asked + 2 * limits.reserveBackoffMax)
    }
    const times = of('reserve').map((effect) => effect.at)
    const pauses = times.slice(1).map((time, i) => time - (times[i] as number))
    expect(pauses[0]).toBeLessThanOrEqual(2 * limits.reserveBackoffMin)
    expect(pauses[3]).toBeGreaterThan(4 * limits.reserveBackoffMin)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1.5 * limits.reserveBackoffMax + 10)
    expect(now).toBeGreaterThan(0)
  })

  it('asks at once when a relay that kept its word for long is linked again', () => {
    const { reach, reserved, step, unlink, link, self } = behindNat('only')
    step(50, () => reach.reserved('only', [through('only')], 50))
    unlink('only', 10 * MINUTE)
    expect(self.addresses).toEqual([OWN])
    link('only', 10 * MINUTE + 5, { address: at('5.5.5.0') })
    expect(reserved()).toEqual(['only', 'only'])
  })

  it('asks at once after a change of the WAN address, also when there was one seconds ago', () => {
    const { reach, reserved, step, unlink, link } = behindNat('only')
    step(50, () => reach.reserved('only', [through('only')], 50))
    unlink('only', 8 * SECOND)
    link('only', 8 * SECOND + 5, { address: at('5.5.5.0') })
    expect(reserved()).toEqual(['only', 'only'])
  })

  it('dials those soon that it missed while it had no relay: the only one was started anew, and they come back to it as well', () => {
    const { reach, know, step, run, of, links } = behindNat('only')
    know('mate', [through('only')], { zone: '/a' })
    const times = () => of('dial').filter(({ peer }) => peer === 'mate')
    for (let i = 0; i < 5; i++) step(10, () => links.failed('mate', 10))
    run(10, SECOND)
    const before = times().length
    step(SECOND, () => reach.reserved('only', [through('only')], SECOND))
    run(SECOND, 2 * SECOND + 50)
    expect(times().length).toBe(before + 1)
  })

  it('asks anew whoever did not answer, and dials others that are known to relay', () => {
    const { know, run, of, reserved } = behindNat('mute')
    know('far', [at('6.6.6.6')], { relays: true })
    run(0, limits.dialForgotten + 2 * SECOND)
    expect(of('dial').map(({ peer }) => peer)).toContain('far')
    expect(reserved()).toEqual(['mute', 'mute'])
  })

  it('dials relays that one member invents no faster than other strangers', () => {
    const { book, step, run, of, links, reach } = behindNat()
    const addresses = [at('6.6.6.6')]
    step(0, () => reach.listening([at('192.168.1.5')], 0))
    const liar = 'liar'
    step(0, () => links.opened({ peer: liar, zone: '/x', ...PATH, since: 0 }, 0))
    step(0, () => reach.opened(liar, PATH, 0))
    step(0, () => reach.observed(liar, '/ip4/80.1.1.1/tcp/1024', 0))
    let told = 0
    let now = 0
    while (now < MINUTE) {
      const contact = { node: `invented${told++}`, zone: undefined, addresses, age: 0, serves: true, relays: true }
      step(now, () => book.hearsay(contact, now, liar))
      step(now, () => reach.learnt(liar, { reach: { relays: true, nat: 'none' } }, now))
      for (const { peer } of of('dial')) if (links.isDialing(peer)) step(now, () => links.failed(peer, now))
      now = run(now, now + 50)
    }
    expect(of('dial').length).toBeLessThanOrEqual(limits.strangerDials + MINUTE / limits.strangerDialPeriod + 1)
  })

  it('never counts the link with a relay as surplus', () => {
    const { reach, step, link, of, run } = behindNat('r0')
    step(50, () => reach.reserved('r0', [through('r0')], 50))
    for (let i = 0; i < limits.outsideLinksMax + 3; i++) link(`x${i}`, 0)
    run(60, MINUTE)
    const closed = of('close').flatMap(({ peer, reason }) => (reason === 'surplus' ? [peer] : []))
    expect(closed.length).toBeGreaterThan(0)
    expect(closed).not.toContain('r0')
  })
})

describe('a node that can be dialled from outside', () => {
  it('relays for others, says so, and needs no relay', () => {
    const { reach, of, reserved, step, run, self, spread } = behindNat()
    step(10, () => reach.reachable([at('80.1.1.1')], 10))
    run(10, 10 * SECOND)
    expect(of('offerRelay').map(({ on }) => on)).toEqual([true])
    expect([reserved(), self.addresses, reach.told.relays]).toEqual([[], [at('80.1.1.1'), OWN], true])
    expect(spread).toHaveLength(1)
    step(MINUTE, () => reach.reachable([], MINUTE))
    expect(of('offerRelay').map(({ on }) => on)).toEqual([true, false])
  })

  it('gives up its relays, but not before that has settled', () => {
    const { reach, of, step, run } = behindNat('r0')
    step(50, () => reach.reserved('r0', [through('r0')], 50))
    step(SECOND, () => reach.reachable([at('80.1.1.1')], SECOND))
    run(SECOND, limits.publicSettled / 2)
    expect(of('release')).toEqual([])
    run(limits.publicSettled / 2, limits.publicSettled + 10 * SECOND)
    expect(of('release').map(({ relay }) => relay)).toEqual(['r0'])
  })

  it('relays or not as its owner says', () => {
    const always = reachWorld({ relay: 'always' })
    always.step(0)
    expect(always.of('offerRelay').map(({ on }) => on)).toEqual([true])
    const never = reachWorld({ relay: 'never' })
    never.step(0, () => never.reach.reachable([at('80.1.1.1')], 0))
    expect(never.of('offerRelay')).toEqual([])
  })

  it('waits for the test of its addresses when nobody saw a NAT', () => {
    const world = reachWorld()
    world.reach.listening([at('80.1.1.1')], 0)
    world.know('r0', [at('5.5.5.5')], { relays: true })
    world.link('r0', 0, { address: at('5.5.5.5') })
    world.run(0, limits.reserveGrace - 1)
    expect(world.of('reserve')).toEqual([])
    world.run(limits.reserveGrace - 1, 3 * limits.reserveGrace)
    expect(world.of('reserve')).toHaveLength(1)
  })
})

describe('what changed', () => {
  it('is told at once, and no more often than its allowance when it flaps', () => {
    const { reach, spread, step, run } = behindNat()
    let now = SECOND
    for (let i = 0; i < 200; i++) {
      step(now, () => reach.reachable(i % 2 === 0 ? [at('80.1.1.1')] : [], now))
      now = run(now, now + 300)
    }
    expect(spread.length).toBeLessThanOrEqual(limits.reachTells + now / limits.reachTellPeriod)
    expect(spread.length).toBeGreaterThan(limits.reachTells)
  })
})
