// Acceptance A4: nobody is special. The member that everyone joined by is killed for good, and the mesh goes on: records keep
// coming, who restarts finds the others from its own state, who is new joins by another. All killed at once are soon whole.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import type { NodesJson } from '../../src/daemon/api-types.ts'
import { Fleet } from './fleet.ts'

const NORTH = '/e2e/north'
const SOUTH = '/e2e/south'
/** It met everybody. */
const FIRST = 'n1'
const LATECOMER = 'n3'
const NORTHERN = [FIRST, 'n2', LATECOMER]
const SOUTHERN = ['s1', 's2', 's3']
/** The acceptance bound: after all started at once, the mesh is whole again within this time. */
const WHOLE_WITHIN = 20 * SECOND

let fleet: Fleet
/** When all had heard of each other, on the monotonic clock of this process. */
let acquainted: number
beforeAll(async () => {
  fleet = await Fleet.make()
  await fleet.done('init', '--mesh', fleet.path('mesh'))
  await fleet.add(FIRST, await fleet.invite(NORTH, '--first'))
  const via = await fleet.address(FIRST)
  const [north, south, operator] = await Promise.all([
    fleet.invite(NORTH, '--via', via),
    fleet.invite(SOUTH, '--seats', '3', '--via', via),
    fleet.invite('/', '--via', via),
  ])
  await Promise.all([
    fleet.add('n2', north),
    ...SOUTHERN.map((name) => fleet.add(name, south)),
    fleet.add('operator', operator, 'attach'),
  ])
  await wholeFor([FIRST, 'n2', ...SOUTHERN, 'operator'], 30 * SECOND, [FIRST, 'n2', ...SOUTHERN])
  await fleet.until('the operator has heard of all', 30 * SECOND, async () => {
    return (await fleet.client('operator').status()).contacts.nodes === 5
  })
  acquainted = performance.now()
})
afterAll(() => fleet?.dispose())

/** What `name` sees of the nodes in `zone`: name -> [incarnation, counter], of those that are up. */
async function seen(name: string, zone: string): Promise<Map<string, [number, number]>> {
  const { nodes } = await fleet.client(name).nodes({ zones: [zone], timeoutMs: 2 * SECOND })
  const up = nodes.filter(({ status }) => status === 'up')
  return new Map(up.map(({ name, incarnation, counter }) => [name, [incarnation, counter]]))
}

const zoneOf = (name: string) => (NORTHERN.includes(name) ? NORTH : SOUTH)

/**
 * Resolves when each of `observers` sees exactly `living` as up: a node the rows of its zone and the count of the other, the
 * operator all rows. Rows count from the incarnation in `since` on: what was seen before a restart is no evidence.
 */
async function wholeFor(
  observers: readonly string[],
  bound: number,
  living: readonly string[],
  since: ReadonlyMap<string, number> = new Map(),
): Promise<void> {
  const start = performance.now()
  for (const observer of observers) {
    await fleet.until(`${observer} sees ${living}`, bound - (performance.now() - start), async () => {
      const answer = await fleet.client(observer).nodes({ timeoutMs: 2 * SECOND })
      return whole(answer, observer, living, since)
    })
  }
}

function whole(
  { nodes, zones }: NodesJson,
  observer: string,
  living: readonly string[],
  since: ReadonlyMap<string, number>,
): boolean {
  const up = nodes.filter(({ status, name, incarnation }) => status === 'up' && incarnation >= (since.get(name) ?? 0))
  const wanted = observer === 'operator' ? living : living.filter((name) => zoneOf(name) === zoneOf(observer))
  const counted = [NORTH, SOUTH].every((zone) => {
    const count = zones.find((answer) => answer.zone === zone)?.counts?.up
    return count === living.filter((name) => zoneOf(name) === zone).length
  })
  return (
    counted &&
    up
      .map(({ name }) => name)
      .sort()
      .join() === [...wanted].sort().join()
  )
}

/**
 * Kills all of them at the same time, starts `living` at the same time, and sees them whole within the bound. The operator
 * goes with them: nobody is left who could tell them of each other.
 */
async function blackout(running: readonly string[], living: readonly string[]): Promise<void> {
  const incarnations = new Map<string, number>()
  for (const name of running) incarnations.set(name, (await fleet.client(name).status()).incarnation + 1)
  await Promise.all([...running, 'operator'].map((name) => fleet.stop(name, 'SIGKILL')))
  for (const name of living) fleet.launch(name)
  fleet.launch('operator', 'attach')
  const started = performance.now()
  const all = [...living, 'operator']
  const answering = async () => (await Promise.all(all.map((name) => fleet.answers(name)))).every(Boolean)
  await fleet.until('all local APIs answer', WHOLE_WITHIN, answering)
  await wholeFor(all, WHOLE_WITHIN - (performance.now() - started), living, incarnations)
}

describe('the member that everyone joined by is killed for good', () => {
  it('the others go on hearing each other, in both zones and at the operator', async () => {
    const observers: [string, string][] = [
      ['n2', NORTH],
      ['s1', SOUTH],
      ['operator', SOUTH],
      ['operator', NORTH],
    ]
    const before = await Promise.all(observers.map(([observer, zone]) => seen(observer, zone)))
    await fleet.stop(FIRST, 'SIGKILL')
    const again = observers.map(([observer, zone], at) => {
      const others = [...(before[at] ?? [])].filter(([name]) => name !== FIRST)
      expect(others, `nodes of ${zone} that ${observer} sees`).toHaveLength(zone === NORTH ? 1 : 3)
      return fleet.until(`${observer} hears everybody in ${zone} again, twice`, 30 * SECOND, async () => {
        const now = await seen(observer, zone)
        return others.every(([name, [, counter]]) => (now.get(name)?.[1] ?? 0) >= counter + 2)
      })
    })
    await Promise.all(again)
  })

  it('one that restarts finds the others from what it kept', async () => {
    await fleet.stop('s3', 'SIGKILL')
    await fleet.start('s3')
    await wholeFor(['s3', 's1', 'operator'], 30 * SECOND, ['n2', ...SOUTHERN], new Map([['s3', 2]]))
    const { links } = await fleet.client('s3').status()
    expect(links.map(({ name }) => name)).not.toContain(FIRST)
  })

  it('a new node joins by another member', async () => {
    const token = await fleet.invite(NORTH, '--via', await fleet.address('s1'))
    await fleet.add(LATECOMER, token)
    await wholeFor([LATECOMER, 'n2', 's1', 'operator'], 30 * SECOND, ['n2', LATECOMER, ...SOUTHERN])
  })
})

describe('all are killed and started at the same time', () => {
  beforeAll(async () => {
    const onDisk = acquainted + limits.contactFlushDelay + SECOND
    await fleet.until('the contacts are on disk', 30 * SECOND, async () => performance.now() > onDisk)
  })

  it('is whole again within 20 s, though the first member is still gone', async () => {
    const others = ['n2', LATECOMER, ...SOUTHERN]
    await blackout(others, others)
  })

  it('is whole again within 20 s, with all six', async () => {
    await blackout(['n2', LATECOMER, ...SOUTHERN], [...NORTHERN, ...SOUTHERN])
  })
})
