// The bytes of a release on the publisher's machine: encoded into a folder that is there only while somebody needs it.
import { rmSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Encoded, encodeArtifact } from '../artifact/encode.ts'
import { Failure } from '../core/failure.ts'
import type { PatchBase } from './patch-bases.ts'
import { makePatches, type Patches } from './patches.ts'

export { artifactLength, type Encoded } from '../artifact/encode.ts'

/** Bytes done, and how many there are. */
export type Progress = (done: number, total: number) => void

/** What a release is announced with: the whole, and patches. */
export type Publishable = Encoded & Patches

export interface EncodingOptions {
  /** Of the whole, and of each patch. */
  progress?: { whole: Progress; patch: Progress } | undefined
  /** What patches are made from. */
  bases?: readonly PatchBase[] | undefined
  signal: AbortSignal
}

/**
 * Encodes `file`, lets `use` have the result, and removes it whatever happens, also when the process exits meanwhile.
 * @throws Failure as encodeArtifact and makePatches; what `use` throws; the signal's reason.
 */
export async function withEncoding<T>(
  file: string,
  options: EncodingOptions,
  use: (encoded: Publishable) => Promise<T>,
): Promise<T> {
  const into = await mkdtemp(join(tmpdir(), 'pimesh-encoding-')).catch((cause: NodeJS.ErrnoException) => {
    throw cannotWrite(cause.code, { name: tmpdir(), advice: ELSEWHERE }, cause)
  })
  const remove = () => rmSync(into, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    return await use(await encodeInto(file, { into, name: tmpdir(), advice: ELSEWHERE }, options))
  } finally {
    process.off('exit', remove)
    await rm(into, { recursive: true, force: true })
  }
}

const ELSEWHERE = 'name another folder for temporary files with TMPDIR'

/** A folder that is written to. The hidden one says nothing to a person: `name` does, and `advice` says how to choose another. */
interface Place {
  into: string
  name: string
  advice: string
}

/** Encodes `file` into a folder that is there. @throws Failure as encodeArtifact and makePatches, the signal's reason */
export async function encodeInto(
  file: string,
  place: Place,
  { progress, bases = [], signal }: EncodingOptions,
): Promise<Publishable> {
  const { into } = place
  try {
    const encoded = await encodeArtifact({ file, into, signal, ...(progress && { progress: progress.whole }) })
    return { ...encoded, ...(await makePatches(bases, { file, encoded, into, signal, progress: progress?.patch })) }
  } catch (error) {
    throw placeFailure(error, place)
  }
}

function cannotWrite(
  code: string | undefined,
  { name, advice }: Pick<Place, 'name' | 'advice'>,
  cause: Error,
): Failure {
  return new Failure('E_DATA_WRITE', `cannot write to ${name} (${code}): ${advice}`, { cause })
}

function placeFailure(error: unknown, place: Place): unknown {
  if (!(error instanceof Failure)) return error
  if (error.code === 'E_DISK_FULL') {
    const advice = `free some space, as much as the artifact has, or ${place.advice}`
    return new Failure('E_DISK_FULL', `the disk of ${place.name} is full: ${advice}`, { cause: error })
  }
  if (error.code !== 'E_DATA_WRITE') return error
  return cannotWrite((error.cause as NodeJS.ErrnoException).code, place, error)
}

/** The bytes of an encoding, for an upload; progress counts those that were asked for. @throws Failure E_ARTIFACT */
export async function* encodingBytes(
  { path, encoding }: Pick<Encoded, 'path' | 'encoding'>,
  progress?: Progress,
): AsyncGenerator<Uint8Array> {
  let done = 0
  try {
    const file = await open(path, 'r')
    for await (const chunk of file.createReadStream()) {
      yield chunk as Uint8Array
      done += (chunk as Uint8Array).length
      progress?.(done, encoding.length)
    }
  } catch (cause) {
    throw new Failure('E_ARTIFACT', `the encoding in ${path} cannot be read: publish again`, { cause })
  }
}
