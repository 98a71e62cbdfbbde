// A few seconds of `npm run fuzz -- trust` with one seed, and what shows that the fuzzer would notice: judges that are broken on
// purpose are found out.
import { execFile, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Prng } from '../sim/prng.ts'
import { fuzz, type Target, Violation } from './fuzzer.ts'
import { parseOptions, UsageError } from './options.ts'
import { keep } from './report.ts'
import { trustTargets } from './trust/index.ts'

const MAIN = new URL('main.ts', import.meta.url).pathname
const settings = { targets: trustTargets, seed: 4 }

function run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

it('nothing that a stranger says is taken for signed, and nothing but a Failure is thrown', async () => {
  const report = await fuzz({ ...settings, inputs: 1_800 })
  expect(report.failure).toBeUndefined()
  const refused = (code: string) => trustTargets.filter(({ name }) => (report.outcomes[name]?.[code] ?? 0) > 0).length
  expect(refused('E_DOCUMENT')).toBeGreaterThan(5)
  // The judges are reached, with what is genuine and with what is not.
  for (const name of ['root', 'targets', 'announcement']) {
    expect(report.outcomes[name]?.refused).toBeGreaterThan(10)
    expect(Object.keys(report.outcomes[name] ?? {})).toContainEqual(expect.stringMatching(/accepted|newer|same/))
  }
  for (const name of ['statement', 'statements', 'beacon', 'beacons']) {
    expect(report.outcomes[name]?.refused).toBeGreaterThan(10)
    expect(report.outcomes[name]?.accepted).toBeGreaterThan(0)
  }
  expect(Object.keys(report.outcomes.request ?? {}).sort()).toEqual(['E_REQUEST', 'accepted', 'complete', 'waiting'])
  for (const name of ['membership', 'credential', 'invite', 'token'])
    expect(report.outcomes[name]?.accepted).toBeGreaterThan(0)
})

it('the same seed makes the same inputs, from any number on', async () => {
  const seen = async (from: number): Promise<string[]> => {
    const inputs: string[] = []
    const watch = ({ name, generate }: Target): Target => ({
      name,
      generate,
      run(input) {
        inputs.push(`${name} ${Buffer.from(input).toString('base64')}`)
        return 'seen'
      },
    })
    await fuzz({ targets: trustTargets.map(watch), seed: 9, from, inputs: 40 - from })
    return inputs
  }
  const all = await seen(0)
  expect(new Set(all).size).toBe(40)
  expect(await seen(17)).toEqual(all.slice(17))
})

it.each([
  [
    'an acceptance',
    () => {
      throw new Violation('a root that nobody signed is accepted')
    },
    /nobody signed/,
  ],
  [
    'a crash',
    () => {
      throw new TypeError('x is undefined')
    },
    /TypeError: x is undefined/,
  ],
])('%s ends it, with the input', async (_, broken, problem) => {
  const target: Target = {
    name: 'broken',
    generate: (chance) => chance.bytes(4),
    run: (input) => ((input[0] as number) < 16 ? broken() : 'fine'),
  }
  const { failure } = await fuzz({ targets: [target], seed: 1, inputs: 10_000 })
  expect(failure).toMatchObject({ target: 'broken', problem: expect.stringMatching(problem) })
  expect(target.generate(new Prng(1).fork(String(failure?.at)))).toEqual(failure?.input)
})

it('too much memory ends it', async () => {
  const report = await fuzz({ ...settings, time: 2_000, memory: 1 })
  expect(report.failure).toMatchObject({ target: 'memory' })
})

it('what broke something is kept, with the words to come to it again', () => {
  const failure = { target: 'root', at: 7, input: Uint8Array.of(1, 2), problem: 'it broke' }
  const { path, text } = keep(failure, { name: 'trust', seed: 3, only: undefined })
  onTestFinished(() => rmSync(dirname(path), { recursive: true }))
  expect(readFileSync(path)).toEqual(Buffer.of(1, 2))
  expect(text.split('\n')).toEqual([
    'root: it broke',
    `the input is in ${path}; again: npm run fuzz -- trust --seed 3 --from 7`,
    `alone: npm run fuzz -- trust --only root --input ${path}`,
  ])
})

it('the command prints its seed and figures, tries a file, and stops when it is told to', async () => {
  const { code, stdout, stderr } = await run(['trust', '--seconds', '1', '--seed', '3', '--only', 'head'])
  expect([code, stderr]).toEqual([0, 'fuzzing trust for 1 s with seed 3\n'])
  const figures = JSON.parse(stdout.trim().split('\n').at(-1) as string)
  expect(figures).toMatchObject({ name: 'trust', seed: 3, failed: null })
  expect(figures.inputs).toBeGreaterThan(100)
  expect(figures.peakMemory).toBeLessThan(200e6)
  const file = await run(['trust', '--only', 'root', '--input', MAIN])
  expect(file).toEqual({ code: 0, stdout: 'root: E_DOCUMENT\n', stderr: '' })
  const child = spawn(process.execPath, [MAIN, 'trust', '--seconds', '600'], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stderr.once('data', () => child.kill('SIGINT'))
  const [status] = await new Promise<[number | null]>((resolve) => child.once('close', (value) => resolve([value])))
  expect(status).toBe(130)
})

it.each([
  [[], 'say what to fuzz: trust'],
  [['wire'], '"wire" is nothing to fuzz; there is trust'],
  [['trust', '--seconds', '0'], '--seconds must be a whole number from 1 to 86400, not "0"'],
  [['trust', '--seed'], '--seed needs a value'],
  [['trust', '--fast', '1'], '--fast is no option of the fuzzer; --help lists them'],
  [['trust', '--input', 'x'], '--input needs --only: which target reads the file'],
])('a mistake is one sentence: %s', (args, message) => {
  expect(() => parseOptions(args, ['trust'], 1)).toThrow(new UsageError(message))
})
