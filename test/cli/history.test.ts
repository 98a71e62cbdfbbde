// `pimesh history` against the real API server: what is printed of an answer, and what is said of words that make none.
import { describe, expect, it, onTestFinished } from 'vitest'
import { pictureOf, sourceText } from '../../src/cli/format/history.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import type { HistoryJson } from '../../src/daemon/api-types.ts'
import { TestBackend } from './backend.ts'
import { folder, pimesh } from './pimesh.ts'

const AT = Date.parse('2026-07-01T12:00:00Z')
const point = (minutes: number, value: number | null) => ({
  ...{ ageMs: minutes * 60_000, at: new Date(AT - minutes * 60_000).toISOString(), certain: true },
  ...{ value, min: value, max: value },
})
const WITNESSED: HistoryJson = {
  ...{ schema: 'pimesh.history/1', node: '12D3KooWn', name: 'pi-3', zone: '/uk', status: 'down' },
  ...{ metric: 'cpu_temp', series: ['node_thermal_zone_temp'], says: 'temperature of the processor', unit: 'degC' },
  ...{ sinceMs: 240_000, stepMs: 60_000, source: 'witnesses', names: [] },
  by: [{ node: '12D3KooWw', name: 'pi-7', rows: 3 }],
  completeness: { of: 'minute', rows: 1_412, expected: 1_440, newestMs: 190_000, oldestMs: 240_000, complete: false },
  summary: { min: 40, mean: 45, max: 50, last: 50 },
  points: [point(4, 40), point(3, 45), point(2, null), point(1, 50)],
}

async function daemon(past: HistoryJson | undefined) {
  const data = await folder()
  const backend = new TestBackend()
  backend.past = past
  const server = await createApiServer(backend, apiSocket(data))
  onTestFinished(() => server.close())
  return { data, backend }
}

