// Takes a whole encoding from this machine: it appears under its name when every byte was checked, or not at all.
import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { Encoding } from '../core/trust/announcement.ts'
import { diskTrouble } from '../ports/disk-failure.ts'
import { syncFolder, writeAll } from '../ports/files.ts'
import { PieceHasher } from './piece-hasher.ts'
import { corrupt } from './space.ts'

interface Places {
  /** Where the encoding will be, and where it is written to until then. */
  path: string
  temporary: string
  folder: string
}

/**
 * Writes `bytes` chunk by chunk; the next one is asked for when the last is written.
 * @returns the piece list.
 * @throws ArtifactFailure `corrupt` when they are not `encoding`, with nothing left; system errors; what `bytes` throws.
 */
export async function importEncoding(
  encoding: Encoding,
  bytes: AsyncIterable<Uint8Array>,
  { path, temporary, folder }: Places,
  signal: AbortSignal,
): Promise<Uint8Array> {
  await rm(temporary, { force: true })
  try {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o640)
    let pieceList: Uint8Array
    try {
      pieceList = await receive(file, encoding, bytes, signal)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(folder)
    return pieceList
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

async function receive(
  file: FileHandle,
  encoding: Encoding,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const hasher = new PieceHasher(encoding.pieceLength)
  for await (const chunk of untilAborted(bytes, signal)) {
    const position = hasher.total
    if (position + chunk.length > encoding.length) throw wrong(encoding, `are more than ${encoding.length}`)
    hasher.update(chunk)
    await writeAll(file, chunk, position)
  }
  if (hasher.total !== encoding.length) throw wrong(encoding, `are ${hasher.total} and not ${encoding.length}`)
  const { hash, pieceList, pieceListHash } = hasher.end()
  if (hash !== encoding.sha256) throw wrong(encoding, `have the SHA-256 ${hash}`)
  if (pieceListHash !== encoding.pieceList) throw wrong(encoding, 'have another piece list')
  return pieceList
}

const wrong = (encoding: Encoding, what: string) => corrupt(`the bytes given as encoding ${encoding.hash} ${what}`)

/** `bytes` until the signal, also while nothing comes. */
async function* untilAborted(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = bytes[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await unlessAborted(() => iterator.next(), signal)
      if (done) return
      yield value
    }
  } catch (error) {
    // A socket's error is none of this disk's.
    throw diskTrouble(error) === undefined ? error : new Error('the bytes did not all come', { cause: error })
  } finally {
    // Not waited for: a source that gives nothing may never answer.
    iterator.return?.().catch(() => undefined)
  }
}

/** A listener for each wait: a promise that outlives them all would keep every chunk in memory. */
function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort)
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}
