// Three levels with real daemons: two sites in /eu and one in /us. An operator's peer hears what /eu and /us are together, and is told their
// sites by their reporters; a plain node is told those of the inner zone that it lies in.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND } from '../../src/core/limits.ts'
import type { FleetJson, QuestionJson } from '../../src/daemon/api-fleet-types.ts'
import { Fleet } from './fleet.ts'

const ZONES = { a1: '/eu/a', b1: '/eu/b', c1: '/us/c' } as const
const QUICK = { period: 1 }

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await fleet.done('init', '--mesh', fleet.path('mesh'))
  await fleet.add('a1', await fleet.invite(ZONES.a1, '--first'), 'up', QUICK)
  const via = await fleet.address('a1')
  const token = (zone: string) => fleet.invite(zone, '--via', via)
  const [b, c, operator] = await Promise.all([token(ZONES.b1), token(ZONES.c1), token('/')])
  await Promise.all([
    fleet.add('b1', b, 'up', QUICK),
    fleet.add('c1', c, 'up', QUICK),
    fleet.add('operator', operator, 'attach', QUICK),
  ])
  await fleet.until('the operator hears what both inner zones are', 120 * SECOND, async () => {
    const { levels, summary } = await fleet.client('operator').fleet()
    const speaking = levels[0]?.children.filter(({ dark, figures }) => !dark && figures !== null) ?? []
    return speaking.map(({ zone }) => zone).join(' ') === '/eu /us' && summary?.figures.zones === 3
  })
}, 240 * SECOND)
afterAll(() => fleet?.dispose())

const asked = async (from: string, ...words: string[]) => {
  const { status, out } = await fleet.run([...words, '--data', fleet.path(from), '-o', 'json'])
  return { status, answer: JSON.parse(out) as unknown }
}
const zonesOf = (answer: unknown) => (answer as FleetJson).zones.map(({ zone, leaf }) => (leaf ? zone : `${zone}/**`))
const groupsOf = (answer: unknown) => (answer as QuestionJson).groups.map(({ group, nodes }) => [group, nodes])

describe('an operator’s peer', () => {
  it('is told the sites of inner zones, one by one', async () => {
    const all = await asked('operator', 'zones')
    expect([all.status, zonesOf(all.answer)]).toEqual([0, ['/eu/a', '/eu/b', '/us/c']])
    expect((all.answer as FleetJson).completeness).toMatchObject({
      asked: 2,
      missing: 0,
      zonesKnown: 3,
      complete: true,
    })
    const some = await asked('operator', 'zones', '--zone', '/eu/*')
    expect([some.status, zonesOf(some.answer)]).toEqual([0, ['/eu/a', '/eu/b']])
    const { out } = await fleet.run(['zones', '--zone', '/eu', '--data', fleet.path('operator')])
    expect(out).toMatch(/^\/eu\/\*\* +fine +2 .*\n2 of 2 zones answered, 2 nodes: 2 up, oldest \d+ s\n$/m)
  })

  it('works figures out for each of them, or for those that match, from their digests', async () => {
    const { status, answer } = await asked('operator', 'query', 'count, avg(mem_available) by zone')
    expect([status, groupsOf(answer)]).toEqual([
      0,
      [
        ['/eu/a', 1],
        ['/eu/b', 1],
        ['/us/c', 1],
      ],
    ])
    expect((answer as QuestionJson).way).toBe('digests')
    const some = await asked('operator', 'query', 'count', '--zone', '/eu/*')
    expect([(some.answer as QuestionJson).way, groupsOf(some.answer)]).toEqual(['digests', [[null, 2]]])
  })

  it('is told of a site that is dark, and fails', async () => {
    await fleet.stop('b1', 'SIGKILL')
    const { status, answer } = await fleet.until('the site is dark', 120 * SECOND, async () => {
      const found = await asked('operator', 'zones')
      return (found.answer as FleetJson).zones.some(({ zone, dark }) => zone === '/eu/b' && dark) && found
    })
    expect([status, zonesOf(answer)]).toEqual([1, ['/eu/a', '/eu/b', '/us/c']])
    expect((answer as FleetJson).completeness).toMatchObject({ complete: false, dark: 1, darkZones: ['/eu/b'] })
  })
})

it('a plain node is told the sites of its own inner zone, and what others are together', async () => {
  const found = await fleet.until('it knows who hears what is below "/"', 60 * SECOND, async () => {
    const one = await asked('c1', 'zones')
    return zonesOf(one.answer).includes('/us/c') && zonesOf(one.answer).length > 1 && one
  })
  expect(zonesOf(found.answer)).toEqual(['/eu/**', '/us/c'])
  expect((found.answer as FleetJson).completeness?.together).toEqual([{ zone: '/eu', why: 'forbidden' }])
  expect(found.status).toBe(1)
})
