// docs/publishing.md cannot drift: its selectors are selectors, and it has every fact and every reason.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { reasonText } from '../../src/cli/format/releases.ts'
import { stagesOf } from '../../src/cli/format/stages.ts'
import { INSTALL_REASONS, INSTALL_STATES } from '../../src/core/rollout/states.ts'
import { checkSelector, FACTS } from '../../src/wire/selector.ts'

const page = readFileSync(new URL('../../docs/publishing.md', import.meta.url), 'utf8')
const section = (title: string) => page.split(`\n## ${title}`)[1]?.split('\n## ')[0] ?? ''
const rows = (title: string) => [...section(title).matchAll(/^\| (?!---)([^|]+?) \| ([^|]+?) \|$/gm)].slice(1)

describe('publishing.md', () => {
  it('has every fact, with examples that select', () => {
    const facts = rows('Selectors')
    expect(facts.map(([, fact]) => fact?.replaceAll('`', '')).sort()).toEqual(Object.keys(FACTS).sort())
    const examples = facts.flatMap(([, , cell]) =>
      [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, text]) => text as string),
    )
    expect(examples.length).toBeGreaterThanOrEqual(facts.length)
    expect(examples.filter((text) => checkSelector(text) !== undefined)).toEqual([])
  })

  it('says for every reason what to do, in the words of the command', () => {
    const words = INSTALL_REASONS.map(reasonText)
    expect(words.filter((text, at) => text === INSTALL_REASONS[at])).toEqual(['expired', 'vetoed'])
    expect(
      rows('When a node')
        .map(([, reason]) => reason)
        .sort(),
    ).toEqual(words.sort())
  })

  it('counts every state', () => {
    const count = (state: string) =>
      Object.entries(stagesOf([{ state, reason: null }])).find(([, one]) => one === 1)?.[0]
    expect(INSTALL_STATES.map(count)).toEqual([
      ...['announced', 'fetching', 'fetching', 'fetching'],
      ...['installed', 'installed', 'installed', 'failed', 'failed'],
    ])
  })
})
