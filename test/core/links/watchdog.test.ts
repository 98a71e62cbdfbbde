import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../../src/core/limits.ts'
import type { Route } from '../../../src/core/links/paths.ts'
import { Watchdog } from '../../../src/core/links/watchdog.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { testEnv } from '../env.ts'

const RELAY = '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2'

/** A watchdog in a world where every live peer answers a pulse after `roundTrip`, and a dead one never does. */
function world(roundTrip = 40, inUse: (peer: string) => boolean = () => false) {
  const out = new Outbox()
  const dog = new Watchdog({ env: testEnv(), out, inUse, died: () => undefined })
  const dead = new Set<string>()
  const closed: { peer: string; at: number }[] = []
  const outcomes: { at: number; run: (now: number) => void }[] = []
  let pulses = 0
  const perform = (now: number) => {
    for (const effect of out.drain()) {
      if (effect.type === 'close') {
        closed.push({ peer: effect.peer, at: now })
        dog.closed(effect.peer, now)
      }
      if (effect.type !== 'pulse') continue
      pulses += 1
      const { peer, timeout } = effect
      if (dead.has(peer)) outcomes.push({ at: now + timeout, run: (at) => dog.missed(peer, at) })
      else outcomes.push({ at: now + roundTrip, run: (at) => dog.pulsed(peer, roundTrip, at) })
    }
  }
  /** Lets time pass, and returns where it ended. */
  const run = (from: number, until: number) => {
    perform(from)
    for (let now = from; now <= until; now++) {
      for (const outcome of outcomes.filter(({ at }) => at === now)) outcome.run(now)
      dog.check(now)
      perform(now)
    }
    return until
  }
  const open = (peer: string, now: number, route: Route = 'direct', address = '/ip4/9.9.9.9/tcp/1') =>
    dog.opened(peer, { address, direction: 'outbound', route }, now)
  return { dog, dead, closed, run, open, pulses: () => pulses }
}

