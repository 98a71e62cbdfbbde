// The benchmark of the swarm with a small file: what it measures it has to measure, with real daemons and with a real opponent.
import { afterAll, describe, expect, it } from 'vitest'
import { laboratories, ownerOf } from '../lab/owner.ts'
import { whyNot } from '../lab/shell.ts'
import { benchSwarm } from './swarm.ts'
import type { Run } from './swarm-report.ts'

const size = { sites: 1, nodes: 2, kind: 'plain', bytes: 2 ** 20 } as const

describe.skipIf(whyNot() !== undefined)('the benchmark of the swarm', () => {
  afterAll(() => expect(laboratories().filter((prefix) => ownerOf(prefix) === process.pid)).toEqual([]))

  const runOnce = async (entry: string) => {
    const said: string[] = []
    const settings = { size, runs: 1, only: [entry], trace: undefined }
    const { json } = await benchSwarm((line) => said.push(line), settings)
    const [run] = json.runs as Run[]
    return { run, said, skipped: json.skipped as Record<string, string> }
  }

  // On a busy machine a claim may be missed, so that a piece comes in twice: here each is a quarter of the file.
  it('has pimesh carry a file into a site, counted by its daemons and on the wire', { timeout: 120_000 }, async () => {
    const { run } = await runOnce('pimesh')
    expect(run?.failure).toBeNull()
    const payload = run?.figures?.payloadIntoSite as number
    expect(payload).toBeGreaterThanOrEqual(1)
    expect(run?.figures?.payloadOutOfPublisher).toBe(payload)
    expect(run?.figures?.copiesIntoSite).toBeGreaterThan(payload)
    expect(run?.figures?.copiesOutOfPublisher).toBeLessThan(payload + 0.5)
    expect(run?.figures?.inUseSeconds).toBeGreaterThan(run?.figures?.seconds as number)
    expect(run?.figures?.cpuSecondsPerNode).toBeGreaterThan(0)
    expect(run?.figures?.peakRssBytesPerNode).toBeGreaterThan(30e6)
  })

  it('has curl carry it in for every node, or says that it is not there', async ({ skip }) => {
    const { run, said, skipped } = await runOnce('curl')
    if (run === undefined) {
      expect(said).toEqual([`curl is left out: ${skipped.curl}`])
      skip()
    }
    expect(run?.failure).toBeNull()
    expect(run?.figures?.copiesIntoSite).toBeGreaterThan(2)
    expect(run?.figures?.payloadIntoSite).toBeNull()
    expect(Object.keys(run?.figures?.nodeSeconds ?? {}).sort()).toEqual(['s1-1', 's1-2'])
  })
})
