// The folder of a demo: temporary, or one that is kept.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'

export interface DemoFolder {
  path: string
  /** Removes a temporary folder; leaves one that is kept. */
  remove(): void
}

/** Room that the demo needs below its folder for the path of a socket. */
const LONGEST_SOCKET = '/pimesh-demo-123456/operator/api.sock'.length

/** E_DEMO when `keep` exists already or nothing can be written there. */
export function makeFolder(keep: string | undefined): DemoFolder {
  if (keep === undefined) {
    const base = tmpdir().length + LONGEST_SOCKET <= limits.apiPathBytes ? tmpdir() : '/tmp'
    const path = writing(base, () => mkdtempSync(join(base, 'pimesh-demo-')))
    return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) }
  }
  const path = resolve(keep)
  if (existsSync(path)) throw new Failure('E_DEMO', `${path} exists already: give the demo a new folder`)
  if (path.length + LONGEST_SOCKET > limits.apiPathBytes)
    throw new Failure('E_DEMO', `${path} is too long for sockets: give a shorter path`)
  writing(path, () => mkdirSync(path, { recursive: true }))
  return { path, remove: () => undefined }
}

function writing<T>(path: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new Failure('E_DEMO', `the demo cannot write to ${path} (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    })
  }
}
