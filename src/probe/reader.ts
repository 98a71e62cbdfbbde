// Reading the kernel's small text files many times a minute: no fork, one reused buffer, no exception for what is known to be absent.
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { limits } from '../core/limits.ts'

const firstBufferBytes = 16_384

/**
 * Files below one root: '/' in the product, a folder of files in tests. Reads are synchronous: the files of /proc and /sys
 * are made in memory by the kernel in microseconds, and a round through the thread pool costs several times that.
 */
export class Reader {
  readonly #root: string
  #buffer = Buffer.allocUnsafe(firstBufferBytes)
  /** Paths that did not exist: an exception costs more than a read. Only fixed and discovered paths come here, so it is bounded. */
  readonly #absent = new Set<string>()

  constructor(root: string) {
    this.#root = root.endsWith('/') ? root.slice(0, -1) : root
  }

  /** Where the absolute path `path` is on this machine. */
  locate(path: string): string {
    return this.#root + path
  }

  /** The whole text of a file, or undefined when it is missing, unreadable, empty or longer than `limits.sourceFileBytes`. */
  text(path: string): string | undefined {
    if (this.#absent.has(path)) return undefined
    try {
      const length = this.#fill(this.#root + path)
      return length === undefined || length === 0 ? undefined : this.#buffer.toString('utf8', 0, length)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#absent.add(path)
      return undefined
    }
  }

  /** A file's text without white space, NUL and line ends around it. */
  word(path: string): string | undefined {
    return this.text(path)?.replace(/^[\s\0]+|[\s\0]+$/g, '')
  }

  exists(path: string): boolean {
    return existsSync(this.#root + path)
  }

  /** Milliseconds since 1970 at which the file was last written, or undefined. */
  writtenAt(path: string): number | undefined {
    try {
      return statSync(this.#root + path, { throwIfNoEntry: false })?.mtimeMs
    } catch {
      return undefined
    }
  }

  /** Names in a folder that `pattern` matches, by the number at their end; none when it cannot be listed. */
  names(folder: string, pattern: RegExp): string[] {
    try {
      const names = readdirSync(this.#root + folder).filter((name) => pattern.test(name))
      return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).slice(0, limits.sensors)
    } catch {
      return []
    }
  }

  /** How many entries a folder has; null when it cannot be listed. */
  count(folder: string): number | null {
    try {
      return readdirSync(this.#root + folder).length
    } catch {
      return null
    }
  }

  /** Looks again for files that were missing. */
  forgetAbsent(): void {
    this.#absent.clear()
  }

  /** Reads a file into the buffer; answers its length, or undefined when it is too long. */
  #fill(path: string): number | undefined {
    const file = openSync(path, 'r')
    try {
      // The kernel hands out such files in pages: only a read of 0 bytes is the end.
      for (let length = 0; ; ) {
        const read = readSync(file, this.#buffer, length, this.#buffer.length - length, null)
        if (read === 0) return length
        length += read
        if (length === this.#buffer.length && !this.#grow()) return undefined
      }
    } finally {
      closeSync(file)
    }
  }

  #grow(): boolean {
    if (this.#buffer.length >= limits.sourceFileBytes) return false
    const larger = Buffer.allocUnsafe(this.#buffer.length * 2)
    this.#buffer.copy(larger)
    this.#buffer = larger
    return true
  }
}
