// When a node speaks for its zone, whom it listens to for that, and the summary on its way down (clause REPORTER, clause SUMMARY).
import { describe, expect, it } from 'vitest'
import { FLAG } from '../../../src/core/fleet/record.ts'
import { Places, pairOf } from '../../../src/core/fleet/reporters.ts'
import { limits } from '../../../src/core/limits.ts'
import { T } from './helpers.ts'
import { D, DAY_0, digest, figuresOf, membershipOf, named, reporter, sha256, signed, spoken } from './reporter-world.ts'

const NODES = named(5)
const order = (zone: string, nodes = NODES) => new Places({ sha256 }).order(zone, DAY_0, nodes)

/** One of five members of /uk/a, all settled, at `now`. */
function member(place: number, options: Parameters<typeof reporter>[0] = {}) {
  const node = order('/uk/a')[place] as string
  const world = reporter({ node, ...options })
  const settle = (now: number, except: readonly string[] = []) => {
    for (const mate of NODES.filter((one) => !except.includes(one))) world.record(mate, 3 + Math.round(now / T), now)
  }
  settle(0)
  /** Time goes on: everybody's records come, and what is due is done. */
  const run = (from: number, to: number, except: readonly string[] = []) => {
    const said: { at: number; topic: string; digest: ReturnType<typeof digest> }[] = []
    const handed: { at: number; topic: string }[] = []
    for (let now = from; now <= to; now += 1_000) {
      if (now % T === 0) settle(now, except)
      world.view.check(now)
      world.reporting.check(now)
      for (const effect of world.out.drain()) {
        if (effect.type === 'publishSummary') {
          handed.push({ at: now, topic: effect.topic })
          world.reporting.handedDown(effect.summary, signed(node, 'sum'), now)
        }
        if (effect.type !== 'publishDigest') continue
        said.push({ at: now, topic: effect.topic, digest: effect.digest })
        world.reporting.published(effect.digest, signed(node), now)
      }
    }
    return { said, handed }
  }
  return { node, run, settle, ...world }
}

describe('who reports', () => {
  it('is the first of the order, and its standby the second; the others are on no topic above their leaf', () => {
    const parts = NODES.map((_, place) => {
      const one = member(place)
      one.reporting.check(0)
      return [one.reporting.part, one.effects('subscribe').map(({ topic }) => topic)]
    })
    expect(parts.slice(0, 3)).toEqual([
      ['active', ['dig/uk']],
      ['standby', ['dig/uk']],
      ['none', []],
    ])
  })

  it('is nobody who came just now, has no way out or is down, while somebody else is fit', () => {
    const [first, second, third, fourth] = order('/uk/a') as [string, string, string, string]
    const world = reporter({ node: fourth })
    world.record(first, 1, 0)
    world.record(second, 3, 0, FLAG.cutOff)
    for (const mate of [third, fourth]) world.record(mate, 3, 0)
    world.reporting.check(0)
    expect(world.reporting.pair).toEqual(pairOf([third, fourth]))
  })

  it('is nobody who goes and comes back all the time', () => {
    const [first, second] = order('/uk/a') as [string, string]
    const world = reporter({ node: second })
    for (const mate of NODES) world.record(mate, 3, 0)
    world.alerts.raise('flapping', first, 'it goes and comes back', 0)
    world.reporting.check(0)
    expect(world.reporting.pair.active).toBe(second)
  })

  it('is whoever is up when nobody is fit', () => {
    const world = reporter({ node: 'n0' })
    world.record('n0', 1, 0)
    world.reporting.check(0)
    expect(world.reporting.pair).toEqual({ active: 'n0', standby: undefined })
  })
})

