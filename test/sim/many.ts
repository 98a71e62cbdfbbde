// Many seeds of one scenario, one after the other on every core of this machine.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Scenario } from './scenario.ts'
import type { Report } from './world.ts'

export interface Many {
  scenario: Scenario
  /** The first seed, and how many. */
  seed: number
  seeds: number
  stopAtViolation: boolean
  /** Called with each report as it comes, in any order. */
  reported: (report: Report) => void
}

/** Runs all seeds; resolves when the last one is reported. Rejects when the simulator itself breaks. */
export async function runMany({ scenario, seed, seeds, stopAtViolation, reported }: Many): Promise<void> {
  const waiting = Array.from({ length: seeds }, (_, index) => seed + index)
  const threads = Math.min(seeds, availableParallelism())
  const work = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const next = () => {
        const seed = waiting.shift()
        if (seed === undefined) resolve()
        else worker.postMessage(seed)
      }
      worker.on('error', reject)
      worker.on('message', (report: Report) => {
        reported(report)
        next()
      })
      next()
    })
  const workerData = { scenario, stopAtViolation }
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('seed-worker.ts', import.meta.url), { workerData }),
  )
  try {
    await Promise.all(workers.map(work))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

/** What came of many seeds; docs/simulation.md documents every key. */
export interface Summary {
  scenario: string
  seeds: number
  /** Seeds whose runs broke an invariant, with the first that each broke. */
  failed: { seed: number; invariant: string }[]
  wallMs: number
  virtualMs: number
  steps: number
  installed: number
  /** The slowest of all seeds; see the report of one. */
  slowestRounds: number
  allowedRounds: number
  slowestDetection: number
  restarts: number
  /** In how many seeds nodes told of each event, by its type, and by code or state where there is one: what went wrong, and where. */
  seedsWith: Record<string, number>
}

export function emptySummary(scenario: string): Summary {
  const zeros = {
    wallMs: 0,
    virtualMs: 0,
    steps: 0,
    installed: 0,
    slowestRounds: 0,
    allowedRounds: 0,
    slowestDetection: 0,
    restarts: 0,
  }
  return { scenario, seeds: 0, failed: [], ...zeros, seedsWith: {} }
}

/** Adds one report to the summary. */
export function addTo(summary: Summary, report: Report): void {
  const { seed, violations, virtualMs, steps, delivery, detection } = report
  summary.seeds++
  const [first] = violations
  if (first !== undefined) summary.failed.push({ seed, invariant: first.invariant })
  summary.virtualMs += virtualMs
  summary.steps += steps
  summary.installed += delivery.installed
  summary.slowestRounds = Math.max(summary.slowestRounds, delivery.slowestRounds)
  summary.allowedRounds = Math.max(summary.allowedRounds, delivery.allowedRounds)
  summary.slowestDetection = Math.max(summary.slowestDetection, detection.slowestDetection)
  summary.restarts += report.restarts
  for (const event of Object.keys(report.events)) summary.seedsWith[event] = (summary.seedsWith[event] ?? 0) + 1
}
