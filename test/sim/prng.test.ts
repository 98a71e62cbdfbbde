import { describe, expect, it } from 'vitest'
import { Prng } from './prng.ts'

describe('the seeded generator', () => {
  it('repeats itself for the same seed and differs for another', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 8 },
        (
          (prng) => () =>
            prng.bits()
        )(new Prng(seed)),
      )
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  it('forks by label, whatever was drawn before', () => {
    const fresh = new Prng(7).fork('network').bits()
    const used = new Prng(7)
    used.real()
    expect(used.fork('network').bits()).toBe(fresh)
    expect(new Prng(7).fork('disk').bits()).not.toBe(fresh)
  })

  it('is uniform enough in its mean, its tenths and its lowest bit', () => {
    const prng = new Prng(1)
    const tenths = new Array<number>(10).fill(0)
    let odd = 0
    for (let i = 0; i < 100_000; i++) {
      const real = prng.real()
      tenths[Math.floor(real * 10)]! += 1
      odd += prng.bits() & 1
    }
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(500)
    expect(Math.abs(odd - 50_000)).toBeLessThan(1_000)
  })

  it('keeps its ranges, means and multisets', () => {
    const prng = new Prng(3)
    const rolls = Array.from({ length: 1_000 }, () => prng.int(1, 6))
    expect([Math.min(...rolls), Math.max(...rolls)]).toEqual([1, 6])
    const mean = Array.from({ length: 20_000 }, () => prng.exponential(50)).reduce((a, b) => a + b) / 20_000
    expect(Math.abs(mean - 50)).toBeLessThan(2)
    expect(prng.shuffled([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4])
    expect(prng.pick([])).toBeUndefined()
    expect([prng.chance(0), prng.chance(1)]).toEqual([false, true])
  })
})