describe('the active one', () => {
  it('says how its zone is once per D, in order', () => {
    const said = member(0)
      .run(0, 10 * D)
      .said.filter(({ digest: { leaf } }) => leaf)
    expect(said.length).toBeGreaterThanOrEqual(10)
    expect(said.length).toBeLessThanOrEqual(13)
    expect(said.every(({ topic, digest: { zone, leaf } }) => topic === 'dig/uk' && zone === '/uk/a' && leaf)).toBe(true)
    expect(said[0]?.digest.figures).toMatchObject({ zones: 1, counts: { up: 5 } })
    const counters = said.map((one) => one.digest.counter)
    expect(counters).toEqual(counters.toSorted((a, b) => a - b))
    for (const [at, { digest: one }] of said.entries())
      if (at > 0) expect((said[at]?.at ?? 0) - (said[at - 1]?.at ?? 0)).toBeLessThanOrEqual(one.promise)
  })

  it('speaks for the zone above as well, once it knows who else could', () => {
    const said = member(0)
      .run(0, 4 * D)
      .said.filter(({ digest: { leaf } }) => !leaf)
    expect(said[0]?.at).toBeGreaterThanOrEqual(D)
    expect(said[0]).toMatchObject({ topic: 'dig/', digest: { zone: '/uk', figures: { zones: 1, counts: { up: 5 } } } })
  })

  it('leaves its topics when it is not one of the first two any more', () => {
    const one = member(1)
    one.reporting.check(0)
    one.out.drain()
    const [first] = order('/uk/a')
    const before = named(400, 'm').filter((mate) => order('/uk/a', [mate, one.node])[0] === mate)
    one.record(before[0] as string, 3, 1)
    one.reporting.check(T)
    expect([one.reporting.part, first === one.node]).toEqual(['none', false])
    expect(one.effects('unsubscribe').map(({ topic }) => topic)).toEqual(['dig/uk'])
  })
})

describe('the standby', () => {
  it('is silent while the active one speaks', () => {
    const one = member(1)
    one.reporting.check(0)
    const [active] = order('/uk/a') as [string]
    const level = one.reporting.levelOf('dig/uk')
    for (let at = 0; at < 10; at++) {
      one.reporting.took(level as never, spoken(active, digest('/uk/a', 5, { counter: at + 1 }), at * D), at * D)
      expect(one.run(at * D + 1_000, (at + 1) * D).said).toEqual([])
    }
  })

  it('speaks when nothing came for 2.5 D, before the zone counts as dark', () => {
    const { said } = member(1).run(0, 10 * D)
    expect(said[0]?.at).toBeGreaterThanOrEqual(limits.standbyPatience * D)
    expect(said[0]?.at).toBeLessThanOrEqual((limits.standbyPatience + 1) * D)
  })

  it('hands no summary down while the active one does, and does when it falls silent', () => {
    const one = member(1)
    one.reporting.check(0)
    const [active] = order('/uk/a') as [string]
    const figures = figuresOf(50)
    const hand = (now: number, by: string, topic: string) =>
      one.reporting.heardSummary(
        { summary: { day: DAY_0, made: 0, age: 0, figures }, by, at: now, envelope: signed(by, 'sum') },
        topic,
        now,
      )
    one.run(0, 1_000)
    for (let at = 0; at < 6; at++) {
      // What comes from above is news; a moment later the active one has handed it down.
      hand(at * D + 2_000, 'top', 'dig/uk')
      hand(at * D + 3_000, active, 'rec/uk/a')
      hand(at * D + 9_000, 'top', 'dig/uk')
      const { handed } = one.run(at * D + 10_000, (at + 1) * D + 1_000)
      expect(handed.filter(({ topic }) => topic === 'rec/uk/a')).toEqual([])
    }
    const { handed } = one.run(6 * D + 2_000, 12 * D)
    expect(handed.some(({ topic }) => topic === 'rec/uk/a')).toBe(true)
  })

  it('speaks, and says so, when two digests in a row are not what it sees', () => {
    const one = member(1)
    one.reporting.check(0)
    one.out.drain()
    const [active] = order('/uk/a') as [string]
    const level = one.reporting.levelOf('dig/uk')
    const heard: boolean[] = []
    const events: string[] = []
    for (let at = 0; at < 4; at++) {
      // Twice is enough, and once is not.
      if (at === 1) expect([heard, events]).toEqual([[], []])
      if (at === 2) expect([heard.length > 0, events]).toEqual([true, ['/uk/a']])
      one.reporting.took(level as never, spoken(active, digest('/uk/a', 50, { counter: at + 1 }), at * D), at * D)
      for (let now = at * D; now < (at + 1) * D; now += 1_000) {
        if (now % T === 0) one.settle(now)
        one.reporting.check(now)
        for (const effect of one.out.drain()) {
          if (effect.type === 'publishDigest') heard.push(effect.digest.figures.counts.up === 5)
          if (effect.type === 'event' && effect.event.type === 'disputes') events.push(effect.event.zone)
        }
      }
    }
    expect(heard.length).toBeGreaterThan(0)
    expect(heard.every((honest) => honest)).toBe(true)
    expect(events).toEqual(['/uk/a'])
  })
})

