// Draws terminal output as an SVG for the README: node scripts/terminal-svg.ts < output > docs/demo.svg
import { text } from 'node:stream/consumers'

const WIDTH = 8.43
const LINE = 20
const MARGIN = 18
/** Words that carry a colour on a terminal, too. */
const COLOURS: Record<string, string> = { up: '#7ee787', late: '#e3b341', down: '#ff7b72', left: '#8b949e' }

const lines = (await text(process.stdin)).trimEnd().split('\n')
const columns = Math.max(...lines.map((line) => line.length))
const width = Math.ceil(columns * WIDTH + 2 * MARGIN)
const height = lines.length * LINE + 2 * MARGIN

const escaped = (part: string) => part.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
const coloured = (line: string) =>
  escaped(line).replace(/(?<= )(up|late|down|left)(?= |$)/g, (word) => `<tspan fill="${COLOURS[word]}">${word}</tspan>`)
const rows = lines.map(
  (line, i) => `<text x="${MARGIN}" y="${MARGIN + (i + 0.75) * LINE}" xml:space="preserve">${coloured(line)}</text>`,
)
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', monospace" font-size="14" fill="#e6edf3">
${rows.join('\n')}
</g>
</svg>
`)
