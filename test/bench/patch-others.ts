// What others need to make one file of another: the tools that somebody would use instead of our patches, for patch.ts. Sizes in bytes,
// undefined where a tool is not installed, or fails.
import { execFile } from 'node:child_process'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

interface Pair {
  from: string
  to: string
  /** Folder for what is made; what is made is removed again. */
  folder: string
}

const run = promisify(execFile)

const DELTAS: Record<string, (from: string, to: string, out: string) => [string, ...string[]]> = {
  'xdelta3 -9': (from, to, out) => ['xdelta3', '-9', '-e', '-f', '-s', from, to, out],
  'zstd --patch-from -19': (from, to, out) => [
    ...(['zstd', '-q', '-f', '-19', '--long=27'] as const),
    ...[`--patch-from=${from}`, to, '-o', out],
  ],
  'zstd --patch-from': (from, to, out) => ['zstd', '-q', '-f', `--patch-from=${from}`, to, '-o', out],
  bsdiff: (from, to, out) => ['bsdiff', from, to, out],
}

export const OTHERS = [...Object.keys(DELTAS), 'casync']
/** These our patches have to be smaller than. */
export const BEATEN = OTHERS.slice(0, 3)

export async function sizeBy(name: string, pair: Pair): Promise<number | undefined> {
  const into = join(pair.folder, 'other')
  try {
    const words = DELTAS[name]?.(pair.from, pair.to, into)
    if (words === undefined) return await byCasync(pair, into)
    const [command, ...rest] = words
    await run(command, rest)
    return (await stat(into)).size
  } catch {
    return undefined
  } finally {
    await rm(into, { recursive: true, force: true })
  }
}

/** The index of the new file, and its chunks (compressed, 64 KiB on average) that the old one does not have. */
async function byCasync({ from, to }: Pair, into: string): Promise<number> {
  const [before, after, index] = [join(into, 'before'), join(into, 'after'), join(into, 'new.caibx')]
  await run('mkdir', ['-p', into])
  await run('casync', ['make', `--store=${before}`, join(into, 'old.caibx'), from])
  await run('casync', ['make', `--store=${after}`, index, to])
  const known = new Set(await readdir(before, { recursive: true }))
  let bytes = (await stat(index)).size
  for (const name of await readdir(after, { recursive: true }))
    if (name.endsWith('.cacnk') && !known.has(name)) bytes += (await stat(join(after, name))).size
  return bytes
}
