// Whether a file that came from elsewhere is the encoding that it is said to be, and whether the artifact is really inside it.
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Failure } from '../core/failure.ts'
import type { Encoding } from '../core/trust/announcement.ts'
import { errorCode } from '../ports/disk-failure.ts'
import { blocks } from '../ports/files.ts'
import { decoded } from '../wire/encodings.ts'
import { PieceHasher } from './piece-hasher.ts'

export interface Described {
  /** Hex SHA-256 and bytes. */
  artifact: { hash: string; length: number }
  encoding: Encoding
}

const AGAIN = 'copy the folder again from whoever prepared it'

/**
 * Reads the file `path` twice: as it travels, and unpacked. A patch cannot be unpacked without its base: a wrong one harms nobody (clause PATCH 6).
 * @param progress bytes of the artifact that were unpacked, and how many there are.
 * @returns false when there is no such file.
 * @throws Failure E_ARTIFACT: it cannot be read, or is something else; the signal's reason.
 */
export async function checkEncoding(
  path: string,
  { artifact, encoding }: Described,
  { signal, progress }: { signal: AbortSignal; progress?: ((done: number, total: number) => void) | undefined },
): Promise<boolean> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      await checkPieces(file, path, encoding, signal)
      if (encoding.base === undefined) await checkArtifact(file, path, { artifact, encoding }, { signal, progress })
      return true
    } finally {
      await file.close()
    }
  } catch (cause) {
    const code = errorCode(cause)
    if (code === 'ENOENT') return false
    if (code === undefined) throw cause
    throw new Failure('E_ARTIFACT', `${path} cannot be read (${code}): ${AGAIN}`, { cause })
  }
}

async function checkPieces(file: FileHandle, path: string, encoding: Encoding, signal: AbortSignal): Promise<void> {
  const stats = await file.stat()
  const hasher = new PieceHasher(encoding.pieceLength)
  if (stats.isFile() && stats.size === encoding.length)
    for await (const block of blocks(file, signal)) hasher.update(block)
  const { hash, pieceListHash } = hasher.end()
  if (hash === encoding.sha256 && pieceListHash === encoding.pieceList) return
  throw new Failure('E_ARTIFACT', `${path} is not the encoding that is announced: ${AGAIN}`)
}

async function checkArtifact(
  file: FileHandle,
  path: string,
  { artifact, encoding }: Described,
  { signal, progress }: Parameters<typeof checkEncoding>[2],
): Promise<void> {
  const hash = createHash('sha256')
  let done = 0
  try {
    for await (const block of decoded(encoding.type, blocks(file, signal), artifact.length)) {
      hash.update(block)
      done += block.length
      progress?.(done, artifact.length)
    }
  } catch (cause) {
    if (cause instanceof Failure) throw otherArtifact(path, cause)
    throw cause
  }
  if (hash.digest('hex') !== artifact.hash) throw otherArtifact(path)
}

/** Who prepared it wrote a hash that is not of the bytes: no copy of the folder would be better. */
function otherArtifact(path: string, cause?: unknown): Failure {
  const advice = 'do not sign it, and ask whoever prepared it'
  return new Failure('E_ARTIFACT', `${path} does not hold the artifact that is announced: ${advice}`, { cause })
}
