// A file that a publisher names, open for as long as it is needed. Invariant: what was read of it are the bytes of one moment; when
// it changes meanwhile that is said, and nothing that was made of it is used.
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Failure } from '../core/failure.ts'
import { ENCODING_BYTES_MAX } from '../core/swarm/pieces.ts'
import { diskTrouble, errorCode } from '../ports/disk-failure.ts'
import { blocks, readAll } from '../ports/files.ts'

/** What the file is for, as the advice has to say it. */
const ADVICE = {
  artifact: {
    folder: 'publish a single file, for example a tar of it',
    special: 'copy what it gives into one and publish that',
    empty: 'there is nothing to publish',
  },
  base: {
    folder: 'a patch is made from the single file that nodes have installed',
    special: 'copy what it gives into one and patch from that',
    empty: 'there is nothing to patch from',
  },
}

export class Source {
  readonly #handle: FileHandle
  readonly #file: string
  readonly #before: BigIntStats
  readonly length: number

  private constructor(handle: FileHandle, file: string, before: BigIntStats) {
    this.#handle = handle
    this.#file = file
    this.#before = before
    this.length = Number(before.size)
  }

  /**
   * Lets `use` have the file, and closes it.
   * @throws Failure E_ARTIFACT: no such file, unreadable, no regular file, empty, too long; what `use` throws
   */
  static async use<T>(file: string, what: keyof typeof ADVICE, use: (source: Source) => Promise<T> | T): Promise<T> {
    // Without O_NONBLOCK, opening a named pipe waits for somebody to write to it.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) =>
      Promise.reject(readFailure(error, file)),
    )
    try {
      const stats = await handle.stat({ bigint: true })
      requireFile(stats, file, ADVICE[what])
      return await use(new Source(handle, file, stats))
    } finally {
      await handle.close()
    }
  }

  /**
   * The bytes of the file, as many as it had when it was opened; each block is valid until the next one is asked for.
   * @throws Failure E_ARTIFACT_CHANGED, E_ARTIFACT; the signal's reason
   */
  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    let total = 0
    try {
      for await (const chunk of blocks(this.#handle, signal)) {
        total += chunk.length
        if (total > this.length) throw this.changed()
        yield chunk
      }
    } catch (error) {
      throw readFailure(error, this.#file)
    }
    if (total < this.length) throw this.changed()
  }

  /** Fills `into` from `position`. @returns how many bytes there were. @throws Failure E_ARTIFACT */
  async readAt(into: Uint8Array, position: number): Promise<number> {
    return await readAll(this.#handle, into, position).catch((error) => Promise.reject(readFailure(error, this.#file)))
  }

  /** @throws Failure E_ARTIFACT_CHANGED */
  async checkUnchanged(): Promise<void> {
    const { size, mtimeNs, ctimeNs } = await this.#handle.stat({ bigint: true })
    const before = this.#before
    if (size !== before.size || mtimeNs !== before.mtimeNs || ctimeNs !== before.ctimeNs) throw this.changed()
  }

  changed(): Failure {
    const advice = 'publish it again when nothing writes to it'
    return new Failure('E_ARTIFACT_CHANGED', `${this.#file} changed while it was read: ${advice}`)
  }
}

function requireFile(stats: BigIntStats, file: string, advice: (typeof ADVICE)['artifact']): void {
  const refuse = (what: string) => new Failure('E_ARTIFACT', `${file} ${what}`)
  if (stats.isDirectory()) throw refuse(`is a folder: ${advice.folder}`)
  if (!stats.isFile()) throw refuse(`is not a regular file: ${advice.special}`)
  if (stats.size === 0n) throw refuse(`is empty: ${advice.empty}`)
  if (stats.size > ENCODING_BYTES_MAX)
    throw refuse(`is longer than ${ENCODING_BYTES_MAX} bytes, the most that can be published as one artifact: split it`)
}

function readFailure(error: unknown, file: string): unknown {
  const code = errorCode(error)
  if (code === undefined) return error
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new Failure('E_ARTIFACT', `there is no file ${file}: check the path`, { cause: error })
  const advice = diskTrouble(error) === 'notWritable' ? 'give yourself the right to read it' : 'look at its disk'
  return new Failure('E_ARTIFACT', `${file} cannot be read (${code}): ${advice}`, { cause: error })
}
