import {
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import { fileInstaller } from '../../src/install/file.ts'
import { installerContract, jobFor } from '../contracts/installer.ts'
import { patchJob } from './patches.ts'

const signal = new AbortController().signal
const versionOf = ({ counter, release }: InstallJob) => `${counter}-${release.slice(0, 16)}`

installerContract('folders', async () => {
  const base = await mkdtemp(join(tmpdir(), 'pimesh-install-'))
  const root = join(base, 'data', 'installed')
  let files = 0
  return {
    installer: fileInstaller({ root }),
    encoded: async (bytes) => {
      files += 1
      await writeFile(join(base, `${files}`), bytes)
      return join(base, `${files}`)
    },
    inUse: async (path, file) => {
      const bytes = await readFile(join(root, path, 'current', file)).catch(() => undefined)
      return bytes === undefined ? undefined : new Uint8Array(bytes)
    },
    flip: async (job) => {
      const file = await open(join(root, job.path, versionOf(job), job.installer.file), 'r+')
      await file.write(Buffer.from([0]), 0, 1, 10)
      await file.close()
    },
    count: async (path) => {
      const names = await readdir(join(root, path)).catch(() => [])
      return names.filter((name) => !['current', '.previous'].includes(name)).length
    },
    remove: () => rm(base, { recursive: true, force: true }),
  }
})

describe('the installer "file"', () => {
  let base: string
  let root: string
  const artifact = Buffer.from('#!/bin/sh\necho hello\n')
  const { job, encoding } = jobFor(artifact, 7)
  const stage = (of = job) => fileInstaller({ root }).stage(of, { encoded: join(base, 'encoded'), signal })
  const at = (...names: string[]) => join(root, 'acme', 'agent', ...names)
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'pimesh-install-'))
    root = join(base, 'installed')
    await writeFile(join(base, 'encoded'), encoding)
  })
  afterEach(() => rm(base, { recursive: true, force: true }))

  const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8)

  it('makes files and folders that everybody can read, whatever the umask, and executable ones on request', async () => {
    const before = process.umask(0o077)
    try {
      await stage()
      await stage({ ...job, path: 'acme/tool', installer: { type: 'file', file: 'run', executable: true } })
    } finally {
      process.umask(before)
    }
    expect(await modeOf(at(versionOf(job), 'agent.bin'))).toBe('644')
    expect(await modeOf(join(root, 'acme', 'tool', versionOf(job), 'run'))).toBe('755')
    for (const folder of [join(root, 'acme'), at(), at(versionOf(job))]) expect(await modeOf(folder)).toBe('755')
  })

  it('installs several paths of one publisher at once on a fresh disk', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `tool${n}`)
    const installer = fileInstaller({ root })
    const options = { encoded: join(base, 'encoded'), signal }
    await Promise.all(names.map((name) => installer.stage({ ...job, path: `acme/deep/${name}` }, options)))
    expect((await readdir(join(root, 'acme', 'deep'))).sort()).toEqual([...names].sort())
  })

  it('names the version by its counter and its release, and links to it with a relative link', async () => {
    await stage()
    await fileInstaller({ root }).switch(job)
    expect((await readdir(at())).sort()).toEqual([versionOf(job), 'current'].sort())
    expect(await readlink(at('current'))).toBe(versionOf(job))
    expect((await readdir(at('current'))).sort()).toEqual(['.release', 'agent.bin'])
    expect(JSON.parse(await readFile(at('current', '.release'), 'utf8'))).toEqual({
      release: job.release,
      path: 'acme/agent',
      counter: 7,
      version: '7.0',
      sha256: job.artifact.hash,
    })
  })

  describe('applies a patch to what is installed', () => {
    const artifactOf = (counter: number) => Buffer.from(`version ${counter} `.repeat(20_000))
    const [old, fresh] = [jobFor(artifactOf(1), 1), patchJob(artifactOf(2), 2, { base: artifactOf(1) })]
    const installed = () => readFile(at('current', 'agent.bin'))
    const noPatch = (why: RegExp) => ({
      problem: { reason: 'ioError', noPatch: true, detail: expect.stringMatching(why) },
    })

    async function put({ job, encoding }: { job: InstallJob; encoding: Uint8Array }): Promise<void> {
      await writeFile(join(base, 'encoded'), encoding)
      await stage(job)
      await fileInstaller({ root }).switch(job)
      await fileInstaller({ root }).tidy(job)
    }
    beforeEach(() => put(old))

    it('which may be the version before the one in use, under another name', async () => {
      const other = jobFor(artifactOf(3), 3)
      await put({ ...other, job: { ...other.job, installer: { ...other.job.installer, file: 'other' } } })
      await put(fresh)
      expect((await installed()).equals(artifactOf(2))).toBe(true)
    })

    it.each<[string, () => Promise<unknown>, RegExp]>([
      ['is gone', () => rm(at(versionOf(old.job)), { recursive: true }), /is not installed any more/],
      ['is of another release', () => writeFile(at('current', '.release'), '{}'), /is not installed any more/],
      [
        'is a folder',
        () => rm(at('current', 'agent.bin')).then(() => mkdir(at('current', 'agent.bin'))),
        /not installed/,
      ],
      ['was changed', () => writeFile(at('current', 'agent.bin'), artifactOf(4)), /does not make the announced bytes/],
      ['was cut', () => writeFile(at('current', 'agent.bin'), 'short'), /does not make the announced bytes/],
    ])('and says that it needs all of it when the base %s', async (_, change, why) => {
      await change()
      await writeFile(join(base, 'encoded'), fresh.encoding)
      await expect(stage(fresh.job)).rejects.toMatchObject(noPatch(why))
      expect((await readdir(at())).filter((name) => name.startsWith('.staging'))).toEqual([])
    })

    it('and does not follow a link in the place of the base', async () => {
      await rename(at('current', 'agent.bin'), join(base, 'elsewhere'))
      await symlink(join(base, 'elsewhere'), at('current', 'agent.bin'))
      await writeFile(join(base, 'encoded'), fresh.encoding)
      await expect(stage(fresh.job)).rejects.toMatchObject(noPatch(/cannot be read \(ELOOP\)/))
    })

    it('and tells a patch that was signed wrongly from one that the disk changed', async () => {
      const wrong = patchJob(artifactOf(5), 2, { base: artifactOf(1) })
      const signed = { ...wrong.job, artifact: fresh.job.artifact }
      await expect(put({ ...wrong, job: signed })).rejects.toMatchObject(noPatch(/does not make the announced bytes/))
      for (const at of [0, 9, fresh.encoding.length - 1]) {
        const changed = Uint8Array.from(fresh.encoding)
        changed[at] = (changed[at] as number) ^ 1
        const problem = { reason: 'ioError', mismatch: true }
        await expect(put({ ...fresh, encoding: changed }), `at ${at}`).rejects.toMatchObject({ problem })
      }
      await put(fresh)
      expect((await installed()).equals(artifactOf(2))).toBe(true)
    })
  })

  describe('does not go through what somebody else put there', () => {
    const inTheWay = (path: string) => ({
      problem: { reason: 'notWritable', detail: expect.stringContaining(`${path} should be`) },
    })
    beforeEach(async () => {
      await mkdir(join(base, 'elsewhere'))
      await mkdir(join(root, 'acme'), { recursive: true })
    })
    afterEach(async () => {
      expect(await readdir(join(base, 'elsewhere')), 'nothing was written elsewhere').toEqual([])
    })

    it('a link instead of a folder of the path', async () => {
      await symlink(join(base, 'elsewhere'), at())
      await expect(stage()).rejects.toMatchObject(inTheWay(at()))
    })

    it('a link instead of the version', async () => {
      await mkdir(at())
      await symlink(join(base, 'elsewhere'), at(versionOf(job)))
      await expect(stage()).rejects.toMatchObject(inTheWay(at(versionOf(job))))
      await expect(fileInstaller({ root }).switch(job)).rejects.toMatchObject(inTheWay(at(versionOf(job))))
    })

    it('a link with the name of the staging folder, which is removed', async () => {
      await mkdir(at())
      await symlink(join(base, 'elsewhere'), at(`.staging-${job.release.slice(0, 16)}`))
      await stage()
      expect((await lstat(at(versionOf(job)))).isDirectory()).toBe(true)
    })

    it('a link instead of the file, which stage replaces and switch refuses', async () => {
      await stage()
      await writeFile(join(base, 'same'), artifact)
      await rm(at(versionOf(job), 'agent.bin'))
      await symlink(join(base, 'same'), at(versionOf(job), 'agent.bin'))
      await expect(fileInstaller({ root }).switch(job)).rejects.toMatchObject({ problem: { reason: 'ioError' } })
      await stage()
      await fileInstaller({ root }).switch(job)
      expect((await lstat(at('current', 'agent.bin'))).isFile()).toBe(true)
      expect(await readFile(join(base, 'same'))).toEqual(artifact)
    })

    it('a folder instead of the link "current"', async () => {
      await stage()
      await mkdir(at('current'))
      const { problem } = inTheWay(at('current'))
      const failure = { problem: { ...problem, inUse: false } }
      await expect(fileInstaller({ root }).switch(job)).rejects.toMatchObject(failure)
      await expect(fileInstaller({ root }).current('acme/agent')).rejects.toMatchObject(inTheWay(at('current')))
    })
  })

  it('takes a link of somebody else called "current" for none of its versions, and replaces it', async () => {
    await mkdir(join(base, 'elsewhere'))
    await mkdir(at(), { recursive: true })
    await symlink(join(base, 'elsewhere'), at('current'))
    const installer = fileInstaller({ root })
    expect(await installer.current('acme/agent')).toBeUndefined()
    await stage()
    await installer.switch(job)
    expect(await installer.current('acme/agent')).toBe(job.release)
    expect(await readdir(at())).not.toContain('.previous')
  })

  it.each(['', '{', 'null', '[]', '{"release":7}', `{"release":"${'0'.repeat(64)}"}`])(
    'does not know a version in use whose ".release" says %j',
    async (text) => {
      await stage()
      const installer = fileInstaller({ root })
      await installer.switch(job)
      await writeFile(at('current', '.release'), text)
      expect(await installer.current('acme/agent')).toBeUndefined()
      await stage()
      expect(await installer.current('acme/agent')).toBe(job.release)
    },
  )

  it('says that its folder cannot be made', async () => {
    await writeFile(root, '')
    await expect(stage()).rejects.toMatchObject({
      problem: {
        reason: 'notWritable',
        detail: expect.stringMatching(/installed.* cannot be written: make it writable .* \((ENOTDIR|EEXIST)\)$/),
      },
    })
  })
})
