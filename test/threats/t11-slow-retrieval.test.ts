// T11: peers that drip a byte a second. In virtual time requests move on, and the download ends within twice the clean time; with
// real daemons it ends all the same, and who drips is asked for one piece.
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { slowedBy } from '../core/swarm/fetch-from.ts'
import { Sites } from '../core/swarm/sites.ts'
import { closeFleets, Fleet, until } from './fleet.ts'
import { Provider } from './providers.ts'
import { announce, artifactOf, installed, PATH, publish, reaches, releaseFor, targetsFor } from './publishing.ts'

const PIECES = 24

afterEach(closeFleets)

test.each([
  [3, 4, 2],
  [1, 8, 1.2],
])(
  'T11 slow retrieval: %i providers give and %i drip, and it takes less than %f times as long',
  async (honest, drip, times) => {
    expect(await slowedBy({ pieces: 200, honest, liars: Array(drip).fill('drips') })).toBeLessThan(times)
  },
)

test('T11 slow retrieval: a site whose mates drip and whose members outside do takes less than twice as long', async () => {
  const scene = { sites: 2, nodes: 4, pieces: 64, exchange: true }
  const clean = await new Sites(scene).run()
  const sites = new Sites(scene)
  const { world } = sites
  for (const [i, site] of [sites.sites[0], sites.sites[0], undefined, undefined].entries()) {
    world.add(`slow${i}`, 'drips', site)
    for (const name of sites.names[0] ?? []) world.link(name, `slow${i}`)
  }
  expect(await sites.run()).toBeLessThan(2 * clean)
})

test('T11 slow retrieval: requests move on to who gives, and who drips is asked for one piece', async () => {
  const artifact = artifactOf('dripping', PIECES * limits.pieceBytesMin - 1)
  const fleet = await Fleet.create()
  const publisher = await fleet.found('publisher')
  const node = await fleet.add('node', publisher)
  const slow = [
    await Provider.join(fleet, 'slow0', publisher, 'drips', [artifact]),
    await Provider.join(fleet, 'slow1', publisher, 'drips', [artifact]),
  ]
  for (const { hostile } of slow) await hostile.dial(node)
  await until('all links', async () => (await node.status()).links.length === 1 + slow.length)

  const document = announce(fleet, { releases: { [PATH]: releaseFor(artifact) } })
  await publish(publisher, document, { targets: targetsFor(fleet), artifacts: [artifact] })
  await reaches(node, 'committed', 1)

  expect(await installed(node)).toBe(artifact.hash)
  for (const { asked } of slow) expect(asked.get(node.id)).toBe(1)
}, 180_000)
