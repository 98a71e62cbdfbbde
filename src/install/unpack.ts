// Writes an artifact to a new file and says whether a file is an artifact. Both are streams; neither follows a link.
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, type FileHandle, open, rm } from 'node:fs/promises'
import { Failure } from '../core/failure.ts'
import type { InstallJob } from '../core/rollout/states.ts'
import { errorCode, InstallFailure } from '../ports/disk-failure.ts'
import { blocks, writeAll } from '../ports/files.ts'
import { decoded } from '../wire/encodings.ts'
import type { Base } from '../wire/patch.ts'
import { withBase } from './base.ts'
import { installFailure, noPatch } from './failures.ts'

interface Sources {
  /** File with the encoding. */
  encoded: string
  /** Folder of the path, where the base of a patch is. */
  folder: string
  signal: AbortSignal
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const EXISTING = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Unpacks into `path`, which must not exist, and waits until it is on the disk.
 * @throws InstallFailure badArtifact when the encoding is the announced one and does not hold the announced artifact; ioError when
 * its file is not what was fetched (any more), and with `noPatch` when it is a patch that does not make the artifact here.
 */
export async function unpack(job: InstallJob, path: string, sources: Sources): Promise<void> {
  try {
    const cloned = job.encoding.type === 'identity' && (await clone(sources.encoded, path))
    if (!cloned) await decode(job, path, sources)
    else if (!(await isArtifact(path, job.artifact, sources.signal))) throw wrong(job)
  } catch (error) {
    // What the publisher signed is blamed for ever: only when the disk is not to blame.
    if (isWrong(error) && (await hashOf(sources.encoded, sources.signal)) !== job.encoding.sha256)
      throw mismatch(sources.encoded, error)
    if (isWrong(error) && job.encoding.base !== undefined)
      throw noPatch(job, 'it does not make the announced bytes of what is installed', error)
    throw error
  }
  const file = await open(path, EXISTING)
  try {
    // The mode given to open is cut by the umask of the service.
    await file.chmod(job.installer.executable ? 0o755 : 0o644)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** True when `path` is a regular file with exactly these bytes; costs one read of it. */
export async function isArtifact(
  path: string,
  { hash, length }: InstallJob['artifact'],
  signal?: AbortSignal,
): Promise<boolean> {
  const file = await open(path, EXISTING).catch(unlessAbsent)
  if (file === undefined) return false
  try {
    const stats = await file.stat()
    if (!stats.isFile() || stats.size !== length) return false
    return (await sha256Of(file, signal)) === hash
  } finally {
    await file.close()
  }
}

/** Makes `bytes` the content of a new file, on the disk. */
export async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, NEW_FILE, 0o644)
  try {
    await file.chmod(0o644)
    await writeAll(file, bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Shares the blocks of the two files where the file system can (btrfs, XFS): nothing is written. False where it cannot. */
async function clone(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE)
    return true
  } catch {
    await rm(to, { force: true })
    return false
  }
}

function decode(job: InstallJob, path: string, sources: Sources): Promise<void> {
  if (job.encoding.base === undefined) return decodeOf(job, path, sources, undefined)
  return withBase(sources.folder, job, (base) => decodeOf(job, path, sources, base))
}

async function decodeOf(
  job: InstallJob,
  path: string,
  { encoded, signal }: Sources,
  base: Base | undefined,
): Promise<void> {
  const source = await open(encoded, EXISTING)
  try {
    const file = await open(path, NEW_FILE, 0o644)
    try {
      const sha256 = createHash('sha256')
      let position = 0
      for await (const chunk of decoded(job.encoding.type, blocks(source, signal), job.artifact.length, base)) {
        sha256.update(chunk)
        await writeAll(file, chunk, position)
        position += chunk.length
      }
      if (sha256.digest('hex') !== job.artifact.hash) throw wrong(job)
    } finally {
      await file.close()
    }
  } finally {
    await source.close()
  }
}

async function hashOf(path: string, signal: AbortSignal): Promise<string> {
  const file = await open(path, EXISTING)
  try {
    return await sha256Of(file, signal)
  } finally {
    await file.close()
  }
}

async function sha256Of(file: FileHandle, signal: AbortSignal | undefined): Promise<string> {
  const sha256 = createHash('sha256')
  for await (const chunk of blocks(file, signal)) sha256.update(chunk)
  return sha256.digest('hex')
}

function mismatch(encoded: string, cause: unknown) {
  const detail = `${encoded} does not have the announced SHA-256: its pieces have to be hashed again`
  return new InstallFailure({ reason: 'ioError', detail, mismatch: true }, { cause })
}

function wrong({ path, version, artifact }: InstallJob) {
  const detail = `what came as ${path} ${version} does not have the announced SHA-256 ${artifact.hash}: its publisher must sign it anew`
  return installFailure('badArtifact', detail)
}

function isWrong(error: unknown): boolean {
  return error instanceof Failure || (error instanceof InstallFailure && error.problem.reason === 'badArtifact')
}

function unlessAbsent(error: unknown): undefined {
  // ELOOP: a link has its name.
  if (!['ENOENT', 'ELOOP', 'ENXIO'].includes(errorCode(error) ?? '')) throw error
  return undefined
}
