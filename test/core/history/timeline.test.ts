// Timelines (clause HISTORY 6): rates over what lies between two samples, gaps as gaps, and several keepers as one.
import { expect, it } from 'vitest'
import { measureOf } from '../../../src/core/fleet/metric-names.ts'
import { type Column, packBlock } from '../../../src/core/history/block.ts'
import type { HistorySource } from '../../../src/core/history/inquiries.ts'
import { merged, periodOf, readingsOf, stepsOf, type Wanted } from '../../../src/core/history/timeline.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/core/limits.ts'

const wanted = (name: string): Wanted => ({
  measure: measureOf(name) as Extract<Wanted, { measure: object }>['measure'],
})

/** One block whose rows were taken at these seconds; the last of them is `age` ago. */
function source(by: string, name: string, rows: readonly (readonly [second: number, value: number])[], age = 0) {
  const seconds = rows.map(([second]) => second)
  const [first = 0, last = 0] = [seconds[0], seconds.at(-1)]
  const column: Column = {
    ...{ series: { name, unit: '1', kind: 'gauge' }, aggregate: 'value', values: rows.map(([, value]) => value) },
  }
  const payload = packBlock(seconds, [column])
  const block = { run: 1, first, age: age + (last - first) * SECOND, certain: true, period: 10 * SECOND, payload }
  const told: HistorySource = { by, own: false, tier: 'minutes', names: [], blocks: [block], partial: false }
  return told
}

it('a counter is what it grew in a second, by the seconds of its samples, and nothing over a gap or a fall', () => {
  const rows = [
    [58, 0],
    [115, 570],
    [178, 1_200],
    [778, 9_000],
    [838, 9_600],
    [898, 3],
  ] as const
  const told = readingsOf(source('one', 'node_vmstat_oom_kill', rows), wanted('oom_kills'), MINUTE)
  expect(told.map(({ value }) => value)).toEqual([null, 10, 10, null, 10, null])
})

it('a minute without a row is a gap in its place', () => {
  const rows = [
    [30, 1],
    [90, 2],
    [270, 5],
    [330, 6],
  ] as const
  const readings = readingsOf(source('one', 'node_load5', rows, 20 * SECOND), wanted('node_load5'), MINUTE)
  const steps = stepsOf(readings, 8 * MINUTE, MINUTE)
  expect(steps.map(({ value }) => value)).toEqual([null, null, 1, 2, null, null, 5, 6])
  expect(steps.at(-1)).toMatchObject({ age: MINUTE, certain: true })
  expect(stepsOf(readings, 8 * MINUTE, 4 * MINUTE)).toMatchObject([
    { value: 1.5, least: 1, most: 2 },
    { value: 5.5, least: 5, most: 6 },
  ])
})

it('what one keeper lacks another one has; where both have it, it counts once', () => {
  const first = source(
    'one',
    'node_load5',
    [
      [0, 1],
      [60, 1],
      [120, 1],
    ],
    4 * MINUTE,
  )
  const second = source(
    'two',
    'node_load5',
    [
      [5_025, 2],
      [5_085, 2],
    ],
    3 * MINUTE,
  )
  const all = [second, first].map((told) => readingsOf(told, wanted('node_load5'), MINUTE))
  expect(merged(all, MINUTE).map(({ value }) => value)).toEqual([1, 1, 1, 2])
})

it('one witness of three that lies, and tells of more than the others do, changes no value that they have', () => {
  const minutes = (count: number, value: (minute: number) => number) =>
    Array.from({ length: count }, (_, at) => [at * 60, value(at)] as const)
  const honest = ['one', 'other'].map((by) =>
    source(
      by,
      'node_load5',
      minutes(30, (at) => at),
    ),
  )
  const liar = source(
    'liar',
    'node_load5',
    minutes(60, () => 99),
  )
  const all = [...honest, liar].map((told) => readingsOf(told, wanted('node_load5'), MINUTE))
  const values = merged(all, MINUTE).map(({ value }) => value)
  expect(values.slice(30)).toEqual(minutes(30, (at) => at).map(([, value]) => value))
  // Nobody contradicts it about the time before.
  expect(values.slice(0, 30)).toEqual(new Array(30).fill(99))
})

it('rows are due as often as the node promised, and never more often than the tier has them', () => {
  const rare = source('one', 'node_load5', [[0, 1]])
  expect(periodOf([rare], MINUTE)).toBe(MINUTE)
  expect(periodOf([rare], SECOND)).toBe(10 * SECOND)
  expect(periodOf([{ ...rare, blocks: rare.blocks.map((block) => ({ ...block, period: HOUR })) }], 15 * MINUTE)).toBe(
    15 * MINUTE,
  )
  expect(periodOf([], MINUTE)).toBe(MINUTE)
})

it('bytes that are no block cost that block', () => {
  const good = source('one', 'node_load5', [[0, 1]])
  const bad = { ...good, blocks: [{ ...good.blocks[0]!, payload: Uint8Array.of(200, 3) }, ...good.blocks] }
  expect(readingsOf(bad, wanted('node_load5'), MINUTE)).toHaveLength(1)
})
