// What a review of the fleet view found: digests played back, who has just begun to listen, who hands the summary down, and clocks that are far ahead.
import { describe, expect, it } from 'vitest'
import { KnownZones } from '../../../src/core/fleet/known-zones.ts'
import { Places } from '../../../src/core/fleet/reporters.ts'
import { View } from '../../../src/core/fleet/view.ts'
import { DAY } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import { envelope, record } from './helpers.ts'
import { D, DAY_0, digest, figuresOf, named, reporter, sha256, signed, spoken } from './reporter-world.ts'

const NODES = named(5)
const order = (zone: string, nodes: readonly string[]) => new Places({ sha256 }).order(zone, DAY_0, nodes)

/** A reporter of /uk/a that listens to dig/uk. */
function listening() {
  const world = reporter({ node: 'self' })
  world.record('self', 3, 0)
  world.reporting.check(0)
  world.out.drain()
  const topic = 'dig/uk'
  const verdict = () => world.effects('verdict')[0]?.verdict
  const says = (by: string, said: ReturnType<typeof digest>, now: number) => {
    const heard = { ticket: 1, from: 'forwarder', topic, envelope: signed(by) }
    world.gossip.handle({ type: 'digestHeard', ...heard, digest: said }, now)
    return verdict()
  }
  const hands = (by: string, up: number, now: number) => {
    const summary = { day: DAY_0, made: 0, age: 0, figures: figuresOf(up) }
    const heard = { ticket: 1, from: 'forwarder', topic, envelope: signed(by, 'sum') }
    world.gossip.handle({ type: 'summaryHeard', ...heard, summary }, now)
    return verdict()
  }
  const heard = (now: number) => world.reporting.levelOf(topic)?.whole(DAY_0, now).figures
  return { ...world, says, hands, heard }
}

describe('T36 digests that were recorded', () => {
  it('do not light a zone that lost its power, whoever of its reporters said them and whenever', () => {
    const world = listening()
    for (const one of ['yesterday', 'today']) world.knows(one, '/uk/b')
    for (let nth = 1; nth <= 20; nth++)
      world.says('yesterday', digest('/uk/b', 9, { counter: nth, day: DAY_0 - 1 }), nth * D)
    for (let nth = 1; nth <= 20; nth++) world.says('today', digest('/uk/b', 9, { counter: nth }), (20 + nth) * D)
    expect(world.heard(40 * D)).toMatchObject({ zones: 1, dark: 0 })
    for (let nth = 1, now = 50 * D; nth <= 20; nth++, now += D) {
      expect(world.says('yesterday', digest('/uk/b', 9, { counter: nth, day: DAY_0 - 1 }), now)).toBe('ignore')
      expect(world.says('today', digest('/uk/b', 9, { counter: nth }), now)).toBe('ignore')
      expect(world.heard(now)).toMatchObject({ zones: 0, dark: 1 })
    }
    expect(world.says('today', digest('/uk/b', 8, { counter: 21 }), 80 * D)).toBe('accept')
  })
})

describe('who has just begun to listen', () => {
  const HELD = { day: DAY_0, made: 1_000, age: 20_000, figures: figuresOf(1_000, { zones: 40 }) }

  it.each([
    ['never was a reporter', []],
    ['was one before', named(39, '/z')],
  ])('and %s goes on with the summary that was handed down, until all had the time to speak', (_, known) => {
    const zones = known.map((zone) => ({ zone, leaf: true, heardWall: (DAY_0 - 5) * DAY }))
    const world = reporter({ node: order('/a', NODES)[0] as string, zone: '/a', zones })
    for (const mate of NODES) world.record(mate, 3, 0)
    world.reporting.heardSummary({ summary: HELD, by: 'r', at: 0, envelope: signed('r', 'sum') }, 'rec/a', 0)
    const handed: number[][] = []
    const run = (from: number, to: number) => {
      for (let now = from; now < to; now += 1_000) {
        for (const mate of NODES) if (now % 10_000 === 0) world.record(mate, 4 + now / 10_000, now)
        const level = world.reporting.levelOf('dig/')
        // Forty zones, so each speaks once in 40 s.
        const zone = `/z${Math.floor(now / 1_000) % 40}`
        const said = digest(zone, 25, { counter: 1 + now / 1_000, promise: 40_000 })
        if (level !== undefined && now > 0) world.reporting.took(level, spoken(`r${zone}`, said, now), now)
        world.reporting.check(now)
        for (const effect of world.out.drain())
          if (effect.type === 'publishSummary') handed.push([effect.summary.figures.zones, effect.summary.figures.dark])
      }
    }
    run(0, 40_000)
    expect(world.reporting.summary(39_000)).toMatchObject({ by: 'r', figures: { zones: 40 } })
    run(40_000, 120_000)
    expect(handed.length).toBeGreaterThan(2)
    for (const counted of handed) expect(counted).toEqual([40, 0])
    expect(world.reporting.summary(119_000)?.by).toBe(order('/a', NODES)[0])
  })
})

describe('T36 the summary of an inner zone', () => {
  it('is not for any member of any of its sites to hand down, who says a digest of its own site once', () => {
    const members = named(9, 'h')
    const [first, last] = [order('/uk/b', members)[0] as string, order('/uk/b', members).at(-1) as string]
    const world = listening()
    for (const one of members) world.knows(one, '/uk/b')
    expect(world.says(first, digest('/uk/b', 9), 0)).toBe('accept')
    expect(world.says(last, digest('/uk/b', 9), 0)).toBe('accept')
    expect(world.hands(last, 4_000, 1)).toBe('ignore')
    expect(world.reporting.held).toBeUndefined()
    expect(world.hands(first, 9, 2)).toBe('accept')
  })

  it('of one that reports is taken no more often than its digests: a flood costs one signature check, and goes no further', () => {
    const world = listening()
    world.knows('r', '/uk/b')
    world.says('r', digest('/uk/b', 9), 0)
    const verdicts = Array.from({ length: 200 }, (_, nth) => world.hands('r', nth, nth + 1))
    expect(verdicts.filter((one) => one === 'accept')).toHaveLength(1)
    expect(world.hands('r', 7, D)).toBe('accept')
  })
})

describe('T29 a clock of 2106 at a start', () => {
  const NOW = Date.UTC(2026, 0, 1)
  const membership = { claims: { node: 'self', zone: '/uk/a' }, invite: { signed: { capabilities: ['node'] } } }
  const root = { signed: { issued: NOW } }
  const self = () => new Self('00'.repeat(32), membership as never, root as never, Date.UTC(2106, 0, 1), 0)

  it('forgets no zone, so that who is dark is still said to be', () => {
    const out = new Outbox()
    const known = new KnownZones(out, self(), [{ zone: '/uk/b', leaf: true, heardWall: NOW }], 0)
    known.check(0)
    expect([known.size, out.drain()]).toEqual([1, []])
    known.check(DAY + 1)
    expect(known.size).toBe(0)
  })

  it('forgets nobody who is gone, so that no old record brings it back (T38)', () => {
    const view = new View('self', new Outbox())
    const saved = { node: 'dead', envelope: envelope(), record: record(5, 50), status: 'down' as const, heardWall: NOW }
    view.restore(saved, 0, self().wallAt(0))
    view.check(1)
    expect(view.standing('dead', record(5, 49), envelope().body, 2)).toBe('old')
  })
})
