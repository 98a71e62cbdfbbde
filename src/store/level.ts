// The Store port on LevelDB: one folder, one process, batches that are written whole or not at all.
// Invariant: nothing is appended to a log behind a batch that failed. LevelDB itself goes on there, answers well also with sync,
// and drops at its next start all that lies behind the tear; so it is closed and opened again first, which begins a new log.
import { Level } from 'level'
import { Failure } from '../core/failure.ts'
import type { Store, StoreWrite } from '../ports/store.ts'

const KIB = 1024

// A node holds a few hundred kB and reads them once, at start. LevelDB's defaults (4 MiB of write buffer, twice that while it
// is flushed, and 8 MiB of block cache) would be a sixth of the daemon's memory for nothing.
const options = {
  keyEncoding: 'utf8',
  valueEncoding: 'view',
  // The log in memory, and so what a start reads again. 25 rows every 10 minutes fill it in half a day: smaller buffers mean
  // more tables and compactions, and each compaction writes everything to the SD card once more.
  writeBufferSize: 1024 * KIB,
  cacheSize: 256 * KIB,
  // Tables of 2 MiB: the state is one or two of them.
  maxOpenFiles: 32,
} as const

/**
 * Opens the store in folder `path`, which is made when missing. Throws E_DATA_OPEN when another process has it open,
 * E_DATA_WRITE when the folder cannot be used, and E_STATE when LevelDB finds it damaged, which may also show when it is read.
 */
export async function openLevelStore(path: string): Promise<Store> {
  const db = new Level<string, Uint8Array>(path, options)
  try {
    await db.open()
  } catch (error) {
    throw openFailure(path, error)
  }
  return new LevelStore(db, path)
}

class LevelStore implements Store {
  readonly #db: Level<string, Uint8Array>
  readonly #path: string
  /** Settles when all calls so far are done. */
  #last: Promise<unknown> = Promise.resolve()
  /** A batch failed since the database was opened. */
  #torn = false
  #closed = false

  constructor(db: Level<string, Uint8Array>, path: string) {
    this.#db = db
    this.#path = path
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#read(async () => {
      const value = await this.#db.get(key)
      return value === undefined ? undefined : plain(value)
    })
  }

  entries(prefix: string): Promise<{ key: string; value: Uint8Array }[]> {
    return this.#read(async () => {
      const found: { key: string; value: Uint8Array }[] = []
      for await (const [key, value] of this.#db.iterator({ gte: prefix })) {
        // LevelDB orders by bytes, so all keys with the prefix follow each other.
        if (!key.startsWith(prefix)) break
        found.push({ key, value: plain(value) })
      }
      return found
    })
  }

  write(batch: readonly StoreWrite[], options: { sync: boolean }): Promise<void> {
    return this.#inTurn(() => this.#put(batch, options))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#last
    // Closed already when it could not be opened again.
    await this.#db.close()
  }

  /**
   * One after the other: LevelDB works with several threads, and would let a later batch overtake an earlier one; and nobody finds
   * it closed while it is opened again.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error(`the state in ${this.#path} is closed`))
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  /** What was read before a tear can be read behind it: only a database that could not be opened again is opened first. */
  #read<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      try {
        if (this.#db.status !== 'open') await this.#reopen()
        return await work()
      } catch (error) {
        throw readFailure(this.#path, error)
      }
    })
  }

  async #reopen(): Promise<void> {
    await this.#db.close()
    await this.#db.open()
    this.#torn = false
  }

  async #put(batch: readonly StoreWrite[], { sync }: { sync: boolean }): Promise<void> {
    const operations = batch.map(({ key, value }) =>
      value === undefined ? { type: 'del' as const, key } : { type: 'put' as const, key, value },
    )
    try {
      if (this.#torn) await this.#reopen()
      await this.#db.batch(operations, { sync })
    } catch (error) {
      this.#torn = true
      throw new Failure('E_DATA_WRITE', `the state in ${this.#path} cannot be written (${reason(error)})`, {
        cause: error,
      })
    }
  }
}

/** LevelDB gives Buffers, whose `slice` shares memory and which print differently: no Buffer leaves this file. */
const plain = (value: Uint8Array): Uint8Array => new Uint8Array(value)

function openFailure(path: string, error: unknown): Failure {
  if (hasCode(error, 'LEVEL_LOCKED'))
    return new Failure(
      'E_DATA_OPEN',
      `the state in ${path} is open in another pimesh daemon: stop that one, or use another data folder`,
      { cause: error },
    )
  if (hasCode(error, 'LEVEL_CORRUPTION')) return damaged(path, error)
  return new Failure(
    'E_DATA_WRITE',
    `the state in ${path} cannot be opened (${reason(error)}): the folder must be readable and writable for the user who runs pimesh`,
    { cause: error },
  )
}

function readFailure(path: string, error: unknown): Failure {
  if (hasCode(error, 'LEVEL_CORRUPTION')) return damaged(path, error)
  const advice = 'look at the disk and at the permissions of the folder'
  return new Failure('E_DATA_WRITE', `the state in ${path} cannot be read (${reason(error)}): ${advice}`, {
    cause: error,
  })
}

/** All that the state holds is learnt again: only what joining wrote, beside it, is not. */
function damaged(path: string, error: unknown): Failure {
  const advice = `move ${path} aside and start again: the node learns its contacts, its zone and its incarnation anew from other members`
  return new Failure('E_STATE', `the state in ${path} is damaged (${reason(error)}): ${advice}`, { cause: error })
}

/** LevelDB's own error may be the cause of the one that is thrown. */
function hasCode(error: unknown, code: string): boolean {
  const errors = [error, error instanceof Error ? error.cause : undefined]
  return errors.some((each) => each instanceof Error && 'code' in each && each.code === code)
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}
