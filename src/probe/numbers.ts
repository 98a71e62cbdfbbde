// Numbers out of the kernel's texts: what is missing or odd is null, and null stays null through every conversion.

const plainNumber = /^\d+(\.\d+)?$/

/** A decimal number >= 0 that a double holds exactly enough, else null. */
export function parsed(token: string | undefined): number | null {
  if (token === undefined || !plainNumber.test(token)) return null
  const value = Number(token)
  return value <= Number.MAX_SAFE_INTEGER ? value : null
}

/** The same for a whole number that may be below zero. */
export function parsedSigned(token: string | undefined): number | null {
  if (token?.startsWith('-') !== true) return parsed(token)
  const value = parsed(token.slice(1))
  return value === null ? null : -value
}

export function times(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor
}

/** Division rather than a factor such as 0.001: 48312 / 1000 is exactly 48.312. */
export function per(value: number | null, divisor: number): number | null {
  return value === null ? null : value / divisor
}

/** The sum, or null when one of them is. */
export function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b
}

/** What follows `key` at the start of a line: `lineAfter('MemTotal:   5 kB', 'MemTotal:')` is ['5', 'kB']; [] when there is no such line. */
export function lineAfter(text: string, key: string): string[] {
  const from = text.startsWith(key) ? 0 : text.indexOf(`\n${key}`) + 1
  if (from === 0 && !text.startsWith(key)) return []
  const end = text.indexOf('\n', from)
  return tokens(text.slice(from + key.length, end === -1 ? undefined : end))
}

/** The words of a line. */
export function tokens(line: string): string[] {
  const trimmed = line.trim()
  return trimmed === '' ? [] : trimmed.split(/\s+/)
}
