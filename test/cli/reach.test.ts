// How a node is reached, in words.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { daemonChecks } from '../../src/cli/doctor/daemon.ts'
import { reachCheck } from '../../src/cli/doctor/reach.ts'
import { nodesLines } from '../../src/cli/format/nodes.ts'
import { pathText, reachLines, roundTripText } from '../../src/cli/format/reach.ts'
import { statusLines, troubles } from '../../src/cli/status.ts'
import { withNode } from '../../src/daemon/api-reach-types.ts'
import { linkJson, nodeJson, nodesJson, reachJson, statusJson } from './answers.ts'

const plainTerminal = { paint: (_: unknown, text: string) => text }
const punched = linkJson({ route: 'punched', via: null, roundTripMs: 12.4 })
const relayed = linkJson({ route: 'relayed', via: { node: '12D3KooWnorth-1', name: 'north-1' }, roundTripMs: null })
const near = linkJson({ route: 'lan', via: null, roundTripMs: 0.41 }, { name: 'pi-2', zone: '/uk/glasgow' })

function lines(reach: Parameters<typeof reachJson>[0], links = [near, punched, relayed]): Record<string, string> {
  return Object.fromEntries(
    reachLines(statusJson({ reach: reachJson(reach), links })).filter(([title]) => title !== ''),
  )
}

function check(reach: Parameters<typeof reachJson>[0], some: Parameters<typeof statusJson>[0] = {}) {
  return reachCheck(statusJson({ reach: reachJson(reach), listening: ['/ip4/10.0.0.3/tcp/31415'], ...some }))[0]
}

describe('a path', () => {
  it('names its relay, and says how long a round trip takes', () => {
    expect([near, punched, relayed].map(({ path }) => path && [pathText(path), roundTripText(path)])).toEqual([
      ['lan', '0.4 ms'],
      ['punched', '12 ms'],
      ['relayed by north-1', '-'],
    ])
  })

  it('says how old a round trip is that could not be measured again', () => {
    expect(roundTripText({ roundTripMs: 12.4, roundTripAgeMs: 59_000 })).toBe('12 ms')
    expect(roundTripText({ roundTripMs: 12.4, roundTripAgeMs: 180_000 })).toBe('12 ms (3 min ago)')
  })

  it('of each node that this peer is linked with is in the wide table', () => {
    const rows = [nodeJson({ name: 'far-1', path: punched.path ?? null }), nodeJson({ name: 'far-2', path: null })]
    const [titles, first, second] = nodesLines(nodesJson(rows), plainTerminal, { wide: true })
    const at = (line: string | undefined) => line?.slice(titles?.indexOf('PATH')).split(/ +/).slice(0, 2)
    expect([at(titles), at(first), at(second)]).toEqual([
      ['PATH', 'RTT'],
      ['punched', '12'],
      ['-', '-'],
    ])
  })
})

