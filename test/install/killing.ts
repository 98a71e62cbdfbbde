// Ends this process with SIGKILL at one thing that it does to a disk, for tests that go through all of them.
// Calls follow each other in what is tested here, so "after this one" is "before the next": each call is one point, and a write is
// two, before it and when half of its bytes are written.
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

type Call = (...args: unknown[]) => Promise<unknown>
type Calls = Record<string, Call>

const NAMES = ['mkdir', 'rmdir', 'rename', 'symlink', 'rm', 'chmod', 'copyFile'] as const
const HANDLE_NAMES = ['sync', 'datasync', 'truncate', 'chmod'] as const

/** @returns what was done so far, in words as of `watchDisk`; never more than `nth` - 1 things. */
export async function killAt(nth: number): Promise<readonly string[]> {
  const done: string[] = []
  await watchDisk((what) => done.push(what) === nth)
  return done
}

/**
 * Ends this process at the first thing of which `isLast` says so.
 * @param isLast asked before each thing, in words: what is done, the path or both, and of a write the position
 */
export async function watchDisk(isLast: (what: string) => boolean): Promise<void> {
  const paths = new WeakMap<object, string>()
  const watch = (calls: Calls, name: string, place: (self: object, args: unknown[]) => string) => {
    const real = calls[name] as Call
    calls[name] = function (this: object, ...args: unknown[]) {
      if (isLast(`${name} ${place(this, args)}`)) die()
      return real.apply(this, args)
    }
  }
  const calls = fs as unknown as Calls
  for (const name of NAMES) watch(calls, name, (_, args) => args.slice(0, 2).filter(isText).join(' '))
  const open = calls.open as Call
  calls.open = async (...args) => {
    if (args[1] !== 'r' && isCreating(args[1]) && isLast(`open ${args[0]}`)) die()
    const handle = (await open(...args)) as FileHandle
    paths.set(handle, String(args[0]))
    return handle
  }
  const sample = await fs.open(process.execPath)
  const handles = Object.getPrototypeOf(sample) as Calls
  await sample.close()
  const pathOf = (self: object) => paths.get(self) ?? '?'
  for (const name of HANDLE_NAMES) watch(handles, name, pathOf)
  const write = handles.write as Call
  handles.write = async function (this: object, ...args) {
    const [bytes, offset, length, position] = args as [Uint8Array, number, number, number]
    if (isLast(`write ${pathOf(this)} ${position}`)) die()
    if (isLast(`half ${pathOf(this)} ${position}`)) {
      await write.call(this, bytes, offset, length >> 1, position)
      die()
    }
    return write.apply(this, args)
  }
  syncBuiltinESMExports()
}

export function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isCreating = (flags: unknown) =>
  typeof flags === 'string' || (typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0)
