import { describe, expect, it } from 'vitest'
import type { NodeId } from '../../../src/core/env.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import type { InstallState } from '../../../src/core/rollout/states.ts'
import { Providers } from '../../../src/core/swarm/providers.ts'
import { Prng } from '../../sim/prng.ts'
import { envelope, record } from '../fleet/helpers.ts'

const RELEASE = 'aabbccdd00112233'
const entry = (node: NodeId, zone: string | undefined): Entry => ({
  node,
  zone,
  addresses: ['/ip4/127.0.0.1/tcp/1'],
  own: [],
  serves: true,
  ...{ relays: false, nat: undefined, worked: undefined },
  seen: 0,
  source: 'disk',
  by: undefined,
})
const row = (node: NodeId, state: InstallState) => ({
  node,
  envelope: envelope(),
  record: record(1, 1, { installs: [{ release8: RELEASE, state, reason: undefined, percent: 3 }] }),
  status: 'up' as const,
  age: 0,
  alerts: [],
})

function setUp(contacts: Entry[], rows: ReturnType<typeof row>[] = []) {
  const random = new Prng(4)
  const dialled: Entry[] = []
  const linked = new Set<NodeId>()
  const link = (peer: NodeId) => ({
    peer,
    zone: '/a',
    address: '',
    direction: 'outbound' as const,
    route: 'direct' as const,
    since: 0,
  })
  const providers = new Providers({
    env: { random: () => random.real() },
    self: { node: 'self', zone: '/a' },
    links: {
      get: (node) => (linked.has(node) ? link(node) : undefined),
      wantFor: (wanted) => void dialled.push(wanted),
    },
    book: {
      inZone: (zone) => contacts.filter((contact) => contact.zone === zone),
      outside: () => contacts.filter((contact) => contact.zone !== '/a'),
      get: (node) => contacts.find((contact) => contact.node === node),
    },
    view: { rows: () => rows },
  })
  const search = (now: number, origin: string[] = [], isFirst = false) => {
    dialled.length = 0
    providers.search({ release8: RELEASE, origin }, isFirst, now)
    return dialled.map(({ node }) => node)
  }
  return { providers, search, linked, dialled }
}

describe('the search for providers', () => {
  it('dials zone-mates that report the release, contacts, and who had it first', () => {
    const contacts = ['m0', 'm1', 'm2', 'm3'].map((node) => entry(node, '/a'))
    const { search } = setUp(contacts, [row('m2', 'committed'), row('m3', 'announced')])
    const dialled = search(0, ['/ip4/203.0.113.7/tcp/31415/p2p/origin'])
    expect(dialled).toHaveLength(limits.providersPerSearch)
    expect(dialled).toContain('m2')
    expect(dialled).toContain('origin')
  })

  it('leaves the origin to others in a first search, unless there are none', () => {
    const origin = ['/ip4/203.0.113.7/tcp/31415/p2p/origin']
    const { search } = setUp([entry('m0', '/a')])
    expect(search(0, origin, true)).toEqual(['m0'])
    expect(search(1, origin, true)).toEqual(['origin'])
  })

  it('tries every contact once before any twice, and then less and less often', () => {
    const contacts = Array.from({ length: 12 }, (_, i) => entry(`c${i}`, i % 2 === 0 ? '/a' : '/b'))
    const { search } = setUp(contacts)
    const tried = [0, 1, 2, 3].flatMap((now) => search(now))
    expect(new Set(tried).size).toBe(12)
    expect(search(4)).toEqual([])
    expect(search(2 * limits.providerSearchMax)).toHaveLength(limits.providersPerSearch)
  })

  it('leaves alone who is linked, itself, and addresses that name nobody', () => {
    const { search, linked } = setUp([entry('m0', '/a'), entry('self', '/a')])
    linked.add('m0')
    expect(
      search(0, ['/ip4/1.2.3.4/tcp/1', '/p2p/x', '/ip4/1.2.3.4/tcp/1/p2p/self', '/ip4/1.2.3.4/tcp/1/p2p/']),
    ).toEqual([])
  })

  it('dials the address of the origin beside those in the book', () => {
    const { search, dialled } = setUp([entry('m0', '/a')])
    search(0, ['/ip4/203.0.113.7/tcp/31415/p2p/m0'])
    const [first] = dialled
    expect(first?.node).toBe('m0')
    search(limits.providerSearchMax, ['/ip4/203.0.113.7/tcp/31415/p2p/other'])
    expect(dialled.find(({ node }) => node === 'other')?.addresses).toEqual(['/ip4/203.0.113.7/tcp/31415'])
  })

  it('remembers only so many', () => {
    const contacts = Array.from({ length: 2 * limits.providersTried }, (_, i) => entry(`c${i}`, '/b'))
    const { search, providers } = setUp(contacts)
    for (let i = 0; i < limits.providersTried; i++) search(i)
    expect(providers.size).toBe(limits.providersTried)
  })
})
