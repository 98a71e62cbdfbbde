// What goes wrong with an installation, as one sentence for a person and a reason for core.
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { InstallJob, InstallReason } from '../core/rollout/states.ts'
import { diskTrouble, errorCode, InstallFailure } from '../ports/disk-failure.ts'
import { freeBytes } from '../ports/files.ts'

export function installFailure(reason: InstallReason, detail: string, cause?: unknown): InstallFailure {
  return new InstallFailure({ reason, detail }, { cause })
}

/** The patch of a job is of no use here. @param why the rest of the sentence "what is installed here ..." */
export function noPatch({ path, version }: InstallJob, why: string, cause?: unknown): InstallFailure {
  const detail = `the patch to ${path} ${version} cannot be used, since ${why}: all of it is fetched instead`
  return new InstallFailure({ reason: 'ioError', detail, noPatch: true }, { cause })
}

/** `folder` has no room. @param missing bytes that must become free. */
export function diskFull(folder: string, missing: number, cause?: unknown): InstallFailure {
  const detail = `the disk of ${folder} is full: free ${missing} bytes`
  return new InstallFailure({ reason: 'diskFull', detail, missing }, { cause })
}

/** @throws InstallFailure diskFull when `bytes` and the reserve do not fit the file system of `folder`. */
export async function needRoom(folder: string, bytes: number): Promise<void> {
  const missing = await missingBytes(folder, bytes)
  if (missing > 0) throw diskFull(folder, missing)
}

/**
 * What a step rejected with, for core; what is neither a system error nor a document's is a defect and stays what it is.
 * @param bytes that the step still needs, for when the disk is full.
 */
export async function stepFailure(error: unknown, folder: string, bytes: number): Promise<unknown> {
  if (error instanceof InstallFailure) return error
  if (error instanceof Failure) return installFailure('badArtifact', error.message, error)
  const trouble = diskTrouble(error)
  if (trouble === undefined) return error
  const place = placeOf(error) ?? folder
  if (trouble === 'diskFull') {
    const missing = await missingBytes(folder, bytes).catch(() => bytes)
    return diskFull(folder, Math.max(1, missing), error)
  }
  const advice =
    trouble === 'notWritable'
      ? 'cannot be written: make it writable for the user who runs pimesh'
      : "failed: look at the disk and at the system's log"
  return installFailure(trouble, `${place} ${advice} (${errorCode(error)})`, error)
}

/** What a system error is about; of two paths the one that was to be made. */
function placeOf(error: unknown): string | undefined {
  const { dest, path } = error as NodeJS.ErrnoException & { dest?: string }
  return dest ?? path
}

async function missingBytes(folder: string, bytes: number): Promise<number> {
  return bytes + limits.diskReserve - (await freeBytes(folder))
}
