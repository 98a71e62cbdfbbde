// A plain table: columns as wide as their widest cell, two spaces apart, no lines.
import { plain } from '../frame/terminal.ts'

export interface Column<T> {
  title: string
  right?: boolean
  cell: (row: T) => string
  /** Colours the padded text; the width is not touched. */
  paint?: (row: T, text: string) => string
}

/** The lines of the table, the first with the titles. Cells are stripped of control characters. */
export function tableLines<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const cells = rows.map((row) => columns.map((column) => plain(column.cell(row))))
  const widths = columns.map(({ title }, at) =>
    Math.max(width(title), ...cells.map((line) => width(line[at] as string))),
  )
  const line = (texts: readonly string[], paint: (at: number, text: string) => string) =>
    texts
      .map((text, at) => {
        const space = ' '.repeat((widths[at] as number) - width(text))
        const last = at === columns.length - 1
        return columns[at]?.right ? space + paint(at, text) : paint(at, text) + (last ? '' : space)
      })
      .join('  ')
      .trimEnd()
  const titles = columns.map((column) => column.title)
  return [
    line(titles, (_, text) => text),
    ...cells.map((texts, row) => line(texts, (at, text) => columns[at]?.paint?.(rows[row] as T, text) ?? text)),
  ]
}

/** Two columns without titles: `name  value`. `columns`: where long values go on below, which in a pipe is nowhere. */
export function pairLines(
  pairs: readonly (readonly [string, string])[],
  indent = '',
  columns = Number.POSITIVE_INFINITY,
): string[] {
  const left = Math.max(0, ...pairs.map(([name]) => width(name)))
  const room = columns - width(indent) - left - 2
  return pairs.flatMap(([name, value]) =>
    wrapped(value, room).map((line, at) => `${indent}${(at === 0 ? name : '').padEnd(left)}  ${line}`.trimEnd()),
  )
}

/** The words of a text on lines of at most so many characters; a longer word has a line of its own. A line that fits stays as it is. */
export function wrapped(text: string, columns: number): string[] {
  if (width(text) <= columns) return [text]
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && width(last) + 1 + width(word) <= columns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Characters of a text; every code point counts as one. */
export function width(text: string): number {
  return [...text].length
}

/** Cuts a line that may hold colours to `columns` characters. */
export function cropped(line: string, columns: number): string {
  if (!Number.isFinite(columns)) return line
  let room = columns
  let kept = ''
  for (const [, colour, char] of line.matchAll(/(\u001b\[[0-9;]*m)|(.)/gsu)) {
    if (colour !== undefined) kept += colour
    else if (room-- > 0) kept += char
  }
  return kept
}
