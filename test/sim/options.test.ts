import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseOptions, UsageError } from './options.ts'
import { namedScenario, parseScenario } from './scenario.ts'

const MAIN = new URL('main.ts', import.meta.url).pathname

function run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { maxBuffer: 2 ** 24 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

describe('options of the simulator', () => {
  it('takes a seed, a scenario and its numbers', () => {
    const options = parseOptions([
      '--seed',
      '7',
      '--scenario=small',
      '--nodes',
      '6',
      '--crashes-per-node-hour=0',
      '--json',
    ])
    expect(options).toMatchObject({ seed: 7, json: true, all: false })
    expect(options.scenario).toEqual({ ...namedScenario('small'), nodes: 6, crashesPerNodeHour: 0 })
  })

  it('has a default of 200 nodes in 20 zones for ten minutes with loss and a partition', () => {
    const { scenario, seed } = parseOptions([])
    expect(scenario).toMatchObject({ nodes: 200, zones: 20, minutes: 10, loss: 0.05 })
    expect([seed, scenario.partitions.length]).toEqual([42, 1])
  })

  it.each([
    [['--nods', '3'], '--nods is no option'],
    [['nodes'], '"nodes" is no option'],
    [['--nodes'], '--nodes needs a value'],
    [['--nodes', 'many'], 'needs a number, not "many"'],
    [['--nodes', '1'], '"nodes" must be from 2'],
    [['--seed', '1.5'], 'whole number'],
    [['--seed', '-1'], 'whole number'],
    [['--loss', '1.5'], '"loss" must be from 0 to 1'],
    [['--scenario', 'none'], 'cannot be read'],
    [['--scenario', './no/such.json'], 'there is no scenario file'],
    [['--json=1'], 'takes no value'],
  ])('refuses %j with one sentence', (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(UsageError)
    expect(() => parseOptions(args)).toThrow(sentence)
  })

  it.each([
    [{ nodez: 1 }, 'unknown key "nodez"'],
    [{ nodes: '1' }, '"nodes" must be a number'],
    [{ delay: { min: 9, mean: 1 } }, 'min <= mean'],
    [{ partitions: [{ at: 5, until: 5, share: 0.5 }] }, 'a partition needs'],
    [{ partitions: [{ at: 5, until: 6 }] }, 'a partition needs'],
    [[], 'not a JSON object'],
  ])('refuses the scenario %j', (json, sentence) => {
    expect(() => parseScenario(json, 'x')).toThrow(sentence)
  })

  it('prints one JSON object as its last line, and the same hash in another process', async () => {
    const args = ['--scenario', 'small', '--seed', '11', '--minutes', '1', '--quiet-seconds', '10']
    const [plain, json] = await Promise.all([run(args), run([...args, '--json'])])
    const last = JSON.parse(plain.stdout.trimEnd().split('\n').at(-1) as string)
    expect([plain.code, json.code]).toEqual([0, 0])
    expect(json.stdout.trimEnd().split('\n')).toHaveLength(1)
    expect({ ...JSON.parse(json.stdout), wallMs: 0 }).toEqual({ ...last, wallMs: 0 })
    expect(last).toMatchObject({
      seed: 11,
      virtualMs: 60_000,
      violations: [],
      traceHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(plain.stderr).toContain('01:00.000 of 01:00.000')
  })

  it('ends with 2 and one sentence for a mistake, with 1 for a violation that it explains', async () => {
    const wrong = await run(['--nods', '3'])
    expect(wrong).toEqual({ code: 2, stdout: '', stderr: '--nods is no option of the simulator; --help lists them\n' })
    const folder = await mkdtemp(join(tmpdir(), 'sim-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    // Nothing arrives, although the scenario's bounds are those of a network that loses nothing.
    const file = join(folder, 'deaf.json')
    await writeFile(
      file,
      JSON.stringify({
        name: 'deaf',
        nodes: 12,
        zones: 2,
        minutes: 6,
        crashesPerNodeHour: 0,
        clockStepsPerNodeHour: 0,
        quietSeconds: 300,
        loss: 0,
        delay: { min: 20_000, mean: 20_000, max: 20_000 },
      }),
    )
    const bad = await run(['--scenario', file, '--seed', '5', '--json'])
    expect(bad.code).toBe(1)
    const [violation] = JSON.parse(bad.stdout).violations
    expect(bad.stderr).toContain(`seed 5: ${violation.invariant} does not hold at`)
    expect(bad.stderr).toContain(`on ${violation.node}: ${violation.detail}`)
    expect(bad.stderr).toContain('add {"seed":5,"scenario":"deaf"')
    expect(violation.last.length).toBeGreaterThan(0)
  })
})
