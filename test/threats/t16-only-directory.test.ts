// T16, the other side: what the directory is good for. A node has neither a zone-mate nor the origin, and the one member that it knows
// tells it of nobody; by that member's directory it finds who has the release. A node beside it that has the directory switched off
// finds nobody.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EMPTY_VECTOR } from '../../src/core/trust/announcement.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import {
  announce,
  artifactOf,
  head,
  installed,
  PATH,
  publish,
  reaches,
  releaseAt,
  releaseFor,
  targetsFor,
} from './publishing.ts'

const artifact = artifactOf('hidden')
/** A node looks elsewhere for half a minute before it asks the directory. */
const PATIENCE = 120_000

let fleet: Fleet
let publisher: Member
/** Knows both, keeps the directory honestly, and passes on no contact. */
let middle: Hostile

beforeAll(async () => {
  fleet = await Fleet.create()
  const founder = await fleet.found('founder')
  // Each meets the founder alone, and it is gone before the others are there.
  const names = ['seeker', 'without', 'middle', 'publisher']
  await Promise.all(names.map((name) => fleet.join(name, fleet.token({ through: [founder], zone: `/uk/${name}` }))))
  await founder.stop()
  publisher = await fleet.start('publisher')
  middle = await Hostile.start(fleet.data('middle'))
  middle.tricks.relays = true
  middle.directory.serve(true)
}, PATIENCE)
afterAll(closeFleets)

test(
  'T16 who knows nobody that has a release finds it by the directory, and without it not',
  async () => {
    await meet(publisher)
    const targets = targetsFor(fleet)
    const document = announce(fleet, { releases: { [PATH]: releaseFor(artifact) } })
    await publish(publisher, document, { targets, artifacts: [artifact] })
    await until('the directory keeps the publisher', () => middle.directory.kept === 1)

    Object.assign(middle.tricks, {
      vector: { ...EMPTY_VECTOR, targetsVersion: 2, targetsHash: targets.hash, heads: [head(document)] },
      targets: targets.raw,
      bodies: new Map([[document.hash, document.raw]]),
    })
    const without = await fleet.start('without', '[swarm]\ndht = false\n')
    const seeker = await fleet.start('seeker')
    for (const node of [without, seeker]) {
      await meet(node)
      await reaches(node, 'fetching', 1)
      expect(linksOf(await node.status())).toEqual([middle.id])
    }

    await until('a link with the publisher', async () => linksOf(await seeker.status()).includes(publisher.id))
    await reaches(seeker, 'committed', 1)
    expect(await installed(seeker)).toBe(artifact.hash)
    expect((await releaseAt(without))?.here?.state).toBe('fetching')
    expect(linksOf(await without.status())).toEqual([middle.id])
  },
  PATIENCE,
)

async function meet(node: Member): Promise<void> {
  await middle.dial(node)
  await middle.greet(node)
}

function linksOf({ links }: { links: readonly { node: string }[] }): string[] {
  return links.map(({ node }) => node)
}
