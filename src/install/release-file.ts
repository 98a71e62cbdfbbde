// The small file beside an installed artifact: which release it is, for `current`, for patches and for people who look at the folder.
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { InstallJob } from '../core/rollout/states.ts'
import { errorCode } from '../ports/disk-failure.ts'

/** A hash of 64, a path and a version label, each within its bound, and the names. */
const MAX_BYTES = 1_024

export function releaseText({ release, path, counter, version, artifact }: InstallJob): Uint8Array {
  return Buffer.from(`${JSON.stringify({ release, path, counter, version, sha256: artifact.hash })}\n`)
}

/** What the file says of its version, as hex hashes. */
export interface ReleaseFacts {
  release: string
  /** SHA-256 of the artifact; undefined when it is not said. */
  sha256: string | undefined
}

/** The release hash; undefined when the file is missing or not one of ours. */
export async function readRelease(path: string): Promise<string | undefined> {
  return (await readFacts(path))?.release
}

/** All that it says; undefined when the file is missing or not one of ours. */
export async function readFacts(path: string): Promise<ReleaseFacts | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0)
      return factsIn(buffer.toString('utf8', 0, bytesRead))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

function factsIn(text: string): ReleaseFacts | undefined {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json !== 'object' || json === null || !('release' in json)) return undefined
    const { release } = json
    if (!isHash(release)) return undefined
    return { release, sha256: 'sha256' in json && isHash(json.sha256) ? json.sha256 : undefined }
  } catch {
    return undefined
  }
}

const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
