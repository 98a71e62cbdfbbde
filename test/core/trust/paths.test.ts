import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { covers, matchesPattern } from '../../../src/core/trust/paths.ts'
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
