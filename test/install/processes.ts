// Other processes for the tests of disks: killed on their way, on a disk of their own, or where nothing can be written.
import { execFile, execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'

export interface Ending {
  signal: string | null
  status: number
  out: string
}

/** Makes one file of a TypeScript program and what it imports: it starts three times as fast, for who starts it a hundred times. */
export async function bundled(script: string, folder: string): Promise<string> {
  const outfile = join(folder, 'child.mjs')
  await build({ entryPoints: [script], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' })
  return outfile
}

/** Runs a program to its end, whatever that is. */
export function run(
  script: string,
  args: readonly string[],
  by: readonly string[] = [],
  timeout = 30_000,
): Promise<Ending> {
  const [program = '', ...rest] = [...by, process.execPath, script, ...args]
  return new Promise((resolve) => {
    execFile(program, rest, { timeout }, (error, out, err) => {
      const status = typeof error?.code === 'number' ? error.code : 0
      resolve({ signal: error?.signal ?? null, status, out: status === 0 ? out : out + err })
    })
  })
}

/** Calls `each` with 1, 2, ... until it answers true, two at a time. @returns how often it did not. */
export async function countUntil(each: (nth: number) => Promise<boolean>): Promise<number> {
  let nth = 0
  let end = Number.POSITIVE_INFINITY
  const lane = async () => {
    while (nth < end) {
      nth += 1
      const mine = nth
      if (await each(mine)) end = Math.min(end, mine)
    }
  }
  await Promise.all([lane(), lane()])
  return end - 1
}

/** In front of a command: it sees an empty disk of so many bytes at `folder`, for itself alone. */
export const onDisk = (folder: string, bytes: number) =>
  ['unshare', '--mount', 'sh', '-c', `mount -t tmpfs -o size=${bytes} tmpfs "$0" && exec "$@"`, folder] as const

/** In front of a command: it can write nothing below `folder`, whoever it is. */
export const readOnly = (folder: string) =>
  [
    'unshare',
    '--mount',
    'sh',
    '-c',
    'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"',
    folder,
  ] as const

/** Whether this machine lets us make such places. */
export const namespaces = process.getuid?.() === 0 && succeeds([...onDisk(tmpdir(), 4_096), 'true'])

function succeeds([program = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 30_000 })
    return true
  } catch {
    return false
  }
}
