// The cases of TUF's conformance suite that concern a client like ours, under their names, and the table that lists all of them:
// docs/conformance.md and the tests cannot drift apart.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { delegations } from './delegations.ts'
import { documents } from './documents.ts'
import { rotations } from './rotations.ts'
import { updates } from './updates.ts'

const cases = { ...documents, ...rotations, ...delegations, ...updates }

describe('conformance', () => {
  it.each(Object.entries(cases))('%s', async (_, run) => {
    await run()
  })
})

describe('docs/conformance.md', () => {
  const root = new URL('../../', import.meta.url)
  const page = readFileSync(new URL('docs/conformance.md', root), 'utf8')
  const rows = [...page.matchAll(/^\| `([^`]+)` \| (same|stricter|other|elsewhere|none) \| (.*) \|$/gm)].map(
    ([, name, kind, text]) => ({ name: name as string, kind: kind as string, text: text as string }),
  )

  it('lists every case once, as what it is', () => {
    expect(rows.length).toBeGreaterThan(100)
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
    expect(page.match(/^\| `test_/gm)).toHaveLength(rows.length)
  })

  it('has a test for every case that applies, and a row for every test', () => {
    const applying = rows.filter(({ kind }) => ['same', 'stricter', 'other'].includes(kind))
    expect(applying.map(({ name }) => name).sort()).toEqual(Object.keys(cases).sort())
  })

  it('names a test that there is for what is tested elsewhere, and a reason for what is not', () => {
    for (const { name, kind, text } of rows) {
      if (kind !== 'same') expect(text.length, name).toBeGreaterThan(10)
      if (kind !== 'elsewhere') continue
      const [, file = '', title = ''] = /`(test\/\S+)`: "([^"]+)"/.exec(text) ?? []
      expect(readFileSync(new URL(file, root), 'utf8'), name).toContain(title)
    }
  })
})
