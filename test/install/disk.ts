// Another process for disk.test.ts, which sees a disk that is full or read-only: what the installer says, as a JSON line per step.
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import { fileInstaller } from '../../src/install/file.ts'
import { InstallFailure } from '../../src/ports/disk-failure.ts'

const [scenario, root = '', encoded = '', jobs = '[]'] = process.argv.slice(2)
const [first, next] = JSON.parse(jobs) as [InstallJob, InstallJob]
const signal = new AbortController().signal
const installer = fileInstaller({ root })
const stage = (job: InstallJob) => installer.stage(job, { encoded: join(encoded, job.encoding.hash), signal })

async function tell(name: string, step: Promise<void>): Promise<void> {
  const problem = await step.then(
    () => null,
    (error: unknown) => {
      if (error instanceof InstallFailure) return error.problem
      throw error
    },
  )
  const names = await fs.readdir(join(root, first.path))
  const used = await installer.current(first.path)
  process.stdout.write(`${JSON.stringify({ name, problem, names: names.sort(), used })}\n`)
}

/** The next time somebody asks, there is room; so it is when somebody else fills the disk a moment later. */
function pretendRoom(): void {
  const { statfs } = fs
  const pretend = async () => {
    Object.assign(fs, { statfs })
    syncBuiltinESMExports()
    return { bavail: 1e9, bsize: 4_096 }
  }
  Object.assign(fs, { statfs: pretend })
  syncBuiltinESMExports()
}

if (scenario === 'full') {
  await tell('stage the first', stage(first))
  await tell('switch the first', installer.switch(first))
  const { bavail, bsize } = await fs.statfs(root)
  const pad = join(root, 'pad')
  await fs.writeFile(pad, Buffer.alloc((bavail - 64) * bsize, 1))
  await tell('stage without room', stage(next))
  pretendRoom()
  await tell('stage until it is full', stage(next))
  await fs.rm(pad)
  await tell('stage again', stage(next))
  await tell('switch', installer.switch(next))
} else {
  await tell('stage', stage(first))
  await tell('switch', installer.switch(next))
  await tell('tidy', installer.tidy(next))
}
