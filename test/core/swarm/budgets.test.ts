import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { metricValues } from '../../../src/core/fleet/metrics.ts'
import { DAY, HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { type Allowance, Budgets } from '../../../src/core/swarm/budgets.ts'
import { Alone } from './alone.ts'
import { testEncoding } from './encodings.ts'
import { Sites } from './sites.ts'
import { Site, type TestNode } from './test-node.ts'
import { World } from './world.ts'

const KB = 1_000
const PIECE = limits.pieceBytesMin
const NIGHT = [{ from: 22 * 60, to: 6 * 60 }]
/** Local time of a day in 2026. */
const at = (hour: number) => Date.parse('2026-11-29T00:00:00Z') + hour * HOUR

/** Over any time: the budget, a second of it, and one piece. `jitter`: how much later than others one may be that was asked with them. */
function expectWithin(log: readonly { at: number; bytes: number }[], rate: number, jitter = 0): void {
  for (const [i, first] of log.entries()) {
    let sum = 0
    for (const { at, bytes } of log.slice(i)) {
      sum += bytes
      expect(sum).toBeLessThanOrEqual((rate * (at - first.at + jitter)) / SECOND + rate + bytes + log.length)
    }
  }
}

/** One seed with an allowance, and takers that want what it has. */
function seedAndTakers(
  takers: number,
  pieces: number,
  allowance: Allowance,
  options: { length?: number; seed?: number } = {},
) {
  const wanted = testEncoding('a', pieces, options.length ?? PIECE)
  const world = new World(options.seed ?? 1, [wanted])
  const seed = world.add('seed', 'honest', undefined, allowance)
  world.seed('seed', wanted)
  const names = Array.from({ length: takers }, (_, i) => `taker${i}`)
  for (const name of names) {
    world.add(name)
    world.link('seed', name)
    world.want(name, wanted)
  }
  const complete = () => names.every((name) => world.has(name, wanted))
  return { world, wanted, seed, names, complete }
}

describe('the budgets of uploads', () => {
  it('are kept over any time, together and for each, and everybody ends all the same', async () => {
    const scene = fc.record({
      upload: fc.option(fc.integer({ min: 5 * KB, max: 2_000 * KB }), { nil: undefined }),
      each: fc.option(fc.integer({ min: 5 * KB, max: 2_000 * KB }), { nil: undefined }),
      takers: fc.integer({ min: 1, max: 4 }),
      length: fc.constantFrom(PIECE, 4 * PIECE),
      seed: fc.integer(),
    })
    await fc.assert(
      fc.asyncProperty(scene, async ({ upload, each, takers, length, seed }) => {
        const {
          world,
          wanted,
          seed: node,
          names,
          complete,
        } = seedAndTakers(takers, 8, { upload, each }, { length, seed })
        await world.run(2 * DAY, complete)
        expect(complete()).toBe(true)
        if (upload !== undefined) expectWithin(node.sent, upload)
        for (const name of names)
          if (each !== undefined)
            expectWithin(
              node.sent.filter(({ peer }) => peer === name),
              each,
            )
        const slowest = Math.min(upload ?? Number.POSITIVE_INFINITY, (each ?? Number.POSITIVE_INFINITY) * takers)
        const ideal = (takers * wanted.encoding.length * SECOND) / slowest
        expect(world.now).toBeLessThan(3 * ideal + 5 * MINUTE)
      }),
      { numRuns: 25 },
    )
  })

  it('do not keep those apart who ask for short and for long pieces: each gets as many bytes', async () => {
    const [short, long] = [testEncoding('short', 200), testEncoding('long', 20, 16 * PIECE)]
    const world = new World(3, [short, long])
    const seed = world.add('seed', 'honest', undefined, { upload: 500 * KB })
    world.seed('seed', short)
    world.seed('seed', long)
    for (const [name, wanted] of [
      ['a', short],
      ['b', long],
    ] as const) {
      world.add(name)
      world.link('seed', name)
      world.want(name, wanted)
    }
    await world.run(100 * SECOND)
    const [a = 0, b = 0] = ['a', 'b'].map((name) => bytesTo(seed, name))
    expect(a + b).toBeGreaterThan(45e6)
    expect(Math.abs(a - b)).toBeLessThan(3 * 16 * PIECE)
  })

  it('T19: who takes all and gives none gets its own part, and no more', async () => {
    const { world, seed, names } = seedAndTakers(3, 400, { each: 100 * KB })
    await world.run(MINUTE)
    for (const name of names) {
      const given = bytesTo(seed, name)
      expect(given).toBeLessThanOrEqual(100 * KB * 61 + PIECE)
      expect(given).toBeGreaterThan(100 * KB * 50)
    }
  })

  it('T19: are remembered of who comes back', async () => {
    const { world, seed } = seedAndTakers(1, 400, { each: 100 * KB })
    for (let i = 0; i < 20; i++) {
      await world.run(3 * SECOND)
      world.unlink('seed', 'taker0')
      world.link('seed', 'taker0')
    }
    expectWithin(seed.sent, 100 * KB)
  })
})

it('T19: the budget of one member forgets first, of many, whoever was served longest ago', () => {
  const parts = { out: new Outbox(), localAt: () => undefined, isNear: () => false, asksForSamples: false }
  const budgets = new Budgets(parts, { each: KB }, undefined, 0)
  const serve = (i: number, now: number) => budgets.serve(`n${i}`, PIECE, now)
  for (let i = 0; i < limits.meteredMembers; i++) serve(i, i)
  serve(0, SECOND)
  serve(limits.meteredMembers, 2 * SECOND)
  const waits = (i: number) => (budgets.serveAt(`n${i}`, 3 * SECOND) as number) > 3 * SECOND
  expect([waits(0), waits(1), waits(2)]).toEqual([true, false, true])
})

const bytesTo = ({ sent }: TestNode, name: string) =>
  sent.filter(({ peer }) => peer === name).reduce((sum, { bytes }) => sum + bytes, 0)

/** A node with an allowance that fetches from a seed outside. */
function fetcher(pieces: number, allowance: Allowance, local?: number) {
  const wanted = testEncoding('a', pieces)
  const world = new World(1, [wanted])
  world.seed('seed', wanted)
  const node = world.add('node', 'honest', undefined, allowance, local)
  world.link('seed', 'node')
  world.want('node', wanted)
  const problem = () => node.swarm.progress(wanted.encoding.hash)?.problem
  return { world, wanted, node, problem }
}

describe('the budget of downloads', () => {
  it('is kept over any time, and never stalls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 5 * KB, max: 3_000 * KB }), async (download) => {
        const { world, wanted, node } = fetcher(12, { download })
        await world.run(DAY, () => world.has('node', wanted))
        expect(world.has('node', wanted)).toBe(true)
        expectWithin(node.came, download, 50)
        expect(world.now).toBeLessThan((wanted.encoding.length * SECOND) / download + MINUTE)
      }),
      { numRuns: 20 },
    )
  })

  it('goes to those who give: members that say they have all and send nothing hold it up, and no more', async () => {
    const wanted = testEncoding('a', 40)
    const world = new World(5, [wanted])
    world.seed('seed', wanted)
    const node = world.add('node', 'honest', undefined, { download: 500 * KB })
    for (let i = 0; i < 4; i++) world.link('node', world.add(`liar${i}`, 'silent').name)
    world.link('node', 'seed')
    world.want('node', wanted)
    await world.run(HOUR, () => world.has('node', wanted))
    expect(node.writes).toHaveLength(40)
    expect(world.now).toBeLessThan(3 * ((wanted.encoding.length * SECOND) / (500 * KB)))
  })
})

