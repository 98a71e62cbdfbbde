// Another process for disk.test.ts, on a disk of its own: what the installer says when it is full or read-only, as JSON lines.
import fs, { rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { fileInstaller } from '../../src/install/file.ts'
import { InstallFailure } from '../../src/ports/disk-failure.ts'

const [root = '', encoded = '', jobs = '[]', pad = '0'] = process.argv.slice(2)
const [first, next] = JSON.parse(jobs)
const signal = new AbortController().signal
const installer = fileInstaller({ root })

async function tell(name: string, step: Promise<void>): Promise<void> {
  const problem = await step.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof InstallFailure) return error.problem
      throw error
    },
  )
  const names = await fs.readdir(join(root, 'acme/agent')).catch(() => [])
  process.stdout.write(`${JSON.stringify({ name, problem, names: names.sort() })}\n`)
}

const stage = (job: typeof first) => installer.stage(job, { encoded: join(encoded, job.encoding.hash), signal })
await tell('stage first', stage(first))
await tell('switch first', installer.switch(first))
if (Number(pad) > 0) {
  await writeFile(join(root, 'pad'), Buffer.alloc(Number(pad), 1))
  await tell('stage without room', stage(next))
  // Somebody else writes at the same time: there seems to be room when it is asked for.
  const { statfs } = fs
  Object.assign(fs, { statfs: async () => ({ bavail: 1e9, bsize: 4_096 }) })
  syncBuiltinESMExports()
  const filled = stage(next)
  const asked = new Promise<void>((resolve) => {
    Object.assign(fs, {
      statfs: async (folder: string) => {
        resolve()
        return statfs(folder)
      },
    })
    setImmediate(() => syncBuiltinESMExports())
  })
  await tell('stage until full', filled)
  await asked
  await rm(join(root, 'pad'))
  await tell('stage again', stage(next))
  await tell('switch', installer.switch(next))
}
