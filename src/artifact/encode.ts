// Encoding: from the file that a publisher names to the form in which its bytes travel.
// Invariant: what is described is what will be sent: the encoding is hashed from the file that was written, and the artifact's hash
// is of the very bytes that were encoded. A file that changes meanwhile is refused.
import { createHash, randomUUID } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createZstdCompress, constants as zlib } from 'node:zlib'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { ENCODING_BYTES_MAX, pieceLengthFor } from '../core/swarm/pieces.ts'
import type { Encoding, EncodingType } from '../core/trust/announcement.ts'
import { diskTrouble, errorCode } from '../ports/disk-failure.ts'
import { blocks, makeFolder, writeAll } from '../ports/files.ts'
import { through } from '../wire/encodings.ts'
import { encodingOf } from '../wire/release.ts'
import { PieceHasher } from './piece-hasher.ts'

export interface EncodeOptions {
  /** The artifact. */
  file: string
  /** Folder for the encoding; made when missing. */
  into: string
  /** Bytes of the artifact that were read, and how many there are. */
  progress?: (done: number, total: number) => void
  signal: AbortSignal
}

export interface Encoded {
  /** Hex SHA-256 and bytes. */
  artifact: { hash: string; length: number }
  encoding: Encoding
  /** Concatenated 32-byte hashes of the pieces. */
  pieceList: Uint8Array
  /** The file with the encoding, in `into`, named by its hash. */
  path: string
}

/**
 * Encodes with zstd, or leaves the bytes as they are when that saves less than 3 %. Streams: memory does not grow with the file
 * (compression itself holds about 60 MB).
 * @throws Failure E_ARTIFACT (no such file, unreadable, no regular file, empty, too long), E_ARTIFACT_CHANGED, E_DISK_FULL,
 * E_DATA_WRITE; in each case, and when aborted, nothing new is left in `into`.
 */
export async function encodeArtifact({ file, into, progress, signal }: EncodeOptions): Promise<Encoded> {
  const source = await openArtifact(file)
  try {
    const before = await statArtifact(source, file)
    await makeFolder(into, 0o755).catch((error) => Promise.reject(writeFailure(error, into)))
    const temporary = join(into, `.${randomUUID()}.encoding`)
    try {
      const artifact = new Artifact(source, file, before)
      const encoded = await artifact.encode(temporary, progress, signal)
      const path = join(into, encoded.encoding.hash)
      await rename(temporary, path).catch((error) => Promise.reject(writeFailure(error, into)))
      return { ...encoded, path }
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw error
    }
  } finally {
    await source.close()
  }
}

/** Bytes of an artifact. @throws Failure E_ARTIFACT: what encodeArtifact refuses without reading it. */
export async function artifactLength(file: string): Promise<number> {
  const source = await openArtifact(file)
  try {
    return Number((await statArtifact(source, file)).size)
  } finally {
    await source.close()
  }
}

class Artifact {
  readonly #source: FileHandle
  readonly #file: string
  readonly #before: BigIntStats
  readonly #length: number

  constructor(source: FileHandle, file: string, before: BigIntStats) {
    this.#source = source
    this.#file = file
    this.#before = before
    this.#length = Number(before.size)
  }

  async encode(
    temporary: string,
    progress: EncodeOptions['progress'],
    signal: AbortSignal,
  ): Promise<Omit<Encoded, 'path'>> {
    const hash = createHash('sha256')
    let done = 0
    const observe = (chunk: Uint8Array) => {
      hash.update(chunk)
      done += chunk.length
      progress?.(done, this.#length)
    }
    const compressed = await write(temporary, through(compressor(this.#length), this.#read(observe, signal)))
    await this.#checkUnchanged()
    const artifact = { hash: hash.digest('hex'), length: this.#length }
    if (compressed < this.#length * limits.identityShare)
      return { artifact, ...(await describe(temporary, 'zstd', signal)) }
    const again = this.#read(() => undefined, signal)
    await write(temporary, again)
    await this.#checkUnchanged()
    const identity = await describe(temporary, 'identity', signal)
    if (identity.encoding.sha256 !== artifact.hash) throw this.#changed()
    return { artifact, ...identity }
  }

  /** The bytes of the file, as many as it had when it was opened. */
  async *#read(observe: (chunk: Uint8Array) => void, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    let total = 0
    try {
      for await (const chunk of blocks(this.#source, signal)) {
        total += chunk.length
        if (total > this.#length) throw this.#changed()
        observe(chunk)
        yield chunk
      }
    } catch (error) {
      throw readFailure(error, this.#file)
    }
    if (total < this.#length) throw this.#changed()
  }

  async #checkUnchanged(): Promise<void> {
    const { size, mtimeNs, ctimeNs } = await this.#source.stat({ bigint: true })
    const before = this.#before
    if (size !== before.size || mtimeNs !== before.mtimeNs || ctimeNs !== before.ctimeNs) throw this.#changed()
  }

  #changed(): Failure {
    const advice = 'publish it again when nothing writes to it'
    return new Failure('E_ARTIFACT_CHANGED', `${this.#file} changed while it was read: ${advice}`)
  }
}

async function openArtifact(file: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK, opening a named pipe waits for somebody to write to it.
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw readFailure(error, file)
  }
}

async function statArtifact(source: FileHandle, file: string): Promise<BigIntStats> {
  const stats = await source.stat({ bigint: true })
  const refuse = (what: string) => new Failure('E_ARTIFACT', `${file} ${what}`)
  if (stats.isDirectory()) throw refuse('is a folder: publish a single file, for example a tar of it')
  if (!stats.isFile()) throw refuse('is not a regular file: copy what it gives into one and publish that')
  if (stats.size === 0n) throw refuse('is empty: there is nothing to publish')
  if (stats.size > ENCODING_BYTES_MAX)
    throw refuse(`is longer than ${ENCODING_BYTES_MAX} bytes, the most that can be published as one artifact: split it`)
  return stats
}

/** zstd with a window that every node is ready to hold; the announced size lets a small artifact do with a smaller one. */
function compressor(length: number) {
  const params = { [zlib.ZSTD_c_compressionLevel]: limits.zstdLevel, [zlib.ZSTD_c_windowLog]: limits.zstdWindowLog }
  return createZstdCompress({ params, pledgedSrcSize: length, chunkSize: limits.fileBlockBytes })
}

/** Makes these bytes the content of the file `path`. @returns how many they are. */
async function write(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
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

/** Reads an encoding once more, as those who fetch it will: the length of its pieces follows from its own length. */
async function describe(
  path: string,
  type: EncodingType,
  signal: AbortSignal,
): Promise<Pick<Encoded, 'encoding' | 'pieceList'>> {
  const file = await open(path, 'r')
  try {
    const length = (await file.stat()).size
    const pieceLength = pieceLengthFor(length)
    const hasher = new PieceHasher(pieceLength)
    for await (const chunk of blocks(file, signal)) hasher.update(chunk)
    const { hash, pieceList, pieceListHash } = hasher.end()
    return { encoding: encodingOf({ type, sha256: hash, length, pieceLength, pieceList: pieceListHash }), pieceList }
  } finally {
    await file.close()
  }
}

function readFailure(error: unknown, file: string): unknown {
  const code = errorCode(error)
  if (code === undefined) return error
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new Failure('E_ARTIFACT', `there is no file ${file}: check the path`, { cause: error })
  const advice = diskTrouble(error) === 'notWritable' ? 'give yourself the right to read it' : 'look at its disk'
  return new Failure('E_ARTIFACT', `${file} cannot be read (${code}): ${advice}`, { cause: error })
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