describe('the watchdog', () => {
  it('pulses one link to the outside a period, however many there are', () => {
    const rates = [1, 8].map((count) => {
      const { run, open, pulses } = world()
      for (let i = 0; i < count; i++) open(`p${i}`, 0)
      open('mate', 0, 'lan')
      run(0, 1 * SECOND)
      const before = pulses()
      run(1 * SECOND, 25 * SECOND)
      return pulses() - before
    })
    for (const rate of rates) expect(rate).toBeLessThanOrEqual(24 / 1.8)
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(24 / 2 - 1)
  })

  it('pulses the silent ones at once when a link to the outside ends: what ended that one may have ended them', () => {
    const { dog, dead, closed, run, open } = world(40)
    for (const peer of ['a', 'b', 'c']) open(peer, 0)
    const cut = run(0, 10_500)
    for (const peer of ['a', 'b', 'c']) dead.add(peer)
    dog.closed('a', cut)
    run(cut, cut + 5 * SECOND)
    const patience = limits.pulseSlack + limits.pulseRoundTrips * 40
    expect(closed.map(({ peer }) => peer).sort()).toEqual(['b', 'c'])
    for (const { at } of closed) expect(at - cut).toBeLessThanOrEqual(2 * patience)
  })

  it('pulses few when many come and go', () => {
    const { dog, run, open, pulses } = world()
    for (let i = 0; i < 60; i++) open(`p${i}`, 0)
    open('mate', 0, 'lan')
    let now = run(0, SECOND)
    const before = pulses()
    for (let i = 0; i < 30; i++) {
      dog.closed(`p${i}`, now)
      now = run(now, now + 100)
    }
    dog.closed('mate', now)
    expect(pulses() - before).toBeLessThanOrEqual(3 * limits.alarmPulses + 2)
  })

  it('finds a way out that is gone within a period and two answers, and closes all links over it', () => {
    const { dead, closed, run, open } = world(40)
    for (const peer of ['a', 'b', 'c']) open(peer, 0)
    const cut = run(0, 10_500)
    for (const peer of ['a', 'b', 'c']) dead.add(peer)
    run(cut, cut + 10 * SECOND)
    expect(closed.map(({ peer }) => peer).sort()).toEqual(['a', 'b', 'c'])
    const patience = limits.pulseSlack + limits.pulseRoundTrips * 40
    for (const { at } of closed) expect(at - cut).toBeLessThanOrEqual(limits.pulsePeriod + 2 * patience)
  })

  it('closes the one that is dead, and no other, while others answer', () => {
    const { dead, closed, run, open } = world()
    for (const peer of ['a', 'b', 'c']) open(peer, 0)
    const cut = run(0, 5 * SECOND)
    dead.add('b')
    run(cut, cut + 3 * limits.pulsePeriod + 2 * limits.pulseTimeout)
    expect(closed.map(({ peer }) => peer)).toEqual(['b'])
  })

  it('takes whatever comes for an answer, also what comes over a link that a peer carries', () => {
    const { dog, dead, closed, run, open } = world()
    open(RELAY, 0)
    open('far', 0, 'relayed', `/ip4/9.9.9.9/tcp/1/p2p/${RELAY}/p2p-circuit`)
    run(0, SECOND)
    dead.add(RELAY).add('far')
    for (let now = SECOND; now < 30 * SECOND; now += 400) {
      dog.heard('far', now)
      run(now, now + 399)
    }
    expect(closed).toEqual([])
    run(30 * SECOND, 40 * SECOND)
    expect(closed.map(({ peer }) => peer).sort()).toEqual([RELAY, 'far'].sort())
  })

  it('waits longer while pieces travel: a pulse queues behind them', () => {
    const { dead, closed, run, open } = world(40, (peer) => peer === 'busy')
    open('busy', 0)
    const cut = run(0, 3 * SECOND)
    dead.add('busy')
    run(cut, cut + limits.busySilence - 3 * SECOND)
    expect(closed).toEqual([])
    run(cut + limits.busySilence - 3 * SECOND, cut + limits.busySilence + 2 * limits.pulsePeriod)
    expect(closed.map(({ peer }) => peer)).toEqual(['busy'])
  })

  it('blames nobody when this process was late to look, or stood still', () => {
    const { dog, closed, run, open } = world()
    open('a', 0)
    run(0, 5 * SECOND)
    const out = limits.pulseTimeout + limits.pulseLate + 1
    dog.check(7 * SECOND)
    for (let i = 0; i < 5; i++) dog.missed('a', 7 * SECOND + (i + 1) * out)
    expect(dog.doubts('a')).toBe(false)
    dog.forgive(60 * SECOND, 7 * SECOND + 6 * out)
    expect(closed).toEqual([])
  })

  it('asks anew at once after this process stood still, whatever was under way', () => {
    const { dog, dead, closed, run, open } = world()
    open('a', 0)
    const asleep = run(0, 5 * SECOND)
    dead.add('a')
    dog.networkChanged(asleep)
    const awake = asleep + 60 * SECOND
    dog.forgive(60 * SECOND, awake)
    run(awake, awake + 2 * limits.pulseTimeout)
    expect(closed.map(({ peer }) => peer)).toEqual(['a'])
  })

  it('measures each link once a minute, those of the LAN and those over which other things come too', () => {
    const { dog, run, open } = world()
    open('idle', 0)
    open('busy', 0)
    open('mate', 0, 'lan')
    const age = (peer: string, now: number) => now - (dog.roundTrip(peer)?.measured ?? 0)
    for (let now = 0; now < 300 * SECOND; now += 500) {
      run(now + 1, now + 500)
      dog.heard('busy', now + 500)
      if (now < limits.measurePeriod) continue
      const oldest = Math.max(...['idle', 'busy', 'mate'].map((peer) => age(peer, now + 500)))
      expect(oldest).toBeLessThanOrEqual(limits.measurePeriod)
    }
    expect(dog.roundTrip('mate')?.time).toBe(40)
  })

  it('measures a site that is linked with nobody outside, and closes no link of the LAN for it', () => {
    const { dog, dead, closed, run, open, pulses } = world()
    open('mate', 0, 'lan')
    open('mute', 0, 'lan')
    run(0, 1 * SECOND)
    dead.add('mute')
    run(1 * SECOND, 10 * limits.measurePeriod)
    expect(10 * limits.measurePeriod - (dog.roundTrip('mate')?.measured ?? 0)).toBeLessThanOrEqual(limits.measurePeriod)
    expect([closed, dog.doubts('mute')]).toEqual([[], false])
    expect(pulses()).toBeLessThanOrEqual(2 * 2 * 11)
  })

  it('asks all links at once, those of the LAN too, when addresses of this machine came or went', () => {
    const { dog, dead, closed, run, open } = world()
    open('mate', 0, 'lan')
    open('far', 0)
    const cut = run(0, 5 * SECOND)
    dead.add('mate').add('far')
    dog.networkChanged(cut)
    run(cut, cut + 2 * limits.pulseTimeout)
    expect(closed.map(({ peer }) => peer).sort()).toEqual(['far', 'mate'])
  })

  it('takes no outcome for that of a pulse which was sent after it', () => {
    const { dog, run, open } = world()
    open('a', 0)
    run(0, SECOND)
    dog.opened('a', { address: '', direction: 'outbound', route: 'direct' }, SECOND)
    dog.missed('a', SECOND + 100)
    expect(dog.doubts('a')).toBe(false)
  })

  it('has patience for who is far away, within a bound', () => {
    const { dog, run, open } = world(200)
    open('far', 0)
    expect(dog.patience('far')).toBe(limits.pulseTimeout)
    run(0, SECOND)
    expect(dog.patience('far')).toBe(limits.pulseSlack + limits.pulseRoundTrips * 200)
    expect(dog.roundTrip('far')?.time).toBe(200)
    expect(world(5_000).dog.patience('nobody')).toBe(limits.pulseTimeout)
  })

  it('in any order of events: no live peer is closed, every dead one is, and a pulse is always due while there is a link', () => {
    const event = fc.record({
      peer: fc.constantFrom('a', 'b', 'c'),
      what: fc.constantFrom('open', 'openLan', 'close', 'die', 'heard', 'network', 'nothing'),
      after: fc.integer({ min: 0, max: 3_000 }),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 25 }), (events) => {
        const { dog, dead, closed, run, open } = world()
        const linked = new Map<string, Route>()
        const forget = () => {
          for (const { peer } of closed.splice(0)) {
            expect(dead.has(peer)).toBe(true)
            linked.delete(peer)
            dead.delete(peer)
          }
        }
        let now = 0
        for (const { peer, what, after } of events) {
          if (what === 'open' || what === 'openLan') {
            dead.delete(peer)
            linked.set(peer, what === 'open' ? 'direct' : 'lan')
            open(peer, now, linked.get(peer))
          } else if (what === 'close') {
            linked.delete(peer)
            dog.closed(peer, now)
          } else if (what === 'die' && linked.has(peer)) dead.add(peer)
          else if (what === 'heard' && !dead.has(peer)) dog.heard(peer, now)
          else if (what === 'network') dog.networkChanged(now)
          now = run(now, now + after)
          forget()
          const outside = [...linked.values()].some((route) => route !== 'lan')
          const due = (dog.deadline() ?? Number.POSITIVE_INFINITY) - now
          const bound = outside ? limits.pulsePeriod : limits.measurePeriod / 2
          expect(due <= bound).toBe(linked.size > 0)
        }
        run(now, now + 3 * limits.pulsePeriod + 3 * limits.pulseTimeout)
        forget()
        expect([...dead].filter((peer) => linked.get(peer) === 'direct')).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})
