import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { testEncoding } from './encodings.ts'
import { type Scene, Sites } from './sites.ts'
import { type Manners, Site } from './test-node.ts'
import { World } from './world.ts'

const BASE: Scene = { sites: 3, nodes: 4, pieces: 64, exchange: false }

/** Such mates join the first site, linked with all of it. */
function withLiars(sites: Sites, ...liars: Manners[]): Sites {
  for (const [i, manners] of liars.entries()) {
    sites.world.add(`liar${i}`, manners, sites.sites[0])
    for (const name of sites.names[0] ?? []) sites.world.link(name, `liar${i}`)
  }
  return sites
}

describe('a site behind a thin wire', () => {
  it.each([
    [3, 4, true],
    [3, 4, false],
    [6, 4, true],
    [6, 4, false],
    [2, 12, true],
    [2, 12, false],
  ])('of %i with %i nodes, which can exchange: %s, brings 32 MiB in once and close to the bound', async (...given) => {
    const [count, nodes, exchange] = given
    const sites = new Sites({ sites: count, nodes, exchange, pieces: 128 })
    const time = await sites.run()
    expect(Math.max(...sites.copies)).toBeLessThanOrEqual(1.02)
    expect(time).toBeLessThan((exchange ? 1.25 : 1.05) * sites.bound)
  })

  it.each([true, false])(
    'of more nodes than are linked with each other brings it in once, exchange: %s',
    async (exchange) => {
      const sites = new Sites({ sites: 2, nodes: 12, exchange, pieces: 128, mates: 4 })
      const time = await sites.run()
      expect(Math.max(...sites.copies)).toBeLessThanOrEqual(1.02)
      expect(time).toBeLessThan((exchange ? 1.25 : 1.05) * sites.bound)
    },
  )

  it('of one node brings it in once', async () => {
    const sites = new Sites({ ...BASE, nodes: 1 })
    const time = await sites.run()
    expect([sites.copies, sites.published]).toEqual([[1, 1, 1], 3])
    expect(time).toBeLessThan(1.02 * sites.bound)
  })

  it('gets it over the LAN from the only node that is linked outside', async () => {
    const sites = new Sites({ ...BASE, served: 1 })
    const time = await sites.run()
    expect(sites.copies).toEqual([1, 1, 1])
    expect(time).toBeLessThan(1.05 * sites.bound)
  })

  it.each([false, true])('asks nothing through a relay of what it has without one, alone: %s', async (alone) => {
    const wanted = testEncoding('a', 40)
    const world = new World(3, [wanted])
    for (const name of ['hub', 'far']) world.seed(name, wanted)
    for (const name of alone ? ['n'] : ['n', 'mate']) {
      world.add(name, 'honest', new Site(1e6, 1e6))
      world.link(name, 'hub')
      world.link(name, 'far', 'hub')
    }
    if (!alone) world.link('n', 'mate')
    for (const name of alone ? ['n'] : ['n', 'mate']) world.want(name, wanted)
    await world.run(5 * MINUTE, () => world.has('n', wanted))
    expect(world.has('n', wanted)).toBe(true)
    expect(world.node('far').gave).toBe(0)
  })

  it('fetches through a relay what nobody has who is linked without one', async () => {
    const wanted = testEncoding('a', 40)
    const world = new World(3, [wanted])
    for (const name of ['direct', 'far']) world.seed(name, wanted)
    world.add('hub')
    world.add('n')
    for (const name of ['hub', 'direct']) world.link('n', name)
    world.link('n', 'far', 'hub')
    world.want('n', wanted)
    await world.run(MINUTE, () => world.node('n').writes.length === 10)
    expect(world.node('far').gave).toBe(0)
    world.kill(world.node('direct'))
    await world.run(MINUTE, () => world.has('n', wanted))
    expect(world.has('n', wanted)).toBe(true)
  })

  it('fetches once when only one member outside has some of the pieces', async () => {
    const sites = new Sites({ ...BASE, sites: 1, pieces: 40 })
    const { world, wanted } = sites
    const odd = world.add('odd')
    for (let index = 0; index < 40; index += 2)
      odd.disk.set(wanted.encoding.hash, new Set([...(odd.disk.get(wanted.encoding.hash) ?? []), index]))
    world.kill(world.node('publisher'))
    odd.saved.holdings.set(wanted.encoding.hash, new Uint8Array(5))
    odd.saved.lists.set(wanted.encoding.pieceList, wanted.list)
    world.start(odd)
    for (const name of sites.all) world.link(name, 'odd')
    for (const name of sites.all) world.want(name, wanted)
    await world.run(MINUTE)
    const holds = sites.all.map((name) => world.node(name).writes.length)
    expect(holds).toEqual([20, 20, 20, 20])
    expect(sites.sites[0]?.came).toBeCloseTo(20 * limits.pieceBytesMin, -4)
    world.start(world.node('publisher'))
    for (const name of sites.all) world.link(name, 'publisher')
    const done = () => sites.all.every((name) => world.has(name, wanted))
    await world.run(10 * MINUTE, done)
    expect(done()).toBe(true)
    expect(sites.copies[0]).toBeLessThanOrEqual(1.02)
  })

  it('hands over what a node fetched that goes, or that is silent from then on', async () => {
    for (const end of ['killed', 'silent']) {
      const sites = new Sites({ ...BASE, seed: 4 })
      const leaving = sites.world.node('s0n1')
      sites.world.queue.at(5 * SECOND, () => {
        if (end === 'killed') sites.world.kill(leaving)
        else leaving.up = false
      })
      const time = await sites.run(sites.all.filter((name) => name !== 's0n1'))
      expect(Math.max(...sites.copies)).toBeLessThanOrEqual(1 + (limits.requestsPerPeer + 1) / 64)
      expect(time).toBeLessThan(sites.bound + limits.requestPatienceMin)
    }
  })

  it('gives a late joiner everything over the LAN', async () => {
    const sites = new Sites(BASE)
    const { world, wanted } = sites
    world.queue.at(8 * SECOND, () => void world.want('s0n3', wanted))
    const time = await sites.run(sites.all.filter((name) => name !== 's0n3'))
    await world.run(5 * SECOND, () => world.has('s0n3', wanted))
    expect(world.has('s0n3', wanted)).toBe(true)
    expect(sites.copies).toEqual([1, 1, 1])
    expect(time).toBeLessThan(1.05 * sites.bound)
  })

  it('waits for nobody that fetches slowly: the others take over what is left', async () => {
    const sites = new Sites({ ...BASE, sites: 1 })
    const { world, wanted } = sites
    world.unlink('s0n0', 'publisher')
    world.seed('far', wanted).uplink = 4_000
    world.link('s0n0', 'far')
    const time = await sites.run()
    expect(time).toBeLessThan(sites.bound + 2 * limits.claimPatience)
    expect(sites.copies[0]).toBeLessThanOrEqual(1 + 2 / 64)
  })

  it('works with nodes of the version before, which claim nothing', async () => {
    const sites = new Sites({ ...BASE, exchange: true })
    sites.world.node('s0n0').old = true
    sites.world.node('publisher').old = true
    const time = await sites.run()
    expect(time).toBeLessThan(1.6 * sites.bound)
    expect(Math.max(...sites.copies)).toBeLessThan(1.75)
  })

  it('completes everywhere when the publisher dies as soon as each piece is out once', async () => {
    const sites = new Sites({ ...BASE, exchange: true })
    const { world, wanted } = sites
    const out = new Set<number>()
    const publisher = world.node('publisher')
    const given = () => {
      for (const name of sites.all)
        for (const index of world.node(name).disk.get(wanted.encoding.hash) ?? []) out.add(index)
    }
    const watch = () => {
      given()
      if (out.size === 64) world.kill(publisher)
      else world.queue.after(20, watch)
    }
    watch()
    await sites.run()
    expect(publisher.up).toBe(false)
    // Each piece was given once before many were given twice.
    expect(sites.published).toBeLessThan(1.25)
    expect(sites.all.every((name) => world.has(name, wanted))).toBe(true)
  })
})

