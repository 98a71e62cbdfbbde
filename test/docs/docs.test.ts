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

/** The sections of the protocol with the numbers of their clauses. */
function sectionsOf(page: string): Map<string, Set<number>> {
  const parts = page.split(/^#{1,3} /m).slice(1)
  const named = parts.flatMap((part): [string, Set<number>][] => {
    const name = /^([A-Z]+):/.exec(part)?.[1]
    const items = [...part.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
    return name === undefined ? [] : [[name, new Set(items)]]
  })
  return new Map(named)
}

interface Citation {
  file: string
  name: string
  /** Empty: the section as a whole. */
  items: number[]
}

/** `clause ANN 3`, `clauses ROOT 5 and 7`, `clause ANN 4 to 8` in the files of a folder. */
function citations(folder: string): Citation[] {
  return tree(folder)
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/clauses? ([A-Z]{1,10})\b((?: \d+(?:(?:, | to | and )\d+)*)?)/g)].map(
        ([, name, list]) => ({
          file: path.slice(root.pathname.length),
          name: name as string,
          items: numbersOf(list ?? ''),
        }),
      ),
    )
}

function numbersOf(list: string): number[] {
  return [...list.matchAll(/\d+/g)].map(([number]) => Number(number))
}

describe('docs', () => {
  it('limits.md is made from the rooms of limits.ts', () => {
    expect(read('docs/limits.md')).toBe(limitsPage())
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

  describe('protocol.md', () => {
    const sections = sectionsOf(read('docs/protocol.md'))
    const [bySource, byTests] = [citations('src'), citations('test')]

    it('has every clause that code and tests cite', () => {
      const cited = [...bySource, ...byTests]
      expect(cited.length).toBeGreaterThan(60)
      const missing = cited.filter(({ name, items }) => !items.every((item) => sections.get(name)?.has(item)))
      expect(missing).toEqual([])
    })

    it('has no section that neither code nor a test cites', () => {
      const uncited = (by: typeof bySource) => {
        const named = new Set(by.map(({ name }) => name))
        return [...sections.keys()].filter((name) => !named.has(name))
      }
      expect({ source: uncited(bySource), tests: uncited(byTests) }).toEqual({ source: [], tests: [] })
    })

    it('refers to clauses of its own that exist, numbered from 1', () => {
      const names = [...sections.keys()].join('|')
      const page = read('docs/protocol.md')
      const references = [...page.matchAll(new RegExp(`\\b(${names})( \\d+(?:(?:, | to | and )\\d+)*)`, 'g'))]
      expect(references.length).toBeGreaterThan(20)
      const broken = references.filter(([, name, list]) =>
        numbersOf(list as string).some((item) => !sections.get(name as string)?.has(item)),
      )
      expect(broken.map(([text]) => text)).toEqual([])
      for (const items of sections.values()) expect([...items]).toEqual([...items].map((_, index) => index + 1))
    })
  })

  it('the API has words for every refusal (clause REFUSALS)', () => {
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
