// What every Installer must do; run on folders and on the simulated disk.
import { createHash } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import type { Installer } from '../../src/ports/installer.ts'

/** One machine on which things are installed. */
export interface InstallerPlace {
  installer: Installer
  /** Makes the file of an encoding; gives what stage() wants as `encoded`. */
  encoded(bytes: Uint8Array): Promise<string>
  /** What a program gets that opens `file` of the version in use of a path; undefined when there is none. */
  inUse(path: string, file: string): Promise<Uint8Array | undefined>
  /** Changes one byte of the staged file of a job. */
  flip(job: InstallJob): Promise<void>
  /** How many versions of a path are on the disk, with what interrupted steps left. */
  count(path: string): Promise<number>
  remove(): Promise<void>
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A job that installs `artifact`, its encoded bytes, and the release's hash made up from its counter. */
export function jobFor(
  artifact: Uint8Array,
  counter: number,
  type: 'identity' | 'zstd' = 'zstd',
): { job: InstallJob; encoding: Uint8Array } {
  const encoding = type === 'zstd' ? new Uint8Array(zstdCompressSync(artifact)) : artifact
  const job: InstallJob = {
    path: 'acme/agent',
    release: sha256(Buffer.from(`release ${counter}`)),
    counter,
    version: `${counter}.0`,
    artifact: { hash: sha256(artifact), length: artifact.length },
    encoding: { type, hash: sha256(encoding), sha256: sha256(encoding) },
    installer: { type: 'file', file: 'agent.bin', executable: false },
  }
  return { job, encoding }
}

/** Registers the suite; `make` gives a machine on which nothing is installed. */
export function installerContract(name: string, make: () => Promise<InstallerPlace>): void {
  describe(`the Installer contract on ${name}`, () => {
    let place: InstallerPlace
    beforeEach(async () => {
      place = await make()
    })
    afterEach(() => place.remove())

    const signal = new AbortController().signal
    const artifactOf = (counter: number) => new Uint8Array(Buffer.from(`version ${counter} `.repeat(20_000)))
    const of = (counter: number, type?: 'identity' | 'zstd') => jobFor(artifactOf(counter), counter, type)
    const current = () => place.installer.current('acme/agent')
    const inUse = () => place.inUse('acme/agent', 'agent.bin')
    async function stage({ job, encoding }: ReturnType<typeof jobFor>): Promise<void> {
      await place.installer.stage(job, { encoded: await place.encoded(encoding), signal })
    }
    async function install(counter: number): Promise<void> {
      const { job, encoding } = of(counter)
      await stage({ job, encoding })
      await place.installer.switch(job)
      await place.installer.tidy(job)
    }
    const failure = (reason: string) => ({
      name: 'InstallFailure',
      problem: { reason, detail: expect.stringMatching(/^.{20,400}[^.]$/) },
    })

    it('has nothing in use at first', async () => {
      expect(await current()).toBeUndefined()
      expect(await inUse()).toBeUndefined()
    })

    it.each(['identity', 'zstd'] as const)('puts in use what was staged (%s), and not before', async (type) => {
      await install(1)
      const next = of(2, type)
      await stage(next)
      expect(await inUse()).toEqual(artifactOf(1))
      await place.installer.switch(next.job)
      expect(await current()).toBe(next.job.release)
      expect(await inUse()).toEqual(artifactOf(2))
    })

    it('repeats each step', async () => {
      const { job, encoding } = of(1)
      for (let time = 0; time < 2; time++) await stage({ job, encoding })
      for (let time = 0; time < 2; time++) await place.installer.switch(job)
      await stage({ job, encoding })
      for (let time = 0; time < 2; time++) await place.installer.tidy(job)
      expect(await inUse()).toEqual(artifactOf(1))
      expect(await place.count('acme/agent')).toBe(1)
    })

    it('keeps the version in use and the one before it', async () => {
      for (const counter of [1, 2, 3, 4]) await install(counter)
      expect(await place.count('acme/agent')).toBe(2)
      // The fifth was staged and never used: the fourth is what one would go back to.
      await stage(of(5))
      await install(6)
      expect(await place.count('acme/agent')).toBe(2)
      await place.installer.switch(of(4).job)
      expect(await inUse()).toEqual(artifactOf(4))
    })

    it('removes no version as long as none is in use', async () => {
      await stage(of(1))
      await place.installer.tidy(of(1).job)
      await place.installer.switch(of(1).job)
      expect(await inUse()).toEqual(artifactOf(1))
    })

    it('T10 refuses an encoding that holds another artifact, and leaves nothing', async () => {
      await install(1)
      const { job } = of(2)
      const changed = artifactOf(2)
      changed[100] = 0
      const wrong: [string, Uint8Array, 'identity' | 'zstd'][] = [
        ['other bytes', changed, 'zstd'],
        ['other bytes', changed, 'identity'],
        ['fewer bytes', artifactOf(2).slice(0, -1), 'zstd'],
        ['fewer bytes', artifactOf(2).slice(0, -1), 'identity'],
        ['more bytes', Uint8Array.from([...artifactOf(2), 1]), 'zstd'],
        ['more bytes', Uint8Array.from([...artifactOf(2), 1]), 'identity'],
        ['no zstd', Uint8Array.from([...artifactOf(2)]), 'identity'],
      ]
      for (const [what, bytes, type] of wrong) {
        const { encoding } = jobFor(bytes, 2, type)
        // Its publisher signed both hashes, and they do not belong together.
        const signed = {
          ...job,
          encoding: {
            type: what === 'no zstd' ? 'zstd' : type,
            hash: sha256(encoding),
            sha256: sha256(encoding),
          } as const,
        }
        await expect(stage({ job: signed, encoding }), `${what} as ${type}`).rejects.toMatchObject(
          failure('badArtifact'),
        )
      }
      expect(await place.count('acme/agent')).toBe(1)
      expect(await inUse()).toEqual(artifactOf(1))
    })

    it('T31 does not blame the publisher when the disk changed the encoding', async () => {
      for (const type of ['identity', 'zstd'] as const) {
        const { job, encoding } = of(1, type)
        for (const at of [0, encoding.length >> 1, encoding.length - 1]) {
          const changed = encoding.slice()
          changed[at] = (changed[at] as number) ^ 1
          await expect(stage({ job, encoding: changed }), `${type} at ${at}`).rejects.toMatchObject(failure('ioError'))
        }
        await expect(stage({ job, encoding: encoding.slice(0, -3) })).rejects.toMatchObject(failure('ioError'))
        await expect(stage({ job, encoding: encoding.slice(0, 0) })).rejects.toMatchObject(failure('ioError'))
      }
      expect(await place.count('acme/agent')).toBe(0)
    })

    it('puts nothing in use that was not staged, or that the disk changed since, until it is staged again', async () => {
      await install(1)
      const { job, encoding } = of(2)
      await expect(place.installer.switch(job)).rejects.toMatchObject(failure('ioError'))
      await stage({ job, encoding })
      await place.flip(job)
      await expect(place.installer.switch(job)).rejects.toMatchObject(failure('ioError'))
      expect(await inUse()).toEqual(artifactOf(1))
      await stage({ job, encoding })
      await place.installer.switch(job)
      expect(await inUse()).toEqual(artifactOf(2))
    })

    it('says of a switch that fails whether the release is in use nevertheless', async () => {
      await install(1)
      const { job, encoding } = of(2)
      const fails = (inUse: boolean) => ({ problem: { reason: 'ioError', inUse } })
      await expect(place.installer.switch(job)).rejects.toMatchObject(fails(false))
      await stage({ job, encoding })
      await place.installer.switch(job)
      await place.flip(job)
      await expect(place.installer.switch(job)).rejects.toMatchObject(fails(true))
      await expect(place.installer.switch(of(3).job)).rejects.toMatchObject(fails(false))
    })

    it('says that an encoding is missing', async () => {
      const { job, encoding } = of(1)
      const encoded = `${await place.encoded(encoding)}0`
      await expect(place.installer.stage(job, { encoded, signal })).rejects.toMatchObject(failure('ioError'))
    })

    it('tells bytes that are not the signed ones from a disk that fails', async () => {
      const { job, encoding } = of(1)
      const changed = encoding.slice()
      changed[20] = (changed[20] as number) ^ 1
      const mismatch = await stage({ job, encoding: changed }).catch((error) => error.problem)
      expect(mismatch).toMatchObject({ reason: 'ioError', mismatch: true })
      const missing = { encoded: `${await place.encoded(encoding)}0`, signal }
      const failed = await place.installer.stage(job, missing).catch((error) => error.problem)
      expect(failed).toEqual({ reason: 'ioError', detail: expect.any(String) })
    })

    it('stops when it is told to, and leaves nothing', async () => {
      const { job, encoding } = of(1)
      // As the driver gives it: a Failure of documents would be the publisher's.
      const reason = new Failure('E_NO_DAEMON', 'this daemon is stopping')
      const staged = place.installer.stage(job, {
        encoded: await place.encoded(encoding),
        signal: AbortSignal.abort(reason),
      })
      await expect(staged).rejects.toBe(reason)
      expect(await place.count('acme/agent')).toBe(0)
    })

    it('T10 refuses names that lead elsewhere', async () => {
      const { job, encoding } = of(1)
      const paths = [
        '..',
        '../x',
        'a/../../x',
        '/x',
        'a//b',
        'a/',
        '',
        '.',
        'a/.hidden',
        'a/current',
        `a/1-${'0'.repeat(16)}`,
        'a\0b',
      ]
      for (const path of paths)
        await expect(stage({ job: { ...job, path }, encoding }), path).rejects.toMatchObject(failure('badArtifact'))
      for (const file of ['', '.', '..', '../x', 'a/b', 'a\0b', '.release'])
        await expect(
          stage({ job: { ...job, installer: { ...job.installer, file } }, encoding }),
          file,
        ).rejects.toMatchObject(failure('badArtifact'))
      for (const path of paths) expect(await place.installer.current(path)).toBeUndefined()
    })

    it('keeps paths apart, also one below another', async () => {
      const { job, encoding } = of(1)
      for (const path of ['acme', 'acme/agent', 'acme/agent/plugin', 'other/agent']) {
        await stage({ job: { ...job, path }, encoding })
        await place.installer.switch({ ...job, path })
      }
      await install(2)
      await install(3)
      await install(4)
      for (const path of ['acme', 'acme/agent/plugin', 'other/agent']) {
        expect(await place.installer.current(path)).toBe(job.release)
        expect(await place.inUse(path, 'agent.bin')).toEqual(artifactOf(1))
      }
    })
  })
}
