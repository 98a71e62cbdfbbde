// What every Probe promises, whatever machine it reads: run on the real machine, on each fixture, and on a machine that has nothing.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { METRICS, type Metric, metricIndex, metricValues } from '../../src/core/fleet/metrics.ts'
import type { Probe } from '../../src/ports/probe.ts'

const never = () => new AbortController().signal

/** `open` opens a new probe; the suite closes it. */
export function probeContract(name: string, open: () => Promise<Probe>): void {
  describe(`Probe: ${name}`, () => {
    let probe: Probe
    beforeEach(async () => {
      probe = await open()
    })
    afterEach(() => probe.close())

    test('a sample has every metric of the table and no other', async () => {
      const { metrics } = await probe.sample({ signal: never() })
      expect(Object.keys(metrics).sort()).toEqual(METRICS.map((metric) => metric.name).sort())
    })

    test('each value is null or a finite number, below zero only where the table says so', async () => {
      const { metrics } = await probe.sample({ signal: never() })
      const odd = METRICS.filter((metric: Metric) => !isPossible(metrics[metric.name as keyof typeof metrics], metric))
      expect(odd).toEqual([])
    })

    test('counters never fall from one sample to the next, and what a machine has stays', async () => {
      const before = metricValues((await probe.sample({ signal: never() })).metrics)
      const after = metricValues((await probe.sample({ signal: never() })).metrics)
      for (const metric of METRICS) {
        const [first, second] = [before, after].map((values) => values[metricIndex(metric.name)!])
        if (first === null) continue
        expect(second, metric.name).not.toBeNull()
        if (metric.kind === 'counter') expect(second, metric.name).toBeGreaterThanOrEqual(first!)
      }
    })

    test('a clock is trusted exactly when its status is 1', async () => {
      const { metrics, clockTrusted } = await probe.sample({ signal: never() })
      expect(clockTrusted).toBe(metrics.node_timex_sync_status === 1)
    })

    test('an aborted wait still gives a sample', async () => {
      const { metrics } = await probe.sample({ signal: AbortSignal.abort() })
      expect(Object.keys(metrics)).toHaveLength(METRICS.length)
    })

    test('facts are short texts without control characters, numbers or null', () => {
      for (const [fact, value] of Object.entries(probe.facts())) {
        if (typeof value === 'string') expect(value, fact).toMatch(/^[^\p{Cc}\p{Cf}]{1,128}$/u)
        else if (value !== null) expect(Number.isFinite(value), fact).toBe(true)
      }
    })

    test('it can be closed twice, and a late sample does not fail', async () => {
      probe.close()
      probe.close()
      const { metrics } = await probe.sample({ signal: never() })
      expect(Object.keys(metrics)).toHaveLength(METRICS.length)
    })
  })
}

function isPossible(value: number | null, metric: Metric): boolean {
  if (value === null) return true
  return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER && (value >= 0 || metric.signed === true)
}
