// The tiers of history: how far apart values are, and for how long they are kept. A tier's number is its place here, also on the wire
// and on disk: append only.
import type { Millis } from '../env.ts'
import { DAY, HOUR, limits, MINUTE, SECOND } from '../limits.ts'

export type TierName = 'samples' | 'minutes' | 'quarters'

export interface Tier {
  name: TierName
  /** One row at most in each, on the keeper's monotonic clock. */
  tick: Millis
  keep: Millis
  /** Rows of a block. */
  rows: number
  /** True when the least and the largest value of a gauge are kept beside its mean: a mean over a minute hides little, one over 60 or more samples hides what people look for. */
  extremes: boolean
}

export const TIERS: readonly Tier[] = [
  { name: 'samples', tick: SECOND, keep: HOUR, rows: 64, extremes: false },
  { name: 'minutes', tick: MINUTE, keep: DAY, rows: 60, extremes: false },
  { name: 'quarters', tick: 15 * MINUTE, keep: limits.historyKept, rows: 48, extremes: true },
]

/** The tier of that name. */
export function tierOf(name: TierName): Tier {
  return TIERS.find((tier) => tier.name === name) as Tier
}
