import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Bucket } from '../../../src/core/swarm/bucket.ts'

const RATE = fc.integer({ min: 1_000, max: 100_000_000 })
const PIECE = fc.integer({ min: 1, max: limits.pieceBytesMax })

/** Takes each of these as soon as the bucket lets it, but not before the pause that goes with it. */
function taken(rate: number, asked: readonly { bytes: number; pause: number }[]) {
  const bucket = new Bucket(rate, 0)
  let now = 0
  return asked.map(({ bytes, pause }) => {
    now = Math.max(now + pause, bucket.readyAt(now + pause))
    expect(bucket.readyAt(now)).toBe(now)
    bucket.take(bytes, now)
    return { at: now, bytes }
  })
}

describe('a bucket', () => {
  it('gives over any time at most what came in, a second of it and one piece', () => {
    const asked = fc.array(fc.record({ bytes: PIECE, pause: fc.integer({ min: 0, max: 5_000 }) }), { maxLength: 40 })
    fc.assert(
      fc.property(RATE, asked, (rate, wishes) => {
        const all = taken(rate, wishes)
        for (const [i, first] of all.entries()) {
          let sum = 0
          let longest = 0
          for (const { at, bytes } of all.slice(i)) {
            sum += bytes
            longest = Math.max(longest, bytes)
            expect(sum).toBeLessThanOrEqual((rate * (at - first.at)) / 1000 + rate + longest + all.length)
          }
        }
      }),
    )
  })

  it('never stops: whatever the rate, the next piece goes when the debt is paid', () => {
    fc.assert(
      fc.property(RATE, fc.array(PIECE, { minLength: 1, maxLength: 40 }), (rate, pieces) => {
        const all = taken(
          rate,
          pieces.map((bytes) => ({ bytes, pause: 0 })),
        )
        const before = pieces.slice(0, -1).reduce((sum, bytes) => sum + bytes, 0)
        expect(all.at(-1)?.at).toBeLessThanOrEqual(Math.ceil((before * 1000) / rate) + pieces.length)
      }),
    )
  })

  it('takes back what was not used, but holds no more than a second', () => {
    const bucket = new Bucket(1_000, 0)
    bucket.take(5_000, 0)
    expect(bucket.readyAt(0)).toBe(4_000)
    bucket.give(5_000, 1_000)
    expect([bucket.readyAt(1_000), bucket.isFull(1_000)]).toEqual([1_000, true])
    bucket.take(2_000, 1_000)
    expect(bucket.readyAt(1_000)).toBe(2_000)
    expect(bucket.isFull(2_999)).toBe(false)
    expect(bucket.isFull(3_000)).toBe(true)
  })
})
