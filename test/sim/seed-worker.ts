// A thread that runs one seed after the other, as many.ts hands them out, and gives back each report.
import { parentPort, workerData } from 'node:worker_threads'
import type { Scenario } from './scenario.ts'
import { simulateUntraced } from './world.ts'

const { scenario, stopAtViolation } = workerData as { scenario: Scenario; stopAtViolation: boolean }

parentPort?.on('message', async (seed: number) => {
  parentPort?.postMessage(await simulateUntraced(scenario, seed, { stopAtViolation }))
})
