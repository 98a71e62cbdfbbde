// The key of a join under way. A member that lets the node in gives its seat to that key: when the join ends before the folder
// is written (a power cut, Ctrl-C), a new key would find the seat taken. So the key is in the folder before it is shown to
// anybody, bound to the invite, and the next attempt with the same token is the same node on the same seat.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile, rm, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { newSecret } from '../keys/ed25519.ts'
import { notWritable, paths } from './folder.ts'

const LINE = /^([0-9a-f]{64}) (\d{1,4}) ([0-9a-f]{64})\n$/

export interface Attempt {
  /** 32-byte Ed25519 seed of the node's key. */
  readonly secret: Uint8Array
  /** The seat that this key was last shown with; undefined when it never was. */
  readonly seat: number | undefined
  /** On disk when it returns. Blocks: nothing may be shown before. */
  keep(seat: number): void
  /** Removes the key, and the folder when it was made for it. */
  forget(): Promise<void>
}

/** @param invite hex hash of the invite: the key of an attempt with another one is not used, and stays until ours is written */
export async function beginAttempt(data: string, invite: string): Promise<Attempt> {
  const path = paths(data).joiningKey
  const earlier = await readFile(path, 'utf8').catch(() => '')
  const [, invited, seatText, hex] = LINE.exec(earlier) ?? []
  const same = invited === invite && hex !== undefined
  const secret = same ? Uint8Array.from(Buffer.from(hex, 'hex')) : newSecret()
  let seat = same ? Number(seatText) : undefined
  let [written, made]: [boolean, string | undefined] = [same, undefined]
  return {
    secret,
    get seat() {
      return seat
    },
    keep(shown) {
      if (written && seat === shown) return
      try {
        made ??= existsSync(data) ? undefined : mkdirSync(data, { recursive: true, mode: 0o750 })
        writeWhole(path, `${invite} ${shown} ${Buffer.from(secret).toString('hex')}\n`)
      } catch (cause) {
        rmSync(`${path}.new`, { force: true })
        throw notWritable(data, cause)
      }
      written = true
      seat = shown
    },
    async forget() {
      if (written) await rm(path, { force: true })
      for (let folder = data; made !== undefined && folder.length >= made.length; folder = dirname(folder)) {
        if (!(await emptied(folder))) return
      }
    },
  }
}

/** Whole and synced, or as it was. */
function writeWhole(path: string, text: string): void {
  const temporary = `${path}.new`
  rmSync(temporary, { force: true })
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function emptied(folder: string): Promise<boolean> {
  return rmdir(folder).then(
    () => true,
    () => false,
  )
}
