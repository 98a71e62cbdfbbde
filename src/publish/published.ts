// What was published from this folder lately, as it travelled: patches are made from it by themselves, for the nodes that have it in use.
// Invariant: it is a convenience. What is missing, damaged or too much is left out, and its bytes are hashed before they count.
import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '../core/limits.ts'
import type { Encoding, Release } from '../core/trust/announcement.ts'
import { freeBytes } from '../ports/files.ts'
import { ENCODING_TYPES } from '../wire/release.ts'
import type { Mesh } from './mesh.ts'

/** A release that was announced, and the file with its whole encoding. */
export interface Published extends Pick<Release, 'path' | 'version' | 'hash' | 'artifact'> {
  encoding: Encoding
  file: string
}

const FOLDER = 'published'
const SUFFIX = '.json'
/** No convenience takes more than this share of the space that is left. */
const FREE_SHARE = 0.25

/**
 * Keeps what was announced, and of each path the newest few, all within a bound of bytes.
 * @param file with the encoding
 * @throws the system's error: then it is not kept
 */
export async function keepPublished({ dir }: Pick<Mesh, 'dir'>, { file, ...published }: Published): Promise<void> {
  const { encoding, hash } = published
  if (encoding.length > limits.publishedBytes) return
  const folder = join(dir, FOLDER)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (encoding.length > FREE_SHARE * (await freeBytes(folder))) return
  const temporary = join(folder, `.${hash}`)
  try {
    await copyFile(file, temporary, constants.COPYFILE_FICLONE)
    await rename(temporary, join(folder, hash))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await writeFile(join(folder, hash + SUFFIX), `${JSON.stringify({ ...published, at: Date.now() })}\n`)
  await prune(folder)
}

/** What is kept of a path, the newest first. */
export async function publishedOf({ dir }: Pick<Mesh, 'dir'>, path: string): Promise<Published[]> {
  const all = await entriesIn(join(dir, FOLDER))
  return all.filter((one) => one.path === path)
}

type Entry = Published & { at: number }

async function prune(folder: string): Promise<void> {
  const counts = new Map<string, number>()
  const kept = new Set<string>()
  let bytes = 0
  for (const { path, hash, encoding } of await entriesIn(folder)) {
    const count = (counts.get(path) ?? 0) + 1
    if (count > limits.publishedKept || bytes + encoding.length > limits.publishedBytes) continue
    counts.set(path, count)
    bytes += encoding.length
    kept.add(hash).add(hash + SUFFIX)
  }
  for (const name of await readdir(folder)) if (!kept.has(name)) await rm(join(folder, name), { force: true })
}

async function entriesIn(folder: string): Promise<Entry[]> {
  const names = await readdir(folder).catch(() => [])
  const entries = await Promise.all(
    names.filter((name) => name.endsWith(SUFFIX)).map((name) => readEntry(folder, name.slice(0, -SUFFIX.length))),
  )
  return entries.filter((entry) => entry !== undefined).sort((a, b) => b.at - a.at)
}

async function readEntry(folder: string, hash: string): Promise<Entry | undefined> {
  try {
    const file = join(folder, hash)
    const entry = { ...(JSON.parse(await readFile(file + SUFFIX, 'utf8')) as Omit<Entry, 'file'>), file }
    const { encoding } = entry
    const isWhole = ENCODING_TYPES.includes(encoding.type) && encoding.base === undefined
    return isWhole && entry.hash === hash && (await stat(file)).size === encoding.length ? entry : undefined
  } catch {
    return undefined
  }
}
