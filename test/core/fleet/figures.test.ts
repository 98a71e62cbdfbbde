// Figures of many zones are a function of the set of theirs, whatever the order, and all counts stay sums.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Figures,
  membersOf,
  mergeFigures,
  NO_FIGURES,
  reportsOf,
  WORST_REASONS,
  type Worst,
  worstOf,
} from '../../../src/core/fleet/figures.ts'
import { mergeSketches, SKETCHED } from '../../../src/core/fleet/sketch.ts'
import { limits } from '../../../src/core/limits.ts'

const count = fc.nat(1_000)
const worst: fc.Arbitrary<Worst> = fc.record({
  node: fc.nat(12).map((n) => `n${n}`),
  zone: fc.constantFrom('/uk/a', '/uk/b', '/nl'),
  why: fc.constantFrom(...WORST_REASONS),
  value: fc.nat(100),
})
const figures: fc.Arbitrary<Figures> = fc.record({
  zones: count,
  dark: count,
  darkZones: fc.uniqueArray(
    fc.nat(60).map((n) => `/z/${n}`),
    { maxLength: limits.darkNames },
  ),
  counts: fc.record({ up: count, late: count, down: count, left: count }),
  releases: fc.uniqueArray(
    fc.record({
      release8: fc.nat(30).map((n) => n.toString(16).padStart(16, '0')),
      states: fc.record({ committed: fc.integer({ min: 1, max: 99 }), failed: fc.integer({ min: 1, max: 9 }) }),
    }),
    { selector: ({ release8 }) => release8, maxLength: limits.digestReleases },
  ),
  otherReleases: count,
  versions: fc.uniqueArray(
    fc.record({ version: fc.nat(9).map((n) => `0.${n}.0`), count: fc.integer({ min: 1, max: 99 }) }),
    { selector: ({ version }) => version, maxLength: limits.digestVersions },
  ),
  otherVersions: count,
  alerts: fc.record({ cloned: fc.integer({ min: 1, max: 5 }) }),
  sketches: fc.tuple(...SKETCHED.map(() => fc.array(count, { maxLength: 32 }))),
  worst: fc.array(worst, { maxLength: limits.worstNodes }),
})
const zones = fc.array(figures, { minLength: 1, maxLength: 8 })

describe('figures of several zones', () => {
  it('do not depend on the order of the zones', () => {
    const both = zones.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })))
    fc.assert(
      fc.property(both, ([all, shuffled]) => {
        expect(mergeFigures(shuffled)).toEqual(mergeFigures(all))
      }),
    )
  })

  it('count exactly what the zones count', () => {
    fc.assert(
      fc.property(zones, (all) => {
        const sum = (of: (one: Figures) => number) => all.reduce((total, one) => total + of(one), 0)
        const merged = mergeFigures(all)
        expect(merged.zones).toBe(sum((one) => one.zones))
        expect(merged.dark).toBe(sum((one) => one.dark))
        expect(membersOf(merged.counts)).toBe(sum((one) => membersOf(one.counts)))
        const reports = (one: Figures) =>
          one.releases.reduce((total, counts) => total + reportsOf(counts), one.otherReleases)
        expect(reports(merged)).toBe(sum(reports))
        const named = (one: Figures) =>
          one.versions.reduce((total, version) => total + version.count, one.otherVersions)
        expect(named(merged)).toBe(sum(named))
        expect(merged.alerts.cloned).toBe(sum((one) => one.alerts.cloned ?? 0))
        expect(merged.sketches[3]).toEqual(mergeSketches(all.map((one) => one.sketches[3] ?? [])))
      }),
    )
  })

  it('stay within their bounds, and name the dark zones in order', () => {
    fc.assert(
      fc.property(zones, (all) => {
        const merged = mergeFigures(all)
        expect(merged.releases.length).toBeLessThanOrEqual(limits.digestReleases)
        expect(merged.versions.length).toBeLessThanOrEqual(limits.digestVersions)
        expect(merged.worst.length).toBeLessThanOrEqual(limits.worstNodes)
        const names = [...new Set(all.flatMap(({ darkZones }) => darkZones))].sort()
        expect(merged.darkZones).toEqual(names.slice(0, limits.darkNames))
      }),
    )
  })

  it('of none are none', () => {
    expect(mergeFigures([])).toEqual(NO_FIGURES)
  })
})

describe('the worst nodes', () => {
  it('are different ones, also when two zones name the same: a board that moved, or a reporter that lies', () => {
    const [gone, full] = [
      { node: 'a', zone: '/old', why: 'down', value: 99 },
      { node: 'a', zone: '/new', why: 'disk', value: 1 },
    ] as const
    expect(worstOf([full, gone])).toEqual([gone])
    expect(worstOf([gone, { ...gone, zone: '/new' }])).toEqual([{ ...gone, zone: '/new' }])
  })

  it('of all are the worst of the worst of each part', () => {
    const parted = fc.tuple(fc.array(worst, { maxLength: 12 }), fc.array(worst, { maxLength: 12 }))
    fc.assert(
      fc.property(parted, ([a, b]) => {
        expect(worstOf([...worstOf(b), ...worstOf(a)])).toEqual(worstOf([...a, ...b]))
      }),
    )
  })

  it('are those that run out, of disks and memory, and those with most of the rest', () => {
    const node = (name: string, why: Worst['why'], value: number): Worst => ({ node: name, zone: '/z', why, value })
    const all = [
      node('a', 'late', 9),
      node('b', 'disk', 7),
      node('c', 'disk', 3),
      node('d', 'down', 60),
      node('e', 'down', 90),
    ]
    expect(worstOf(all).map((one) => one.node)).toEqual(['e', 'd', 'c', 'b', 'a'])
  })
})
