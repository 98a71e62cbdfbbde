// Acceptance D4 with real daemons: three zones, one of which goes dark. Whoever is asked says so, within its deadline, and fails; what
// is not dark is answered as before, by rows and by digests.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND } from '../../src/core/limits.ts'
import type { FleetJson, QuestionJson } from '../../src/daemon/api-fleet-types.ts'
import type { NodesJson } from '../../src/daemon/api-types.ts'
import { Fleet } from './fleet.ts'

const ZONES = { '/q/a': ['a1', 'a2'], '/q/b': ['b1', 'b2'], '/q/c': ['c1'] } as const
const DARK = '/q/c'
/** A promise of a second: digests come every three, and a zone is dark after three of those. */
const QUICK = { period: 1 }
/** What a command may take beside the deadline: it is started, on a machine with other work. */
const STARTED = 10 * SECOND

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await fleet.done('init', '--mesh', fleet.path('mesh'))
  await fleet.add('a1', await fleet.invite('/q/a', '--first', '--label', 'room=attic'), 'up', QUICK)
  const via = await fleet.address('a1')
  const token = (zone: string) => fleet.invite(zone, '--seats', '2', '--via', via)
  const [a, b, c, operator] = await Promise.all([
    token('/q/a'),
    token('/q/b'),
    token('/q/c'),
    fleet.invite('/', '--via', via),
  ])
  await Promise.all([
    fleet.add('a2', a, 'up', QUICK),
    ...ZONES['/q/b'].map((name) => fleet.add(name, b, 'up', QUICK)),
    fleet.add('c1', c, 'up', QUICK),
    fleet.add('operator', operator, 'attach', QUICK),
  ])
  await fleet.until('the operator has rows of five nodes and figures of three zones', 60 * SECOND, async () => {
    const { nodes, completeness } = await fleet.client('operator').nodes()
    const { summary } = await fleet.client('operator').fleet()
    return completeness.complete && nodes.length === 5 && summary?.figures.zones === 3
  })
}, 180 * SECOND)
afterAll(() => fleet?.dispose())

const words = (...more: string[]) => [...more, '--data', fleet.path('operator')]

describe('a fleet of three zones', () => {
  it('is found in by conditions, patterns and order', async () => {
    const named = async (...more: string[]) => (await fleet.done(...words('nodes', '-o', 'name', ...more))).split('\n')
    expect(await named('--where', 'labels.room == "attic" && cpus > 0')).toEqual(['a1'])
    expect((await named('--zone', '/q/*', '--sort-by', 'name:desc')).at(0)).toBe('c1')
    expect(await named('--zone', '/**/b')).toEqual(['b1', 'b2'])
    expect(await named('--sort-by', 'own_memory', '--limit', '2')).toHaveLength(2)
    expect(await fleet.run(words('nodes', '--where', 'cpu_tmp > 1'))).toMatchObject({
      ...{ status: 2, out: '' },
      err: expect.stringMatching(/^ {2}cpu_tmp > 1\n {2}\^\npimesh: .*did you mean "cpu_temp"\? \[E_SELECTOR\]\n$/),
    })
  })

  it('is counted from the summary without asking anybody, and by rows where there is a condition', async () => {
    const asked = async (q: string) => await fleet.json<QuestionJson>(...words('query', q))
    const counted = await asked('count, p95(mem_available)')
    expect([counted.way, counted.groups[0]?.figures[0]?.value]).toEqual(['summary', 5])
    const rows = await asked('count by zone where cpus > 0')
    expect(rows).toMatchObject({ way: 'rows', completeness: { zonesAnswered: 3, complete: true } })
    expect(rows.groups.map(({ group, nodes }) => [group, nodes])).toEqual(
      Object.entries(ZONES).map(([zone, names]) => [zone, names.length]),
    )
  })
})

describe('when one of them is dark (D4)', () => {
  beforeAll(async () => {
    await fleet.stop('c1', 'SIGKILL')
    await fleet.until('the summary says that it is dark', 90 * SECOND, async () => {
      const { summary } = await fleet.client('operator').fleet()
      return summary?.figures.dark === 1
    })
  }, 120 * SECOND)

  it.each([
    [['nodes', '-o', 'json'], (answer: object) => (answer as NodesJson).completeness.darkZones],
    [['query', 'count', '-o', 'json'], (answer: object) => (answer as QuestionJson).completeness.darkZones],
    [
      ['query', 'count where cpus > 0', '-o', 'json'],
      (answer: object) => (answer as QuestionJson).completeness.darkZones,
    ],
    [['zones', '-o', 'json'], (answer: object) => (answer as FleetJson).summary?.figures.darkZones],
  ])('%j says so, in time, and fails', async (asked, darkOf) => {
    const begun = performance.now()
    const timeout = asked[0] === 'zones' ? [] : ['--timeout', '3s']
    const { status, out } = await fleet.run(words(...asked, ...timeout))
    expect(performance.now() - begun).toBeLessThan(3 * SECOND + STARTED)
    expect([status, darkOf(JSON.parse(out) as object)]).toEqual([1, [DARK]])
  })

  it('the screens name it', async () => {
    expect((await fleet.run(words('nodes', '--timeout', '3s'))).out).toMatch(
      /\n2 of 3 zones answered, 4 nodes, all up, oldest \d+ s \(partial\); 1 dark: \/q\/c\n$/,
    )
    expect((await fleet.run(words('top'))).out).toMatch(/^4 nodes in 2 zones: 4 up, oldest \d+ s; 1 dark: \/q\/c\n/)
    expect((await fleet.run(words('status'))).out).toMatch(/^fleet +4 nodes in 2 zones: .*; 1 dark: \/q\/c$/m)
  })

  it.each(['operator', 'b2'])('%s tells of it as one event, and of none of its nodes', async (name) => {
    const dark = await fleet.until('the event', 60 * SECOND, async () => {
      const { events } = await fleet.client(name).events()
      const found = events.filter(({ type }) => type === 'zoneDark')
      return found.length > 0 && found
    })
    expect(dark.map(({ text }) => text)).toEqual([
      `${DARK} is dark: nobody speaks for it, and its nodes are in no count`,
    ])
  })

  it('a plain node knows it from the summary that was handed down', async () => {
    await fleet.until('a plain node has heard it', 60 * SECOND, async () => {
      const { summary } = await fleet.client('b2').fleet()
      return summary?.figures.dark === 1 && summary.figures.counts.up === 4
    })
  })
})
