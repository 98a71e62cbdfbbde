import { describe, expect, it } from 'vitest'
import { FleetRates, sourcesText, zoneTable } from '../../src/cli/format/release-progress.ts'
import { installJson, releaseJson } from './answers.ts'

const plain = { paint: (_colour: unknown, text: string) => text }
/** Of 10 MB for each node. */
const release = (...percents: number[]) =>
  releaseJson({ nodes: percents.map((percent, i) => installJson(`pi-${i}`, 'fetching', { percent })) })

describe('a release in the fleet', () => {
  it('has a rate and a time over what the nodes said last', () => {
    const rates = new FleetRates()
    rates.add([release(0, 0, 0, 0)], 0)
    expect(rates.text(release(0, 0, 0, 0))).toBe('0 %, 0 B of 40.0 MB')
    rates.add([release(50, 50, 0, 20)], 10_000)
    expect(rates.text(release(50, 50, 0, 20))).toBe('30 %, 12.0 MB of 40.0 MB, 1.2 MB/s, 24 s left')
    rates.add([release(100, 100, 100, 100)], 20_000)
    expect(rates.text(release(100, 100, 100, 100))).toBe('100 %, 40.0 MB of 40.0 MB')
  })

  it('has none where nobody has to get it, or in a form of a newer pimesh', () => {
    const rates = new FleetRates()
    expect([rates.text(release()), rates.text({ ...release(1), encoding: null })]).toEqual([undefined, undefined])
  })

  it('has no table of zones when there is one', () => {
    expect(zoneTable(release(1, 2), plain)).toEqual([])
  })

  it('names only sources that gave something', () => {
    expect(sourcesText({ site: 0, members: 0, publisher: 1_500_000 })).toBe(
      '100 % from the publisher (1.5 MB since this daemon started)',
    )
  })
})
