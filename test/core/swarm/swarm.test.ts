import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { Alone } from './alone.ts'
import { testEncoding } from './encodings.ts'
import { fetchFrom } from './fetch-from.ts'
import type { Manners } from './test-node.ts'
import { World } from './world.ts'

const LIARS: readonly Manners[] = ['silent', 'drips', 'poisons', 'refuses', 'junk']

describe('a swarm', () => {
  it('brings an encoding from one to one, each piece once, and saves what it has', async () => {
    const { node, wanted, waste } = await fetchFrom({ pieces: 40, honest: 1, liars: [] })
    expect(new Set(node.writes).size).toBe(40)
    expect(waste).toBe(0)
    expect(node.saved.holdings.get(wanted.encoding.hash)).toEqual(new Uint8Array(5).fill(255))
    expect(node.saved.lists.get(wanted.encoding.pieceList)).toEqual(wanted.list)
    expect(node.synced.length).toBeGreaterThan(0)
  })

  it('serves while it fetches: a node behind another gets it too', async () => {
    const wanted = testEncoding('a', 60)
    const world = new World(3, [wanted])
    world.seed('seed', wanted).uplink = 250_000
    for (const name of ['near', 'far']) world.add(name)
    world.link('seed', 'near')
    world.link('near', 'far')
    world.want('near', wanted)
    world.want('far', wanted)
    await world.run(20 * SECOND)
    const behind = world.node('near').writes.length - world.node('far').writes.length
    expect(behind).toBeLessThan(5)
    await world.run(HOUR, () => world.has('far', wanted))
    expect(world.has('far', wanted)).toBe(true)
  })

  it('stops in the middle when it is not wanted any longer, and goes on where it was when it is again', async () => {
    const wanted = testEncoding('a', 60)
    const world = new World(7, [wanted])
    world.seed('seed', wanted).uplink = 250_000
    const node = world.add('node')
    world.link('seed', 'node')
    world.want('node', wanted)
    await world.run(HOUR, () => node.writes.length > 20)
    world.step(node, (swarm) => swarm.unwant(wanted.encoding.hash, world.now))
    expect([node.asked.size, node.swarm.sizes().downloads]).toEqual([0, 0])
    await world.run(HOUR)
    const kept = node.writes.length
    expect(kept).toBeLessThan(60)
    expect(node.swarm.progress(wanted.encoding.hash)).toMatchObject({ have: kept, problem: undefined })
    expect(node.swarm.sizes().requestBytes).toBe(0)
    world.want('node', wanted)
    await world.run(HOUR, () => world.has('node', wanted))
    expect([world.has('node', wanted), new Set(node.writes).size, node.writes.length]).toEqual([true, 60, 60])
  })

  it('tells who had it first when another holds all of it', async () => {
    const { world, wanted } = await fetchFrom({ pieces: 9, honest: 1, liars: [] })
    await world.run(SECOND)
    expect(world.node('seed0').swarm.progress(wanted.encoding.hash)?.copies).toBe(1)
    world.kill(world.node('node'))
    expect(world.node('seed0').swarm.progress(wanted.encoding.hash)).toMatchObject({ copies: 1, providers: 0 })
  })

  it('costs a thin uplink little more than one copy for ten nodes', async () => {
    const wanted = testEncoding('a', 100)
    const world = new World(5, [wanted])
    const seed = world.seed('seed', wanted)
    seed.uplink = 125_000
    const names = Array.from({ length: 10 }, (_, i) => `node${i}`)
    for (const name of names) world.add(name)
    world.linkAll()
    for (const name of names) world.want(name, wanted)
    await world.run(HOUR, () => names.every((name) => world.has(name, wanted)))
    expect(names.every((name) => world.has(name, wanted))).toBe(true)
    const once = (100 * limits.pieceBytesMin * 1000) / seed.uplink
    expect(seed.sentUntil / once).toBeLessThan(1.5)
  })
})

