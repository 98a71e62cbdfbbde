// T31: an installation on a disk that is full, or cannot be written: what is in use stays, nothing is left, and it goes on when it can.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import { fileInstaller } from '../../src/install/file.ts'
import { jobFor } from '../contracts/installer.ts'
import { namespaces, onDisk, readOnly, run } from './processes.ts'

const script = join(import.meta.dirname, 'disk.ts')
const signal = new AbortController().signal
const MIB = 1_048_576
const nameOf = ({ counter, release }: InstallJob) => `${counter}-${release.slice(0, 16)}`

interface Told {
  name: string
  problem: { reason: string; detail: string; missing?: number } | null
  names: string[]
  used: string
}

// Permissions do not hold root back, and no disk of a test machine is full: both need a mount namespace of their own.
describe.skipIf(!namespaces)('T31 the installer', () => {
  let base: string
  let root: string
  const first = jobFor(Buffer.alloc(100_000, 'one'), 1)
  const next = jobFor(Buffer.alloc(3 * MIB, 'two'), 2)
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'pimesh-disk-'))
    root = join(base, 'disk', 'installed')
    for (const { job, encoding } of [first, next]) await writeFile(join(base, job.encoding.hash), encoding)
  })
  afterEach(() => rm(base, { recursive: true, force: true }))

  const told = async (scenario: string, by: readonly string[]): Promise<Map<string, Told>> => {
    const jobs = JSON.stringify([first.job, next.job])
    const { status, out } = await run(script, [scenario, root, base, jobs], by)
    expect(status, out).toBe(0)
    const lines = out.trimEnd().split('\n')
    return new Map(lines.map((line) => JSON.parse(line) as Told).map((each) => [each.name, each]))
  }

  it('says how much is missing on a full disk, and goes on when there is room', async () => {
    root = await mkdtemp(join(base, 'disk-'))
    const steps = await told('full', onDisk(root, limits.diskReserve + 4 * MIB))
    const before = [nameOf(first.job), 'current']
    expect(steps.get('switch the first')).toMatchObject({ problem: null, names: before })
    const missing = next.job.artifact.length + limits.diskReserve - 64 * 4_096
    const full = {
      problem: { reason: 'diskFull', missing, detail: expect.stringMatching(/ is full: free \d+ bytes$/) },
      names: before,
      used: first.job.release,
    }
    expect(steps.get('stage without room')).toMatchObject(full)
    expect(steps.get('stage until it is full')).toMatchObject(full)
    expect(steps.get('stage again')).toMatchObject({ problem: null, used: first.job.release })
    expect(steps.get('switch')).toMatchObject({ problem: null, used: next.job.release })
  })

  it('says where it cannot write, on a read-only disk', async () => {
    const installer = fileInstaller({ root })
    await installer.stage({ ...first.job, counter: 9 }, { encoded: join(base, first.job.encoding.hash), signal })
    await installer.switch({ ...first.job, counter: 9 })
    await installer.stage(next.job, { encoded: join(base, next.job.encoding.hash), signal })
    const steps = await told('readOnly', readOnly(join(base, 'disk')))
    for (const name of ['stage', 'switch'])
      expect(steps.get(name), name).toMatchObject({
        problem: {
          reason: 'notWritable',
          detail: expect.stringMatching(
            /^\/.*installed\/acme\/agent.* cannot be written: make it writable .* \(EROFS\)$/,
          ),
        },
        used: first.job.release,
      })
  })
})
