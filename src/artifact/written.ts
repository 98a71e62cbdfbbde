// The file of an encoding that is being made: written, described as those who fetch it will see it, and named by its hash.
import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../core/failure.ts'
import { pieceLengthFor } from '../core/swarm/pieces.ts'
import type { Encoding } from '../core/trust/announcement.ts'
import { diskTrouble, errorCode } from '../ports/disk-failure.ts'
import { blocks, makeFolder, writeAll } from '../ports/files.ts'
import { encodingOf } from '../wire/release.ts'
import { PieceHasher } from './piece-hasher.ts'

export interface Described {
  encoding: Encoding
  /** Concatenated 32-byte hashes of the pieces. */
  pieceList: Uint8Array
}

/**
 * Lets `make` fill a temporary file in `into`, which is made when missing, and gives it the name of the encoding that it holds.
 * @returns what `make` resolved to, and the file. @throws Failure E_DISK_FULL, E_DATA_WRITE; what `make` throws; nothing is left then
 */
export async function placed<T extends Described>(
  into: string,
  make: (temporary: string) => Promise<T>,
): Promise<T & { path: string }> {
  await makeFolder(into, 0o755).catch((error) => Promise.reject(writeFailure(error, into)))
  const temporary = join(into, `.${randomUUID()}.encoding`)
  try {
    const made = await make(temporary)
    const path = join(into, made.encoding.hash)
    await rename(temporary, path).catch((error) => Promise.reject(writeFailure(error, into)))
    return { ...made, path }
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Makes these bytes the content of the file `path`. @returns how many they are. */
export async function writeBytes(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const failed = (error: unknown) => Promise.reject(writeFailure(error, path))
  const file = await open(path, 'w', 0o640).catch(failed)
  try {
    let position = 0
    for await (const block of bytes) {
      await writeAll(file, block, position).catch(failed)
      position += block.length
    }
    return position
  } finally {
    await file.close()
  }
}

/**
 * Reads an encoding once more, as those who fetch it will: the length of its pieces follows from its own length.
 * @param base hex SHA-256 of the artifact that a patch changes
 */
export async function describe(
  path: string,
  { type, base }: Pick<Encoding, 'type' | 'base'>,
  signal: AbortSignal,
): Promise<Described> {
  const file = await open(path, 'r')
  try {
    const length = (await file.stat()).size
    const pieceLength = pieceLengthFor(length)
    const hasher = new PieceHasher(pieceLength)
    for await (const chunk of blocks(file, signal)) hasher.update(chunk)
    const { hash, pieceList, pieceListHash } = hasher.end()
    const described = { type, sha256: hash, length, pieceLength, pieceList: pieceListHash }
    return { encoding: encodingOf(base === undefined ? described : { ...described, base }), pieceList }
  } finally {
    await file.close()
  }
}

function writeFailure(error: unknown, path: string): unknown {
  const trouble = diskTrouble(error)
  if (trouble === undefined) return error
  if (trouble === 'diskFull')
    return new Failure('E_DISK_FULL', `the disk of ${path} is full: free some space, as much as the artifact has`, {
      cause: error,
    })
  const advice = 'the folder must be writable for the user who publishes'
  return new Failure('E_DATA_WRITE', `${path} cannot be written (${errorCode(error)}): ${advice}`, { cause: error })
}