describe('a swarm with liars', () => {
  it('T17: 30 % poisoners of ten peers: each is banned by its second bad piece, and less than 5 % is wasted', async () => {
    const poisoners: Manners[] = ['poisons', 'poisons', 'poisons']
    const { node, waste } = await fetchFrom({ pieces: 400, honest: 7, liars: poisoners })
    expect(node.banned.sort()).toEqual(['liar0', 'liar1', 'liar2'])
    expect(waste).toBeLessThan(0.05 * 400)
    for (const count of node.bad.values()) expect(count).toBe(limits.badPieces)
  })

  it('T20: four of seven peers send junk: no stall', async () => {
    const clean = await fetchFrom({ pieces: 200, honest: 3, liars: [] })
    const { time } = await fetchFrom({ pieces: 200, honest: 3, liars: Array(4).fill('junk') })
    expect(time).toBeLessThan(1.5 * clean.time)
  })

  it('fetches from one that is slower than any patience, whatever the liars claim', async () => {
    await fetchFrom({ pieces: 6, honest: 1, liars: Array(5).fill('silent'), uplink: 5_000 })
  })

  it('completes every wanted encoding that an honest peer holds', async () => {
    const scene = fc.record({
      seed: fc.integer(),
      sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 }),
      nodes: fc.integer({ min: 1, max: 5 }),
      liars: fc.array(fc.constantFrom(...LIARS), { maxLength: 4 }),
      // A piece must have time to get through: it takes 21 ms, 210 ms or 2.1 s.
      network: fc.constantFrom(
        { uplink: 12_500_000, cutEvery: 0 },
        { uplink: 12_500_000, cutEvery: 300 },
        { uplink: 1_250_000, cutEvery: 2_000 },
        { uplink: 125_000, cutEvery: 0 },
        { uplink: 125_000, cutEvery: 20_000 },
      ),
      restartEvery: fc.constantFrom(0, 0, 30_000),
    })
    await fc.assert(
      fc.asyncProperty(scene, async (given) => {
        const wanted = given.sizes.map((pieces, i) => testEncoding(`e${i}`, pieces))
        const world = new World(given.seed, wanted)
        for (const each of wanted) world.seed('seed', each)
        const names = Array.from({ length: given.nodes }, (_, i) => `node${i}`)
        for (const name of names) world.add(name)
        for (const node of world.nodes.values()) node.uplink = given.network.uplink
        given.liars.forEach((manners, i) => {
          world.add(`liar${i}`, manners)
        })
        world.linkAll()
        for (const name of names) world.want(name, ...wanted)
        const every = (period: number, act: () => void) => {
          if (period === 0) return
          act()
          world.queue.after(period * world.random.real() * 2, () => every(period, act))
        }
        every(given.network.cutEvery, () => world.cutAny())
        every(given.restartEvery, () => {
          const node = world.node(world.random.pick(names) as string)
          world.kill(node)
          world.start(node)
          for (const other of world.nodes.keys()) if (other !== node.name) world.link(node.name, other)
          world.want(node.name, ...wanted)
        })
        const done = () => names.every((name) => wanted.every((each) => world.has(name, each)))
        await world.run(4 * HOUR, done)
        expect(done()).toBe(true)
        for (const name of names) {
          const { writes } = world.node(name)
          expect(new Set(writes).size).toBe(writes.length)
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe('a swarm whose machines come and go', () => {
  it('asks only for the rest after a restart, and finds on the disk what the journal did not say', async () => {
    const wanted = testEncoding('a', 80)
    const world = new World(7, [wanted])
    world.seed('seed', wanted)
    const node = world.add('node')
    world.linkAll()
    world.want('node', wanted)
    await world.run(5 * MINUTE, () => node.writes.length >= 30)
    world.kill(node)
    const before = node.writes.length
    node.arrivals = 0
    world.start(node)
    world.link('seed', 'node')
    world.want('node', wanted)
    await world.run(5 * MINUTE, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
    expect(before).toBeGreaterThanOrEqual(30)
    expect(node.arrivals).toBe(80 - before)
  })

  it('serves after a restart what it had before', async () => {
    const { world, wanted, node } = await fetchFrom({ pieces: 12, honest: 1, liars: [] })
    await world.run(SECOND)
    world.kill(node)
    world.kill(world.node('seed0'))
    world.start(node)
    world.add('late')
    world.link('node', 'late')
    world.want('late', wanted)
    await world.run(5 * MINUTE, () => world.has('late', wanted))
    expect(world.has('late', wanted)).toBe(true)
  })

  it('goes on with the others when peers vanish without a word', async () => {
    const wanted = testEncoding('a', 100)
    const world = new World(9, [wanted])
    for (const name of ['s0', 's1', 's2', 's3']) world.seed(name, wanted).uplink = 1_250_000
    const node = world.add('node')
    world.linkAll()
    world.want('node', wanted)
    await world.run(2 * SECOND)
    for (const name of ['s0', 's1', 's2']) world.node(name).up = false
    const time = await world.run(HOUR, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
    const left = ((100 * limits.pieceBytesMin) / 1_250_000) * SECOND
    expect(time).toBeLessThan(left + 2 * limits.requestPatienceMin)
    expect(new Set(node.writes).size).toBe(100)
  })

  it('gets it from a member that comes an hour later', async () => {
    const wanted = testEncoding('a', 10)
    const world = new World(11, [wanted])
    const node = world.add('node')
    world.add('other')
    world.linkAll()
    world.want('node', wanted)
    world.want('other', wanted)
    await world.run(HOUR)
    expect(node.swarm.progress(wanted.encoding.hash)?.problem).toBe('noProvider')
    world.seed('seed', wanted)
    world.link('seed', 'node')
    await world.run(MINUTE, () => world.has('node', wanted) && world.has('other', wanted))
    expect(world.has('other', wanted)).toBe(true)
    expect(node.swarm.progress(wanted.encoding.hash)?.problem).toBeUndefined()
  })

  it('gets it from a peer that has long been linked, and learns of the release only now', async () => {
    const wanted = testEncoding('a', 10)
    const world = new World(13, [wanted])
    world.add('node')
    const late = world.add('late')
    world.step(late, (swarm) => swarm.keep(new Map(), world.now))
    world.linkAll()
    world.want('node', wanted)
    await world.run(MINUTE)
    world.step(late, (swarm) => swarm.keep(world.kept, world.now))
    world.seed('late', wanted)
    await world.run(limits.providerSearchMax, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
  })

  it('gets it at once from a peer that learns of the release after it was told who wants it, and brings it in', async () => {
    const wanted = testEncoding('a', 10)
    const world = new World(13, [wanted])
    world.add('node')
    const late = world.add('late')
    world.step(late, (swarm) => swarm.keep(new Map(), world.now))
    world.linkAll()
    world.want('node', wanted)
    await world.run(SECOND)
    world.seed('late', wanted)
    const time = await world.run(MINUTE, () => world.has('node', wanted))
    expect(time).toBeLessThan(2 * SECOND)
  })

  it('gets it at once from a peer that begins to want it later', async () => {
    const wanted = testEncoding('a', 10)
    const world = new World(14, [wanted])
    for (const name of ['node', 'between']) world.add(name)
    world.step(world.node('between'), (swarm) => swarm.keep(new Map(), world.now))
    world.seed('seed', wanted)
    world.link('node', 'between')
    world.link('between', 'seed')
    world.want('node', wanted)
    await world.run(SECOND)
    world.step(world.node('between'), (swarm) => swarm.keep(world.kept, world.now))
    world.want('between', wanted)
    const time = await world.run(MINUTE, () => world.has('node', wanted))
    expect(time).toBeLessThan(2 * SECOND)
  })

  it('searches for what nobody linked has, each node at another time', async () => {
    const { encoding } = testEncoding('a', 3)
    const first = async (seed: number) => {
      const world = new World(seed, [])
      const node = world.add('node')
      const origin = ['/ip4/127.0.0.1/tcp/1/p2p/nobody']
      world.step(node, (swarm) => swarm.want({ encoding, release8: '', origin, decoded: 0 }, world.now))
      return world.run(HOUR, () => node.dialled.length > 0)
    }
    const times = await Promise.all([1, 2, 3, 4, 5].map(first))
    expect(Math.min(...times)).toBeGreaterThanOrEqual(limits.providerSearchPeriod / 2)
    expect(Math.max(...times)).toBeLessThanOrEqual(1.5 * limits.providerSearchPeriod + 50)
    expect(new Set(times).size).toBeGreaterThan(2)
  })

  it('searches for each of many that nobody linked has, before it gives up its turn', () => {
    const alone = new Alone()
    const wanted = Array.from({ length: 2 * limits.downloadsAtOnce }, (_, i) => testEncoding(`n${i}`, 3))
    alone.step((swarm) => {
      for (const [i, { encoding }] of wanted.entries())
        swarm.want({ encoding, release8: '', origin: [`/ip4/127.0.0.1/tcp/1/p2p/o${i}`], decoded: 0 }, 0)
    })
    alone.wait(MINUTE)
    expect(new Set(alone.dialled.map(({ node }) => node)).size).toBe(wanted.length)
  })

  it('pauses while the disk is full, says what is missing, and fetches nothing twice afterwards', async () => {
    const wanted = testEncoding('a', 60)
    const world = new World(15, [wanted])
    world.seed('seed', wanted).uplink = 1_250_000
    const node = world.add('node')
    world.linkAll()
    world.want('node', wanted)
    await world.run(MINUTE, () => node.writes.length >= 20)
    node.diskProblem = { code: 'diskFull', missing: 4_711 }
    await world.run(10 * MINUTE)
    expect(node.swarm.progress(wanted.encoding.hash)?.problem).toEqual({ code: 'diskFull', missing: 4_711 })
    const asked = node.arrivals
    await world.run(10 * MINUTE)
    expect(node.arrivals).toBe(asked)
    node.diskProblem = undefined
    await world.run(5 * MINUTE, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
    expect(new Set(node.writes).size).toBe(60)
  })

  it('does not let what nobody has keep the others waiting', async () => {
    const [nowhere, wanted] = [Array.from({ length: 4 }, (_, i) => testEncoding(`n${i}`, 3)), testEncoding('a', 3)]
    const world = new World(17, [...nowhere, wanted])
    world.seed('seed', wanted)
    world.add('node')
    world.linkAll()
    world.want('node', ...nowhere, wanted)
    await world.run(MINUTE, () => world.has('node', wanted))
    expect(world.has('node', wanted)).toBe(true)
  })
})
