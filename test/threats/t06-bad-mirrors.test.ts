// T06: nine of ten providers serve junk or nothing. In virtual time the download comes from the rest within three times the clean
// time; with real daemons those who flip bits are banned, and the silent ones are not asked again.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { slowedBy } from '../core/swarm/fetch-from.ts'
import type { Manners } from '../core/swarm/test-node.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Provider } from './providers.ts'
import { announce, artifactOf, installed, PATH, publish, reaches, releaseFor, targetsFor } from './publishing.ts'

const PIECES = 24

const artifact = artifactOf('mirrored', PIECES * limits.pieceBytesMin - 1)
let fleet: Fleet
let publisher: Member
let node: Member
let mirrors: Provider[]

beforeAll(async () => {
  fleet = await Fleet.create()
  publisher = await fleet.found('publisher')
  node = await fleet.add('node', publisher)
  mirrors = []
  // One after the other: a member takes in only so many newcomers from one host at once.
  for (let i = 0; i < 9; i++)
    mirrors.push(await Provider.join(fleet, `mirror${i}`, publisher, i < 5 ? 'flips' : 'silent', [artifact]))
  for (const { hostile } of mirrors) await hostile.dial(node)
  await until('all links', async () => (await node.status()).links.length === 1 + mirrors.length)
}, 180_000)
afterAll(closeFleets)

test.each<[string, Manners[]]>([
  ['junk and nothing', ['silent', 'poisons']],
  ['flipped bits', ['poisons']],
  ['what no peer sends', ['junk']],
  ['nothing, or refuse', ['silent', 'refuses']],
])(
  'T06 bad mirrors: nine of ten providers serve %s, and it takes less than three times as long',
  async (_what, manners) => {
    const liars = Array.from({ length: 18 }, (_, i) => manners[i % manners.length] as Manners)
    expect(await slowedBy({ pieces: 200, honest: 2, liars })).toBeLessThan(3)
  },
)

test('T06 bad mirrors: a node gets it from the only provider of ten that serves it', async () => {
  const document = announce(fleet, { releases: { [PATH]: releaseFor(artifact) } })
  await publish(publisher, document, { targets: targetsFor(fleet), artifacts: [artifact] })
  await reaches(node, 'committed', 1)

  expect(await installed(node)).toBe(artifact.hash)
  for (const { manners, asked } of mirrors) {
    const most = manners === 'flips' ? limits.badPieces : 1
    expect(asked.get(node.id) ?? 0, manners).toBeLessThanOrEqual(most)
  }
  const banned = mirrors.filter(({ manners, asked }) => manners === 'flips' && asked.get(node.id) === limits.badPieces)
  expect(node.logged('providerBanned')).toHaveLength(banned.length)
}, 180_000)
