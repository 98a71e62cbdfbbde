// Probe: reads a health sample of this machine, and what kind of machine it is.
import type { MetricName } from '../core/fleet/metrics.ts'
import type { CollectorTrouble, NamedValue } from '../core/fleet/named-values.ts'

/** A value in its unit for every metric of core/fleet/metrics.ts; null is "this machine does not have it", never 0. */
export type NamedMetrics = Record<MetricName, number | null>

/** What a machine is: short texts and numbers without control characters; null where the machine does not say. */
export type Facts = Record<string, string | number | null>

export interface Sample {
  /** core's metricValues() turns it into the list that records carry. */
  metrics: NamedMetrics
  /** The kernel or its time service says that the clock is synchronised. */
  clockTrusted: boolean
  /** What is measured beside these (docs/metrics.md), and what custom collectors gave. */
  more: readonly NamedValue[]
  /** At most one for each custom collector; empty when all are fine. */
  troubles: readonly CollectorTrouble[]
}

/** One custom collector. */
export interface CollectorReport {
  /** The name of its file. */
  collector: string
  /** How many of its series are taken. */
  series: number
  trouble: CollectorTrouble | undefined
}

export interface Probe {
  /** Never rejects for a missing source: that metric is null. Takes at most about half a second, less when `signal` aborts. */
  sample(options: { signal: AbortSignal }): Promise<Sample>
  /** Read once, when the probe was opened. No serial number, address or user name. */
  facts(): Facts
  /** Parts of what a sample sums up - per CPU, per device - and what this machine is: for /metrics, read when it is asked for. */
  detail(): readonly NamedValue[]
  /** The custom collectors that the owner of this machine has set up. */
  collectors(): readonly CollectorReport[]
  /** Ends background sampling. Idempotent. */
  close(): void
}
