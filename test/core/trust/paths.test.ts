import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { covers, matchesPattern, overlaps } from '../../../src/core/trust/paths.ts'
import { delegationOf } from '../../fixtures/documents.ts'

describe('a path pattern', () => {
  it.each([
    ['acme/agent', 'acme/agent'],
    ['acme/*', 'acme/agent'],
    ['acme/*', 'acme/*'],
    ['*/agent', 'acme/agent'],
    ['acme/a*t', 'acme/agent'],
    ['acme/a*t', 'acme/at'],
    ['acme/agent?', 'acme/agent2'],
    ['acme/a*g?n*', 'acme/agagent'],
    ['acme/**', 'acme/agent'],
    ['acme/[a]', 'acme/[a]'],
    ['*', 'agent'],
  ])('%s matches %s', (pattern, path) => expect(matchesPattern(pattern, path)).toBe(true))

  it.each([
    ['acme/*', 'acme'],
    ['acme/*', 'acme/tools/agent'],
    ['*', 'acme/agent'],
    ['acme/*', 'acmeX/agent'],
    ['acme/agent', 'acme/agents'],
    ['acme/agent?', 'acme/agent'],
    ['acme?agent', 'acme/agent'],
    ['acme/a*t', 'acme/agents'],
    ['acme/a.b', 'acme/aXb'],
    ['acme/[a]', 'acme/a'],
    ['acme/agent', 'Acme/agent'],
    ['', 'a'],
  ])('%s does not match %s', (pattern, path) => expect(matchesPattern(pattern, path)).toBe(false))

  it('agrees with a regular expression on short texts', () => {
    const text = fc.array(fc.constantFrom('a', 'b', '*', '?', '/'), { maxLength: 8 }).map((letters) => letters.join(''))
    const path = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 }).map((letters) => letters.join(''))
    fc.assert(
      fc.property(text, path, (pattern, candidate) => {
        const source = pattern.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')
        expect(matchesPattern(pattern, candidate)).toBe(new RegExp(`^${source}$`).test(candidate))
      }),
      { numRuns: 2_000 },
    )
  })

  it('that a back-tracking matcher would never finish is decided', () => {
    expect(matchesPattern(`${'*a'.repeat(60)}b`, 'a'.repeat(100_000))).toBe(false)
  })
})

it('a role covers what one of its patterns matches', () => {
  const role = delegationOf({ paths: ['acme/*', 'tools/probe'] })
  expect(['acme/agent', 'tools/probe', 'tools/other', 'agent'].map((path) => covers(role, path))).toEqual([
    true,
    true,
    false,
    false,
  ])
})

describe('two path patterns', () => {
  it.each([
    ['acme/*', 'acme/agent'],
    ['acme/*', '*/agent'],
    ['acme/a*', 'acme/*t'],
    ['acme/a?', 'acme/*b'],
    ['acme/**', 'acme/agent'],
  ])('%s and %s meet', (a, b) => expect([overlaps(a, b), overlaps(b, a)]).toEqual([true, true]))

  it.each([
    ['acme/*', 'other/*'],
    ['acme/*', 'acme/tools/*'],
    ['acme/a?', 'acme/a'],
    ['acme/a*', 'acme/b*'],
  ])('%s and %s do not', (a, b) => expect([overlaps(a, b), overlaps(b, a)]).toEqual([false, false]))

  it('meet when some short path matches both', () => {
    const letters = ['a', 'b']
    const paths = ['']
    for (const path of paths) if (path.length < 5) paths.push(...[...letters, '/'].map((letter) => path + letter))
    const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?', '/'), { maxLength: 5 }).map((all) => all.join(''))
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        const both = paths.some((path) => matchesPattern(a, path) && matchesPattern(b, path))
        if (both) expect(overlaps(a, b)).toBe(true)
        // Where no path of five letters does, none does that the longer of the two could be.
        else if (a.length + b.length <= 5) expect(overlaps(a, b)).toBe(false)
      }),
    )
  })
})
