// T36 lying reporter: inflated counts, a forged leaf, a replayed digest, one of another day. Refused where the bytes or the membership
// already show it (clause DIGEST 5); found by the standby and by asking members where only the zone knows better (clause REPORTER 5).
import { describe, expect, it } from 'vitest'
import { Level } from '../../src/core/fleet/level.ts'
import { Places } from '../../src/core/fleet/reporters.ts'
import { contradict, SpotChecks } from '../../src/core/fleet/spot-checks.ts'
import { limits } from '../../src/core/limits.ts'
import type { QueryResponse } from '../../src/core/protocols.ts'
import { decodeDigest, encodeDigest } from '../../src/wire/digest.ts'
import {
  D,
  DAY_0,
  digest,
  figuresOf,
  membershipOf,
  reporter,
  sha256,
  signed,
  spoken,
} from '../core/fleet/reporter-world.ts'
import { Prng } from '../sim/prng.ts'
import { sampleDigest, sampleFigures } from '../wire/samples.ts'

describe('T36 a lying reporter', () => {
  describe('whose counts do not add up is refused before anything is merged', () => {
    it.each([
      ['a sketch of more nodes than there are', { sketches: [[9_999]] }],
      ['versions of more nodes than there are', { otherVersions: 99 }],
      ['releases of more nodes than there are', { otherReleases: 999 }],
      ['alerts of more nodes than there are', { alerts: { cloned: 99 } }],
      ['more names of dark zones than it counts', { dark: 0 }],
      ['more nodes than any fleet has', { counts: { up: limits.digestNodes + 1, late: 0, down: 0, left: 0 } }],
      ['more zones than any fleet has', { dark: limits.digestZones }],
      ['one node twice among the worst', { worst: [sampleFigures.worst[0], sampleFigures.worst[0]] as never }],
    ])('%s', (_, changes) => {
      const lie = encodeDigest({ ...sampleDigest, figures: { ...sampleFigures, ...changes } })
      expect(() => decodeDigest(lie)).toThrowError(expect.objectContaining({ code: 'E_PROTOCOL' }))
    })

    it('a leaf zone that is older than its digest, or parts that are older than any can be', () => {
      const leaf = digest('/uk/b', 3, { age: 1 })
      expect(() => decodeDigest(encodeDigest(leaf))).toThrow(/as old as its digest/)
      const old = { ...sampleDigest, leaf: false, age: limits.digestAge + 1 }
      expect(() => decodeDigest(encodeDigest(old))).toThrow(/field 7/)
    })

    it('a leaf zone that is several, or larger than a leaf can be', () => {
      const leaf = { ...sampleDigest, leaf: true }
      const refused = (figures: typeof sampleFigures) =>
        expect(() => decodeDigest(encodeDigest({ ...leaf, figures }))).toThrow()
      refused(sampleFigures)
      refused({
        ...sampleFigures,
        zones: 1,
        dark: 0,
        darkZones: [],
        counts: { up: limits.viewNodes + 1, late: 0, down: 0, left: 0 },
      })
    })
  })

  it('leaves what can be told of all others, whatever it counts and whomever it names', () => {
    const uk = new Level('/uk', 'dig/uk', new Places({ sha256 }), 0)
    const worst = { node: sampleFigures.worst[0]?.node as string, why: 'down' as const, value: 60 }
    const inner = (changes: object) => digest('/uk/x', 0, { leaf: false, figures: figuresOf(0, changes) })
    uk.take(
      spoken('a', digest('/uk/a', 25, { figures: figuresOf(25, { worst: [{ ...worst, zone: '/uk/a' }] }) }), 0),
      DAY_0,
      0,
    )
    for (const lie of [
      { counts: { up: limits.digestNodes, late: 0, down: 0, left: 0 } },
      { zones: limits.digestZones },
      { dark: limits.digestZones - 1 },
      { zones: 0 },
      { counts: { up: 1, late: 0, down: 0, left: 0 }, worst: [{ ...worst, zone: '/uk/x/y' }] },
    ]) {
      uk.take(spoken('x', inner(lie), 0), DAY_0, 0)
      for (const now of [0, 2 * D, 4 * D]) {
        uk.take(
          spoken(
            'a',
            { ...digest('/uk/a', 25), figures: figuresOf(25, { worst: [{ ...worst, zone: '/uk/a' }] }) },
            now,
          ),
          DAY_0,
          now,
        )
        const { figures } = uk.whole(DAY_0, now)
        const said = decodeDigest(encodeDigest({ ...digest('/uk', 0, { leaf: false }), figures }))
        expect(said.figures.counts.up).toBeGreaterThanOrEqual(25)
        expect(said.figures.counts.up).toBeLessThan(30)
      }
    }
  })

  /** A reporter of /uk/a that listens to dig/uk, where r of /uk/b says something. */
  function listening(revoked: readonly string[] = []) {
    const world = reporter({ node: 'self', revoked })
    world.record('self', 3, 0)
    world.reporting.check(0)
    world.knows('r', '/uk/b')
    world.out.drain()
    let ticket = 0
    const says = (said: ReturnType<typeof digest> | undefined, envelope = signed('r'), now = 0, topic = 'dig/uk') => {
      ticket++
      world.gossip.handle({ type: 'digestHeard', ticket, from: 'forwarder', topic, envelope, digest: said }, now)
      const verdict = world.effects('verdict').find((effect) => effect.ticket === ticket)?.verdict
      return [verdict, Object.keys(world.refusals.all())]
    }
    const heard = (now = 0) => world.reporting.levelOf('dig/uk')?.whole(DAY_0, now).figures.counts.up
    return { ...world, says, heard }
  }

  it('is refused for a zone that is not its own, or not above it', () => {
    for (const said of [digest('/uk/c', 9), digest('/uk/a', 9), digest('/uk/c', 9, { leaf: false })]) {
      const world = listening()
      expect(world.says(said)).toEqual(['reject', ['outsideGrant']])
      expect(world.heard()).toBe(0)
    }
  })

  it('is refused on a topic that is not the one of its parent, under another mesh, unsigned, and as an operator', () => {
    expect(listening().says(digest('/nl', 9))).toEqual(['reject', ['wrongTopic']])
    expect(listening().says(digest('/uk/b', 9), signed('r', 'dig', { mesh8: 'ff'.repeat(8) }))).toEqual([
      'reject',
      ['foreignMesh'],
    ])
    expect(listening().says(digest('/uk/b', 9), signed('r', 'dig', { signature: Uint8Array.of(0) }))).toEqual([
      'reject',
      ['badSignature'],
    ])
    expect(listening().says(digest('/uk/b', 9), signed('r', 'sum'))).toEqual(['reject', ['wrongKind']])
    expect(listening().says(undefined)).toEqual(['reject', ['malformed']])
    const world = listening()
    world.knows('o', '/uk/b', ['operator'])
    expect(world.says(digest('/uk/b', 9), signed('o'))).toEqual(['reject', ['outsideGrant']])
  })

  it('is refused among the records of a zone, passed over when it was revoked, and nobody tells us what we said', () => {
    expect(listening().says(digest('/uk/b', 9), signed('r'), 0, 'rec/uk/a')).toEqual(['reject', ['wrongTopic']])
    expect(listening(['id of r']).says(digest('/uk/b', 9))).toEqual(['ignore', ['revoked']])
    const world = listening()
    world.knows('self', '/uk/a')
    expect(world.says(digest('/uk/a', 9), signed('self'))[0]).toBe('ignore')
    expect(world.heard()).toBe(0)
  })

  it('is introduced by its own membership, and brings in nobody else with it', () => {
    const world = listening()
    const heard = { from: 'forwarder', topic: 'dig/uk', envelope: signed('new') }
    world.gossip.handle({ type: 'digestHeard', ticket: 99, ...heard, digest: digest('/uk/b', 9) }, 0)
    const [ask] = world.effects('ask')
    const told = world.memberships(membershipOf('new', '/uk/b'), membershipOf('other', '/uk/c'))
    expect(world.gossip.introduced(ask!.ticket, told, 0)).toBe(true)
    expect(world.effects('verdict')).toMatchObject([{ ticket: 99, verdict: 'accept' }])
    // Whoever it is has to be asked for still.
    expect(world.says(digest('/uk/c', 9), signed('other'))[0]).toBeUndefined()
  })

  it('gets nothing by saying again what was said, or by the digest of another day', () => {
    const world = listening()
    expect(world.says(digest('/uk/b', 9, { counter: 5 }))[0]).toBe('accept')
    for (const counter of [5, 4, 1])
      expect(world.says(digest('/uk/b', 50, { counter }), signed('r'), D)[0]).toBe('ignore')
    expect(world.says(digest('/uk/b', 50, { counter: 6, day: DAY_0 - 2 }), signed('r'), D)).toEqual([
      'ignore',
      ['wrongDay'],
    ])
    expect(world.heard(D)).toBe(9)
    expect(world.says(digest('/uk/b', 8, { counter: 6, day: DAY_0 - 1 }), signed('r'), D)[0]).toBe('accept')
  })

  it('hands down no summary unless it reports for the zone', () => {
    const world = reporter({ node: 'self', zone: '/uk/a' })
    world.record('self', 3, 0)
    for (let at = 0; at < 30; at++) {
      world.record(`m${at}`, 3, 0)
      world.knows(`m${at}`, '/uk/a')
    }
    const order = new Places({ sha256 }).order('/uk/a', DAY_0, [
      ...Array.from({ length: 30 }, (_, at) => `m${at}`),
      'self',
    ])
    const summary = { day: DAY_0, made: 0, age: 0, figures: figuresOf(1_000) }
    const tell = (by: string, ticket: number) => {
      const heard = { from: by, topic: 'rec/uk/a', envelope: signed(by, 'sum') }
      world.gossip.handle({ type: 'summaryHeard', ticket, ...heard, summary }, 0)
      return world.effects('verdict')[0]?.verdict
    }
    expect(tell(order.filter((one) => one !== 'self').at(-1) as string, 1)).toBe('ignore')
    expect(world.reporting.summary(0)).toBeUndefined()
    expect(tell(order.find((one) => one !== 'self') as string, 2)).toBe('accept')
  })
})

