// What a folder holds, to see that a refused command left everything as it was: every path with its kind, mode and hash.
import { createHash } from 'node:crypto'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openLevelStore } from '../../src/store/level.ts'

/** Path -> kind, mode and hash, of everything below `folder` but below the paths named in `without`. */
export async function contents(folder: string, without: readonly string[] = []): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const walk = async (path: string): Promise<void> => {
    const stat = await lstat(join(folder, path))
    const hash = stat.isFile() ? sha256(await readFile(join(folder, path))) : ''
    const kind = stat.isDirectory() ? 'folder' : stat.isSocket() ? 'socket' : stat.isFile() ? 'file' : 'other'
    found[path] = `${kind} ${(stat.mode & 0o7777).toString(8)} ${hash}`.trim()
    if (!stat.isDirectory() || without.includes(path)) return
    for (const name of await readdir(join(folder, path))) await walk(join(path, name))
  }
  await walk('.')
  return found
}

/** The same of a data folder that no daemon has open; LevelDB moves its files at every opening, so its entries count. */
export async function dataContents(data: string): Promise<Record<string, string>> {
  const found = await contents(data, ['db'])
  if (found.db === undefined) return found
  const store = await openLevelStore(join(data, 'db'))
  try {
    for (const { key, value } of await store.entries('')) found[`db: ${key}`] = sha256(value)
  } finally {
    await store.close()
  }
  return found
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
