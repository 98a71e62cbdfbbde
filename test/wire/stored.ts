// What was stored and sent once, as bytes that never change: each line of `test/fixtures/stored.txt` is a name, and a text behind `=` or
// bytes in hex behind `#`. Who adds a field adds a line under a new name, and leaves the old one: it has to be read for ever.
import { readFileSync } from 'node:fs'

const LINES = readFileSync(new URL('../fixtures/stored.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
const ALL = new Map(
  LINES.map((line): [string, Uint8Array] => {
    const [, name = '', kind, value = ''] = /^(\S+) ([=#])(.*)$/.exec(line) ?? []
    return [name, new Uint8Array(Buffer.from(value, kind === '#' ? 'hex' : 'utf8'))]
  }),
)
const used = new Set<string>()

/** The bytes under a name. @throws Error when there are none. */
export function stored(name: string): Uint8Array {
  const bytes = ALL.get(name)
  if (bytes === undefined) throw new Error(`test/fixtures/stored.txt has no "${name}"`)
  used.add(name)
  return bytes
}

/** Names that begin with this. */
export function storedNames(prefix: string): string[] {
  return [...ALL.keys()].filter((name) => name.startsWith(prefix))
}

/** Names that nobody asked for. */
export function unread(): string[] {
  return [...ALL.keys()].filter((name) => !used.has(name))
}
