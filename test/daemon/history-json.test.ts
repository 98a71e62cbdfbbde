// A node's values as the local API tells them: what nobody measured is no answer, and what was mistyped is named as it can be typed.
import { expect, it } from 'vitest'
import { type Column, packBlock } from '../../src/core/history/block.ts'
import type { HistorySource } from '../../src/core/history/inquiries.ts'
import type { SeriesValue } from '../../src/core/history/rollup.ts'
import { HOUR, MINUTE, SECOND } from '../../src/core/limits.ts'
import { historyJson } from '../../src/daemon/history-json.ts'
import { nodeJson } from '../cli/answers.ts'

const ROOM = 'room_celsius{wall="north"}'
const NAMES: SeriesValue[] = [
  { name: 'node_load1', unit: '1', kind: 'gauge', value: 2, age: SECOND },
  { name: ROOM, unit: 'degC', kind: 'gauge', value: 21.5, age: SECOND },
]

/** Two minutes of the node itself, of its load alone. */
function source(): HistorySource {
  const column: Column = {
    series: { name: 'node_load1', unit: '1', kind: 'gauge' },
    ...{ aggregate: 'value', values: [1, 2] },
  }
  const payload = packBlock([30, 90], [column])
  const block = { run: 1, first: 30, age: MINUTE, certain: true, period: 10 * SECOND, payload }
  return { by: 'n', own: true, tier: 'minutes', names: NAMES, blocks: [block], partial: false }
}

function ask(metric: string | undefined) {
  const parts = {
    ask: async () => ({ sources: [source()], asked: 1, forbidden: 0 }),
    ...{ nameOf: () => null, wall: () => 0 },
  }
  const query = { node: 'pi-1', metric, sinceMs: 2 * HOUR, stepMs: undefined, timeoutMs: SECOND }
  return historyJson(parts, nodeJson({ name: 'pi-1' }), query)
}

it('values that are there are complete, and rows without any are none', async () => {
  expect((await ask('node_load1')).completeness).toMatchObject({ rows: 2, expected: 2, complete: true })
  const { completeness, summary } = await ask('cpu_temp')
  expect(completeness).toMatchObject({ rows: 0, newestMs: null, complete: false })
  expect(summary.last).toBeNull()
})

it.each([
  ['room_celsius', `did you mean '${ROOM}'?`],
  ['room_celcius', `did you mean '${ROOM}'?`],
  ['cpu_tmp', 'did you mean "cpu_temp"?'],
  ['nothing_like_it', '"pimesh history pi-1" lists all'],
])('%s: the nearest series is named with its labels', async (metric, hint) => {
  await expect(ask(metric)).rejects.toMatchObject({
    code: 'E_METRIC',
    message: `"pi-1" has no metric "${metric}": ${hint}`,
  })
})
