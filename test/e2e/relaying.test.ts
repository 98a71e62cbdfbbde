// Acceptance E2: a node outside the selector passes the announcement on and serves the bytes, and never installs. Three peers in a
// line: neither end listens, so that each can only know the other through the one in the middle.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND } from '../../src/core/limits.ts'
import { Fleet } from './fleet.ts'
import { committed, hasInstalled, initMesh, MIB, publish, randomArtifact, releaseAt } from './releases.ts'

const MIDDLE = 'middle'
/** The only node that the selector names. */
const CHOSEN = 'chosen'
const OPERATOR = 'operator'
const SELECTOR = `name == "${CHOSEN}" && labels.room == "attic"`
const DIALS_ONLY = { listens: false }

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await initMesh(fleet)
  const first = await fleet.invite('/e2e/north', '--first')
  await fleet.add(MIDDLE, first, 'up', { extra: '[artifacts]\nmirror = true' })
  const via = await fleet.address(MIDDLE)
  const [south, operator] = await Promise.all([
    fleet.invite('/e2e/south', '--label', 'room=attic', '--via', via),
    fleet.invite('/', '--via', via),
  ])
  await Promise.all([fleet.add(CHOSEN, south, 'up', DIALS_ONLY), fleet.add(OPERATOR, operator, 'attach', DIALS_ONLY)])
  await fleet.until('both ends are linked to the middle', 30 * SECOND, async () => {
    return (await fleet.client(MIDDLE).status()).links.length === 2
  })
})
afterAll(() => fleet?.dispose())

async function linksOf(name: string): Promise<(string | null)[]> {
  const { links } = await fleet.client(name).status()
  return links.map((link) => link.name)
}

/** What is true of the line whatever was published. */
async function expectLine(hash: string): Promise<void> {
  expect(await linksOf(CHOSEN)).toEqual([MIDDLE])
  expect(await linksOf(OPERATOR)).toEqual([MIDDLE])
  const middle = await releaseAt(fleet, MIDDLE)
  expect(middle).toMatchObject({ artifact: { hash }, selected: false, here: { percent: 100, installedAt: null } })
  expect(hasInstalled(fleet, MIDDLE)).toBe(false)
}

describe('a node outside the selector', () => {
  it('passes on what was published at the other end, serves it, and does not install it', async () => {
    const artifact = randomArtifact(3 * MIB)
    await publish(fleet, OPERATOR, artifact, SELECTOR)
    await committed(fleet, CHOSEN, artifact, 30 * SECOND)
    await expectLine(artifact.hash)
  })

  it('serves what was published on itself, and does not install it', async () => {
    const artifact = randomArtifact(2 * MIB)
    await publish(fleet, MIDDLE, artifact, SELECTOR)
    await committed(fleet, CHOSEN, artifact, 30 * SECOND)
    await expectLine(artifact.hash)
    await fleet.until('the other end has heard of it', 30 * SECOND, async () => {
      return (await releaseAt(fleet, OPERATOR))?.artifact.hash === artifact.hash
    })
  })
})