describe('a budget of the month', () => {
  it('counts both ways, pauses when it is used up, and goes on in the next month', async () => {
    const month = 10 * PIECE
    const { world, wanted, node, problem } = fetcher(40, { monthly: month }, at(2 * 24) - HOUR)
    await world.run(MINUTE)
    expect(node.writes.length).toBeGreaterThanOrEqual(10)
    expect(node.writes.length * PIECE).toBeLessThanOrEqual(month + limits.requestBytes)
    const before = node.writes.length
    expect(problem()).toEqual({ code: 'paused', pause: { why: 'month' } })
    expect(node.swarm.budgets(world.now)).toMatchObject({ month: { left: 0 }, paused: { why: 'month', lan: false } })
    await world.run(HOUR - 2 * MINUTE)
    expect(node.writes).toHaveLength(before)
    await world.run(3 * MINUTE)
    expect(node.writes.length).toBeGreaterThan(before)
    expect(world.has('node', wanted)).toBe(false)
  })

  it('is kept over restarts, as far as it was written', async () => {
    const { world, wanted, node } = fetcher(40, { monthly: 100e9 }, at(12))
    await world.run(HOUR, () => world.has('node', wanted))
    expect(node.usage).toBeUndefined()
    world.step(node, (swarm) => swarm.save(world.now))
    expect(node.usage).toMatchObject({ up: 0, down: wanted.encoding.length })
    world.kill(node)
    world.start(node)
    expect(node.swarm.budgets(world.now).month).toMatchObject({ down: wanted.encoding.length })
  })
})

