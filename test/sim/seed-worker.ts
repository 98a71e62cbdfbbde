// A thread that runs one seed after the other, as many.ts hands them out, and gives back each report.
import { parentPort, workerData } from 'node:worker_threads'
import type { Scenario } from './scenario.ts'
import { type Report, simulate } from './world.ts'

const { scenario, stopAtViolation } = workerData as { scenario: Scenario; stopAtViolation: boolean }

/** Lines are made only for whoever reads them: the same seed breaks the same invariant again, with its last lines. */
async function run(seed: number): Promise<Report> {
  const report = await simulate(scenario, seed, { stopAtViolation, trace: false })
  return report.violations.length === 0 ? report : simulate(scenario, seed, { stopAtViolation })
}

parentPort?.on('message', async (seed: number) => parentPort?.postMessage(await run(seed)))
