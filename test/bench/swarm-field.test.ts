// The bounds of the benchmark of the swarm, against figures that were worked out by hand.
import { expect, it } from 'vitest'
import { boundSeconds } from './swarm-field.ts'
import { type Figures, type Run, summaryOf, tableOf } from './swarm-report.ts'

const MIB = 2 ** 20

it.each([
  ['plain', 3, 32, 16.1],
  ['random', 3, 32, 40.3],
  ['plain', 6, 32, 20.1],
  ['random', 6, 32, 80.5],
  ['plain', 3, 128, 64.4],
  ['random', 3, 128, 161.1],
  ['plain', 1, 32, 13.4],
] as const)('%s NATs, %i sites, %i MiB: nobody is faster than %f s', (kind, sites, mib, seconds) => {
  expect(boundSeconds({ kind, sites, nodes: 4, bytes: mib * MIB })).toBeCloseTo(seconds, 1)
})

it('runs that failed are counted, and are in no median', () => {
  const blank = { entry: 'aria2', load: 0, failure: null, figures: null }
  const of = (run: number, seconds: number): Run => ({ ...blank, run, figures: { seconds } as Figures })
  const summary = summaryOf('aria2', [of(1, 20), { ...blank, run: 2, failure: 'too slow' }, of(3, 30)])
  expect(summary).toMatchObject({ runs: 3, failed: 1, figures: { seconds: { median: 25 }, payloadIntoSite: null } })
  const size = { kind: 'plain', sites: 3, nodes: 4, bytes: 32 * MIB } as const
  const table = tableOf({ size, entries: [summary], skipped: { curl: 'there is no curl' } })
  expect(table.at(-2)).toMatch(/^aria2 +25\.0 s .* 1\.55 x bound {2}1 of 3 failed$/)
  expect(table.at(-1)).toMatch(/^curl +left out: there is no curl$/)
})
