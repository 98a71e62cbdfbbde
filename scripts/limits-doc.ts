// Writes docs/limits.md from src/core/limits.ts and its rooms, so that a bound and its reason are said once. --check only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const CORE = new URL('../src/core/', import.meta.url)
const TARGET = fileURLToPath(new URL('../docs/limits.md', import.meta.url))

const HEAD = `# Limits

Every bound of pimesh with its reason, made from \`src/core/limits/\` by \`node scripts/limits-doc.ts\`; a test compares the two.
Times are milliseconds (\`SECOND\`, \`MINUTE\`, \`HOUR\`, \`DAY\`) and sizes are bytes unless the name says otherwise.
Relations between bounds are asserted when the program starts.
`

/** The page for all rooms, in the order in which limits.ts has them. */
export function limitsPage(): string {
  const read = (file: string) => readFileSync(new URL(file, CORE), 'utf8')
  const rooms = [...read('limits.ts').matchAll(/^ {2}\.\.\.(\w+)Limits,$/gm)].map(([, room]) => `limits/${room}.ts`)
  const names = new Set<string>()
  return `${[HEAD, ...rooms.flatMap((room) => tableOf(room, read(room), names))].join('\n')}\n`
}

/** @param names of the bounds before these: of two with one name only the last would count */
function tableOf(room: string, source: string, names: Set<string>): string[] {
  const lines: string[] = []
  let reason: string[] = []
  let inside = false
  for (const line of source.split('\n')) {
    if (line.startsWith('export const')) inside = true
    else if (inside && line.startsWith('}')) break
    if (!inside) continue
    const group = /^ {2}\/\/ (.+?) -+$/.exec(line)?.[1]
    const [, name, value] = /^ {2}(\w+): (.+),$/.exec(line) ?? []
    if (group !== undefined) lines.push(`\n## ${group}\n`, '| bound | value | reason |', '|---|---|---|')
    else if (name !== undefined) {
      if (reason.length === 0) throw new Error(`${room} gives no reason for ${name}`)
      if (names.has(name)) throw new Error(`${room} has ${name}, which was there before`)
      names.add(name)
      lines.push(`| \`${name}\` | \`${value}\` | ${reason.join(' ')} |`)
      reason = []
    } else
      reason.push(...(/^ {2}(?:\/\*\*| \*(?!\/)) ?(.*?)(?: ?\*\/)?$/.exec(line)?.slice(1, 2) ?? []).filter(Boolean))
  }
  return lines
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = limitsPage()
  if (!process.argv.includes('--check')) writeFileSync(TARGET, page)
  else if (readFileSync(TARGET, 'utf8') !== page) {
    process.stderr.write('docs/limits.md is not what src/core/limits/ says: run node scripts/limits-doc.ts\n')
    process.exitCode = 1
  }
}
