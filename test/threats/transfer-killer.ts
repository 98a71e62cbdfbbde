// Loaded into a real daemon before its own code (node --import): ends it with SIGKILL at one thing that a download does to the disk:
// before a file is made, gets its length, or is synced, before a piece is written and when half of it is, and before the journal
// of pieces is written. All that happens is written to a file first. The daemon itself has no hook for this.
import { appendFileSync } from 'node:fs'
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename, dirname } from 'node:path'
import { Level } from 'level'

export interface Orders {
  /** Hash of the encoding that is meant. */
  encoding: string
  /** Hash of its piece list. */
  pieceList: string
  /** Which thing it dies of, as the trace names it; anything else lets it live. */
  at: string
  /** Takes one line for each thing. */
  trace: string
  /** Hash of the encoding that an earlier life began, and what takes a line for each piece of it that is written. */
  before: string
  completed: string
}

type Call = (...args: unknown[]) => Promise<unknown>
type Calls = Record<string, Call>

const { encoding, pieceList, at, trace, before, completed } = JSON.parse(process.env.KILLER_ORDERS ?? '{}') as Orders
const paths = new WeakMap<object, string>()
const counts = new Map<string, number>()

/** True when it is to die of this one. Pieces are written beside each other, so that what comes when differs from life to life. */
function step(what: string): boolean {
  const count = (counts.get(what) ?? 0) + 1
  counts.set(what, count)
  appendFileSync(trace, `${what} #${count}\n`)
  return `${what} #${count}` === at
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

const isMeant = (path: unknown) => typeof path === 'string' && basename(path) === encoding
const pathOf = (handle: object) => paths.get(handle)

const calls = fs as unknown as Calls
const open = calls.open as Call
calls.open = async (...args) => {
  const [path, flags] = args
  const makes = typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0
  if (isMeant(path) && makes && step('make')) die()
  const handle = (await open(...args)) as FileHandle
  paths.set(handle, String(path))
  return handle
}

const sample = await fs.open(process.execPath)
const handles = Object.getPrototypeOf(sample) as Calls
await sample.close()
for (const name of ['truncate', 'datasync', 'sync']) {
  const real = handles[name] as Call
  handles[name] = function (this: object, ...args) {
    const path = pathOf(this) ?? ''
    const folder = name === 'sync' && basename(path) === 'artifacts' && basename(dirname(path)) !== ''
    if ((isMeant(path) || folder) && step(folder ? 'sync folder' : name)) die()
    return real.apply(this, args)
  }
}
const write = handles.write as Call
handles.write = async function (this: object, ...args) {
  const [bytes, offset, length, position] = args as [Uint8Array, number, number, number]
  if (basename(pathOf(this) ?? '') === before) appendFileSync(completed, `${position}\n`)
  if (!isMeant(pathOf(this))) return write.apply(this, args)
  if (step(`write ${position}`)) die()
  if (step(`half of ${position}`)) {
    await write.call(this, bytes, offset, length >> 1, position)
    die()
  }
  return write.apply(this, args)
}

type Batch = (writes: readonly { key: string }[], ...more: unknown[]) => Promise<void>
const databases = Level.prototype as unknown as { batch: Batch }
const batch = databases.batch
databases.batch = function (this: unknown, writes, ...more) {
  const keys = [`holding/${encoding}`, `pieceList/${pieceList}`]
  if (writes.some(({ key }) => keys.includes(key)) && step('journal')) die()
  return batch.call(this, writes, ...more)
}
syncBuiltinESMExports()
