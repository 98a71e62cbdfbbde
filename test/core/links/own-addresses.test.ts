import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { ownAddresses } from '../../../src/core/links/own-addresses.ts'
import { reachWorld } from './reach-world.ts'

const near = Array.from({ length: 8 }, (_, i) => `/ip4/10.0.0.${i}/tcp/31415`)
const open = ['/ip4/80.1.1.1/tcp/31415', '/ip6/2a00::1/tcp/31415']
const through = (relay: string) => [
  `/ip4/5.5.5.5/tcp/31415/p2p/${relay}/p2p-circuit`,
  `/ip4/5.5.5.5/tcp/443/p2p/${relay}/p2p-circuit`,
]

describe('what a node tells of where to dial it (clause REACH 2)', () => {
  it('is where it listens, while nothing else is known', () => {
    const told = ownAddresses({ listening: near, announced: [], reachable: [], relayed: [] })
    expect(told).toEqual(near.slice(0, limits.addressesPerContact))
  })

  it('leaves a place for each relay, however many interfaces there are', () => {
    const told = ownAddresses({ listening: near, announced: [], reachable: [], relayed: [through('A'), through('B')] })
    expect(told).toHaveLength(limits.addressesPerContact)
    expect(told.slice(0, 4)).toEqual(near.slice(0, 4))
    expect(told.slice(4)).toEqual([through('A')[0], through('B')[0]])
  })

  it('begins with what is open, each address once', () => {
    const listening = [open[0] as string, near[0] as string]
    const told = ownAddresses({ listening, announced: [], reachable: open, relayed: [through('A')] })
    expect(told).toEqual([...open, near[0], ...through('A')])
  })

  it('is what its owner announces as well, beside the LAN and not in its place', () => {
    const announced = ['/dns4/pi.example/tcp/40000', '/ip4/80.1.1.1/tcp/40000', '/ip4/80.1.1.2/tcp/40000']
    const relayed = [through('A'), through('B')]
    const few = ownAddresses({ listening: near.slice(0, 1), announced, reachable: [], relayed: [] })
    expect(few).toEqual([near[0], ...announced])
    const many = ownAddresses({ listening: near, announced, reachable: [], relayed })
    expect(many).toEqual([...near.slice(0, 2), ...announced.slice(0, 2), through('A')[0], through('B')[0]])
    const open = ownAddresses({ listening: near.slice(0, 1), announced, reachable: announced.slice(0, 1), relayed: [] })
    expect(open).toEqual([announced[0], near[0], ...announced.slice(1)])
  })

  it('names its LAN and what is announced, of which it is not taken for the machine that members see', () => {
    const announce = ['/ip4/80.1.1.1/tcp/40000']
    const { self, reach, link, step } = reachWorld({ announce })
    step(0, () => reach.listening(near.slice(0, 1), 0))
    expect(self.addresses).toEqual([near[0], ...announce])
    for (const [at, peer] of ['a', 'b'].entries()) {
      link(peer, 1, { address: `/ip4/9.9.9.${at}/tcp/1` })
      step(2, () => reach.observed(peer, '/ip4/80.1.1.1/tcp/5000', 2))
    }
    expect(reach.snapshot().nat).toBe('plain')
  })

  it('has no NAT where members dial it at an address of the machine, whether or not it dialled anybody; behind a forwarded port it may', () => {
    const { reach, step } = reachWorld()
    step(0, () => reach.listening([...near.slice(0, 1), ...open], 0))
    step(1, () => reach.reachable(['/ip4/80.9.9.9/tcp/31415'], 1))
    expect(reach.snapshot().nat).toBe('unknown')
    step(2, () => reach.reachable(open.slice(0, 1), 2))
    expect(reach.snapshot().nat).toBe('none')
  })
})
