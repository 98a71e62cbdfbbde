// T16: the directory is poisoned. All whom it names are liars, or nobody; the download completes by each of the other ways alone: zone-mates'
// records, contacts, the origin. Without them it does not, so these tests would notice if it were a path on which all depends; and
// it does by an honest directory alone. Where false providers come beside honest ones, they cost little.
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/env.ts'
import { limits, MINUTE } from '../../src/core/limits.ts'
import { testEncoding } from '../core/swarm/encodings.ts'
import type { Manners } from '../core/swarm/test-node.ts'
import { entryOf, World } from '../core/swarm/world.ts'

const PIECES = 24
const HONEST = ['honest']
/** Members that say that they hold all of it, each in its own way; and some that do not exist. */
const LIARS: readonly Manners[] = ['silent', 'refuses', 'poisons', 'drips', 'junk', 'claims']
const FALSE = [...LIARS.map((_, i) => `liar${i}`), ...Array.from({ length: 10 }, (_, i) => `nobody${i}`)]

/** How the node may find others. */
interface Ways {
  /** Zone-mates whose records say that they have it. */
  reporting: readonly NodeId[]
  /** In its address book, outside the zone. */
  contacts: readonly NodeId[]
  /** Who had it first, as the publisher says. */
  origin: readonly NodeId[]
  /** Whom the directory names; undefined: there is none. */
  named: readonly NodeId[] | undefined
}

interface Outcome {
  complete: boolean
  time: number
  /** Whom it dialled, in order. */
  dialled: readonly NodeId[]
}

/** One node is linked to nobody that has it. */
async function fetchBy(
  { reporting = [], contacts = [], origin = [], named }: Partial<Ways>,
  time = 30 * MINUTE,
): Promise<Outcome> {
  const wanted = testEncoding('a', PIECES)
  const world = new World(11, [wanted])
  Object.assign(world, { reporting, named })
  world.contacts = () => contacts.map(entryOf)
  world.origin = origin.map((first) => `/ip4/203.0.113.1/tcp/1/p2p/${first}`)
  world.seed('honest', wanted)
  LIARS.forEach((manners, i) => {
    world.add(`liar${i}`, manners)
  })
  const node = world.add('node')
  world.want('node', wanted)
  const took = await world.run(time, () => world.has('node', wanted))
  return { complete: world.has('node', wanted), time: took, dialled: node.dialled }
}

const others: [string, Partial<Ways>][] = [
  ['records of zone-mates', { reporting: HONEST }],
  ['contacts of the address book', { contacts: HONEST }],
  ['the origin', { origin: HONEST }],
]
const poisons: [string, readonly NodeId[]][] = [
  ['names liars and nobody else', FALSE],
  ['hides all records', []],
]

describe.each(poisons)('T16 a directory that %s', (_what, named) => {
  test.each(others)('keeps nobody from completing by %s', async (_way, ways) => {
    const { complete, time } = await fetchBy({ ...ways, named })
    const clean = await fetchBy(ways)
    expect([complete, clean.complete]).toEqual([true, true])
    expect(time).toBeLessThan(3 * clean.time)
  })

  test('and no other way: it does not complete, so the others are what saves it', async () => {
    expect(await fetchBy({ named })).toMatchObject({ complete: false })
  })
})

test('T16 an honest directory is a way of its own: with it alone the download completes', async () => {
  expect(await fetchBy({ named: HONEST })).toMatchObject({ complete: true })
  expect(await fetchBy({ named: undefined })).toMatchObject({ complete: false })
})

test('T16 one honest provider behind fifteen false ones is found', async () => {
  expect(await fetchBy({ named: [...FALSE.slice(0, limits.directoryProviders - 1), ...HONEST] })).toMatchObject({
    complete: true,
  })
})

test('T16 a false provider costs a dial, and is remembered: it is dialled less and less often', async () => {
  const { dialled } = await fetchBy({ named: FALSE }, 60 * MINUTE)
  for (const name of FALSE.filter((each) => each.startsWith('nobody'))) {
    expect(dialled.filter((each) => each === name).length).toBeLessThanOrEqual(
      (60 * MINUTE) / limits.providerSearchMax + 5,
    )
  }
  expect(dialled.length).toBeGreaterThan(FALSE.length)
})