describe('T36 a summary', () => {
  const summary = { day: DAY_0, made: 10, age: 20, figures: figuresOf(9) }

  it('is not taken on our topic from another zone, nor above it from who has not spoken there', () => {
    const world = reporter({ node: 'self' })
    world.record('self', 3, 0)
    world.reporting.check(0)
    const others = Array.from({ length: 20 }, (_, nth) => `o${nth}`)
    const hand = (by: string, topic: string) => {
      world.knows(by, '/uk/b')
      world.out.drain()
      const heard = { from: by, topic, envelope: signed(by, 'sum') }
      world.gossip.handle({ type: 'summaryHeard', ticket: 1, ...heard, summary }, 0)
      return world.effects('verdict').map(({ verdict }) => verdict)
    }
    for (const by of others) for (const topic of ['rec/uk/a', 'dig/uk']) expect(hand(by, topic)).toEqual(['ignore'])
    expect(world.reporting.held).toBeUndefined()
  })

  it('that a member tells on our asking has to be signed by a member, and is taken by who has none: nobody replaces what reporters hand down by an answer', () => {
    const world = reporter({ node: 'self' })
    world.knows('r', '/uk/b')
    const tell = (told: typeof summary, changes = {}, kind: 'sum' | 'dig' = 'sum') =>
      world.gossip.told('mate', { envelope: signed('r', kind, changes), summary: told, held: 5 }, [], 100)
    tell(summary, { signature: Uint8Array.of(0) })
    tell(summary, { mesh8: 'ff'.repeat(8) })
    tell(summary, {}, 'dig')
    tell(summary, { membership: 'id of nobody' })
    expect(world.reporting.held).toBeUndefined()
    expect(world.refusals.all()).toEqual({ badSignature: 1, foreignMesh: 1, wrongKind: 1 })
    tell(summary)
    expect(world.reporting.held?.summary.made).toBe(15)
    for (const made of [50, 0]) tell({ ...summary, made, figures: figuresOf(99) })
    expect(world.reporting.held?.summary.figures.counts.up).toBe(9)
  })
})

