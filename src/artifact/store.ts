// The Artifacts port on files: one per encoding, named by its hash, as long as the encoding from the first moment.
// Invariant: a file is never trusted. Which of its pieces are right is found out by hashing them, so no crash can leave a lie.
import { hash as sha256 } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '../core/limits.ts'
import { pieceBytes, pieceCount } from '../core/swarm/pieces.ts'
import type { Encoding } from '../core/trust/announcement.ts'
import type { Artifacts } from '../ports/artifacts.ts'
import { ArtifactFailure, errorCode } from '../ports/disk-failure.ts'
import { blocks, freeBytes, makeFolder, readAll, syncFolder, writeAll } from '../ports/files.ts'
import { checkEncoding, Entry, fullBitfield, HASH, HASH_BYTES } from './entry.ts'
import { importEncoding } from './import.ts'
import { OpenFiles } from './open-files.ts'
import { PieceHasher } from './piece-hasher.ts'
import { scan, scanEmpty } from './scan.ts'
import { artifactFailure, corrupt, diskFull, missingBytes } from './space.ts'
import { Turns } from './turns.ts'

const UNFINISHED = '.new'

interface Options {
  /** DATA/artifacts; made when missing. */
  folder: string
  /** Free bytes of a folder's file system. */
  free?: (folder: string) => Promise<number>
}

/** Touches nothing: what is wrong with the folder is told by the first call that needs it. */
export async function openArtifacts(options: Options): Promise<Artifacts> {
  return new ArtifactFolder(options)
}

class ArtifactFolder implements Artifacts {
  readonly #folder: string
  readonly #free: (folder: string) => Promise<number>
  readonly #files = new OpenFiles()
  readonly #entries = new Map<string, Entry>()
  /** Files that were made here and whose name a power cut might take back: a card that is busy takes seconds to sync, so that waits for the first pieces. */
  readonly #unnamed = new Set<string>()
  /** Calls that make or remove the file of an encoding. */
  readonly #turns = new Turns()
  #closed = false

  constructor({ folder, free = freeBytes }: Options) {
    this.#folder = folder
    this.#free = free
  }

  prepare(
    encoding: Encoding,
    pieceList: Uint8Array,
    { decoded, signal }: { decoded: number; signal: AbortSignal },
  ): Promise<Uint8Array> {
    return this.#inTurn(encoding.hash, async () => {
      checkEncoding(encoding)
      if (pieceList.length !== pieceCount(encoding.length, encoding.pieceLength) * HASH_BYTES)
        throw new TypeError(`a piece list of ${pieceList.length} bytes does not fit encoding ${encoding.hash}`)
      // What does not fit leaves no file behind.
      if (!(await this.#exists(encoding.hash))) await this.#needFree(encoding.length + decoded, encoding.hash)
      const have = await this.#scanned(encoding, pieceList, signal)
      const entry = new Entry(encoding, pieceList, have, decoded)
      // A whole file is served however full the disk is; who unpacks it looks for room of his own.
      if (entry.absent > 0) await this.#needFree(entry.needed, encoding.hash)
      this.#entries.set(encoding.hash, entry)
      return entry.have
    })
  }

  async write(hash: string, index: number, bytes: Uint8Array): Promise<void> {
    const entry = this.#entry(hash, index)
    const { encoding, needed } = entry
    if (bytes.length !== pieceBytes(encoding, index))
      throw new TypeError(`piece ${index} of encoding ${hash} does not have ${bytes.length} bytes`)
    await this.#onFile(hash, (file) => writeAll(file, bytes, index * encoding.pieceLength), needed)
    entry.gained(index)
  }

  async read(hash: string, index: number, room = (length: number) => new Uint8Array(length)): Promise<Uint8Array> {
    const entry = this.#entry(hash, index)
    const bytes = room(pieceBytes(entry.encoding, index))
    const read = await this.#onFile(hash, (file) => readAll(file, bytes, index * entry.encoding.pieceLength))
    const right = read === bytes.length && sha256('sha256', bytes, 'buffer').equals(entry.hashOf(index))
    if (!right) throw corrupt(`piece ${index} in ${this.path(hash)} is not what was written there`)
    return bytes
  }

