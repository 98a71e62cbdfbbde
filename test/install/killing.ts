// Ends this process with SIGKILL at the n-th thing that it does to a disk, for tests that go through all n.
// Calls follow each other in what is tested here, so "after the n-th" is "before the next": each call is one point, and a write is
// two, before it and when half of its bytes are written.
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

type Call = (...args: unknown[]) => Promise<unknown>
type Calls = Record<string, Call>

const NAMES = ['mkdir', 'rmdir', 'rename', 'symlink', 'rm', 'chmod', 'copyFile'] as const
const HANDLE_NAMES = ['sync', 'datasync', 'truncate', 'chmod'] as const

/** @returns what was done so far, in words with the paths; never more than `nth` - 1 things. */
export async function killAt(nth: number): Promise<readonly string[]> {
  const done: string[] = []
  const paths = new WeakMap<object, string>()
  const step = (what: string): boolean => {
    done.push(what)
    return done.length === nth
  }
  const watch = (calls: Calls, name: string, place: (self: object, args: unknown[]) => string) => {
    const real = calls[name] as Call
    calls[name] = function (this: object, ...args: unknown[]) {
      if (step(`${name} ${place(this, args)}`)) die()
      return real.apply(this, args)
    }
  }
  const calls = fs as unknown as Calls
  for (const name of NAMES) watch(calls, name, (_, args) => args.slice(0, 2).filter(isText).join(' '))
  const open = calls.open as Call
  calls.open = async (...args) => {
    if (args[1] !== 'r' && isCreating(args[1]) && step(`open ${args[0]}`)) die()
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
    if (step(`write ${pathOf(this)}`)) die()
    if (step(`write ${pathOf(this)}`)) {
      const [bytes, offset, length, position] = args as [Uint8Array, number, number, number]
      await write.call(this, bytes, offset, length >> 1, position)
      die()
    }
    return write.apply(this, args)
  }
  syncBuiltinESMExports()
  return done
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isCreating = (flags: unknown) =>
  typeof flags === 'string' || (typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0)