describe('how a node is reached', () => {
  it('behind a NAT that keeps ports: through its relays, and where a hole is punched', () => {
    expect(lines({})).toEqual({
      reached: 'by 1 member on the LAN; from outside through the relays north-1 and north-2',
      NAT: 'one port for all destinations (seen as 44.7.7.7:40123): a hole can be punched to other sites (1 of 2 links there)',
    })
  })

  it('behind a NAT with another port for each destination: that links stay on relays', () => {
    expect(lines({ nat: 'random' }).NAT).toMatch(/^another port for each destination .*stay on relays$/)
  })

  it('that nobody told yet: whom that takes', () => {
    const NAT = 'not known yet: it takes two members outside that this node has dialled'
    expect(lines({ nat: 'unknown', observed: [] })).toMatchObject({ NAT })
  })

  it('with an open port: where, and what it does for others', () => {
    const relaying = { reservations: 3, circuits: 1, bytes: 4_200_000, refused: 2 }
    expect(lines({ nat: 'none', public: ['/ip6/2001:db8::1/tcp/443'], relays: [], offers: true, relaying })).toEqual({
      reached: 'by 1 member on the LAN; from outside directly, at [2001:db8::1]:443',
      NAT: 'none (seen as 44.7.7.7:40123)',
      relays: 'for 3 nodes, 1 circuit open, 4.2 MB forwarded, 2 times refused as the budget was used up',
    })
  })

  it('that no relay takes in: who refused, why, and since when', () => {
    const refusals = [
      { node: '12D3KooWnorth-1', name: 'north-1', why: 'full' as const, detail: '', ageMs: 180_000 },
      { node: '12D3KooWnorth-2', name: 'north-2', why: 'lost' as const, detail: '', ageMs: 5_000 },
    ]
    const shown = reachLines(statusJson({ reach: reachJson({ relays: [], refusals }), links: [punched] }))
    expect(shown).toContainEqual(['not through', 'north-1: its budget is used up, since 3 min'])
    expect(shown).toContainEqual(['', 'north-2: the reservation was lost, since 5 s'])
    expect(shown[0]).toEqual([
      'reached',
      'from outside only over the links that it has dialled itself: no member relays for it yet',
    ])
  })

  it('that has links on its LAN only and finds no way out is no fine one, after a minute', () => {
    const status = (searchingMs: number) => statusJson({ reach: reachJson({ relays: [], searchingMs }), links: [near] })
    expect(troubles(status(59_000), { releases: [] }, 0)).toEqual([])
    expect(troubles(status(190_000), { releases: [] }, 0)).toEqual(['no way out of the LAN since 3 min 10 s'])
  })

  it('that finds no way out: since when, whom it tried, how often, and how each failed', () => {
    const [a, b] = ['12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2', '12D3KooWnorth-1']
    const unreachable = [
      { node: a, name: null, reason: `${a} cannot be reached at /x: no answer in time`, tries: 4, ageMs: 190_000 },
      { node: b, name: 'north-1', reason: 'refused', tries: 3, ageMs: 5_000 },
    ]
    const reach = reachJson({ relays: [], searchingMs: 190_000, unreachable })
    expect(reachLines(statusJson({ reach, links: [] })).slice(0, 3)).toEqual([
      [
        'reached',
        'not from outside: it has found no way out since 3 min 10 s and keeps trying (2 members tried, 7 times)',
      ],
      ['tried', '12D3KooWBmAwcd4P: 4 times since 3 min 10 s: cannot be reached at /x: no answer in time'],
      ['', 'north-1: 3 times since 5 s: refused'],
    ])
    const checks = reachCheck(statusJson({ reach, links: [], isolated: true, contacts: { zones: 1, nodes: 2 } }))
    expect(checks.map(({ name, state }) => [name, state])).toEqual([
      ['reach', 'fail'],
      ['tried', 'fail'],
      ['tried', 'fail'],
    ])
    expect(lines({ unreachable, searchingMs: null }).tried).toBeUndefined()
  })

  it('on a LAN, in a mesh that has nobody elsewhere: that nothing is wrong and nothing to be done', () => {
    const reach = { relays: [], nat: 'unknown' as const, observed: [] }
    expect(lines(reach, [near]).reached).toBe('by 1 member on the LAN; nobody outside the LAN is linked')
    expect(check(reach, { links: [near] })).toEqual({
      ...{ name: 'reach', state: 'ok' },
      text: 'by 1 member on the LAN; nobody outside the LAN is linked',
    })
  })

  it('through relays: one address of each, as an invite takes it, and none of them where it listens', () => {
    const through = (port: number) => `/ip4/44.1.1.1/tcp/${port}/p2p/12D3KooWrelay/p2p-circuit`
    const relays = [{ node: '12D3KooWrelay', name: 'r', addresses: [through(31415), through(443)], ageMs: 1 }]
    const listening = ['/ip4/10.0.0.3/tcp/31415', through(31415), through(443)]
    const status = statusJson({ reach: reachJson({ relays }), listening })
    const shown = statusLines(status, { releases: [] }, plainTerminal, Date.now())
    const at = shown.findIndex((line) => line.startsWith('listening'))
    const own = `/p2p/${status.node}`
    expect(shown.slice(at, at + 4).map((line) => line.replace(/ +/, ' '))).toEqual([
      `listening /ip4/10.0.0.3/tcp/31415${own}`,
      'reached from outside through the relay r',
      ` ${through(31415)}${own}`,
      expect.stringContaining('NAT'),
    ])
  })

  it('is left out where an older daemon does not say', () => {
    expect(reachLines(statusJson())).toEqual([])
    expect(reachCheck(statusJson())).toEqual([])
  })
})

