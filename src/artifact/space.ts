// Room on the disk, and what its errors mean: who needs how much, and how much is missing when it does not fit.
import { limits } from '../core/limits.ts'
import { ArtifactFailure, diskTrouble, errorCode } from '../ports/disk-failure.ts'

/** Bytes that must become free before `needed` fit and the reserve is left; 0 or less when they fit. */
export function missingBytes(needed: number, free: number): number {
  return needed + limits.diskReserve - free
}

export function diskFull(folder: string, missing: number, cause?: unknown): ArtifactFailure {
  const sentence = `the disk of ${folder} is full: free ${missing} bytes`
  return new ArtifactFailure({ code: 'diskFull', missing }, sentence, { cause })
}

export function corrupt(detail: string, cause?: unknown): ArtifactFailure {
  return new ArtifactFailure({ code: 'corrupt', detail }, detail, { cause })
}

/**
 * What a file operation rejected with, for core; anything but a system error stays what it is.
 * @param missing asked only when the disk is full.
 */
export async function artifactFailure(error: unknown, path: string, missing: () => Promise<number>): Promise<unknown> {
  const trouble = diskTrouble(error)
  if (trouble === undefined) return error
  if (trouble === 'diskFull') return diskFull(path, await missing(), error)
  const advice =
    trouble === 'notWritable'
      ? 'cannot be written: make it writable for the user who runs pimesh'
      : "failed: look at the disk and at the system's log"
  const detail = `${path} ${advice} (${errorCode(error)})`
  return new ArtifactFailure({ code: trouble, detail }, detail, { cause: error })
}
