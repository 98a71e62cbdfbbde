import { describe, expect, it } from 'vitest'
import { editDistance } from '../../src/core/nearest.ts'

describe('the distance of two words', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['period', 'periods', 1],
  ])('%s and %s', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance)
    expect(editDistance(b, a)).toBe(distance)
  })
})
