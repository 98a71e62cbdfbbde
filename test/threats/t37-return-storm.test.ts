// T37 return storm: a thousand nodes and their reporters come back at once. Whatever they send is bounded where it arrives, only the
// newest of each counts, and what they publish is spread.
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { T } from '../core/fleet/helpers.ts'
import { D, DAY_0, digest, membershipOf, reporter, signed } from '../core/fleet/reporter-world.ts'

const CROWD = 1_000

function listening() {
  const world = reporter({ node: 'self' })
  world.record('self', 3, 0)
  world.reporting.check(0)
  world.out.drain()
  return world
}

describe('T37 a thousand come back at once', () => {
  it('digests of reporters whom nobody knows wait in a bounded queue, and each gets its verdict', () => {
    const world = listening()
    for (let at = 0; at < CROWD; at++) {
      const heard = { from: `f${at % 8}`, topic: 'dig/uk', envelope: signed(`r${at}`) }
      world.gossip.handle({ type: 'digestHeard', ticket: at + 1, ...heard, digest: digest(`/uk/z${at}`, 2) }, 0)
      expect(world.gossip.size).toBeLessThanOrEqual(limits.parkedDigests)
    }
    const effects = world.out.drain()
    const verdicts = effects.filter((effect) => effect.type === 'verdict')
    expect(verdicts).toHaveLength(CROWD - limits.parkedDigests)
    expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(new Set(['ignore']))
    const asked = effects.filter((effect) => effect.type === 'ask').slice(-limits.parkedDigests)
    for (const [at, { ticket }] of asked.entries()) {
      const number = CROWD - limits.parkedDigests + at
      const told = world.memberships(membershipOf(`r${number}`, `/uk/z${number}`))
      expect(world.gossip.introduced(ticket, told, 100)).toBe(true)
    }
    expect(world.effects('verdict').map(({ verdict }) => verdict)).toEqual(
      new Array(limits.parkedDigests).fill('accept'),
    )
    expect(world.gossip.size).toBe(0)
  })

  it('of a zone that says a hundred things at once the newest counts, and the level holds its bound', () => {
    const world = listening()
    for (let at = 0; at < CROWD; at++) world.knows(`r${at}`, `/uk/z${at}`)
    let ticket = 0
    const say = (at: number, counter: number, now: number) => {
      ticket++
      const heard = { from: 'f', topic: 'dig/uk', envelope: signed(`r${at}`) }
      world.gossip.handle(
        { type: 'digestHeard', ticket, ...heard, digest: digest(`/uk/z${at}`, counter, { counter }) },
        now,
      )
      return world.effects('verdict')[0]?.verdict
    }
    const taken = Array.from({ length: 100 }, (_, counter) => say(0, counter + 1, counter)).filter(
      (one) => one === 'accept',
    )
    expect(taken).toHaveLength(1)
    expect(say(0, 500, T)).toBe('accept')
    expect(say(0, 400, 2 * T)).toBe('ignore')
    expect(world.reporting.levelOf('dig/uk')?.whole(DAY_0, 2 * T).figures.counts.up).toBe(500)
    for (let at = 1; at < CROWD; at++) say(at, 1, 2 * T)
    expect(world.reporting.size).toBe(limits.zoneChildren)
  })

  it('reporters that start together do not speak together', () => {
    const first = Array.from({ length: 100 }, (_, at) => {
      const world = reporter({ node: 'self', random: () => (at + 0.5) / 100 })
      world.record('self', 3, 0)
      for (let now = 0; now < D; now += 100) {
        world.reporting.check(now)
        if (world.effects('publishDigest').length > 0) return now
      }
      return -1
    })
    expect(Math.min(...first)).toBeGreaterThanOrEqual(0)
    const perSecond = new Map<number, number>()
    for (const at of first) perSecond.set(Math.floor(at / 1_000), (perSecond.get(Math.floor(at / 1_000)) ?? 0) + 1)
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(30)
  })
})