  async sync(hash: string): Promise<void> {
    this.#entry(hash, 0)
    await this.#onFile(hash, async (file) => {
      await file.datasync()
      if (this.#unnamed.delete(hash)) await syncFolder(this.#folder)
    })
  }

  unpacked(hash: string): void {
    this.#entries.get(hash)?.unpacked()
  }

  path(hash: string): string {
    if (!HASH.test(hash)) throw new TypeError(`${JSON.stringify(hash)} is not the hash of an encoding`)
    return join(this.#folder, hash)
  }

  import(
    encoding: Encoding,
    bytes: AsyncIterable<Uint8Array>,
    { signal }: { signal: AbortSignal },
  ): Promise<Uint8Array> {
    return this.#inTurn(encoding.hash, async () => {
      checkEncoding(encoding)
      const { hash, length } = encoding
      const path = this.path(hash)
      const pieceList = await this.#guarded(path, length, async () => {
        await makeFolder(this.#folder, 0o750)
        await this.#needFree(length, hash)
        const places = { path, temporary: path + UNFINISHED, folder: this.#folder }
        return await importEncoding(encoding, bytes, places, signal)
      })
      // Who has the file open would go on with the one that was there before.
      await this.#files.drop(path)
      this.#entries.set(hash, new Entry(encoding, pieceList, fullBitfield(encoding), 0))
      return pieceList.slice()
    })
  }

  forget(hash: string): Promise<void> {
    return this.#inTurn(hash, async () => {
      this.#entries.delete(hash)
      this.#unnamed.delete(hash)
      for (const entry of this.#entries.values()) entry.forgets(hash)
      const path = this.path(hash)
      await this.#files.drop(path)
      await this.#guarded(path, 0, async () => {
        await rm(path, { force: true })
        await rm(path + UNFINISHED, { force: true })
      })
    })
  }

  /** Looks only at names that this store gives. */
  async sweep(keep: ReadonlySet<string>): Promise<string[]> {
    this.#needOpen()
    const kept: string[] = []
    const names = await this.#guarded(this.#folder, 0, () => readdir(this.#folder).catch(unlessMissing))
    for (const name of names ?? []) {
      const hash = name.endsWith(UNFINISHED) ? name.slice(0, -UNFINISHED.length) : name
      if (!HASH.test(hash)) continue
      if (!keep.has(hash)) await this.forget(hash)
      else if (hash !== name) await this.#removeUnfinished(hash)
      else kept.push(hash)
    }
    return kept
  }

  pieceList(encoding: Encoding): Promise<Uint8Array | undefined> {
    return this.#inTurn(encoding.hash, async () => {
      checkEncoding(encoding)
      const path = this.path(encoding.hash)
      return await this.#guarded(path, 0, () => pieceListIn(path, encoding))
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#turns.idle()
    await this.#files.close()
  }

  /** Whether there is a file; its folder is made. */
  async #exists(hash: string): Promise<boolean> {
    const path = this.path(hash)
    return await this.#guarded(path, 0, async () => {
      await makeFolder(this.#folder, 0o750)
      return (await lstat(path).catch(unlessMissing)) !== undefined
    })
  }

  #removeUnfinished(hash: string): Promise<void> {
    const path = this.path(hash) + UNFINISHED
    return this.#inTurn(hash, () => this.#guarded(path, 0, () => rm(path, { force: true })))
  }

  /** Opens or makes the file, at its whole length, and hashes what is there. */
  async #scanned(encoding: Encoding, pieceList: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted()
    const path = this.path(encoding.hash)
    return await this.#guarded(path, encoding.length, async () => {
      // When somebody removed or replaced the file, the one that is still open would take every piece, and nobody would find them.
      await this.#files.drop(path)
      const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o640)
      try {
        const { size } = await file.stat()
        if (size !== encoding.length) await file.truncate(encoding.length)
        if (size === 0) {
          this.#unnamed.add(encoding.hash)
          return scanEmpty(encoding, pieceList)
        }
        return await scan(file, encoding, pieceList, signal)
      } finally {
        await file.close()
      }
    })
  }

  /**
   * Two downloads may not count on the same room, nor on what the unpacking of another one needs. But a promise that is in the way of `hash` holds only until it asks again: when
   * nothing was written meanwhile, nobody has the pieces, and the room is for who asks.
   */
  async #needFree(bytes: number, hash: string): Promise<void> {
    const others = [...this.#entries.values()].filter(({ encoding }) => encoding.hash !== hash)
    const needed = bytes + others.reduce((sum, entry) => sum + entry.promisedBefore(hash), 0)
    const free = await this.#guarded(this.#folder, needed, () => this.#free(this.#folder))
    const missing = missingBytes(needed, free)
    if (missing <= 0) return
    for (const entry of others) entry.stoodInTheWay(hash)
    throw diskFull(this.#folder, missing)
  }

  #onFile<T>(hash: string, work: (file: FileHandle) => Promise<T>, needed = 0): Promise<T> {
    const path = this.path(hash)
    return this.#guarded(path, needed, () => this.#files.use(path, work))
  }

  /** Runs `work`; a system error becomes an ArtifactFailure. `needed`: bytes, for when the disk is full. */
  async #guarded<T>(path: string, needed: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ArtifactFailure) throw error
      throw await artifactFailure(error, path, async () => {
        // A quota is full when the file system is not: at least a piece is missing then.
        const free = await this.#free(this.#folder).catch(() => 0)
        return Math.max(limits.pieceBytesMin, missingBytes(needed, free))
      })
    }
  }

  #entry(hash: string, index: number): Entry {
    this.#needOpen()
    const entry = this.#entries.get(hash)
    if (entry === undefined) throw new TypeError(`encoding ${hash} was not prepared`)
    if (!Number.isInteger(index) || pieceBytes(entry.encoding, index) === 0)
      throw new RangeError(`encoding ${hash} has no piece ${index}`)
    return entry
  }

  #inTurn<T>(hash: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(hash, () => {
      this.#needOpen()
      return work()
    })
  }

  #needOpen(): void {
    if (this.#closed) throw new Error('the artifact store is closed')
  }
}

/** The piece list of a file that is the whole encoding; undefined for any other. */
async function pieceListIn(path: string, encoding: Encoding): Promise<Uint8Array | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(unlessMissing)
  if (file === undefined) return undefined
  try {
    if ((await file.stat()).size !== encoding.length) return undefined
    const hasher = new PieceHasher(encoding.pieceLength)
    for await (const block of blocks(file, undefined)) hasher.update(block)
    const { pieceList, pieceListHash } = hasher.end()
    return pieceListHash === encoding.pieceList ? pieceList : undefined
  } finally {
    await file.close()
  }
}

function unlessMissing(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw error
  return undefined
}