describe('what would improve it', () => {
  it('behind a NAT: to forward the port that it listens on', () => {
    expect(check({})).toMatchObject({
      state: 'ok',
      advice:
        'forward TCP 31415 to this Pi in the router (in both, where there are two), and members outside reach it without a relay',
    })
  })

  it('with IPv6 alone: to let the port in, as there is nothing to forward', () => {
    const reach = { nat: 'unknown' as const, observed: ['/ip6/2001:db8::f/tcp/44813'] }
    expect(check(reach, { links: [relayed] })?.advice).toMatch(/^let TCP 31415 in through the firewall/)
  })

  it('behind a firewall without a NAT: to let the port in', () => {
    expect(check({ nat: 'none' })?.advice).toBe(
      'let TCP 31415 in through the firewall, and members outside reach this Pi without a relay',
    )
  })

  it('that listens nowhere: to listen', () => {
    expect(check({}, { listening: [] })?.advice).toMatch(/^give "listen"/)
  })

  it('that is isolated: what it has to be let out to', () => {
    const searching = { relays: [], searchingMs: 5_000 }
    expect(check(searching, { isolated: true })?.state).toBe('fail')
    expect(check(searching)).toMatchObject({ state: 'warn', advice: expect.stringContaining('TCP 31415 or 443') })
  })

  it('with an open port: nothing', () => {
    expect(check({ public: ['/ip4/44.7.7.7/tcp/31415'] })).toEqual({
      ...{ name: 'reach', state: 'ok' },
      text: 'from outside directly, at 44.7.7.7:31415',
    })
  })

  it('is on the screen of status', () => {
    const status = statusJson({ reach: reachJson(), listening: ['/ip4/10.0.0.3/tcp/31415'], links: [relayed] })
    const screen = statusLines(status, { releases: [] }, plainTerminal, Date.now()).join('\n')
    expect(screen).toMatch(/better +forward TCP 31415 to this Pi/)
    expect(screen).toContain('far-1 in /nl/delft, relayed by north-1, outbound')
  })
})

describe('the port', () => {
  it('is tried where this machine listens, not at the router that forwards to it', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const own = `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
    const outside = '/ip4/127.0.0.2/tcp/9'
    const status = statusJson({ reach: reachJson({ public: [outside] }), listening: [outside, own] })
    const checks = await daemonChecks('/nowhere', status)
    expect(checks.find(({ name }) => name === 'port')?.state).toBe('ok')
  })
})

describe('an address with its node', () => {
  it('ends in the node that is reached there, not in the relay on the way', () => {
    const relayed = '/ip4/44.1.1.1/tcp/31415/p2p/12D3KooWrelay/p2p-circuit'
    expect(withNode('/ip4/10.0.0.3/tcp/31415', '12D3KooWpi')).toBe('/ip4/10.0.0.3/tcp/31415/p2p/12D3KooWpi')
    expect(withNode(relayed, '12D3KooWpi')).toBe(`${relayed}/p2p/12D3KooWpi`)
    expect(withNode(`${relayed}/p2p/12D3KooWpi`, '12D3KooWother')).toBe(`${relayed}/p2p/12D3KooWpi`)
  })
})
