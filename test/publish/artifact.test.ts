// Encoding where there is no room for it: the sentence names what a person can choose.
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { namespaces, onDisk, run } from '../install/processes.ts'

const script = join(import.meta.dirname, 'encoding-child.ts')

// No disk of a test machine is full: that needs a mount namespace of its own.
it.skipIf(!namespaces)('names the folder for temporary files when its disk is full', async () => {
  const home = await mkdtemp(join(tmpdir(), 'pimesh-encode-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const [file, temporary] = [join(home, 'agent'), join(home, 'tmp')]
  await writeFile(file, randomBytes(1_000_000))
  await mkdir(temporary)
  const { status, out } = await run(script, [file], [...onDisk(temporary, 65_536), 'env', `TMPDIR=${temporary}`])
  expect(status, out).toBe(0)
  const advice = 'free some space, as much as the artifact has, or name another folder for temporary files with TMPDIR'
  expect(JSON.parse(out)).toEqual({ code: 'E_DISK_FULL', message: `the disk of ${temporary} is full: ${advice}` })
})
