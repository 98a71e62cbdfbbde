// docs/metrics.md and the table of metrics say the same.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LOCAL_METRICS } from '../../src/core/fleet/local-metrics.ts'
import { METRICS } from '../../src/core/fleet/metrics.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8')
const [recordPart = '', rest = ''] = page.split('## Beside the record')
const [localPart = ''] = rest.split('## At /metrics')

const units: Record<string, string> = { s: 's', B: 'bytes', '1': 'number', degC: '°C', Hz: 'Hz', bits: 'bits' }

test('every metric has a row with its unit and kind in docs/metrics.md, and every row is a metric, in order', () => {
  const rows = [...recordPart.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)].map(([, series, unit]) => [series, unit])
  const expected = METRICS.map(({ name, unit, kind }) => [
    name,
    `${units[unit]}${kind === 'counter' ? ', counter' : ''}`,
  ])
  expect(rows).toEqual(expected)
})

test('every metric beside the record has a row with labels, unit and kind, and every row is one, in order', () => {
  const rows = [...localPart.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)].map(([, series, unit]) => [series, unit])
  const expected = LOCAL_METRICS.map(({ name, labels, unit, kind }) => [
    labels.length === 0 ? name : `${name}{${labels.join(',')}}`,
    `${units[unit] ?? unit}${kind === 'counter' ? ', counter' : ''}`,
  ])
  expect(rows).toEqual(expected)
})
