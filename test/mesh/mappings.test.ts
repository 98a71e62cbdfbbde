// Mappings: where a peer can knock, and from which of our ports, by what members told of how they see us.
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { Mappings } from '../../src/mesh/mappings.ts'

describe('openings for a punch (clause PUNCH 1)', () => {
  const FRESH = 50_000

  /** A member each that dialled from the port sees it so. */
  function setUp(...sights: [localPort: number, seenAs: string][]) {
    const mappings = new Mappings()
    for (const [localPort, seenAs] of sights)
      mappings.told({ status: 'open' } as Connection, localPort, multiaddr(seenAs))
    let port = FRESH
    return { openings: () => mappings.openings(async () => port++) }
  }

  test('behind a NAT that keeps port numbers an unused port comes first, another one for each attempt', async () => {
    const { openings } = setUp([4_001, '/ip4/198.51.100.7/tcp/4001'], [4_001, '/ip4/198.51.100.7/tcp/4001'])
    const known = { family: 'ip4', localPort: 4_001, seenAs: '/ip4/198.51.100.7/tcp/4001' }
    const fresh = (localPort: number) => ({ ...known, localPort, seenAs: `/ip4/198.51.100.7/tcp/${localPort}` })
    expect(await openings()).toEqual([fresh(FRESH), known])
    expect(await openings()).toEqual([fresh(FRESH + 1), known])
  })

  test('behind one that changes them there is only what members told, the newest first', async () => {
    const { openings } = setUp([4_001, '/ip4/198.51.100.7/tcp/61'], [4_001, '/ip4/203.0.113.7/tcp/62'])
    expect((await openings()).map(({ seenAs, localPort }) => [seenAs, localPort])).toEqual([
      ['/ip4/203.0.113.7/tcp/62', 4_001],
      ['/ip4/198.51.100.7/tcp/61', 4_001],
    ])
  })

  test('each family has an unused port of its own, and there are no more than a member is told of', async () => {
    const { openings } = setUp(
      [4_002, '/ip6/2001:db8::7/tcp/4002'],
      [4_001, '/ip4/198.51.100.7/tcp/4001'],
      [4_001, '/ip4/198.51.100.7/tcp/71'],
      [4_001, '/ip4/198.51.100.7/tcp/72'],
    )
    const addresses = (await openings()).map(({ seenAs }) => seenAs)
    expect(addresses).toHaveLength(limits.punchAddresses)
    expect(addresses.slice(0, 2)).toEqual([`/ip4/198.51.100.7/tcp/${FRESH}`, `/ip6/2001:db8::7/tcp/${FRESH + 1}`])
  })

  test('nothing is opened where nobody told anything', async () => {
    expect(await setUp().openings()).toEqual([])
  })
})
