// Collectors that are files: `*.prom` in a folder, written by whatever the owner likes, as node_exporter's textfile collector has them.
import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Millis } from '../../core/env.ts'
import { limits } from '../../core/limits.ts'
import type { Platform } from '../platform.ts'
import { type Gathered, gather, without } from './gathered.ts'
import { unreadable } from './permissions.ts'

interface TextFile {
  gathered: Gathered
  /** Size and times: the same file is not read again. */
  version: string
  /** Milliseconds since 1970 at which it was written, as its disk says. */
  writtenAt: Millis
  /** Monotonic: since when it has been as it is, as far as is known. */
  since: Millis
}

/** Read beside the samples, never twice at once: a folder on a disk that hangs stops nothing but itself. */
export class TextFiles {
  readonly #folder: string
  readonly #platform: Pick<Platform, 'now' | 'wall'>
  #files = new Map<string, TextFile>()
  #folderTrouble: Gathered | undefined
  #reading: Promise<void> | undefined

  constructor(folder: string, platform: Pick<Platform, 'now' | 'wall'>) {
    this.#folder = folder
    this.#platform = platform
    this.look(false)
  }

  /** Looks for what has changed. `clockTrusted`: the wall clock may be compared with the times of files. */
  look(clockTrusted: boolean): void {
    this.#reading ??= this.#read(clockTrusted).finally(() => {
      this.#reading = undefined
    })
  }

  /** The look that is under way is over. */
  async settled(): Promise<void> {
    await this.#reading
  }

  gathered(): Gathered[] {
    const all = [...this.#files.values()].map((file) => this.#withAge(file))
    return this.#folderTrouble === undefined ? all : [...all, this.#folderTrouble]
  }

  /** When each file was written, in seconds since 1970, by its name. */
  written(): [name: string, seconds: number][] {
    return [...this.#files].map(([name, { writtenAt }]) => [name, writtenAt / 1_000])
  }

  async #read(clockTrusted: boolean): Promise<void> {
    const names = await this.#names()
    const files = new Map<string, TextFile>()
    for (const name of names) files.set(name, await this.#readOne(name, clockTrusted))
    this.#files = files
  }

  async #names(): Promise<string[]> {
    this.#folderTrouble = undefined
    try {
      const names = (await readdir(this.#folder))
        .filter((name) => name.endsWith('.prom') && !name.startsWith('.'))
        .sort()
      if (names.length > limits.collectors) {
        const reason = `it holds ${names.length} files, and only the first ${limits.collectors} are read: take some out`
        this.#folderTrouble = without(this.#folder, { code: 'tooMany', reason })
      }
      return names.slice(0, limits.collectors)
    } catch (error) {
      this.#folderTrouble = without(this.#folder, { code: 'refused', reason: unreadable(this.#folder, error) })
      return []
    }
  }

  async #readOne(name: string, clockTrusted: boolean): Promise<TextFile> {
    const known = this.#files.get(name)
    const shown = name.slice(0, limits.factLength).replace(/[^a-zA-Z0-9._-]/g, '?')
    try {
      // A link may lead anywhere, and a pipe would be waited for.
      const file = await open(
        join(this.#folder, name),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      )
      try {
        const stats = await file.stat()
        const version = [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(' ')
        const now = this.#platform.now()
        const age = clockTrusted ? Math.max(0, this.#platform.wall() - stats.mtimeMs) : 0
        if (known?.version === version) return { ...known, since: Math.min(known.since, now - age) }
        const gathered = stats.isFile() ? await contents(shown, file) : without(shown, NO_FILE)
        return { gathered, version, writtenAt: stats.mtimeMs, since: now - age }
      } finally {
        await file.close()
      }
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code === 'ELOOP' ? LINK : unreadable(name, error)
      return {
        gathered: without(shown, { code: 'refused', reason }),
        version: '',
        writtenAt: 0,
        since: this.#platform.now(),
      }
    }
  }

  #withAge({ gathered, since }: TextFile): Gathered {
    const age = this.#platform.now() - since
    if (gathered.trouble !== undefined || age < limits.textFileStale) return gathered
    const hours = Math.round(age / 3_600_000)
    const reason = `it was not written for ${hours} h: look after what writes it, or remove it`
    return { ...gathered, trouble: { code: 'stale', reason } }
  }
}

const NO_FILE = { code: 'refused', reason: 'it is no file: move it out of the folder' } as const
const LINK = 'it is a link: put the file itself into the folder'

/** Reads one byte more than is taken, and no further. */
async function contents(name: string, file: Awaited<ReturnType<typeof open>>): Promise<Gathered> {
  const most = limits.collectorOutputBytes
  const buffer = Buffer.allocUnsafe(most + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null)
    length += bytesRead
    if (bytesRead === 0 || length === buffer.length) break
  }
  if (length <= most) return gather(name, buffer.subarray(0, length))
  return without(name, {
    code: 'floods',
    reason: `it has more than ${most / 1_024} kB: leave out what nobody looks at`,
  })
}
