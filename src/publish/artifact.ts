// The bytes of a release on the publisher's machine: encoded into a folder that is there only while somebody needs it.
import { rmSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Encoded, encodeArtifact } from '../artifact/encode.ts'
import { Failure } from '../core/failure.ts'

export { artifactLength, type Encoded } from '../artifact/encode.ts'

/** Bytes done, and how many there are. */
export type Progress = (done: number, total: number) => void

/**
 * Encodes `file`, lets `use` have the result, and removes it whatever happens, also when the process exits meanwhile.
 * @throws Failure as encodeArtifact; what `use` throws; the signal's reason.
 */
export async function withEncoding<T>(
  file: string,
  options: { progress?: Progress | undefined; signal: AbortSignal },
  use: (encoded: Encoded) => Promise<T>,
): Promise<T> {
  const into = await mkdtemp(join(tmpdir(), 'pimesh-encoding-')).catch((cause: NodeJS.ErrnoException) => {
    throw cannotWrite(cause.code, cause)
  })
  const remove = () => rmSync(into, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    const { progress, signal } = options
    const encoding = encodeArtifact({ file, into, signal, ...(progress === undefined ? {} : { progress }) })
    const encoded = await encoding.catch((error: unknown) => Promise.reject(temporaryFailure(error)))
    return await use(encoded)
  } finally {
    process.off('exit', remove)
    await rm(into, { recursive: true, force: true })
  }
}

const ELSEWHERE = 'name another folder for temporary files with TMPDIR'

function cannotWrite(code: string | undefined, cause: Error): Failure {
  return new Failure('E_DATA_WRITE', `cannot write to ${tmpdir()} (${code}): ${ELSEWHERE}`, { cause })
}

/** The hidden file that could not be written says nothing to a person: the folder does, which is theirs to choose. */
function temporaryFailure(error: unknown): unknown {
  if (!(error instanceof Failure)) return error
  if (error.code === 'E_DISK_FULL') {
    const advice = `free some space, as much as the artifact has, or ${ELSEWHERE}`
    return new Failure('E_DISK_FULL', `the disk of ${tmpdir()} is full: ${advice}`, { cause: error })
  }
  if (error.code !== 'E_DATA_WRITE') return error
  return cannotWrite((error.cause as NodeJS.ErrnoException).code, error)
}

/** The bytes of an encoding, for an upload; progress counts those that were asked for. @throws Failure E_ARTIFACT */
export async function* encodingBytes({ path, encoding }: Encoded, progress?: Progress): AsyncGenerator<Uint8Array> {
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