describe('pimesh history', () => {
  it('prints the picture, the figures, each step with its gaps, and who told it; and fails when it is partial', async () => {
    const { data, backend } = await daemon(WITNESSED)
    const { status, out, err } = await pimesh([
      'history',
      'pi-3',
      'cpu_temp',
      '--since',
      '4m',
      '--step',
      '1m',
      '--data',
      data,
    ])
    expect([status, err]).toEqual([1, ''])
    expect(out).toContain('min 40.0 °C   mean 45.0 °C   max 50.0 °C   last 50.0 °C')
    expect(out.split('\n').filter((row) => row.endsWith('-'))).toHaveLength(1)
    expect(out.trimEnd().split('\n').at(-1)).toBe('from a witness (pi-7), 1,412 of 1,440 minutes, newest 3 min ago')
    expect(backend.historyQueries).toEqual([
      { node: 'pi-3', metric: 'cpu_temp', sinceMs: 240_000, stepMs: 60_000, timeoutMs: expect.any(Number) },
    ])
  })

  it('begins with the first value there is, in steps that fit what there is', async () => {
    const empty = Array.from({ length: 1_436 }, (_, at) => point(1_440 - at, null))
    const { data } = await daemon({ ...WITNESSED, sinceMs: 86_400_000, points: [...empty, ...WITNESSED.points] })
    const { out } = await pimesh(['history', 'pi-3', 'cpu_temp', '--data', data])
    const lines = out.split('\n')
    expect(lines[1]).toBe('▁▅ █')
    expect(lines.filter((row) => /^07-0\d .*min/.test(row))).toHaveLength(3)
    expect(lines.filter((row) => row.endsWith('-'))).toHaveLength(1)
    expect(out).toMatch(/\nno values from before 07-0\d \d\d:\d\d\n/)
  })

  it('prints csv with empty fields for gaps, and json as it is', async () => {
    const { data } = await daemon(WITNESSED)
    const csv = await pimesh(['history', 'pi-3', 'cpu_temp', '-o', 'csv', '--data', data])
    expect(csv.out.split('\n').slice(0, 4)).toEqual([
      'from,certain,mean,min,max,unit',
      '2026-07-01T11:56:00.000Z,true,40,40,40,degC',
      '2026-07-01T11:57:00.000Z,true,45,45,45,degC',
      '2026-07-01T11:58:00.000Z,true,,,,degC',
    ])
    const json = await pimesh(['history', 'pi-3', 'cpu_temp', '-o', 'json', '--data', data])
    expect(JSON.parse(json.out)).toEqual(WITNESSED)
  })

  it('draws nothing when there is nothing, says where to look, and fails', async () => {
    const completeness = { ...WITNESSED.completeness, rows: 0, newestMs: null, oldestMs: null }
    const { data } = await daemon({ ...WITNESSED, source: 'itself', completeness, points: [point(1, null)] })
    expect(await pimesh(['history', 'pi-3', 'cpu_temp', '--data', data])).toEqual({
      ...{ status: 1, err: '' },
      out: 'pi-3 cpu_temp  temperature of the processor, last 4 min\nfrom the node itself: no value of this in that time; "pimesh history pi-3" lists what there is\n',
    })
  })

  it('lists the series with the age of each newest value', async () => {
    const names = [
      { name: 'room_celsius{wall="north"}', unit: 'degC', kind: 'gauge' as const, value: 21.5, ageMs: 1_500 },
      { name: 'a_total', unit: '1', kind: 'counter' as const, value: null, ageMs: null },
    ]
    const { data } = await daemon({ ...WITNESSED, metric: null, names, points: [] })
    expect((await pimesh(['history', 'pi-3', '--data', data])).out).toMatch(
      /NEWEST +AGE\nroom_.* 21\.5 °C +1 s\na_total +counter +\S.* -\n/,
    )
    expect((await pimesh(['history', 'pi-3', '-o', 'csv', '--data', data])).out).toBe(
      'name,unit,kind,value,age\n"room_celsius{wall=""north""}",degC,gauge,21.5,1.5\n"a_total",1,counter,,\n',
    )
  })

  it.each([
    [['pi-3', 'cpu_temp', '--since', '2x4h'], 'character 3 ("4") does not belong there'],
    [['pi-3', 'cpu_temp', '--since', '90d'], '--since is from 1m to 30d, not 90d'],
    [['pi-3', 'cpu_temp', '--since', '1h', '--step', '2h'], '--step 2h is longer than --since'],
    [[], 'history'],
  ])('%j: says where the mistake is', async (words, text) => {
    const { data } = await daemon(WITNESSED)
    const ran = await pimesh(['history', ...words, '--data', data])
    expect(ran.status).toBe(2)
    expect(ran.err).toContain(text)
  })

  it('fails in one sentence when nobody keeps anything', async () => {
    const { data } = await daemon(undefined)
    const ran = await pimesh(['history', 'pi-1', 'cpu_temp', '--data', data])
    expect(ran).toEqual({ status: 1, out: '', err: 'pimesh: there are no values of "pi-1" (up) [E_HISTORY]\n' })
  })
})

it('a picture has a level for each value and a space for a gap, with and without blocks', () => {
  const values = [0, null, 3.5, 7].map((value) => ({ value }))
  expect(pictureOf(values, false)).toBe('▁ ▅█')
  expect(pictureOf(values, true)).toBe('_ +#')
  expect(pictureOf([{ value: 5 }, { value: 5 }], true)).toBe('__')
})

it('several keepers are named, and a node itself says since when it keeps anything', () => {
  const by = [
    { node: 'a', name: 'pi-7', rows: 9 },
    { node: 'b', name: null, rows: 2 },
    { node: 'c', name: 'pi-9', rows: 0 },
  ]
  expect(sourceText({ ...WITNESSED, by })).toContain('from 2 witnesses (pi-7, b)')
  const completeness = {
    ...WITNESSED.completeness,
    rows: 1,
    expected: 1,
    newestMs: 2_000,
    oldestMs: 2_000,
    complete: true,
  }
  expect(sourceText({ ...WITNESSED, source: 'itself', completeness })).toBe(
    'from the node itself, 1 of 1 minute, newest 2 s ago, oldest 2 s ago',
  )
})
