// Probe: reads a health sample of this machine.
import type { MetricValues } from '../core/fleet/metrics.ts'

export interface Sample {
  metrics: MetricValues
  /** The kernel or its time service says that the clock is synchronised. */
  clockTrusted: boolean
}

export interface Probe {
  /** Never rejects for a missing source: that metric is null. */
  sample(options: { signal: AbortSignal }): Promise<Sample>
  /** Ends background sampling. */
  close(): void
}
