// Records and envelopes for tests of the view: real shapes, signatures left out (the view is told that they were checked).
import { metricValues } from '../../../src/core/fleet/metrics.ts'
import { FLAG, type HealthRecord } from '../../../src/core/fleet/record.ts'
import type { Envelope } from '../../../src/core/fleet/rows.ts'

export const T = 10_000

export function record(incarnation: number, counter: number, changes: Partial<HealthRecord> = {}): HealthRecord {
  return { incarnation, counter, promise: T, flags: 0, metrics: metricValues({}), installs: [], ...changes }
}

export const goodbye = (incarnation: number, counter: number) => record(incarnation, counter, { flags: FLAG.leaving })

export function envelope(text = ''): Envelope {
  const body = new TextEncoder().encode(text)
  const empty = new Uint8Array()
  return {
    kind: 'rec',
    mesh8: '00'.repeat(8),
    membership: '00'.repeat(16),
    body,
    signature: empty,
    signedBytes: empty,
    raw: body,
  }
}