describe('the summary', () => {
  const TOP = { zone: '/a', node: 'n0' }

  it('of a fleet of one zone is that of the zone, and reaches its members', () => {
    const world = member(0, { zone: '/uk' })
    // A zone directly below `/` has its own order.
    const one = reporter({ node: order('/uk')[0] as string, zone: '/uk' })
    for (const mate of NODES) one.record(mate, 3, 0)
    void world
    let summaries = 0
    for (let now = 0; now <= 3 * D; now += 1_000) {
      if (now % T === 0) for (const mate of NODES) one.record(mate, 4 + now / T, now)
      one.reporting.check(now)
      for (const effect of one.out.drain()) {
        if (effect.type === 'publishDigest') one.reporting.published(effect.digest, signed('n'), now)
        if (effect.type !== 'publishSummary') continue
        summaries++
        expect(effect).toMatchObject({
          topic: 'rec/uk',
          summary: { figures: { zones: 1, dark: 0, counts: { up: 5 } } },
        })
      }
    }
    expect(summaries).toBeGreaterThanOrEqual(2)
  })

  it('grows older while it is passed on, and a newer one takes its place', () => {
    const one = reporter(TOP)
    const summary = { day: DAY_0, made: 1_000, age: 20_000, figures: figuresOf(7) }
    one.reporting.heardSummary({ summary, by: 'r', at: 0, envelope: signed('r', 'sum') }, 'rec/a', 0)
    expect(one.reporting.summary(5_000)).toMatchObject({ made: 6_000, age: 25_000, by: 'r' })
    expect(one.reporting.isNewer({ ...summary, made: 6_500 }, 5_000)).toBe(false)
    expect(one.reporting.isNewer({ ...summary, made: 5_500 }, 5_000)).toBe(true)
  })

  it('is taken from whoever is met by who has none, with the membership of its signer; and from nobody by who has one', () => {
    const one = reporter(TOP)
    const told = (by: string, up: number) => {
      const summary = { day: DAY_0, made: 1_000, age: 0, figures: figuresOf(up) }
      return { summary, envelope: signed(by, 'sum'), held: 2_000 }
    }
    one.gossip.told('friend', told('far', 7), [], 5_000)
    expect(one.reporting.summary(5_000)).toBeUndefined()
    one.gossip.told('friend', told('far', 7), [membershipOf('far', '/nl/z')], 5_000)
    expect(one.reporting.summary(5_000)).toMatchObject({ made: 3_000, by: 'far', figures: { counts: { up: 7 } } })
    one.gossip.told('liar', told('liar', 99), [membershipOf('liar', '/nl/z')], 9_000)
    expect(one.reporting.summary(9_000)).toMatchObject({ by: 'far', figures: { counts: { up: 7 } } })
  })

  it('is made by an operator’s peer of what it hears, and it says nothing', () => {
    const one = reporter({ operator: true, zone: '/' })
    one.reporting.check(0)
    expect(one.effects('subscribe').map(({ topic }) => topic)).toEqual(['dig/'])
    const level = one.reporting.levelOf('dig/')
    for (const [at, zone] of ['/a', '/b'].entries())
      one.reporting.took(level as never, spoken(`r${at}`, digest(zone, 4), 0), 0)
    for (let now = 0; now < 3 * D; now += T) one.reporting.check(now)
    expect(one.effects('publishDigest')).toEqual([])
    expect(one.reporting.fleet(D).summary?.figures).toMatchObject({ zones: 2, counts: { up: 8 } })
    // D4: whatever is dark is said in each answer.
    expect(one.reporting.fleet(10 * D).summary?.figures).toMatchObject({ zones: 0, dark: 2, darkZones: ['/a', '/b'] })
  })
})
