// Siblings: whom a reporter wants links to (clause REPORTER 4).
import { describe, expect, it } from 'vitest'
import type { Level } from '../../../src/core/fleet/level.ts'
import { wishesFor } from '../../../src/core/fleet/siblings.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import { digest, spoken } from './reporter-world.ts'

const TOP = { zone: '/' } as Level
const contact = (node: string) => ({ node, addresses: ['/ip4/10.0.0.9/tcp/1'] })
const entry = (node: string, zone: string, reports = 0) =>
  ({ node, zone, reports, addresses: ['/ip4/10.0.0.2/tcp/1'], serves: true }) as unknown as Entry

/** What a reporter of /r1 wants at the top, where only /r1 and /r2 speak, and of /r2 enough are known. */
function wanted(outside: readonly Entry[]) {
  const contacts = [contact('a2'), contact('b2'), contact('c2')]
  const speakers = [
    spoken('a1', digest('/r1', 8, { leaf: false }), 0),
    spoken('a2', digest('/r2', 8, { leaf: false, contacts }), 0),
  ]
  const book = { get: () => undefined, outside: () => [...outside] }
  const wishes = wishesFor(TOP, 1, book, { own: '/r1', speakers, wanted: contacts.length, now: 0 })
  return wishes.map(({ wanted: count, entries }) => [count, ...entries.map(({ node }) => node)])
}

describe('links of a reporter', () => {
  it('go to those whom digests name', () => {
    expect(wanted([entry('x', '/r1/s1'), entry('y', '/r2/s1')])).toEqual([[3, 'a2', 'b2', 'c2']])
  })

  it('go to nobody of its own zone, whom the digest of that names', () => {
    const speakers = [
      spoken('a1', digest('/r1', 8, { leaf: false, contacts: [contact('own')] }), 0),
      spoken('a2', digest('/r2', 8, { leaf: false, contacts: [contact('a2')] }), 0),
    ]
    const book = { get: () => undefined, outside: () => [] }
    const wishes = wishesFor(TOP, 1, book, { own: '/r1', speakers, wanted: 3, now: 0 })
    expect(wishes.flatMap(({ entries }) => entries.map(({ node }) => node))).toEqual(['a2'])
  })

  it('go to zones that nobody speaks for as well, though enough reporters are known: these may know each other only', () => {
    const beyond = [entry('y', '/r2/s1'), entry('u', '/r3/s1'), entry('v', '/r4/s2')]
    expect(wanted(beyond)).toEqual([
      [3, 'a2', 'b2', 'c2'],
      [limits.strangersAsked, 'u', 'v'],
    ])
  })

  it('go to those there first that hear the most: they tell of others who hear more', () => {
    const beyond = [entry('u', '/r3/s1'), entry('v', '/r3/s1', 1), entry('w', '/r4/s2')]
    expect(wanted(beyond)[1]).toEqual([limits.strangersAsked, 'v'])
  })

  it('go to whoever hears the topic itself, wherever it lies', () => {
    const beyond = [entry('top', '/r3/s1', 2), entry('u', '/r3/s2')]
    expect(wanted(beyond)).toEqual([
      [3, 'a2', 'b2', 'c2', 'top'],
      [limits.strangersAsked, 'u'],
    ])
  })
})
