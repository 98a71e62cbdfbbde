// Acceptance D5: a node is killed, and its last values are still read, from the members that keep them; its own are there again after
// a restart, back to the last batch that was written.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MINUTE, SECOND } from '../../src/core/limits.ts'
import type { BesideJson, HistoryJson, NodeJson, SeenJson } from '../../src/daemon/api-types.ts'
import { Fleet } from './fleet.ts'

const ZONE = '/e2e/past'
const VICTIM = 'n2'

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await fleet.done('init', '--mesh', fleet.path('mesh'))
  await fleet.add('n1', await fleet.invite(ZONE, '--first'))
  const via = await fleet.address('n1')
  const [mates, operator] = await Promise.all([
    fleet.invite(ZONE, '--seats', '2', '--via', via),
    fleet.invite('/', '--via', via),
  ])
  await Promise.all([...['n2', 'n3'].map((name) => fleet.add(name, mates)), fleet.add('operator', operator, 'attach')])
})
afterAll(() => fleet?.dispose())

const ask = async (from: string, ...words: string[]) => {
  const { out } = await fleet.run(['history', '--data', fleet.path(from), ...words, '-o', 'json'])
  return JSON.parse(out) as HistoryJson
}
const valuesOf = ({ points }: HistoryJson) => points.flatMap(({ value }) => (value === null ? [] : [value]))

it('the operator reads each sample of a node from the node itself', async () => {
  const answer = await fleet.until('three samples are kept', 60 * SECOND, async () => {
    const found = await ask('operator', VICTIM, 'mem_available', '--since', '5m').catch(() => undefined)
    return found !== undefined && valuesOf(found).length >= 3 && found
  })
  expect(answer).toMatchObject({
    source: 'itself',
    name: VICTIM,
    zone: ZONE,
    unit: 'share',
    completeness: { of: 'sample' },
  })
  for (const value of valuesOf(answer)) expect(value).toSatisfy((share: number) => share > 0 && share < 1)
  expect(answer.summary.last).toBe(valuesOf(answer).at(-1))
})

it('lists what a node keeps, and names the nearest metric where there is none', async () => {
  const { names } = await ask('n1', VICTIM)
  expect(names).toContainEqual(expect.objectContaining({ name: 'node_load1', kind: 'gauge' }))
  const wrong = await fleet.run(['history', '--data', fleet.path('n1'), VICTIM, 'cpu_tmp'])
  expect(wrong).toMatchObject({ status: 2, err: expect.stringContaining('did you mean "cpu_temp"?') })
})

interface Whole {
  nodes: NodeJson[]
  seen: SeenJson
  beside: BesideJson | null
}
const wholeOf = async (from: string, which: string) => {
  const { status, out } = await fleet.run(['get', 'node', which, '--data', fleet.path(from), '-o', 'json'])
  return { status, ...(JSON.parse(out) as Whole) }
}

it('both zone-mates are its witnesses and see it, and it tells what it has beside its record', async () => {
  const whole = await fleet.until('both witnesses answer', 60 * SECOND, async () => {
    const found = await wholeOf('operator', VICTIM)
    return found.seen.completeness.known === 2 && found.seen.completeness.complete && found
  })
  expect(whole.status).toBe(0)
  expect(whole.seen.by.filter(({ witness }) => witness)).toMatchObject([
    { name: 'n1', status: 'up', route: expect.stringMatching(/lan|direct/) },
    { name: 'n3', status: 'up' },
  ])
  expect(whole.beside?.series).toContainEqual(
    expect.objectContaining({ name: 'node_procs_running', ageMs: expect.any(Number) }),
  )
  const { out } = await fleet.run(['get', 'node', VICTIM, '--data', fleet.path('n1')])
  expect(out).toMatch(/\n2 of 2 witnesses answered\n(.*\n)*node_procs_running +\d+ +\d+ s\n/)
})

it('a node that was killed is read from its witnesses, and the answer says so and is partial', async () => {
  await fleet.stop(VICTIM, 'SIGKILL')
  for (const from of ['operator', 'n1']) {
    const answer = await ask(from, VICTIM, 'node_load1')
    expect(answer).toMatchObject({ source: 'witnesses', name: VICTIM, completeness: { of: 'minute', complete: false } })
    expect(valuesOf(answer).length).toBeGreaterThan(0)
    expect(answer.by.map(({ name }) => name)).toContain('n1')
    expect(answer.completeness.expected).toBeGreaterThanOrEqual((24 * 60 * MINUTE) / MINUTE - 1)
  }
  const gone = await fleet.until('its witnesses say that it is gone', 60 * SECOND, async () => {
    const found = await wholeOf('operator', VICTIM)
    return found.seen.by.filter(({ witness, status }) => witness && status === 'down').length === 2 && found
  })
  expect([gone.status, gone.beside]).toEqual([0, null])
  const shown = await fleet.run(['history', '--data', fleet.path('operator'), VICTIM, 'node_load1'])
  expect(shown.status).toBe(1)
  expect(shown.out).toMatch(
    /from (a witness|2 witnesses) \(n[13](, n[13])?\), \d+ of 1,4[34]\d minutes, newest \d+ s ago/,
  )
})

it('what was kept of itself and of others is there again after a restart', async () => {
  await fleet.stop('n1', 'SIGTERM')
  await fleet.stop('n3', 'SIGTERM')
  await fleet.start('n1')
  const kept = await ask('n1', VICTIM, 'node_load1')
  expect(valuesOf(kept).length).toBeGreaterThan(0)
  expect(kept.by.map(({ name }) => name)).toEqual(['n1'])
  const own = await ask('n1', 'n1', 'node_load1', '--since', '1h')
  expect(own.source).toBe('itself')
  expect(own.completeness.oldestMs).toBeGreaterThan(5 * SECOND)
})
