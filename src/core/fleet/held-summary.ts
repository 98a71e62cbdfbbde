// The held summary: the newest that this node made or was handed. Its ages were true when it came, and grow as long as it is held.
import type { Millis, NodeId } from '../env.ts'
import type { Envelope } from './rows.ts'
import type { Summary } from './summary.ts'

/** A summary, who signed it, and when it came. */
export interface HeldSummary {
  summary: Summary
  by: NodeId
  at: Millis
  envelope: Envelope
}

/** When a summary was made, on our clock. */
export function madeAt({ summary, at }: Pick<HeldSummary, 'summary' | 'at'>): Millis {
  return at - summary.made
}

/** The newer of two; of two made at once the one that came later. */
export function newerOf(held: HeldSummary | undefined, other: HeldSummary): HeldSummary {
  return held !== undefined && madeAt(held) > madeAt(other) ? held : other
}

/** The same with ages of now. */
export function agedTo({ summary, by, at }: HeldSummary, now: Millis): Summary & { by: NodeId } {
  const held = now - at
  return { ...summary, made: summary.made + held, age: summary.age + held, by }
}
