// Docs that cannot drift: what is named in code exists in docs, and the other way round.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { limitsPage } from '../../scripts/limits-doc.ts'
import { failureCodes } from '../../src/core/failure.ts'
import { refusalText } from '../../src/daemon/api-types.ts'
import { CONFIG_KEYS } from '../../src/daemon/config.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const tree = (folder: string): string[] =>
  readdirSync(new URL(folder, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)

describe('docs', () => {
  it('limits.md is made from limits.ts', () => {
    expect(read('docs/limits.md')).toBe(limitsPage(read('src/core/limits.ts')))
  })

  it('errors.md explains every failure code with its exit status, and no other', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `(E_[A-Z_]+)` \| (\d) \|/gm)].map(([, code, exit]) => [
      code,
      Number(exit),
    ])
    expect(Object.fromEntries(rows)).toEqual(failureCodes)
    expect(rows).toHaveLength(Object.keys(failureCodes).length)
  })

  it('operating.md names every key of the configuration', () => {
    const page = read('docs/operating.md')
    for (const key of Object.keys(CONFIG_KEYS)) expect(page).toContain(`\`${key}\``)
  })

  it('protocol.md has every clause that the source refers to', () => {
    const page = read('docs/protocol.md')
    const clauses = new Set([...page.matchAll(/^#{2,3} ([A-Z]+)\b/gm)].map(([, name]) => name as string))
    const used = tree('src').flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/clauses? ([A-Z]{1,10})\b/g)].map(([, name]) => name as string),
    )
    expect(used.length).toBeGreaterThan(5)
    expect(used.filter((name) => !clauses.has(name))).toEqual([])
  })

  it('the API has words for every refusal of protocol.md', () => {
    const table = read('docs/protocol.md').split('## REFUSALS')[1]?.split('\n## ')[0] ?? ''
    const codes = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) => cell?.match(/\w+/g) ?? [])
    expect(codes.length).toBeGreaterThan(10)
    expect(codes.filter((code) => refusalText(code) === code)).toEqual([])
  })

  it('links between pages lead somewhere', () => {
    const broken: string[] = []
    for (const path of [...tree('docs').filter((name) => name.endsWith('.md')), new URL('README.md', root).pathname]) {
      for (const [, target] of readFileSync(path, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)) {
        const file = new URL(target as string, `file://${path}`)
        try {
          readFileSync(file)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') broken.push(`${path} -> ${target}`)
        }
      }
    }
    expect(broken).toEqual([])
  })
})
