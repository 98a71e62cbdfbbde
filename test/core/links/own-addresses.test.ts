import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { ownAddresses } from '../../../src/core/links/own-addresses.ts'

const near = Array.from({ length: 8 }, (_, i) => `/ip4/10.0.0.${i}/tcp/31415`)
const open = ['/ip4/80.1.1.1/tcp/31415', '/ip6/2a00::1/tcp/31415']
const through = (relay: string) => [
  `/ip4/5.5.5.5/tcp/31415/p2p/${relay}/p2p-circuit`,
  `/ip4/5.5.5.5/tcp/443/p2p/${relay}/p2p-circuit`,
]

describe('what a node tells of where to dial it (clause REACH 2)', () => {
  it('is where it listens, while nothing else is known', () => {
    const told = ownAddresses({ listening: near, reachable: [], relayed: [] })
    expect(told).toEqual(near.slice(0, limits.addressesPerContact))
  })

  it('leaves a place for each relay, however many interfaces there are', () => {
    const told = ownAddresses({ listening: near, reachable: [], relayed: [through('A'), through('B')] })
    expect(told).toHaveLength(limits.addressesPerContact)
    expect(told.slice(0, 4)).toEqual(near.slice(0, 4))
    expect(told.slice(4)).toEqual([through('A')[0], through('B')[0]])
  })

  it('begins with what is open, each address once', () => {
    const listening = [open[0] as string, near[0] as string]
    const told = ownAddresses({ listening, reachable: open, relayed: [through('A')] })
    expect(told).toEqual([...open, near[0], ...through('A')])
  })
})
