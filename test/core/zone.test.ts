import { describe, expect, it } from 'vitest'
import { matchesZone, mayMatchBelow, zonePatternProblem } from '../../src/core/zone.ts'

describe('a pattern of zones (clause ANSWERS 5)', () => {
  it.each<[string, string, boolean]>([
    ['/uk', '/uk', true],
    ['/uk', '/uk/a', false],
    ['/uk/*', '/uk/a', true],
    ['/uk/*', '/uk', false],
    ['/uk/*', '/uk/a/b', false],
    ['/uk/**', '/uk', true],
    ['/uk/**', '/uk/a/b/c', true],
    ['/uk/**', '/ukraine/a', false],
    ['/**', '/uk/a', true],
    ['/**/lab*', '/uk/glasgow/lab3', true],
    ['/**/lab*', '/uk/glasgow/attic', false],
    ['/uk/**/lab3', '/uk/lab3', true],
    ['/nl/pcx/~0*', '/nl/pcx/~07', true],
    ['/nl/pcx/*', '/nl/pcx/~07', true],
    ['/*/a', '/uk/a', true],
  ])('%s names %s: %s', (pattern, zone, matches) => {
    expect(zonePatternProblem(pattern)).toBeUndefined()
    expect(matchesZone(zone, pattern)).toBe(matches)
  })

  it.each([
    ['uk/*', 'it must start with "/"'],
    ['/uk/[ab]*', 'segment "[ab]*" is not 1 to 32 of a-z, 0-9, "-", and "*" for any characters'],
    ['/a/b/c/d/e/f/g/*', 'it must have 1 to 6 segments'],
    ['/UK', 'segment "UK" is not 1 to 32 of a-z, 0-9 and "-"'],
  ])('%s is refused: %s', (pattern, problem) => {
    expect(zonePatternProblem(pattern)).toBe(problem)
  })
})

describe('whether a pattern may name a zone below another', () => {
  it.each([
    ['/uk/a', '/uk', true],
    ['/uk', '/uk', false],
    ['/uk/*', '/uk', true],
    ['/uk/*', '/uk/a', false],
    ['/u*/a', '/uk', true],
    ['/u*/a', '/nl', false],
    ['/uk/**', '/uk', true],
    ['/uk/**', '/uk/a/b', true],
    ['/uk/**', '/nl', false],
    ['/**/c', '/nl/x', true],
    ['/uk/*/c', '/uk/a', true],
    ['/uk/*/c', '/uk', true],
    ['/*', '/', true],
    ['/', '/', false],
  ])('%s below %s: %s', (pattern, zone, may) => expect(mayMatchBelow(pattern, zone)).toBe(may))
})
