// Values with a name: what a node measures of itself beside the metrics of its record. They have no place among 400 bytes on the wire; the
// node keeps them in its own history and serves them at /metrics.
import type { MetricKind } from './metrics.ts'

/** Name and value of each label, in the order of the names. */
export type Labels = readonly (readonly [name: string, value: string])[]

export interface NamedValue {
  /** Of the series, without labels: letters, digits, `_` and `:`, at most limits.seriesNameLength characters. */
  name: string
  labels: Labels
  /** As in METRICS where there is such a unit ('s', 'B', 'degC', '1', ...), else a short word ('V', 'rpm', 'meters'). */
  unit: string
  /** `untyped`: whoever gives it did not say. */
  kind: MetricKind | 'untyped'
  /** Finite. What a machine does not have is not in a list at all. */
  value: number
  /** What it means, in one line. */
  help?: string
}

/** A custom collector whose values are not, or not all, taken. */
export interface CollectorTrouble {
  /** The name of its file. */
  collector: string
  code: CollectorTroubleCode
  /** What is wrong and what to do: one sentence. */
  reason: string
}

/**
 * refused: it may not run, or not be read. failed: it ended with an error. hangs, floods: it was cut off. malformed: what it gives is not the text format.
 * tooMany: more series than are kept. duplicate: somebody else gives that series. stale: its file is old.
 */
export type CollectorTroubleCode =
  | 'refused'
  | 'failed'
  | 'hangs'
  | 'floods'
  | 'malformed'
  | 'tooMany'
  | 'duplicate'
  | 'stale'

/** What tells one series from all others: `name{label="value",...}`, with the escapes of the text format. */
export function seriesId({ name, labels }: Pick<NamedValue, 'name' | 'labels'>): string {
  if (labels.length === 0) return name
  return `${name}{${labels.map(([label, value]) => `${label}="${escapeLabel(value)}"`).join(',')}}`
}

/** A label's value as the text format writes it between quotes. */
export function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
}
