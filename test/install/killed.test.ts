// T30: SIGKILL at every step of an installation. The old or the new version is in use, never neither; doing it again ends well.
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import { fileInstaller } from '../../src/install/file.ts'
import { jobFor } from '../contracts/installer.ts'
import { patchJob } from './patches.ts'
import { bundled, countUntil, run } from './processes.ts'

const signal = new AbortController().signal
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const nameOf = ({ counter, release }: InstallJob) => `${counter}-${release.slice(0, 16)}`

// Two blocks of what unpacking gives.
const artifactOf = (counter: number) => Buffer.from(`version ${counter} `.repeat(8_000))
const first = jobFor(artifactOf(1), 1)
const old = jobFor(artifactOf(2), 2)
const next = jobFor(artifactOf(3), 3, 'zstd')
const plain = jobFor(artifactOf(3), 3, 'identity')
// Four segments, each written on its own.
const patch = patchJob(artifactOf(3), 3, { base: artifactOf(2), segment: 25_000 })

let base: string
let child: string
/** Roots with nothing, and with one version in use and one before it, which the third pushes out. */
const before = { nothing: [], two: [first, old] }
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'pimesh-killed-'))
  child = await bundled(join(import.meta.dirname, 'child.ts'), base)
  for (const { job, encoding } of [first, old, next, plain, patch]) await writeFile(encoded(job), encoding)
  for (const [name, installed] of Object.entries(before))
    for (const { job } of installed) await install(join(base, name), job)
})
afterAll(() => rm(base, { recursive: true, force: true }))

const encoded = (job: InstallJob) => join(base, job.encoding.hash)

async function install(root: string, job: InstallJob): Promise<void> {
  const installer = fileInstaller({ root })
  await installer.stage(job, { encoded: encoded(job), signal })
  await installer.switch(job)
  await installer.tidy(job)
}

/** The job whose whole version is in use; undefined when none is. Anything else fails. */
async function inUse(root: string): Promise<InstallJob | undefined> {
  const release = await fileInstaller({ root }).current('acme/agent')
  const bytes = await readFile(join(root, 'acme/agent/current/agent.bin')).catch(() => undefined)
  const job = [first.job, old.job, next.job].find((each) => each.release === release)
  expect(bytes === undefined ? undefined : sha256(bytes)).toBe(job?.artifact.hash)
  return job
}

describe('T30 an installation that is killed', () => {
  it.each([
    { from: 'nothing', as: plain },
    { from: 'two', as: next },
    { from: 'two', as: patch },
  ] as const)('at each step, with $from installed, as $as.job.encoding.type', async ({ from, as: { job } }) => {
    const seen = new Set<number | undefined>()
    const points = await countUntil(async (nth) => {
      const root = join(base, `${from}-${job.encoding.type}-${nth}`)
      await cp(join(base, from), root, { recursive: true, verbatimSymlinks: true }).catch(() => undefined)
      const ending = await run(child, [root, encoded(job), JSON.stringify(job), `${nth}`])
      const used = await inUse(root)
      seen.add(used?.counter)
      expect([before[from].at(-1)?.job.counter, 3]).toContain(used?.counter)
      await install(root, job)
      expect((await inUse(root))?.counter).toBe(3)
      const kept = [nameOf(job), 'current', ...(from === 'nothing' ? [] : [nameOf(old.job), '.previous'])]
      expect((await readdir(join(root, 'acme/agent'))).sort()).toEqual(kept.sort())
      expect((await readdir(join(root, 'acme/agent', nameOf(job)))).sort()).toEqual(['.release', 'agent.bin'])
      if (ending.signal === null) expect(ending).toMatchObject({ status: 0 })
      return ending.signal === null
    })
    expect(points).toBeGreaterThan(20)
    expect(seen).toEqual(new Set([before[from].at(-1)?.job.counter, 3]))
  })

  it('had everything on the disk before its name changed, and its name before the step ended', async () => {
    const root = join(base, 'traced')
    await cp(join(base, 'two'), root, { recursive: true, verbatimSymlinks: true })
    const { out } = await run(child, [root, encoded(next.job), JSON.stringify(next.job), '0'])
    const done = (JSON.parse(out) as string[]).map((what) => what.replaceAll(`${root}/acme/agent`, '.'))
    const at = (what: string, from = 0) => {
      const found = done.indexOf(what, from)
      expect(found, `${what} in ${done.join('\n')}`).toBeGreaterThanOrEqual(from)
      return found
    }
    const staging = `./.staging-${next.job.release.slice(0, 16)}`
    const staged = at(`rename ${staging} ./${nameOf(next.job)}`)
    for (const file of ['agent.bin', '.release']) {
      const written = done.findLastIndex((what) => what.startsWith(`half ${staging}/${file} `))
      expect(written).toBeGreaterThan(0)
      expect(written).toBeLessThan(at(`sync ${staging}/${file}`))
      expect(at(`sync ${staging}/${file}`)).toBeLessThan(at(`sync ${staging}`))
    }
    expect(at(`sync ${staging}`)).toBeLessThan(staged)
    const linked = at('rename ./.link-new ./current')
    expect(at('sync .', staged)).toBeLessThan(linked)
    expect(at('sync .', linked)).toBeLessThan(at(`rename ./${nameOf(first.job)} ./.removed-${nameOf(first.job)}`))
  })

  it('makes folders whose names are on the disk, too', async () => {
    const root = join(base, 'made', 'installed')
    const { out } = await run(child, [root, encoded(next.job), JSON.stringify(next.job), '0'])
    const done = JSON.parse(out) as string[]
    const staging = done.findIndex((what) => what.startsWith('mkdir') && basename(what).startsWith('.staging-'))
    for (const folder of ['made', 'made/installed', 'made/installed/acme'].map((name) => join(base, name)))
      expect(done.slice(0, staging), folder).toContain(`sync ${dirname(folder)}`)
    expect(done.slice(0, staging)).toContain(`sync ${join(root, 'acme')}`)
  })
})
