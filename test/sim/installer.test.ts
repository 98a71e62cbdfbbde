import { describe, expect, it } from 'vitest'
import type { InstallJob, InstallStep } from '../../src/core/rollout/states.ts'
import { SimArtifacts } from './artifacts.ts'
import { type Content, makeContent } from './content.ts'
import { SimInstaller } from './installer.ts'
import { Prng } from './prng.ts'
import { EventQueue } from './queue.ts'

const CONTENTS = [1, 2, 3].map((counter) => makeContent(`agent ${counter}`, 2, 'zstd'))

function machine(seed = 1, failShare = 0) {
  const [queue, prng] = [new EventQueue(), new Prng(seed)]
  const artifacts = new SimArtifacts(queue, prng.fork('files'), { delayMean: 1, delayMax: 1 })
  const known = new Map(CONTENTS.map((content) => [content.encoding.hash, content]))
  const changes: string[] = []
  const installer = new SimInstaller({
    queue,
    prng,
    faults: { stepMean: 100, stepMax: 1_000, failShare },
    artifacts,
    contentOf: (encoding) => known.get(encoding),
    changed: (path, before, after) => changes.push(`${path} ${before?.counter ?? 0} -> ${after?.counter ?? 0}`),
  })
  for (const content of CONTENTS) artifacts.import(content)
  const step = async (name: InstallStep, job: InstallJob) => {
    let problem: unknown = 'never'
    installer.step(name, job, (given) => {
      problem = given
    })
    await queue.run(queue.now + 2_000)
    return problem
  }
  return { queue, artifacts, installer, changes, step }
}

function job(counter: number, change: Partial<InstallJob> = {}): InstallJob {
  const { encoding, artifact } = CONTENTS[counter - 1] as Content
  return {
    path: 'acme/agent',
    release: `release ${counter}`,
    counter,
    version: `${counter}`,
    artifact,
    encoding: { type: 'zstd', hash: encoding.hash, sha256: encoding.sha256 },
    installer: { type: 'file', file: 'agent', executable: true },
    ...change,
  }
}

describe('the installer of a simulated machine', () => {
  it('puts a version to use by a switch, and keeps the one before it', async () => {
    const { step, installer, changes } = machine()
    for (const counter of [1, 2, 3]) {
      for (const name of ['stage', 'switch', 'tidy'] as const) expect(await step(name, job(counter))).toBeUndefined()
    }
    expect(changes).toEqual(['acme/agent 0 -> 1', 'acme/agent 1 -> 2', 'acme/agent 2 -> 3'])
    expect(installer.current('acme/agent')).toMatchObject({ counter: 3, artifact: CONTENTS[2]?.artifact.hash })
    expect(await step('switch', job(2))).toBeUndefined()
    expect(await step('switch', job(1))).toMatchObject({ reason: 'ioError' })
  })

  it('says when the bytes are not the artifact, not there, or do not fit', async () => {
    const { step, artifacts } = machine()
    expect(await step('stage', job(1, { artifact: { hash: 'other', length: 1 } }))).toMatchObject({
      reason: 'badArtifact',
    })
    artifacts.full = true
    expect(await step('stage', job(1))).toMatchObject({ reason: 'diskFull' })
    artifacts.full = false
    artifacts.forget(CONTENTS[0]?.encoding.hash as string)
    expect(await step('stage', job(1))).toMatchObject({ reason: 'ioError' })
    expect(await step('switch', job(1))).toMatchObject({ reason: 'ioError' })
  })

  it('blames the disk for a bit that flipped, not the publisher', async () => {
    const { step, artifacts } = machine()
    artifacts.flip(new Prng(1))
    const problems = await Promise.all([1, 2, 3].map((counter) => step('stage', job(counter))))
    expect(problems.filter((problem) => problem !== undefined)).toEqual([
      expect.objectContaining({ reason: 'ioError', mismatch: true }),
    ])
  })

  it('leaves a half staged version and the old or the new in use, when it is cut off', async () => {
    const used = new Set<unknown>()
    for (let seed = 0; seed < 20; seed++) {
      const { step, installer, queue } = machine(seed)
      for (const name of ['stage', 'switch'] as const) await step(name, job(1))
      await step('stage', job(2))
      installer.step('stage', job(3), () => expect.unreachable())
      installer.step('stage', job(1), () => expect.unreachable())
      installer.step('switch', job(2), () => expect.unreachable())
      installer.crash()
      await queue.run(queue.now + 2_000)
      const current = installer.current('acme/agent')
      expect(current?.artifact).toBe(CONTENTS[(current?.counter ?? 0) - 1]?.artifact.hash)
      used.add(current?.counter)
      await step('switch', job(3))
      expect(installer.current('acme/agent')).toMatchObject({ counter: 3, artifact: undefined })
    }
    expect([...used].sort()).toEqual([1, 2])
  })

  it('fails as often as it is told to', async () => {
    const { step } = machine(1, 1)
    expect(await step('stage', job(1))).toMatchObject({ reason: 'ioError' })
  })
})
