// How much room is left on a file system, asked in a way that one that hangs cannot harm.
import { limits } from '../core/limits.ts'
import type { Mount } from './mounts.ts'
import type { FileSystemSize, Platform } from './platform.ts'

/** Free space of one folder's file system. A call that hangs (a dying card, a network mount) is never followed by a second one. */
export class FreeSpace {
  readonly #platform: Platform
  readonly #path: string
  #underWay: Promise<FileSystemSize | undefined> | undefined
  /** Somebody waited for the call under way in vain: nobody else waits for it. */
  #hangs = false

  constructor(platform: Platform, path: string) {
    this.#platform = platform
    this.#path = path
  }

  /** undefined when it fails, takes longer than `limits.freeSpaceTimeout`, or when `signal` aborts first. */
  async read(signal: AbortSignal): Promise<FileSystemSize | undefined> {
    if (this.#hangs || signal.aborted) return undefined
    this.#underWay ??= this.#call()
    const call = this.#underWay
    const size = await this.#inTime(call, signal)
    if (size === 'late' && this.#underWay === call) this.#hangs = true
    return size === 'late' ? undefined : size
  }

  async #inTime<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | 'late'> {
    const { promise: late, resolve } = Promise.withResolvers<'late'>()
    const giveUp = () => resolve('late')
    const disarm = this.#platform.every(limits.freeSpaceTimeout, giveUp)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      return await Promise.race([promise, late])
    } finally {
      disarm()
      signal.removeEventListener('abort', giveUp)
    }
  }

  async #call(): Promise<FileSystemSize | undefined> {
    try {
      return await this.#platform.statfs(this.#path)
    } catch {
      return undefined
    } finally {
      this.#underWay = undefined
      this.#hangs = false
    }
  }
}

/** Some file systems have no fixed number of inodes and report 0 of 0 (btrfs, vfat): unknown, not none. */
export function spaceOf(size: FileSystemSize | undefined, mount: Mount | undefined) {
  const known = size !== undefined && size.blocks > 0 ? size : undefined
  return {
    size: known === undefined ? null : known.blocks * known.bsize,
    avail: known === undefined ? null : known.bavail * known.bsize,
    filesFree: known === undefined || known.files <= 0 ? null : known.ffree,
    readOnly: mount === undefined ? null : Number(mount.readOnly),
  }
}
