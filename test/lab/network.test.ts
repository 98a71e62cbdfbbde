// The laboratory does what it says, shown with plain sockets: what each kind of NAT lets through and how the internet sees it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { between, hairpinCount, wireCounts } from './counters.ts'
import { describe as lab } from './description.ts'
import { changeWanAddress, move, plug, pull, setMulticast, setRates } from './faults.ts'
import { Network } from './network.ts'
import { PlainSockets } from './plain-sockets.ts'
import { addressOf, openV6, wanAddress } from './plan.ts'
import { whyNot } from './shell.ts'

const PORT = 4001
const SOURCE = 4002
const HTTPS = 443
const MIB = 1_048_576
const MDNS = { group: '224.0.0.251', port: 5353 }
const QUIET = 700

const reason = whyNot()
if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`)

describe.skipIf(reason !== undefined)(`the laboratory's network${reason === undefined ? '' : ` (${reason})`}`, () => {
  let network: Network
  let sockets: PlainSockets
  const address = (name: string) => addressOf(network.site(network.node(name).site), network.node(name))
  const wan = (site: string) => wanAddress(network.site(site))
  /** How two public members see a connection from one local port. */
  const mappings = async (node: string, from: number) => [
    await sockets.seen(node, address('pub-1'), PORT, from),
    await sockets.seen(node, address('pub-2'), PORT, from),
  ]
  /** Both dial the other's public address from a fixed port, where that is mapped to the same port by a NAT that keeps it. */
  const openAtOnce = async (a: string, b: string, port: number, timeout: number) => {
    const [siteA, siteB] = [network.node(a).site, network.node(b).site]
    const dial = (node: string, host: string) =>
      sockets.connect(node, { host, port, from: port, again: true, until: 'connected', timeout })
    const outcomes = await Promise.all([dial(a, wan(siteB)), dial(b, wan(siteA))])
    return outcomes.map(({ connected }) => connected)
  }

  beforeAll(async () => {
    network = await Network.build(
      lab([
        { name: 'pub', kind: 'open', nodes: 2 },
        { name: 'plain', kind: 'plain', nodes: 2 },
        { name: 'flat', kind: 'plain', lan: 2 },
        { name: 'rand', kind: 'random' },
        { name: 'double', kind: 'double' },
        { name: 'rst', kind: 'rst' },
        { name: 'uni', kind: 'tcp443' },
        { name: 'dark', kind: 'dark' },
        { name: 'six', kind: 'ipv6' },
        { name: 'campus', kind: 'routed', nodes: 2 },
        { name: 'slow', kind: 'plain', down: 8 },
        { name: 'thin', kind: 'open', up: 6 },
      ]),
    )
    sockets = new PlainSockets(network)
    for (const name of ['pub-1', 'pub-2']) {
      await sockets.listen(name, PORT)
      await sockets.listen(name, HTTPS)
    }
    for (const name of ['pub-1', 'thin-1']) await sockets.listen(name, SOURCE, MIB)
  })
  afterAll(() => network?.dispose())

  it('plain and double NATs keep the port for every destination, a random one does not', async () => {
    for (const site of ['plain', 'double', 'rst']) {
      const mapped = `${wan(site)}:5000`
      expect([site, ...(await mappings(`${site}-1`, 5000))]).toEqual([site, mapped, mapped])
    }
    const [one, other] = await mappings('rand-1', 5000)
    expect(one).toMatch(new RegExp(`^${wan('rand')}:`))
    expect(one).not.toBe(other)
    expect([one, other]).not.toContain(`${wan('rand')}:5000`)
  })

  it('public members see each other as they are, and nobody as a neighbour', async () => {
    expect(await sockets.seen('pub-1', address('pub-2'), PORT, 5001)).toBe(`${address('pub-1')}:5001`)
  })

  it('no NAT lets in what was not asked for: silence, or RST from the one that answers so', async () => {
    const codes = async (site: string) => {
      const { code } = await sockets.connect('pub-1', {
        host: wan(site),
        port: PORT,
        until: 'connected',
        timeout: QUIET,
      })
      return [site, code]
    }
    for (const site of ['plain', 'rand', 'double', 'uni', 'dark']) expect(await codes(site)).toEqual([site, 'silence'])
    expect(await codes('rst')).toEqual(['rst', 'ECONNREFUSED'])
  })

  it('two nodes open a connection at once through NATs that keep the port, and not through a random one', async () => {
    expect(await openAtOnce('plain-1', 'flat-1', 6000, 5_000)).toEqual([true, true])
    expect(await openAtOnce('double-1', 'plain-1', 6001, 5_000)).toEqual([true, true])
    expect(await openAtOnce('rand-1', 'plain-1', 6002, 3_000)).toEqual([false, false])
    expect(await openAtOnce('rst-1', 'plain-1', 6003, 5_000)).toEqual([true, true])
  })

  it('a strict firewall lets out port 443 only, and a dark one nothing', async () => {
    expect(await sockets.seen('uni-1', address('pub-1'), PORT)).toBeNull()
    expect(await sockets.seen('uni-1', address('pub-1'), HTTPS)).toMatch(new RegExp(`^${wan('uni')}:`))
    expect(await sockets.seen('dark-1', address('pub-1'), HTTPS)).toBeNull()
    expect(await sockets.seen('dark-1', address('pub-1'), PORT)).toBeNull()
  })

  it('a site of IPv6 only has its own addresses, speaks to public members, and lets nobody in', async () => {
    expect(await sockets.seen('six-1', openV6(network.node('pub-1')), PORT, 5002)).toBe(`${address('six-1')}:5002`)
    await sockets.listen('six-1', PORT)
    const inward = { host: address('six-1'), port: PORT, until: 'connected', timeout: QUIET } as const
    expect((await sockets.connect('pub-1', inward)).code).toBe('silence')
    expect((await sockets.connect('six-1', { ...inward, host: address('pub-1') })).connected).toBe(false)
  })

  it('a routed site has public addresses on a LAN of its own: everybody gets in and out, and nothing is changed on the way', async () => {
    const out = await sockets.seen('campus-1', address('pub-1'), PORT, 5003)
    expect(out).toBe(`${address('campus-1')}:5003`)
    await sockets.listen('campus-1', PORT)
    for (const from of ['pub-1', 'campus-2'])
      expect(await sockets.seen(from, address('campus-1'), PORT, 5004)).toBe(`${address(from)}:5004`)
    expect((await hairpinCount(network, 'campus')).packets).toBe(0)
  })

  it('a LAN carries multicast DNS, and with multicast off it carries all but that', async () => {
    const heard = async () => {
      const ear = sockets.hear('plain-2', { ...MDNS, timeout: QUIET })
      await sockets.say('plain-1', { ...MDNS, text: 'here' })
      return await ear
    }
    await sockets.listen('plain-2', PORT)
    expect(await heard()).toBe('here')
    await setMulticast(network, 'plain', false)
    expect(await heard()).toBeNull()
    expect(await sockets.seen('plain-1', address('plain-2'), PORT)).toMatch(`${address('plain-1')}:`)
    await setMulticast(network, 'plain', true)
    expect(await heard()).toBe('here')
  })

  it('a wire carries what its rate says, within 15 %, and as much as there is without one', async () => {
    const megabits = async (host: string) => {
      const whole = { host: address(host), port: SOURCE, until: 'end', timeout: 20_000 } as const
      const { bytes, ms } = await sockets.connect('slow-1', whole)
      expect(bytes).toBeGreaterThanOrEqual(MIB)
      return (bytes * 8) / ms / 1_000
    }
    const within = async (host: string, rate: number) => {
      const measured = await megabits(host)
      expect([host, measured > rate * 0.85, measured < rate * 1.15, measured]).toEqual([host, true, true, measured])
    }
    await within('pub-1', 8)
    await setRates(network, 'slow', { up: undefined, down: undefined })
    await within('thin-1', 6)
    expect(await megabits('pub-1')).toBeGreaterThan(30)
  })

  it('counts every frame of a wire once, and what nodes of a LAN send around their switch', async () => {
    const before = await wireCounts(network)
    await sockets.connect('flat-1', { host: address('pub-1'), port: SOURCE, until: 'end', timeout: 20_000 })
    const after = await wireCounts(network)
    const of = (name: string) => between(before.get(name)!, after.get(name)!)
    const { up, down } = of('flat')
    // A frame of 1,514 bytes carries 1,448 of payload.
    expect(down.bytes / MIB).toBeGreaterThan(1.044)
    // TCP sends some again on a busy machine; counted twice each frame would be more than 2.
    expect(down.bytes / MIB).toBeLessThan(1.5)
    expect(down.packets).toBeGreaterThanOrEqual(Math.floor(MIB / 1_448))
    expect(up.bytes).toBeLessThan(down.bytes / 10)
    // The same frames, and what the kernel there says of itself (neighbour discovery): less than one frame of the file.
    const said = of('pub-1').up.bytes - down.bytes
    expect(said).toBeGreaterThanOrEqual(0)
    expect(said).toBeLessThan(1_514)
    expect(of('plain').down.bytes).toBe(0)
    const unrouted = await hairpinCount(network, 'plain')
    await sockets.seen('plain-1', address('plain-2'), PORT)
    expect(await hairpinCount(network, 'plain')).toEqual(unrouted)
    await sockets.seen('plain-1', wan('plain'), PORT)
    expect((await hairpinCount(network, 'plain')).packets).toBeGreaterThan(unrouted.packets)
  })

  it('a server sees the new address of a site, and what was open through the old one is dead', async () => {
    const old = wan('flat')
    await setRates(network, 'flat', { up: undefined, down: 1 })
    expect(await sockets.seen('flat-1', address('pub-1'), SOURCE, 5003)).toBe(`${old}:5003`)
    const changed = await changeWanAddress(network, 'flat')
    expect(changed).not.toBe(old)
    expect(await sockets.seen('flat-1', address('pub-1'), PORT)).toMatch(new RegExp(`^${changed}:`))
    expect(await sockets.rest('flat-1', { from: 5003, silence: 1_500 })).toBe('silence')
  })

  it('a pulled cable is silence until it is in again: that of a site, of a node, of a public member', async () => {
    const passes = async () => (await sockets.seen('plain-1', address('pub-2'), PORT)) !== null
    for (const name of ['plain', 'plain-1', 'pub-2']) {
      await pull(network, name)
      expect([name, await passes()]).toEqual([name, false])
      await plug(network, name)
      expect([name, await passes()]).toEqual([name, true])
    }
  })

  it('a node that is carried to another LAN is seen from there, with its neighbours', async () => {
    await move(network, 'plain-2', 'double')
    expect(address('plain-2')).toMatch(/^192[.]168[.]5[.]/)
    expect(await sockets.seen('plain-2', address('pub-1'), PORT)).toMatch(new RegExp(`^${wan('double')}:`))
    expect(await sockets.seen('double-1', address('plain-2'), PORT)).toMatch(`${address('double-1')}:`)
    expect(await sockets.seen('plain-1', address('plain-2'), PORT)).toBeNull()
  })
})
