import { describe, expect, it } from 'vitest'
import { limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { reachWorld } from './reach-world.ts'

const at = (host: string) => `/ip4/${host}/tcp/31415`

/** A node without links whose dials all fail at once. */
function lost() {
  const world = reachWorld()
  const { links, run, of, step } = world
  let seen = 0
  const failing = (from: number, until: number) => {
    let now = from
    while (now < until) {
      now = run(now, Math.min(until, now + 100))
      for (const { peer } of of('dial').slice(seen)) step(now, () => links.failed(peer, now))
      seen = of('dial').length
    }
    return until
  }
  const dialled = (peer: string) => of('dial').flatMap((effect) => (effect.peer === peer ? [effect.at] : []))
  return { ...world, failing, dialled }
}
const gaps = (times: readonly number[]) => times.slice(1).map((time, i) => time - (times[i] as number))

describe('a node without any link to the outside', () => {
  it('dials who relays every period, whatever its pause, for ever (I21)', () => {
    const { know, failing, dialled } = lost()
    know('relay', [at('5.5.5.5')], { relays: true })
    failing(0, 20 * MINUTE)
    expect(Math.max(...gaps(dialled('relay')))).toBeLessThanOrEqual(1.25 * limits.seekPeriod + 200)
  })

  it('takes friends in turn, and everybody else in a round', () => {
    const { know, failing, dialled } = lost()
    for (let i = 0; i < 10; i++) know(`relay${i}`, [at(`5.5.5.${i}`)], { relays: true, zone: `/r${i}` })
    for (let i = 0; i < 40; i++) know(`far${i}`, [at(`6.6.6.${i}`)], { zone: `/z${i % 10}` })
    failing(0, 2 * MINUTE)
    for (let i = 0; i < 40; i++) expect(dialled(`far${i}`).length).toBeGreaterThan(0)
    const relays = Array.from({ length: 10 }, (_, i) => dialled(`relay${i}`).length)
    expect(relays.filter((count) => count >= 20).length).toBe(limits.seekFriends)
  })

  it('tries other zones and hosts before the same ones again', () => {
    const { know, failing, of } = lost()
    for (let i = 0; i < 30; i++) know(`near${i}`, [at('6.6.6.6')], { zone: '/crowd' })
    know('lone', [at('7.7.7.7')], { zone: '/lone' })
    failing(0, 5 * SECOND)
    expect(of('dial').map(({ peer }) => peer)).toContain('lone')
  })

  it('does not dial zone-mates of its LAN while it has links there, unless somebody relays for them', () => {
    const { know, link, failing, dialled, self } = lost()
    know('mate', [at('192.168.1.7')], { zone: self.zone })
    know('away', [`${at('5.5.5.5')}/p2p/12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2/p2p-circuit`], {
      zone: self.zone,
    })
    link('other', 0, { route: 'lan', zone: self.zone })
    failing(0, 5 * MINUTE)
    expect(dialled('mate').length).toBeLessThan(15)
    expect(dialled('away').length).toBeGreaterThan(60)
  })

  it('does not dial cells of its own LAN for a way out, for ever, and does a member that may be elsewhere', () => {
    const { know, link, failing, dialled, step, reach, self } = lost()
    link('mate', 0, { route: 'lan', zone: self.zone, address: at('192.168.1.7') })
    know('cell', [at('192.168.1.8')], { zone: '/cell' })
    know('far', [at('192.168.1.9'), at('6.6.6.6')], { zone: '/far' })
    failing(0, 5 * MINUTE)
    // By the link policy alone, which is patient with who does not answer.
    expect(dialled('cell').length).toBeLessThan(15)
    expect(dialled('far').length).toBeGreaterThan(100)
    // In another network the same address may be anybody's.
    step(5 * MINUTE, () => reach.networkChanged(5 * MINUTE))
    failing(5 * MINUTE, 10 * MINUTE)
    expect(dialled('cell').length).toBeGreaterThan(50)
    // Unless it is one of our own.
    const before = dialled('cell').length
    step(10 * MINUTE, () => reach.listening([at('192.168.1.2')], 10 * MINUTE))
    failing(10 * MINUTE, 15 * MINUTE)
    expect(dialled('cell').length - before).toBeLessThan(15)
  })

  it('seeks who relays on its own LAN: what hangs on it comes back with it', () => {
    const { know, link, failing, dialled, self } = lost()
    link('mate', 0, { route: 'lan', zone: self.zone, address: at('192.168.1.7') })
    know('gateway', [at('192.168.1.1')], { zone: '/cell', relays: true })
    failing(0, 5 * MINUTE)
    expect(Math.max(...gaps(dialled('gateway')))).toBeLessThanOrEqual(2 * 1.25 * limits.seekPeriod + 200)
  })

  it('has no way out by a link with a zone-mate over a relay on its LAN, where a Wi-Fi keeps the two apart', () => {
    const { know, link, failing, dialled, self, links } = lost()
    const near = '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2'
    const through = { route: 'relayed', address: `${at('192.168.1.2')}/p2p/${near}/p2p-circuit` } as const
    know('relay', [at('5.5.5.5')], { relays: true })
    link(near, 0, { route: 'lan', zone: self.zone })
    link('mate', 0, { ...through, zone: self.zone })
    failing(0, 10 * MINUTE)
    const late = dialled('relay').filter((time) => time > 5 * MINUTE)
    expect(late.length).toBeGreaterThan((5 * MINUTE) / (1.5 * limits.seekShare * limits.seekPeriod))
    link('far', 10 * MINUTE, { ...through, zone: '/far' })
    expect(links.hasOutside).toBe(true)
  })

  it('seeks less often the more of its LAN it is linked to', () => {
    const { know, link, failing, dialled, self } = lost()
    know('relay', [at('5.5.5.5')], { relays: true })
    for (let i = 0; i < 12; i++) link(`mate${i}`, 0, { route: 'lan', zone: self.zone })
    failing(0, 2 * MINUTE)
    const seconds = gaps(dialled('relay').filter((time) => time > MINUTE))
    expect(Math.min(...seconds)).toBeGreaterThan(0.7 * limits.seekShare * limits.seekPeriod)
    expect(Math.max(...seconds)).toBeLessThanOrEqual(1.25 * limits.seekShare * limits.seekPeriod + 200)
  })

  it('leaves alone for its pause who turned it away, and says since when it seeks', () => {
    const { know, link, unlink, failing, dialled, reach, links } = lost()
    know('full', [at('5.5.5.5')], { relays: true })
    link('full', 0)
    expect(reach.snapshot().searchingSince).toBeUndefined()
    unlink('full', limits.surplusGrace)
    expect(reach.snapshot(['full']).searchingSince).toBe(limits.surplusGrace)
    links.avoid('full', MINUTE)
    failing(limits.surplusGrace, 50 * SECOND)
    expect(dialled('full')).toEqual([])
    failing(50 * SECOND, 2 * MINUTE)
    expect(dialled('full').length).toBeGreaterThan(20)
  })

  it('dials all the others soon once it found one: their pauses were the fault of its own network', () => {
    const { know, link, failing, dialled } = lost()
    for (const far of ['a', 'b', 'c']) know(far, [at(`6.6.6.${far.charCodeAt(0)}`)], { zone: `/${far}` })
    const back = failing(0, 20 * MINUTE)
    link('a', back)
    failing(back, back + 10 * SECOND)
    for (const far of ['b', 'c']) expect(dialled(far).some((time) => time >= back)).toBe(true)
  })
})

describe('a link to the outside that ends', () => {
  it('is replaced in the same step', () => {
    const { know, link, unlink, of, failing } = lost()
    know('relay', [at('5.5.5.5')], { relays: true })
    know('other', [at('6.6.6.6')], { zone: '/c' })
    link('relay', 0)
    failing(0, 10 * MINUTE)
    unlink('relay', 10 * MINUTE)
    expect(
      of('dial')
        .filter((effect) => effect.at === 10 * MINUTE)
        .map(({ peer }) => peer),
    ).toContain('relay')
  })

  it('says once that it is cut off, not at once, and once that this is over', () => {
    const { know, failing, of, link } = lost()
    const events = () => of('event').map(({ event, at: time }) => ({ type: event.type, at: time }))
    know('relay', [at('5.5.5.5')], { relays: true })
    failing(0, 10 * MINUTE)
    expect(events()).toEqual([{ type: 'cutOff', at: expect.any(Number) }])
    expect(events()[0]?.at).toBeGreaterThanOrEqual(limits.cutOffTold)
    expect(events()[0]?.at).toBeLessThanOrEqual(limits.cutOffTold + 2 * limits.seekPeriod)
    link('relay', 10 * MINUTE)
    expect(events().map(({ type }) => type)).toEqual(['cutOff', 'wayOut'])
  })

  it('lacks nothing when all of its mesh is on its LAN, also when a zone-mate there is off', () => {
    const { know, link, run, reach, step, links, of, self } = lost()
    know('mate', [at('192.168.1.7')], { zone: self.zone })
    know('off', [at('192.168.1.8')], { zone: self.zone })
    link('mate', 0, { route: 'lan', zone: self.zone })
    step(1_000, () => links.failed('off', 1_000))
    run(1_000, 5 * MINUTE)
    expect(reach.snapshot(['off']).searchingSince).toBeUndefined()
    expect(of('event')).toEqual([])
    know('far', [at('6.6.6.6')], { zone: '/far' })
    run(5 * MINUTE, 6 * MINUTE)
    expect(reach.snapshot(['far']).searchingSince).toBeGreaterThanOrEqual(5 * MINUTE)
  })

  it('is not cut off while a member of another zone on its LAN starts anew, however long the mesh was whole before', () => {
    const { know, link, unlink, failing, of, self, reach } = lost()
    link('mate', 0, { route: 'lan', zone: self.zone })
    know('cell', [at('192.168.1.8')], { zone: '/cell' })
    link('cell', 0, { route: 'lan', zone: '/cell' })
    const off = failing(0, 5 * MINUTE)
    unlink('cell', off)
    const back = failing(off, off + limits.cutOffTold / 2)
    expect(reach.snapshot(['cell']).searchingSince).toBeGreaterThanOrEqual(off)
    link('cell', back, { route: 'lan', zone: '/cell' })
    const gone = failing(back, back + 5 * MINUTE)
    unlink('cell', gone)
    failing(gone, gone + 5 * MINUTE)
    const told = of('event').filter(({ event }) => event.type === 'cutOff')
    expect(told).toHaveLength(1)
    expect(told[0]?.at).toBeGreaterThanOrEqual(gone + limits.cutOffTold)
  })

  it('does not lose sight of a relay that it met for those that somebody invents', () => {
    const { know, book, failing, dialled } = lost()
    know('relay', [at('5.5.5.5')], { relays: true })
    for (let i = 0; i < 1_000; i++) {
      const invented = {
        node: `invented${i}`,
        zone: `/i${i % 400}`,
        addresses: [at(`7.7.${i % 250}.${i % 7}`)],
        age: 0,
      }
      book.hearsay({ ...invented, serves: true, relays: true }, 5 * MINUTE, 'liar')
    }
    failing(5 * MINUTE, 10 * MINUTE)
    const times = [5 * MINUTE, ...dialled('relay'), 10 * MINUTE]
    expect(Math.max(...gaps(times))).toBeLessThanOrEqual(1.25 * limits.seekFriends * limits.seekPeriod + SECOND)
  })
})
