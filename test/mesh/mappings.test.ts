// Mappings: where a peer can knock, and from which of our ports, by what members told of how they see us.
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { Mappings } from '../../src/mesh/mappings.ts'

const HOST = '/ip4/198.51.100.7/tcp'

type Sight = [localPort: number, seenAs: string, shared?: boolean]

/** A member each, linked in this order, that sees the port so. */
function setUp(...sights: Sight[]) {
  const mappings = new Mappings()
  for (const [localPort, seenAs, shared = true] of sights)
    mappings.told({ status: 'open' } as Connection, localPort, multiaddr(seenAs), shared)
  let port = 50_000
  const fresh = () => mappings.freshOpenings(async () => port++)
  return { mappings, fresh, known: () => mappings.openings().map(({ seenAs }) => seenAs) }
}

const addresses = async (openings: Promise<readonly { seenAs: string; localPort: number }[]>) =>
  (await openings).map(({ seenAs, localPort }) => [seenAs, localPort])

describe('openings for a punch (clause PUNCH 1)', () => {
  test('are as members see us, each once, the newest first, and no more than a member is told of', () => {
    expect(setUp([4_001, `${HOST}/61`], [4_001, `${HOST}/62`], [4_001, `${HOST}/62`]).known()).toEqual([
      `${HOST}/62`,
      `${HOST}/61`,
    ])
    const many = setUp(
      ...[1, 2, 3].flatMap((at): Sight[] => [
        [4_001, `${HOST}/7${at}`],
        [4_002, `/ip6/2001:db8::${at}/tcp/4002`],
      ]),
    ).known()
    expect(many).toHaveLength(limits.punchAddresses)
    expect(many.filter((each) => each.startsWith('/ip6'))).toHaveLength(limits.punchAddresses / 2)
    expect(setUp().known()).toEqual([])
  })

  test('ports of holes do not take the place of the one that all others were dialled from', () => {
    const holes: Sight[] = [1, 2, 3, 4].map((at) => [50_000 + at, `${HOST}/${50_000 + at}`, false])
    expect(setUp([4_001, `${HOST}/4001`], ...holes).known()).toEqual([`${HOST}/4001`])
    expect(setUp(...holes).known()).toEqual([`${HOST}/50004`, `${HOST}/50003`])
  })
})

describe('openings for one more attempt', () => {
  test('are of an unused port, another one each time, where the NAT keeps the numbers of ports', async () => {
    const { fresh } = setUp([4_001, `${HOST}/4001`], [4_002, '/ip6/2001:db8::7/tcp/4002'])
    const of = (port: number) => [
      [`${HOST}/${port}`, port],
      [`/ip6/2001:db8::7/tcp/${port + 1}`, port + 1],
    ]
    expect(await addresses(fresh())).toEqual(of(50_000))
    expect(await addresses(fresh())).toEqual(of(50_002))
  })

  test('are the known ones where the newest sight shows another number: an older one may be of a network that we left', async () => {
    const { fresh } = setUp([4_001, `${HOST}/4001`], [4_001, '/ip4/203.0.113.9/tcp/61'])
    expect(await addresses(fresh())).toEqual([
      ['/ip4/203.0.113.9/tcp/61', 4_001],
      [`${HOST}/4001`, 4_001],
    ])
  })

  test('are the known ones where no port can be had', async () => {
    const { mappings } = setUp([4_001, `${HOST}/4001`])
    const none = () => Promise.reject(new Error('EMFILE'))
    expect(await addresses(mappings.freshOpenings(none))).toEqual([[`${HOST}/4001`, 4_001]])
  })
})
