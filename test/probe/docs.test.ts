// docs/metrics.md and the table of metrics say the same.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { METRICS } from '../../src/core/fleet/metrics.ts'

const units: Record<string, string> = { s: 's', B: 'bytes', '1': 'number', degC: '°C', Hz: 'Hz', bits: 'bits' }

test('every metric has a row with its unit and kind in docs/metrics.md, and every row is a metric, in order', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8')
  const rows = [...text.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)].map(([, series, unit]) => [series, unit])
  const expected = METRICS.map(({ name, unit, kind }) => [
    name,
    `${units[unit]}${kind === 'counter' ? ', counter' : ''}`,
  ])
  expect(rows).toEqual(expected)
})
