// D3: what a quantile of merged sketches may be off by is what the table promises, over made-up values and over such as Pis show; and no
// order of merging makes a difference.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addValue,
  errorAt,
  mergeSketches,
  quantile,
  rangeOf,
  SKETCH_BINS,
  SKETCHED,
  type Sketch,
  type SketchName,
  sketchCount,
  sketchIndex,
} from '../../../src/core/fleet/sketch.ts'

const names = SKETCHED.map(({ name }) => name)

function sketchOf(name: SketchName, values: readonly number[]): Sketch {
  return values.reduce((sketch, value) => addValue(sketch, name, value), [] as Sketch)
}

function exact(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number
}

/** Values cut into parts, each a zone of a fleet. */
function parts(values: readonly number[], cuts: readonly number[]): number[][] {
  const all: number[][] = [[]]
  for (const [at, value] of values.entries()) {
    if (cuts.includes(at)) all.push([])
    all.at(-1)?.push(value)
  }
  return all
}

const within = (name: SketchName) => {
  const { from, to } = rangeOf(name)
  return fc.double({ min: from, max: to * 0.999, noNaN: true })
}

describe.each(names)('the sketch of %s', (name) => {
  it('keeps every quantile of merged parts within the promise', () => {
    const values = fc.array(within(name), { minLength: 1, maxLength: 300 })
    const cuts = fc.array(fc.nat(300), { maxLength: 12 })
    fc.assert(
      fc.property(values, cuts, fc.double({ min: 0, max: 1, noNaN: true }), (all, at, q) => {
        const merged = mergeSketches(parts(all, at).map((some) => sketchOf(name, some)))
        const truth = exact(all, q)
        const found = quantile(merged, name, q) as number
        expect(Math.abs(found - truth)).toBeLessThanOrEqual(errorAt(name, truth) * (1 + 1e-9) + 1e-9)
        expect(sketchCount(merged)).toBe(all.length)
      }),
      { numRuns: 200 },
    )
  })

  it('is the same in whatever order its parts are merged', () => {
    const values = fc.array(within(name), { minLength: 1, maxLength: 60 })
    const shuffled = values.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    )
    fc.assert(
      fc.property(shuffled, fc.nat(60), ([all, other], cut) => {
        const whole = sketchOf(name, all)
        const [left, right] = [sketchOf(name, other.slice(0, cut)), sketchOf(name, other.slice(cut))]
        expect(mergeSketches([left, right])).toEqual(whole)
        expect(mergeSketches([right, left])).toEqual(whole)
        expect(mergeSketches([mergeSketches([right]), left])).toEqual(whole)
      }),
      { numRuns: 60 },
    )
  })

  it('takes what is beyond its range into its first and last bin, and nothing that is no number', () => {
    const { from, to } = rangeOf(name)
    const sketch = sketchOf(name, [from - 1e6, to + 1e6, Number.NaN, Number.POSITIVE_INFINITY])
    expect(sketch).toHaveLength(SKETCH_BINS)
    expect([sketch[0], sketch.at(-1), sketchCount(sketch)]).toEqual([1, 1, 2])
  })
})

describe('what Pis show', () => {
  /** A site of 25: idle machines, one that works, one that is nearly full. Values as recorded by `pimesh nodes` on three kinds of boards. */
  const SITE: Partial<Record<SketchName, readonly number[]>> = {
    cpu_busy: [0.006, 0.008, 0.011, 0.012, 0.013, 0.02, 0.02, 0.021, 0.04, 0.06, 0.11, 0.12, 0.35, 0.97],
    mem_available: [0.04, 0.31, 0.44, 0.52, 0.55, 0.61, 0.62, 0.7, 0.71, 0.74, 0.83, 0.84, 0.88, 0.91],
    disk_available: [0.02, 0.09, 0.4, 0.41, 0.55, 0.6, 0.61, 0.62, 0.7, 0.72, 0.8, 0.9, 0.93],
    cpu_temp: [38.9, 41.3, 44.5, 46.2, 47.7, 48.7, 50.1, 51.5, 52.1, 53.5, 55.0, 58.4, 63.8, 71.1, 84.9],
    load1: [0, 0.01, 0.02, 0.05, 0.05, 0.11, 0.2, 0.25, 0.33, 0.5, 1.2, 2.8],
    uptime: [95, 4_000, 86_400, 90_000, 700_000, 2_600_000, 31_000_000],
    record_age: [0.2, 1.1, 2.2, 3.4, 4.1, 5, 6.6, 7, 8.8, 9.1, 19, 31],
  }

  it.each(Object.entries(SITE))('%s of ten sites merged', (key, values) => {
    const name = key as SketchName
    const sites = Array.from({ length: 10 }, (_, site) => values.map((value) => value * (1 - site / 100)))
    const merged = mergeSketches(sites.map((site) => sketchOf(name, site)))
    for (const q of [0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]) {
      const truth = exact(sites.flat(), q)
      expect(Math.abs((quantile(merged, name, q) as number) - truth)).toBeLessThanOrEqual(errorAt(name, truth) + 1e-9)
    }
  })

  it('5 % is promised where a person looks: warm boards, loaded machines, half-empty disks', () => {
    expect(errorAt('cpu_temp', 60) / 60).toBeLessThanOrEqual(0.05)
    expect(errorAt('cpu_busy', 0.5) / 0.5).toBeLessThanOrEqual(0.055)
    expect(errorAt('disk_available', 0.1)).toBeLessThanOrEqual(0.008)
    expect(errorAt('load1', 2) / 2).toBeLessThanOrEqual(0.06)
  })
})

it('nothing has no quantile', () => {
  expect(quantile([], 'uptime', 0.5)).toBeUndefined()
  expect(sketchIndex('cpu_busy')).toBe(0)
  expect(sketchIndex('nothing')).toBeUndefined()
})
