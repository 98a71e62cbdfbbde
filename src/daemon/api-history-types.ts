// The local API's JSON about values over time.
import type { AgeMs } from './api-types.ts'

export interface HistoryPointJson {
  /** Since the step began; it lasts stepMs. */
  ageMs: number
  /** RFC 3339, by the clock of the peer that was asked: a label. */
  at: string
  /** Mean over the step; null is a gap. */
  value: number | null
  min: number | null
  max: number | null
  /** False: at least so old; an earlier run of the node's daemon took it, and no clock that can be trusted tells when. */
  certain: boolean
}

export interface SeriesJson {
  name: string
  unit: string
  kind: 'counter' | 'gauge'
  /** The newest value as it is, a counter's too. */
  value: number | null
  /** Since it was taken; null where the node does not say. Absent in an older daemon. */
  ageMs?: AgeMs
}

/** GET /v1/history?node=NAME&metric=cpu_temp&sinceMs=86400000&stepMs=300000&timeoutMs=5000. Without `metric`: which series there are. */
export interface HistoryJson {
  schema: 'pimesh.history/1'
  node: string
  name: string
  zone: string
  status: string
  /** As it was asked for; null: which series there are. */
  metric: string | null
  /** What it is made of, and what that means. */
  series: string[]
  says: string
  /** `share` is 0..1; `/s` what a counter grew in a second. */
  unit: string
  sinceMs: number
  stepMs: number
  /** The node itself, or members that keep its values. */
  source: 'itself' | 'witnesses'
  by: { node: string; name: string | null; rows: number }[]
  completeness: {
    /** `minute`, `sample`, `quarter of an hour`: what is counted. */
    of: string
    rows: number
    /** Rows that there would be without a gap: from a node itself since it began to keep any. */
    expected: number
    newestMs: AgeMs
    oldestMs: AgeMs
    complete: boolean
  }
  summary: { min: number | null; mean: number | null; max: number | null; last: number | null }
  /** Oldest first. */
  points: HistoryPointJson[]
  /** Where no metric was named. */
  names: SeriesJson[]
}
