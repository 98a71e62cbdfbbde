// The artifact files that are open: opened when needed, a few at a time, never closed under somebody who uses them.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { limits } from '../core/limits.ts'

interface Slot {
  file: Promise<FileHandle>
  users: number
  /** Set when the file is to be closed as soon as nobody uses it. */
  ended: PromiseWithResolvers<void> | undefined
}

export class OpenFiles {
  /** By path; the one that was used longest ago comes first. */
  readonly #slots = new Map<string, Slot>()

  /** Runs `work` on the file, which must exist; symbolic links are not followed. */
  async use<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
    const slot = this.#take(path)
    try {
      return await work(await slot.file)
    } finally {
      slot.users -= 1
      if (slot.users === 0 && slot.ended !== undefined) await close(slot, slot.ended)
      else await this.#trim()
    }
  }

  /** Closes a file; resolves when its last user is done. */
  async drop(path: string): Promise<void> {
    const slot = this.#slots.get(path)
    if (slot === undefined) return
    this.#slots.delete(path)
    const ended = Promise.withResolvers<void>()
    slot.ended = ended
    if (slot.users === 0) await close(slot, ended)
    await ended.promise
  }

  async close(): Promise<void> {
    await Promise.all([...this.#slots.keys()].map((path) => this.drop(path)))
  }

  #take(path: string): Slot {
    const slot = this.#slots.get(path) ?? this.#open(path)
    this.#slots.delete(path)
    this.#slots.set(path, slot)
    slot.users += 1
    return slot
  }

  #open(path: string): Slot {
    const file = open(path, constants.O_RDWR | constants.O_NOFOLLOW)
    const slot: Slot = { file, users: 0, ended: undefined }
    file.catch(() => {
      if (this.#slots.get(path) === slot) this.#slots.delete(path)
    })
    return slot
  }

  async #trim(): Promise<void> {
    if (this.#slots.size <= limits.artifactFilesOpen) return
    const idle = [...this.#slots].find(([, slot]) => slot.users === 0)
    if (idle !== undefined) await this.drop(idle[0])
  }
}

async function close(slot: Slot, ended: PromiseWithResolvers<void>): Promise<void> {
  const file = await slot.file.catch(() => undefined)
  await file?.close().catch(() => undefined)
  ended.resolve()
}
