// T18: peers that claim all and send none: they say that they hold everything, or, on the LAN, that they are fetching it. In virtual
// time that costs less than half of the clean time; with real daemons the download ends, and each was asked for one piece.
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { slowedBy } from '../core/swarm/fetch-from.ts'
import { Sites } from '../core/swarm/sites.ts'
import type { Manners } from '../core/swarm/test-node.ts'
import { closeFleets, Fleet, until } from './fleet.ts'
import { Provider } from './providers.ts'
import { announce, artifactOf, installed, PATH, publish, reaches, releaseFor, targetsFor } from './publishing.ts'

const PIECES = 24

afterEach(closeFleets)

test.each<[Manners, number, number, number]>([
  ['silent', 3, 4, 1.5],
  ['silent', 1, 8, 1.2],
  ['refuses', 3, 4, 1.5],
])(
  'T18 claims all, sends none: %s, beside %i that give %i such, takes less than %f times as long',
  async (manners, honest, liars, times) => {
    expect(await slowedBy({ pieces: 200, honest, liars: Array(liars).fill(manners) })).toBeLessThan(times)
  },
)

test.each<[string, Manners]>([
  ['holds all', 'silent'],
  ['is fetching all', 'claims'],
])(
  'T18 claims all, sends none: a mate that says it %s costs its site less than half of the time',
  async (_what, manners) => {
    for (const exchange of [true, false]) {
      const scene = { sites: 3, nodes: 4, pieces: 64, exchange }
      const clean = await new Sites(scene).run()
      const sites = new Sites(scene)
      for (const liar of ['liar0', 'liar1']) {
        sites.world.add(liar, manners, sites.sites[0])
        for (const name of sites.names[0] ?? []) sites.world.link(name, liar)
      }
      expect(await sites.run()).toBeLessThan(1.5 * clean)
    }
  },
)

test('T18 claims all, sends none: the others are asked, and nothing stalls', async () => {
  const artifact = artifactOf('claimed', PIECES * limits.pieceBytesMin - 1)
  const fleet = await Fleet.create()
  const publisher = await fleet.found('publisher')
  const node = await fleet.add('node', publisher)
  const liars: Provider[] = []
  for (const name of ['l1', 'l2', 'l3']) liars.push(await Provider.join(fleet, name, publisher, 'silent', [artifact]))
  for (const { hostile } of liars) await hostile.dial(node)
  await until('all links', async () => (await node.status()).links.length === 1 + liars.length)

  const document = announce(fleet, { releases: { [PATH]: releaseFor(artifact) } })
  await publish(publisher, document, { targets: targetsFor(fleet), artifacts: [artifact] })
  await reaches(node, 'committed', 1)

  expect(await installed(node)).toBe(artifact.hash)
  for (const { asked } of liars) expect(asked.get(node.id)).toBe(1)
}, 180_000)
