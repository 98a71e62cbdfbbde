// The audit log as a table: one line for each judgement, or for each flood of equal ones.
import type { AuditEntryJson } from '../../daemon/api-types.ts'
import { age } from './quantity.ts'
import { tableLines } from './table.ts'

/** Characters of a hash that tell documents apart for a person. */
const HASH_SHOWN = 12

/** Oldest first; with `latest` only so many of the newest, and a line that says where the others are. */
export function auditLines(entries: readonly AuditEntryJson[], latest?: number): string[] {
  const shown = latest === undefined ? entries : entries.slice(-latest)
  if (shown.length === 0) return ['nothing was accepted or refused of any publisher yet']
  const hidden = entries.length - shown.length
  const more = hidden === 0 ? [] : [`${hidden} older: pimesh events --audit`]
  return [...tableLines(columns, shown), ...more]
}

const columns = [
  { title: 'AGE', right: true, cell: ({ ageMs }: AuditEntryJson) => age(ageMs) },
  { title: 'WHAT', cell: whatText },
  { title: 'HASH', cell: ({ hash }: AuditEntryJson) => hash?.slice(0, HASH_SHOWN) ?? '-' },
  { title: 'FROM', cell: ({ peer, name }: AuditEntryJson) => name ?? peer ?? 'this machine' },
  { title: 'TIMES', right: true, cell: ({ count }: AuditEntryJson) => String(count) },
  {
    title: 'OUTCOME',
    cell: ({ outcome, text }: AuditEntryJson) => (outcome === 'accepted' ? 'accepted' : `refused: ${text}`),
  },
]

/** `acme version 3 (epoch 1)`, `targets version 2`, `a root`. */
function whatText({ what, role, epoch, version }: AuditEntryJson): string {
  const name = what === 'announcement' ? (role ?? 'an announcement') : what
  const order = version === null ? '' : ` version ${version}`
  return `${name}${order}${epoch === null ? '' : ` (epoch ${epoch})`}`
}
