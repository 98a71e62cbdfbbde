// What history costs (acceptance D5): bytes for a value, bytes handed to the store in a day by the real codecs, and memory.
import { expect, it } from 'vitest'
import { METRICS } from '../../../src/core/fleet/metrics.ts'
import { BlockReader } from '../../../src/core/history/block.ts'
import { DAY, HOUR, limits } from '../../../src/core/limits.ts'
import { changesToWrites } from '../../../src/wire/state.ts'
import { idle } from './idle-day.ts'

it('is less than a byte for a value, 4 MB a day for the store, and a quarter of that in memory', async () => {
  const span = 6 * HOUR
  let written = 0
  const history = await idle(span, (changes) => {
    for (const { key, value } of changesToWrites(changes)) written += key.length + (value?.length ?? 0)
  })
  const series = METRICS.map(({ name }) => name)
  const { blocks } = history.answer(
    { node: 'one', tier: 'minutes', series, since: DAY, before: undefined },
    'self',
    span,
  )
  let [values, packed] = [0, 0]
  for (const { payload } of blocks) {
    packed += payload.length
    const block = BlockReader.of(payload)
    for (const { name } of block?.series ?? [])
      values += block?.values(name)?.filter((value) => value !== null).length ?? 0
  }
  const { own, kept } = history.sizes()
  expect(values).toBeGreaterThan(300 * 40)
  expect(packed / values).toBeLessThan(1)
  expect((written * DAY) / span).toBeLessThan(4e6)
  expect(own + kept).toBeLessThan(1e6)
  expect(kept).toBeLessThan(limits.historyKeptBytes)
})
