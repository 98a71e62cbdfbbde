import { describe, expect, it } from 'vitest'
import { limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import type { NatKind } from '../../../src/core/links/paths.ts'
import { reachWorld } from './reach-world.ts'

const RELAY = '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2'
const CIRCUIT = `/ip4/5.5.5.5/tcp/31415/p2p/${RELAY}/p2p-circuit`
/** An id above and one below any real one. */
const [HIGH, LOW] = ['~', '!']
const LAN = '/ip4/192.168.1.6/tcp/31415'

/** A node behind a NAT of this kind, with a relayed link to a peer behind one of that kind. */
function relayed({ peer = HIGH, ours = 'plain' as NatKind, theirs = 'plain' as NatKind, addresses = [CIRCUIT] } = {}) {
  const world = reachWorld()
  const { reach, step, link, know, run, of } = world
  reach.listening(['/ip4/192.168.1.5/tcp/31415'], 0)
  for (const [i, member] of ['m0', 'm1'].entries()) {
    link(member, 0, { address: `/ip4/6.6.6.${i}/tcp/1` })
    const port = ours === 'random' ? 1024 + i : 1024
    if (ours !== 'unknown') step(0, () => reach.observed(member, `/ip4/80.1.1.1/tcp/${port}`, 0))
  }
  know(peer, addresses, { nat: theirs })
  link(peer, 0, { route: 'relayed', address: CIRCUIT })
  /** Lets every try fail after a second until then. */
  const failing = (until: number) => {
    let now = 0
    let seen = 0
    while (now < until) {
      now = run(now, Math.min(until, now + SECOND))
      for (const { how } of of('improve').slice(seen)) step(now, () => reach.improving.failed(peer, how, now))
      seen = of('improve').length
    }
  }
  const tries = () => of('improve').map(({ how, at }) => ({ how, at }))
  return { ...world, failing, tries, peer }
}

describe('a relayed link (clause REACH 3)', () => {
  it('is punched by the node with the lower id, soon after it opened', () => {
    const { run, tries } = relayed()
    run(0, 3 * SECOND)
    expect(tries()).toEqual([{ how: 'punch', at: limits.improveDelay }])
  })

  it('is not punched by the other one, which dials later', () => {
    const { run, tries } = relayed({ peer: LOW, addresses: [LAN, CIRCUIT] })
    run(0, limits.improveTurn)
    expect(tries()).toEqual([])
    run(limits.improveTurn, limits.improveTurn + SECOND)
    expect(tries().map(({ how }) => how)).toEqual(['dial'])
  })

  it('is dialled first where the peer has addresses of its own, and then punched', () => {
    const { failing, of } = relayed({ addresses: [LAN, CIRCUIT] })
    failing(4 * SECOND)
    expect(of('improve').map(({ how, ...rest }) => [how, 'addresses' in rest ? rest.addresses : []])).toEqual([
      ['dial', [LAN]],
      ['punch', []],
    ])
  })

  it('is punched before private addresses of other networks are tried, which comes every other time, and when there is no punch', () => {
    const routed = (world: ReturnType<typeof relayed>) =>
      world.of('improve').flatMap((effect) => (effect.how === 'dial' ? [effect.routed] : []))
    const both = relayed({ addresses: [LAN, CIRCUIT] })
    both.failing(limits.improvePeriod / 4)
    expect(routed(both).slice(0, 4)).toEqual([false, true, false, true])
    const random = relayed({ addresses: [LAN, CIRCUIT], ours: 'random' })
    random.failing(limits.improvePeriod / 4)
    expect(routed(random).slice(0, 2)).toEqual([true, true])
  })

  it.each<[NatKind, NatKind, number]>([
    ['random', 'plain', 0],
    ['plain', 'random', 0],
    ['unknown', 'unknown', 1],
    ['unknown', 'plain', 1],
    ['plain', 'unknown', 1],
    ['plain', 'none', 1],
  ])('with NATs %s and %s is punched %i times', (ours, theirs, times) => {
    const { run, tries } = relayed({ ours, theirs })
    run(0, 3 * SECOND)
    expect(tries()).toHaveLength(times)
  })

  it('is tried a few times in a row and then rarely (I23)', () => {
    const { failing, tries } = relayed()
    const slow = 2 * limits.improvePeriod
    failing(slow)
    const early = tries().filter(({ at }) => at < limits.improvePeriod)
    expect(early.length).toBe(limits.improveTries)
    expect(tries().length).toBeLessThanOrEqual(limits.improveTries + 2)
    expect(tries().length).toBeGreaterThan(limits.improveTries)
  })

  it('begins anew when our own network changed, and not for the asking of the peer', () => {
    const { failing, run, tries, reach, step, know, peer } = relayed()
    const before = 5 * MINUTE
    failing(before)
    const count = tries().length
    for (let i = 0; i < 5; i++) {
      know(peer, [`/ip4/192.168.1.${i}/tcp/1`, CIRCUIT], { nat: 'plain' })
      step(before + i, () => reach.learnt(peer, {}, before + i))
    }
    run(before + 10, before + 18_000)
    expect(tries().length - count).toBe(1)
    step(before + 20_000, () => reach.networkChanged(before + 20_000))
    expect(reach.improving.deadline()).toBeLessThanOrEqual(before + 20_000 + limits.improveDelay)
  })

  it('is not tried at the command of a member that says another thing of our NAT all the time', () => {
    const { run, step, reach, tries, peer } = relayed()
    let now = 0
    for (let i = 0; now < 30 * MINUTE; i++) {
      step(now, () => reach.observed('m1', `/ip4/80.1.1.1/tcp/${1024 + (i % 2)}`, now))
      for (const how of ['dial', 'punch'] as const) step(now, () => reach.improving.failed(peer, how, now))
      now = run(now, now + SECOND)
    }
    expect(tries().length).toBeLessThanOrEqual(30 * limits.improveTries)
    expect(tries().length).toBeGreaterThan(0)
  })

  it('is tried in time when what changed came too soon for a fresh start', () => {
    const { run, step, reach, tries, know, peer, failing } = relayed({ theirs: 'random', addresses: [LAN, CIRCUIT] })
    failing(4 * SECOND)
    const count = tries().length
    know(peer, [CIRCUIT], { nat: 'random' })
    step(5 * SECOND, () => reach.learnt(peer, {}, 5 * SECOND))
    run(5 * SECOND, 40 * SECOND)
    know(peer, [CIRCUIT], { nat: 'plain' })
    step(40 * SECOND, () => reach.learnt(peer, {}, 40 * SECOND))
    run(40 * SECOND, 2 * MINUTE)
    expect(tries().length).toBeGreaterThan(count)
  })

  it('is left alone once it moved', () => {
    const { links, reach, run, tries, step, peer } = relayed()
    step(100, () => {
      const path = { address: '/ip4/80.2.2.2/tcp/1', direction: 'outbound', route: 'punched' } as const
      links.moved(peer, path, 100)
      reach.moved(peer, path, 100)
    })
    run(100, MINUTE)
    expect(tries()).toEqual([])
  })
})
