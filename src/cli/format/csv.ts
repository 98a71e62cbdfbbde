// Comma-separated values (RFC 4180): for spreadsheets and scripts, with values in their units and empty where there is none.

/** The lines of a table, the first with the titles. */
export function csvLines(titles: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string[] {
  return [titles, ...rows].map((cells) => cells.map(csvCell).join(','))
}

/** A text that begins like a formula would be run by a spreadsheet: whoever named a node may not do that. */
function csvCell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t\r]/.test(value) && value !== '-' ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