describe('hours', () => {
  it('close what comes from other sites, and open it when they begin', async () => {
    const { world, wanted, node, problem } = fetcher(40, { hours: NIGHT }, at(20))
    await world.run(2 * HOUR - SECOND)
    expect(node.came).toEqual([])
    expect(problem()).toEqual({ code: 'paused', pause: { why: 'hours', opens: 22 * 60 } })
    expect(node.dialled).toEqual([])
    await world.run(MINUTE, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
    expect(problem()).toBeUndefined()
  })

  it('close what goes there: who is outside of them says that it has nothing, and what it has when they begin', async () => {
    const wanted = testEncoding('a', 40)
    const world = new World(1, [wanted])
    const seed = world.add('seed', 'honest', undefined, { hours: NIGHT }, at(21))
    world.seed('seed', wanted)
    world.add('node')
    world.link('seed', 'node')
    world.want('node', wanted)
    await world.run(HOUR - SECOND)
    expect(seed.sent).toEqual([])
    expect(world.node('node').swarm.progress(wanted.encoding.hash)).toMatchObject({
      providers: 0,
      problem: 'noProvider',
    })
    await world.run(MINUTE, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
  })

  it('end what is asked for: it is refused, and what is on its way is finished', async () => {
    const { world, seed, wanted } = seedAndTakers(1, 400, { hours: NIGHT, upload: 500 * KB })
    seed.local = at(5.99)
    world.kill(seed)
    world.start(seed)
    world.link('seed', 'taker0')
    await world.run(2 * MINUTE)
    const { length } = seed.sent
    expect(length).toBeGreaterThan(10)
    expect(seed.sent.at(-1)?.at).toBeLessThanOrEqual(0.01 * HOUR)
    expect(world.node('taker0').asked.size).toBe(0)
    expect(world.node('taker0').swarm.progress(wanted.encoding.hash)).toMatchObject({ providers: 0 })
  })

  it('wait for a clock that somebody vouches for', async () => {
    const { world, wanted, node, problem } = fetcher(10, { hours: NIGHT })
    await world.run(MINUTE)
    expect([node.came, problem()]).toEqual([[], { code: 'paused', pause: { why: 'clock' } }])
    node.local = at(23)
    world.step(node, (swarm) => swarm.timeChanged(world.now))
    await world.run(MINUTE, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
  })

  it('that never close need no clock', () => {
    const hours = [{ from: 0, to: 24 * 60 }]
    const alone = new Alone(undefined, { allowance: { hours } })
    alone.wait(1)
    expect(alone.swarm.budgets(alone.now)).toMatchObject({ paused: undefined, hours: { open: true } })
  })

  it('let the LAN go on: one of a site with open hours brings it in for all', async () => {
    const wanted = testEncoding('a', 40)
    const world = new World(1, [wanted])
    world.seed('seed', wanted)
    const site = new Site(1.25e6, 6.25e6)
    world.add('open', 'honest', site)
    for (const name of ['a', 'b', 'c']) world.add(name, 'honest', site, { hours: NIGHT }, at(12))
    world.linkAll()
    for (const name of ['open', 'a', 'b', 'c']) world.want(name, wanted)
    await world.run(5 * MINUTE, () => ['open', 'a', 'b', 'c'].every((name) => world.has(name, wanted)))
    for (const name of ['open', 'a', 'b', 'c']) expect(world.has(name, wanted)).toBe(true)
    for (const name of ['a', 'b', 'c']) {
      expect(world.node(name).came.filter(({ peer }) => peer === 'seed')).toEqual([])
      expect(world.node(name).swarm.budgets(world.now).month).toMatchObject({ up: 0, down: 0 })
    }
    expect(site.came).toBeLessThan(1.02 * wanted.encoding.length)
  })

  it('close the LAN too when that is counted', async () => {
    const wanted = testEncoding('a', 10)
    const world = new World(1, [wanted])
    const site = new Site(1.25e6, 6.25e6)
    world.add('seed', 'honest', site)
    world.seed('seed', wanted)
    const node = world.add('node', 'honest', site, { hours: NIGHT, lan: true }, at(21))
    world.link('seed', 'node')
    world.want('node', wanted)
    await world.run(59 * MINUTE)
    expect(node.came).toEqual([])
    await world.run(2 * MINUTE)
    expect(node.swarm.budgets(world.now).month.down).toBe(wanted.encoding.length)
  })
})

describe('heat', () => {
  const sample = (celsius: number | null) => metricValues({ node_thermal_zone_temp: celsius })

  it('pauses everything, the LAN too, until the board is cooler', async () => {
    const wanted = testEncoding('a', 400)
    const world = new World(1, [wanted])
    const site = new Site(1.25e6, 6.25e6)
    world.add('seed', 'honest', site)
    world.seed('seed', wanted).uplink = 2_500 * KB
    const node = world.add('node', 'honest', site, { hot: 80 })
    world.link('seed', 'node')
    world.want('node', wanted)
    await world.run(5 * SECOND)
    world.step(node, (swarm) => swarm.sampled(sample(81), world.now))
    await world.run(5 * SECOND)
    const paused = node.writes.length
    world.step(node, (swarm) => swarm.sampled(sample(76), world.now))
    await world.run(MINUTE)
    expect(node.writes).toHaveLength(paused)
    expect(node.swarm.progress(wanted.encoding.hash)?.problem).toEqual({
      code: 'paused',
      pause: { why: 'hot', below: 75 },
    })
    world.step(node, (swarm) => swarm.sampled(sample(74), world.now))
    await world.run(5 * MINUTE, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
  })

  it('of a board that is not measured pauses nothing', async () => {
    const { world, wanted, node } = fetcher(10, { hot: 80 })
    world.step(node, (swarm) => swarm.sampled(sample(null), world.now))
    await world.run(MINUTE, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
  })
})

describe('budgets', () => {
  it('of one thin uplink cost its site no copies: the mates share what is allowed', async () => {
    const sites = new Sites({ sites: 2, nodes: 3, pieces: 24, exchange: true })
    for (const name of sites.all) {
      const node = sites.world.node(name)
      node.allowance = { download: 400 * KB }
      sites.world.kill(node)
      sites.world.start(node)
    }
    sites.world.linkAll()
    const time = await sites.run()
    expect(time).toBeLessThan(2 * ((sites.wanted.encoding.length * SECOND) / (3 * 400 * KB)))
    for (const copies of sites.copies) expect(copies).toBeLessThan(1.1)
  })

  it('of hours that are closed let nobody be dialled who could give nothing', () => {
    const dialled = (hours: Allowance['hours']) => {
      const self = { node: 'self', zone: '/a', isNode: true, localAt: () => at(12) }
      const alone = new Alone(undefined, { self, allowance: { hours: hours ?? [] } })
      const word = { own: [], serves: true, relays: false, nat: undefined, worked: undefined, by: undefined } as const
      alone.contacts.push({
        node: 'far',
        zone: '/b',
        addresses: ['/ip4/44.1.1.1/tcp/1'],
        seen: 0,
        source: 'others',
        ...word,
      })
      alone.wants(testEncoding('a', 10))
      alone.wait(HOUR)
      return alone.dialled.map(({ node }) => node)
    }
    expect(dialled(NIGHT)).toEqual([])
    expect(dialled([])).toContain('far')
  })

  it('ask for the clock where no heartbeat does', () => {
    const self = { node: 'self', zone: '/', isNode: false, localAt: () => undefined }
    const alone = new Alone(undefined, { self, allowance: { hours: NIGHT, hot: 50 } })
    const samples = () => alone.of('sample').length
    alone.wait(1)
    expect(samples()).toBe(1)
    alone.wait(3 * limits.budgetSamples)
    expect(samples()).toBe(4)
    // It measures no board.
    alone.step((swarm) => swarm.sampled(metricValues({ node_thermal_zone_temp: 90 }), alone.now))
    expect(alone.swarm.budgets(alone.now)).toMatchObject({ paused: { why: 'clock' }, heat: { limit: undefined } })
  })

  it('that turn are told in the same step: a request that crossed the news is refused, not an offence', () => {
    const wanted = testEncoding('a', 10)
    const hours = NIGHT
    let local = at(23)
    const self = { node: 'self', zone: '/', isNode: true, localAt: () => local }
    const alone = new Alone(undefined, { self, allowance: { hours } })
    alone.wants(wanted)
    alone.step((swarm) => swarm.imported(wanted.encoding, wanted.list, alone.now))
    alone.meets('p')
    alone.holds('p', wanted, new Uint8Array(2), true)
    expect(alone.said('bitfield').at(-1)?.message).toMatchObject({ bits: Uint8Array.of(255, 3) })
    local = at(7)
    const told = alone.said(
      'bitfield',
      alone.step((swarm) => swarm.timeChanged(alone.now)),
    )
    expect(told).toMatchObject([{ peer: 'p', message: { bits: new Uint8Array(2) } }])
    const events = () => alone.of('event').map(({ event }) => event)
    expect(events()).toEqual([{ type: 'paused', pause: { why: 'hours', opens: 22 * 60 } }])
    alone.now += HOUR
    const effects = alone.says('p', { type: 'request', encoding: wanted.encoding.hash, index: 3 })
    expect([alone.said('refuse', effects).length, alone.of('pieceServe').length, alone.refusals]).toEqual([1, 0, []])
    local = at(22)
    expect(
      alone.said(
        'bitfield',
        alone.step((swarm) => swarm.timeChanged(alone.now)),
      ),
    ).toMatchObject([{ message: { bits: Uint8Array.of(255, 3) } }])
    expect(events().slice(1)).toEqual([{ type: 'wentOn', after: HOUR }])
  })
})
