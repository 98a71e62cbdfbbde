// Two sites whose NATs choose random ports, so that they cannot reach each other; their publisher; and one member with a public
// address that wants nothing, linked with all of them.
import { describe, expect, it } from 'vitest'
import { HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { testEncoding } from './encodings.ts'
import { type Scene, Sites } from './sites.ts'

const MIB = 1_048_576
const SCENE: Scene = { sites: 2, nodes: 4, pieces: 128, exchange: false }

function withForwarder(budget: number, open = true, scene = SCENE): Sites {
  const sites = new Sites(scene)
  const { world } = sites
  for (const [i, names] of sites.names.entries()) for (const name of names) world.node(name).zone = `/site${i}`
  const forwarder = world.add('forwarder')
  Object.assign(forwarder, { cache: { old: 0, forwarded: budget }, open, zone: '/public', uplink: 12_500_000 })
  world.start(forwarder)
  for (const name of [...sites.all, 'publisher']) world.link('forwarder', name)
  return sites
}

const forwarded = ({ world }: Sites) => world.node('forwarder').swarm.spare.cached('forwarded')

describe('two sites that cannot reach each other', () => {
  it('get from a member with a public address what the other one brought: the publisher gives about one copy', async () => {
    const alone = new Sites(SCENE)
    await alone.run()
    expect(alone.published).toBeCloseTo(2, 1)

    const sites = withForwarder(40 * MIB)
    const time = await sites.run()
    expect(sites.published).toBeLessThan(1.3)
    expect(Math.max(...sites.copies)).toBeLessThan(1.05)
    expect(time).toBeLessThan(0.8 * (await new Sites({ ...SCENE, seed: 2 }).run()))
    expect(forwarded(sites)).toMatchObject({ encodings: 1, bytes: sites.wanted.encoding.length })
    // One copy came to it.
    expect(sites.world.node('forwarder').arrivals).toBeLessThanOrEqual(128 * 1.05)
  })

  it.each([
    ['without a budget', 0, true],
    ['when it is not open from outside', 40 * MIB, false],
    ['of what is longer than its budget', 31 * MIB, true],
  ])('get nothing through it %s', async (_, budget, open) => {
    const sites = withForwarder(budget, open)
    await sites.run()
    expect(sites.published).toBeCloseTo(2, 1)
    expect(sites.world.node('forwarder').writes).toEqual([])
    expect(forwarded(sites).bytes).toBe(0)
  })

  it('are not joined by a third that fetches for one of them: a copy more would leave the publisher', async () => {
    const sites = withForwarder(40 * MIB)
    await sites.run(sites.names[0])
    expect(sites.world.node('forwarder').writes).toEqual([])
    expect(sites.published).toBeCloseTo(1, 1)
  })

  it('keep what they have when it goes, and go on with the publisher', async () => {
    const sites = withForwarder(40 * MIB)
    sites.world.queue.at(5 * SECOND, () => sites.world.kill(sites.world.node('forwarder')))
    const time = await sites.run()
    expect(time).toBeLessThan(1.4 * sites.bound)
    expect(Math.max(...sites.copies)).toBeLessThan(1.1)
  })
})

describe('who fetches for others', () => {
  it('stops when nobody waits any more, and keeps what it has', async () => {
    const sites = withForwarder(40 * MIB)
    const { world, wanted } = sites
    for (const name of sites.all) world.want(name, wanted)
    await world.run(4 * SECOND)
    const forwarder = world.node('forwarder')
    const had = forwarder.writes.length
    expect(had).toBeGreaterThan(0)
    for (const name of sites.all) world.kill(world.node(name))
    await world.run(limits.forwardPatience / 2)
    expect(forwarder.swarm.sizes().downloads).toBe(world.has('forwarder', wanted) ? 0 : 1)
    await world.run(limits.forwardPatience)
    expect(forwarder.swarm.sizes().downloads).toBe(0)
    expect(forwarder.swarm.progress(wanted.encoding.hash)?.have).toBeGreaterThanOrEqual(had)
  })

  it('serves what it had after a restart, counts it, and wants it for itself when a release says so', async () => {
    const sites = withForwarder(40 * MIB)
    const { world, wanted } = sites
    await sites.run()
    const forwarder = world.node('forwarder')
    await world.run(MINUTE, () => world.has('forwarder', wanted))
    world.kill(forwarder)
    world.start(forwarder)
    await world.run(MINUTE, () => world.has('forwarder', wanted))
    expect(forwarded(sites).encodings).toBe(1)
    world.want('forwarder', wanted)
    expect(forwarded(sites)).toMatchObject({ encodings: 0, bytes: 0 })
    expect(world.has('forwarder', wanted)).toBe(true)
    await world.run(SECOND)
    expect(forwarder.saved.cached.size).toBe(0)
  })

  it('lets go what nobody waits for, tells so, and takes what others wait for', async () => {
    const sites = withForwarder(40 * MIB)
    const { world, wanted } = sites
    await sites.run()
    await world.run(MINUTE, () => world.has('forwarder', wanted))
    const providers = world.node('s0n0').swarm.progress(wanted.encoding.hash)?.providers ?? 0
    const next = testEncoding('next', 80)
    world.encodings.set(next.encoding.hash, next)
    for (const node of world.nodes.values()) world.step(node, () => world.tell(node))
    world.seed('publisher', next)
    for (const name of sites.all) world.want(name, next)
    await world.run(HOUR, () => sites.all.every((name) => world.has(name, next)))
    const forwarder = world.node('forwarder')
    expect(forwarder.disk.get(wanted.encoding.hash)).toBeUndefined()
    expect(forwarder.swarm.progress(wanted.encoding.hash)).toMatchObject({ have: 0 })
    expect(forwarded(sites)).toMatchObject({ encodings: 1, bytes: next.encoding.length })
    // Who knew it as a provider of the old one was told.
    expect(world.node('s0n0').swarm.progress(wanted.encoding.hash)?.providers).toBe(providers - 1)
  })
})