describe('a site with a hostile mate', () => {
  it.each<[string, Manners]>([
    ['claims all and has nothing', 'claims'],
    ['T18: holds all and sends nothing', 'silent'],
    ['T11: holds all and drips', 'drips'],
    ['T17: holds all and sends flipped bytes', 'poisons'],
    ['refuses all', 'refuses'],
    ['T20: sends junk', 'junk'],
  ])('that %s loses a bounded time, however many there are', async (_name, manners) => {
    for (const exchange of [true, false]) {
      const clean = await new Sites({ ...BASE, exchange }).run()
      const sites = withLiars(new Sites({ ...BASE, exchange }), manners, manners, manners)
      expect(await sites.run()).toBeLessThan(clean + limits.claimPatience)
      expect(Math.max(...sites.copies)).toBeLessThan(1.1)
    }
  })

  it('that holds all and sends nothing costs a small download one patience with mates', async () => {
    const small: Scene = { sites: 1, nodes: 2, pieces: 32, exchange: false }
    const clean = await new Sites(small).run()
    const slowed = await withLiars(new Sites(small), 'silent').run()
    expect(slowed).toBeLessThan(clean + limits.matePatience + 2 * SECOND)
  })

  it('completes whatever mates and members outside do, and however streams break', async () => {
    const anyManners = fc.constantFrom<Manners>('silent', 'drips', 'poisons', 'refuses', 'junk', 'claims')
    const scene = fc.record({
      seed: fc.integer(),
      sites: fc.integer({ min: 1, max: 3 }),
      nodes: fc.integer({ min: 1, max: 4 }),
      pieces: fc.integer({ min: 1, max: 40 }),
      exchange: fc.boolean(),
      mates: fc.integer({ min: 1, max: 3 }),
      liars: fc.array(anyManners, { maxLength: 3 }),
      strangers: fc.array(anyManners, { maxLength: 2 }),
      old: fc.boolean(),
      cutEvery: fc.constantFrom(0, 0, 3_000, 20_000),
      restartEvery: fc.constantFrom(0, 0, 30_000),
    })
    await fc.assert(
      fc.asyncProperty(scene, async ({ liars, strangers, old, cutEvery, restartEvery, ...given }) => {
        const sites = withLiars(new Sites(given), ...liars)
        const { world, wanted } = sites
        if (old) world.node('s0n0').old = true
        for (const [i, manners] of strangers.entries()) {
          world.add(`stranger${i}`, manners)
          for (const name of sites.all) world.link(name, `stranger${i}`)
        }
        const every = (period: number, act: () => void) => {
          if (period === 0) return
          world.queue.after(period * world.random.real() * 2, () => {
            act()
            every(period, act)
          })
        }
        every(cutEvery, () => world.cutAny())
        every(restartEvery, () => {
          const node = world.node(world.random.pick(sites.all) as string)
          world.kill(node)
          world.start(node)
          for (const other of world.nodes.keys()) if (other !== node.name) world.link(node.name, other)
          world.want(node.name, wanted)
        })
        for (const name of sites.all) world.want(name, wanted)
        const done = () => sites.all.every((name) => world.has(name, wanted))
        await world.run(4 * HOUR, done)
        expect(done()).toBe(true)
        for (const name of sites.all) {
          const { writes } = world.node(name)
          expect(new Set(writes).size).toBe(writes.length)
        }
      }),
      { numRuns: 25 },
    )
  })
})

describe('nodes that are on no common LAN', () => {
  it('fetch each for itself, and claim nothing', async () => {
    const wanted = testEncoding('a', 20)
    const sites = new Sites({ ...BASE, sites: 2, nodes: 1, exchange: true, pieces: 20 })
    const said: string[] = []
    const send = sites.world.send.bind(sites.world)
    sites.world.send = (from, to, message, delay) => {
      said.push(message.type)
      send(from, to, message, delay)
    }
    await sites.run()
    expect(sites.all.every((name) => sites.world.has(name, wanted))).toBe(true)
    expect(said).not.toContain('claim')
    expect(said).toContain('given')
  })
})
