import { execFile } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { boundOf, SwarmFleet } from './fleet.ts'
import { parseSwarmOptions } from './options.ts'

const MAIN = new URL('../main.ts', import.meta.url).pathname
/** Seconds of CPU, on a machine that has other things to do. */
const PATIENCE = 180_000
const CALM = { late: 0, leaving: 0, poisonous: 0 }

function run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'swarm', ...args], (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

describe('a fleet that fetches', () => {
  it('has a bound: what leaves the publisher, what comes into a site, and what all can send', () => {
    const bytes = 32 * 1_048_576
    const seconds = (sites: number) => Math.round(boundOf(bytes, sites) / 100) / 10
    expect([1, 2, 3, 6, 20, 200].map(seconds)).toEqual([13.4, 13.4, 16.1, 20.1, 24.4, 26.6])
  })

  it(
    'is close to the bound without faults, and brings little in twice',
    async () => {
      const { ratios, copies, bound } = await new SwarmFleet({ nodes: 50, site: 25, pieces: 128, ...CALM }, 1).run()
      expect(ratios).toHaveLength(50)
      expect(Math.max(...ratios)).toBeLessThan(1.5)
      expect(Math.min(...ratios)).toBeGreaterThan(0.9)
      expect(Math.max(...copies)).toBeLessThan(1.15)
      expect(bound).toBeCloseTo(boundOf(128 * 262_144, 2), -1)
    },
    PATIENCE,
  )

  it(
    'completes at every node that stays, whoever comes late, leaves or sends flipped bytes',
    async () => {
      const plan = { nodes: 50, site: 25, pieces: 16, late: 0.2, leaving: 0.1, poisonous: 0.3 }
      const [once, again] = [await new SwarmFleet(plan, 2).run(), await new SwarmFleet(plan, 2).run()]
      expect(once.ratios).toHaveLength(45)
      expect(once.ratios.every(Number.isFinite)).toBe(true)
      expect(once.banned).toBeGreaterThan(0)
      expect(again).toEqual(once)
    },
    PATIENCE,
  )
})

describe('npm run sim -- swarm', () => {
  it('says how long each fleet took, and ends with one JSON object', async () => {
    const { code, stdout } = await run(['--nodes', '10', '--pieces', '4', '--seeds', '1', '--json'])
    const { rows, pieces } = JSON.parse(stdout)
    expect([code, pieces]).toEqual([rows[0].p99 <= 1.5 ? 0 : 1, 4])
    expect(rows).toMatchObject([
      { nodes: 10, faults: false, seeds: 1, bound: expect.any(Number), worst: expect.any(Number) },
      { nodes: 10, faults: true, p50: expect.any(Number), published: expect.any(Number) },
    ])
  })

  it('takes sizes, seeds and shares, and refuses what it does not know in one sentence', async () => {
    expect(parseSwarmOptions(['--nodes=50,5000', '--late', '0', '--json'])).toMatchObject({
      nodes: [50, 5000],
      json: true,
      faults: { late: 0, leaving: 0.1, poisonous: 0.3 },
    })
    for (const args of [['--nodes', 'many'], ['--late', '2'], ['--zones', '3'], ['--seeds']])
      expect(() => parseSwarmOptions(args)).toThrow(/^--/)
    const { code, stderr } = await run(['--zones', '3'])
    expect([code, stderr]).toEqual([2, '--zones is no option of "swarm"; --help lists them\n'])
  })
})
