// Encoding: from the file that a publisher names to the form in which its bytes travel.
// Invariant: what is described is what will be sent: the encoding is hashed from the file that was written, and the artifact's hash
// is of the very bytes that were encoded. A file that changes meanwhile is refused.
import { createHash } from 'node:crypto'
import { createZstdCompress, constants as zlib } from 'node:zlib'
import { limits } from '../core/limits.ts'
import { through } from '../wire/encodings.ts'
import { Source } from './source.ts'
import { type Described, describe, placed, writeBytes } from './written.ts'

export interface EncodeOptions {
  /** The artifact. */
  file: string
  /** Folder for the encoding; made when missing. */
  into: string
  /** Bytes of the artifact that were read, and how many there are. */
  progress?: (done: number, total: number) => void
  signal: AbortSignal
}

export interface Encoded extends Described {
  /** Hex SHA-256 and bytes. */
  artifact: { hash: string; length: number }
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
  return await Source.use(file, 'artifact', (source) =>
    placed(into, (temporary) => encode(source, temporary, { progress, signal })),
  )
}

/** Bytes of an artifact. @throws Failure E_ARTIFACT: what encodeArtifact refuses without reading it. */
export async function artifactLength(file: string): Promise<number> {
  return await Source.use(file, 'artifact', ({ length }) => length)
}

async function encode(
  source: Source,
  temporary: string,
  { progress, signal }: { progress: EncodeOptions['progress']; signal: AbortSignal },
): Promise<Omit<Encoded, 'path'>> {
  const { length } = source
  const hash = createHash('sha256')
  const observed = async function* () {
    let done = 0
    for await (const chunk of source.read(signal)) {
      hash.update(chunk)
      done += chunk.length
      progress?.(done, length)
      yield chunk
    }
  }
  const compressed = await writeBytes(temporary, through(compressor(length), observed()))
  await source.checkUnchanged()
  const artifact = { hash: hash.digest('hex'), length }
  if (compressed < length * limits.identityShare)
    return { artifact, ...(await describe(temporary, { type: 'zstd' }, signal)) }
  await writeBytes(temporary, source.read(signal))
  await source.checkUnchanged()
  const identity = await describe(temporary, { type: 'identity' }, signal)
  if (identity.encoding.sha256 !== artifact.hash) throw source.changed()
  return { artifact, ...identity }
}

/** zstd with a window that every node is ready to hold; the announced size lets a small artifact do with a smaller one. */
function compressor(length: number) {
  const params = { [zlib.ZSTD_c_compressionLevel]: limits.zstdLevel, [zlib.ZSTD_c_windowLog]: limits.zstdWindowLog }
  return createZstdCompress({ params, pledgedSrcSize: length, chunkSize: limits.fileBlockBytes })
}
