// The base of a patch: an artifact that is installed under the same path, found by the SHA-256 beside it. Whether its bytes still are
// what that says is not looked at: the result of the patch is, and a wrong one costs a download and nothing else.
import { constants } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { InstallJob } from '../core/rollout/states.ts'
import { diskTrouble, errorCode } from '../ports/disk-failure.ts'
import { readAll } from '../ports/files.ts'
import type { Base } from '../wire/patch.ts'
import { noPatch } from './failures.ts'
import { readFacts } from './release-file.ts'
import { RELEASE_FILE, unlessMissing, VERSION_NAME } from './tree.ts'

/**
 * Lets `use` read the base that the encoding of the job names.
 * @param folder of the path
 * @throws InstallFailure noPatch when it is not there or cannot be read; what `use` throws
 */
export async function withBase<T>(folder: string, job: InstallJob, use: (base: Base) => Promise<T>): Promise<T> {
  const file = await openBase(folder, job)
  try {
    return await use({
      read: (into, position) => readAll(file, into, position).catch((error) => Promise.reject(unreadable(job, error))),
    })
  } finally {
    await file.close()
  }
}

async function openBase(folder: string, job: InstallJob): Promise<FileHandle> {
  try {
    for (const path of await candidates(folder, job.encoding.base)) {
      const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
      const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      if ((await file.stat()).isFile()) return file
      await file.close()
    }
  } catch (error) {
    throw unreadable(job, error)
  }
  throw noPatch(job, 'what it changes is not installed any more')
}

/** Files of the versions that say of themselves that they are this artifact. */
async function candidates(folder: string, base: string | undefined): Promise<string[]> {
  const found: string[] = []
  for (const version of (await readdir(folder)).filter((name) => VERSION_NAME.test(name))) {
    const facts = await readFacts(join(folder, version, RELEASE_FILE))
    if (facts?.sha256 !== base) continue
    const names = await readdir(join(folder, version)).catch(unlessMissing)
    for (const name of names ?? []) if (name !== RELEASE_FILE) found.push(join(folder, version, name))
  }
  return found
}

function unreadable(job: InstallJob, error: unknown): unknown {
  if (diskTrouble(error) === undefined) return error
  return noPatch(job, `what it changes cannot be read (${errorCode(error)})`, error)
}