/** A period of which a look at any zone comes once in less than D. */
const OFTEN = D / limits.randomChecksEvery

describe('T36 counts that only the zone can contradict', () => {
  const zone = '/uk/b'
  const members = ['m1', 'm2'].map((node) => ({ node, zone }))
  const at = { node: 'r', zone }

  function checking(linked = members, all = [...members, at], random = () => 0.5) {
    const { alerts, out } = reporter()
    const dialled: string[] = []
    const book = {
      inZone: () => all.map((one) => ({ ...one, serves: true, addresses: ['a'] })),
    }
    const links = {
      get: (node: string) => linked.find((one) => one.node === node),
      wantFor: ({ node }: { node: string }) => dialled.push(node),
    }
    const checks = new SpotChecks({ env: { random }, out, book, links, alerts } as never)
    const level = new Level('/uk', 'dig/uk', new Places({ sha256 }), 0, {
      isBelieved: (node, now) => checks.isBelieved(node, now),
    })
    /** One check, in which the members that are asked answer with so many. */
    const round = (now: number, up: number) => {
      checks.check([level], '/uk/a', OFTEN, now)
      const asks = out.drain().filter((effect) => effect.type === 'ask')
      for (const ask of asks) {
        const counts = { up, late: 0, down: 0, left: 0 }
        checks.answered(
          ask.ticket,
          ask.peer,
          { refused: undefined, counts, rows: [], more: false } as QueryResponse,
          now,
        )
      }
      return asks.map(({ peer }) => peer)
    }
    return { alerts, checks, level, round, dialled, out }
  }

  it('are found by asking two members, twice: it is not believed for a day, and its standby is', () => {
    const { alerts, checks, level, round } = checking()
    checks.check([level], '/uk/a', OFTEN, 0)
    for (let at = 1; at <= 2; at++) {
      expect(checks.isBelieved('r', at * 2 * D)).toBe(true)
      level.take(spoken('r', digest(zone, 500, { counter: at }), at * 2 * D), DAY_0, at * 2 * D)
      expect(round(at * 2 * D, 25)).toEqual(['m1', 'm2'])
    }
    const now = 4 * D
    expect(alerts.of('r')).toEqual(['lyingReporter'])
    expect(level.speaker(zone, DAY_0, now)).toBeUndefined()
    level.take(spoken('standby', digest(zone, 25), now), DAY_0, now)
    level.take(spoken('r', digest(zone, 500, { counter: 3 }), now), DAY_0, now)
    expect(level.speaker(zone, DAY_0, now)?.by).toBe('standby')
    expect(level.whole(DAY_0, now).figures.counts.up).toBe(25)
    expect(checks.isBelieved('r', now + limits.liarPause)).toBe(true)
  })

  /** Two checks, before each of which both reporters speak. */
  function disputed({ checks, level, round }: ReturnType<typeof checking>, active: number, standby: number) {
    checks.check([level], '/uk/a', OFTEN, 0)
    for (let counter = 1; counter <= 2; counter++) {
      const now = counter * 2 * D
      level.take(spoken('r', digest(zone, active, { counter }), now), DAY_0, now)
      level.take(spoken('standby', digest(zone, standby, { counter }), now), DAY_0, now)
      round(now, 25)
    }
  }

  it('are found where its standby disputes them', () => {
    const world = checking()
    disputed(world, 500, 25)
    expect(world.alerts.all().map(({ node }) => node)).toEqual(['r'])
  })

  it('are found of one that counts too many and too few in turns', () => {
    const { alerts, checks, level, round } = checking()
    checks.check([level], '/uk/a', OFTEN, 0)
    for (const [at, up] of [500, 2].entries()) {
      const now = (at + 1) * 2 * D
      level.take(spoken('r', digest(zone, up, { counter: at + 1 }), now), DAY_0, now)
      round(now, 25)
    }
    expect(alerts.of('r')).toEqual(['lyingReporter'])
  })

  it('are no lie of a zone that is being set up: each digest says what its members said before, and whoever reported first goes silent', () => {
    const { alerts, checks, level, round } = checking()
    checks.check([level], '/uk/a', OFTEN, 0)
    const take = (by: string, up: number, counter: number, now: number) =>
      level.take(spoken(by, digest(zone, up, { counter }), now), DAY_0, now)
    take('first', 2, 1, 1.5 * D)
    for (let counter = 1; counter <= 5; counter++) {
      const now = counter * 2 * D
      take('r', 6 * counter, counter, now - 1)
      round(now, 6 * counter + 5)
    }
    expect(alerts.all()).toEqual([])
  })

  it('do not fall upon the honest one when it is the standby that lies', () => {
    const world = checking()
    disputed(world, 25, 500)
    expect(world.alerts.all().map(({ node }) => node)).toEqual(['standby'])
  })

  it('are no lie when the zone lost its power between the count and the question', () => {
    const { alerts, checks, level, round } = checking()
    checks.check([level], '/uk/a', OFTEN, 0)
    level.take(spoken('r', digest(zone, 25, { counter: 1 }), 2 * D), DAY_0, 2 * D)
    round(2 * D, 5)
    level.take(spoken('r', digest(zone, 5, { counter: 2 }), 4 * D), DAY_0, 4 * D)
    round(4 * D, 5)
    expect(alerts.all()).toEqual([])
  })

  it('do not fall upon an honest one because of a single member, however often it is asked', () => {
    const { alerts, checks, level, round } = checking(members.slice(0, 1))
    checks.check([level], '/uk/a', OFTEN, 0)
    for (let nth = 1; nth <= 4; nth++) {
      const now = nth * 4 * D
      level.take(spoken('r', digest(zone, 25, { counter: nth }), now), DAY_0, now)
      expect(round(now, 500)).toEqual(['m1'])
      checks.check([level], '/uk/a', OFTEN, now + limits.spotCheckTime)
    }
    expect(alerts.all()).toEqual([])
  })

  it('are not asked of the reporter itself, nor counted from who is in another zone', () => {
    const { alerts, checks, level, round } = checking(
      [at, ...members.map((one) => ({ ...one, zone: '/uk/c' }))],
      [at, ...members],
    )
    checks.check([level], '/uk/a', OFTEN, 0)
    for (let nth = 1; nth <= 2; nth++) {
      level.take(spoken('r', digest(zone, 25, { counter: nth }), nth * 2 * D), DAY_0, nth * 2 * D)
      expect(round(nth * 2 * D, 500)).toEqual(['m1', 'm2'])
      checks.check([level], '/uk/a', OFTEN, nth * 2 * D + limits.spotCheckTime)
    }
    expect(alerts.all()).toEqual([])
  })

  it('do not fall upon an honest one because two that lie keep links to whoever asks: once it is doubted anybody may be asked', () => {
    const honest = Array.from({ length: 20 }, (_, nth) => ({ node: `h${nth}`, zone }))
    const prng = new Prng(1)
    const random = () => prng.real()
    const { alerts, checks, level, dialled, out } = checking(members, [...members, ...honest, at], random)
    checks.check([level], '/uk/a', OFTEN, 0)
    const asked = new Set<string>()
    for (let nth = 1; nth <= 60; nth++) {
      const now = nth * 2 * D
      level.take(spoken('r', digest(zone, 25, { counter: nth }), now), DAY_0, now)
      checks.check([level], '/uk/a', OFTEN, now)
      for (const node of dialled.splice(0)) checks.linked(node)
      for (const effect of out.drain()) {
        if (effect.type !== 'ask') continue
        asked.add(effect.peer)
        const counts = { up: members.some(({ node }) => node === effect.peer) ? 500 : 25, late: 0, down: 0, left: 0 }
        const answer = { refused: undefined, counts, rows: [], more: false } as QueryResponse
        checks.answered(effect.ticket, effect.peer, answer, now)
      }
      checks.check([level], '/uk/a', OFTEN, now + limits.spotCheckTime)
    }
    expect([...asked]).toEqual(expect.arrayContaining(['m1', 'm2']))
    expect(asked.size).toBeGreaterThan(8)
    expect(alerts.all()).toEqual([])
  })

  it('are looked at again before other zones are, once there is a doubt', () => {
    const { checks, level, round, out } = checking()
    checks.check([level], '/uk/a', OFTEN, 0)
    level.take(spoken('r', digest(zone, 500, { counter: 1 }), 2 * D), DAY_0, 2 * D)
    expect(round(2 * D, 25)).toEqual(['m1', 'm2'])
    for (const other of ['/uk/c', '/uk/d', '/uk/e'])
      level.take(spoken(`r${other}`, digest(other, 5), 4 * D), DAY_0, 4 * D)
    level.take(spoken('r', digest(zone, 500, { counter: 2 }), 4 * D), DAY_0, 4 * D)
    checks.check([level], '/uk/a', OFTEN, 4 * D)
    const zones = out
      .drain()
      .flatMap((effect) => (effect.type === 'ask' && effect.protocol === 'query' ? [effect.body.zone] : []))
    expect(zones).toEqual([zone, zone])
  })

  it('of a zone where nobody answers do not keep others from being looked at', () => {
    let drawn = 0
    const { checks, level, out } = checking([], [at, ...members], () => (drawn++ * 0.618) % 1)
    checks.check([level], '/uk/a', OFTEN, 0)
    const zones = new Set<string>()
    for (let nth = 1; nth <= 60; nth++) {
      const now = nth * 2 * D
      level.take(spoken('r', digest(zone, 500, { counter: nth }), now), DAY_0, now)
      level.take(spoken('standby', digest(zone, 25, { counter: nth }), now), DAY_0, now)
      level.take(spoken('c', digest('/uk/c', 5, { counter: nth }), now), DAY_0, now)
      checks.check([level], '/uk/a', OFTEN, now)
      for (const node of ['r', 'm1', 'm2']) checks.linked(node)
      for (const effect of out.drain())
        if (effect.type === 'ask' && effect.protocol === 'query') zones.add(effect.body.zone)
      checks.check([level], '/uk/a', OFTEN, now + limits.spotCheckTime)
    }
    expect(zones).toEqual(new Set([zone, '/uk/c']))
  })

  it('are weighed by most of those who know: as many voices on either side find nobody', () => {
    const { alerts, checks, level, round } = checking()
    checks.check([level], '/uk/a', OFTEN, 0)
    for (let nth = 1; nth <= 3; nth++) {
      const now = nth * 2 * D
      for (const by of ['r', 's', 't']) level.take(spoken(by, digest(zone, 25, { counter: nth }), now), DAY_0, now)
      round(now, 500)
    }
    expect(alerts.all()).toEqual([])
  })

  it('are found by one member and the other reporter, where only one member can be asked', () => {
    const world = checking(members.slice(0, 1), [...members.slice(0, 1), at])
    disputed(world, 500, 25)
    expect(world.alerts.all().map(({ node }) => node)).toEqual(['r'])
  })

  it('twice are twice in a row: a check that agrees ends the doubt', () => {
    const { alerts, checks, level, round } = checking()
    checks.check([level], '/uk/a', OFTEN, 0)
    for (const [nth, up] of [25, 5, 25, 5, 25].entries()) {
      const now = (nth + 1) * 2 * D
      level.take(spoken('r', digest(zone, 5, { counter: nth + 1 }), now), DAY_0, now)
      round(now, up)
    }
    expect(alerts.all()).toEqual([])
  })

  it('of our own zone are not asked for: we see it', () => {
    const { checks, level, out } = checking()
    level.take(spoken('r', digest(zone, 500), 0), DAY_0, 0)
    for (let now = 0; now < 10 * D; now += D) checks.check([level], zone, D, now)
    expect(out.drain()).toEqual([])
  })

  it('differ as well when as many nodes are there, and others are up', () => {
    const counts = { up: 25, late: 0, down: 0, left: 0 }
    expect(contradict(counts, { ...counts, up: 0, down: 25 })).toBe(true)
    expect(contradict(counts, { ...counts, up: 20, late: 5 })).toBe(false)
    expect(contradict(counts, { ...counts, up: 23, down: 2 })).toBe(false)
  })

  it('members are dialled for it where none is linked', () => {
    const { checks, level, round, dialled, out } = checking([])
    checks.check([level], '/uk/a', OFTEN, 0)
    level.take(spoken('r', digest(zone, 500), 2 * D), DAY_0, 2 * D)
    expect(round(2 * D, 25)).toEqual([])
    expect(dialled).toEqual(['m1', 'm2'])
    checks.linked('m1')
    expect(out.drain()).toMatchObject([{ type: 'ask', peer: 'm1', protocol: 'query', body: { zone, want: 'counts' } }])
  })
})
