// Writes docs/limits.md from src/core/limits.ts, so that a bound and its reason are said once. --check only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('../src/core/limits.ts', import.meta.url))
const TARGET = fileURLToPath(new URL('../docs/limits.md', import.meta.url))

const HEAD = `# Limits

Every bound of pimesh with its reason, made from \`src/core/limits.ts\` by \`node scripts/limits-doc.ts\`; a test compares the two.
Times are milliseconds (\`SECOND\`, \`MINUTE\`, \`HOUR\`, \`DAY\`) and sizes are bytes unless the name says otherwise.
Relations between bounds are asserted when the program starts.
`

/** The page for the text of limits.ts. */
export function limitsPage(source: string): string {
  const lines: string[] = [HEAD]
  let reason: string[] = []
  let inside = false
  for (const line of source.split('\n')) {
    if (line.startsWith('export const limits')) inside = true
    else if (inside && line.startsWith('}')) break
    if (!inside) continue
    const group = /^ {2}\/\/ (.+?) -+$/.exec(line)?.[1]
    const bound = /^ {2}(\w+): (.+),$/.exec(line)
    if (group !== undefined) lines.push(`\n## ${group}\n`, '| bound | value | reason |', '|---|---|---|')
    else if (bound !== null) {
      if (reason.length === 0) throw new Error(`limits.ts gives no reason for ${bound[1]}`)
      lines.push(`| \`${bound[1]}\` | \`${bound[2]}\` | ${reason.join(' ')} |`)
      reason = []
    } else
      reason.push(...(/^ {2}(?:\/\*\*| \*(?!\/)) ?(.*?)(?: ?\*\/)?$/.exec(line)?.slice(1, 2) ?? []).filter(Boolean))
  }
  return `${lines.join('\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = limitsPage(readFileSync(SOURCE, 'utf8'))
  if (!process.argv.includes('--check')) writeFileSync(TARGET, page)
  else if (readFileSync(TARGET, 'utf8') !== page) {
    process.stderr.write('docs/limits.md is not what src/core/limits.ts says: run node scripts/limits-doc.ts\n')
    process.exitCode = 1
  }
}
