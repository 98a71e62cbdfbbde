// The tree of installed versions: ROOT/<path>/<counter>-<release16>/<file>, and beside the versions the link `current` to the one
// in use and `.previous` to the one before. Nothing in it is reached through a link that somebody else put there.
import { chmod, lstat, mkdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { InstallJob } from '../core/rollout/states.ts'
import { errorCode } from '../ports/disk-failure.ts'
import { makeFolder, syncFolder } from '../ports/files.ts'
import { installFailure } from './failures.ts'

export const CURRENT = 'current'
export const PREVIOUS = '.previous'
/** Holds the release's hash, in its version's folder. */
export const RELEASE_FILE = '.release'
export const VERSION_NAME = /^[1-9]\d{0,9}-[0-9a-f]{16}$/
/** What an interrupted step may leave. */
export const LEFTOVER = /^\.(?:staging|removed|link)-/

const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/
const SHORT_HASH = 16

export interface Places {
  /** Folder of the path. */
  folder: string
  /** Name of the version in it, and its folder. */
  version: string
  versionFolder: string
  staging: string
  /** The name of the artifact in its version's folder. */
  file: string
}

/**
 * Where the parts of a job belong.
 * @throws InstallFailure badArtifact for names that could reach outside their path or into another version (T10, T33).
 */
export function placesOf(root: string, job: InstallJob): Places {
  const { file } = job.installer
  if (!isPath(job.path)) throw badName(job, `the path ${JSON.stringify(job.path)}`)
  if (!/^[A-Za-z0-9._-]+$/.test(file) || ['.', '..', RELEASE_FILE].includes(file))
    throw badName(job, `the file name ${JSON.stringify(file)}`)
  if (!/^[0-9a-f]{64}$/.test(job.release)) throw badName(job, `the hash ${JSON.stringify(job.release)}`)
  const short = job.release.slice(0, SHORT_HASH)
  const version = `${job.counter}-${short}`
  if (!VERSION_NAME.test(version)) throw badName(job, `the counter ${job.counter}`)
  const folder = join(root, job.path)
  return { folder, version, versionFolder: join(folder, version), staging: join(folder, `.staging-${short}`), file }
}

/** True when no segment is a name that the installer gives. */
export function isPath(path: string): boolean {
  return path.split('/').every((name) => SEGMENT.test(name) && name !== CURRENT && !VERSION_NAME.test(name))
}

function badName(job: InstallJob, what: string) {
  const detail = `${job.path} ${job.version} cannot be installed: ${what} is not possible here; publish it under another one`
  return installFailure('badArtifact', detail)
}

/**
 * Makes the folders of `path` below `root` (absolute) that are missing, for everybody to read. All are synced, also those that an
 * interrupted step made.
 */
export async function makeFolders(root: string, path: string): Promise<void> {
  await makeFolder(root, 0o755)
  await syncFolder(dirname(root))
  let folder = root
  for (const name of path.split('/')) {
    const parent = folder
    folder = join(folder, name)
    if (!(await isFolder(folder))) await makeShared(folder)
    await syncFolder(parent)
  }
}

/** The same for a folder that another installation may make at this moment. */
async function makeShared(folder: string): Promise<void> {
  try {
    await makeReadable(folder)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !(await isFolder(folder))) throw error
  }
}

/** A new folder that everybody can read. */
export async function makeReadable(folder: string): Promise<void> {
  await mkdir(folder)
  // The mode given to mkdir is cut by the umask of the service.
  await chmod(folder, 0o755)
}

/** False when there is nothing. @throws InstallFailure notWritable when something else than a folder has its name. */
export async function isFolder(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(unlessMissing)
  if (stats !== undefined && !stats.isDirectory()) throw inTheWay(path, 'a folder of pimesh')
  return stats !== undefined
}

function inTheWay(path: string, should: string) {
  return installFailure('notWritable', `${path} should be ${should}, and something else has its name: move it away`)
}

/** Where a link of ours points, undefined when there is none. @throws InstallFailure notWritable when it is no link. */
export async function target(link: string): Promise<string | undefined> {
  const stats = await lstat(link).catch(unlessMissing)
  if (stats === undefined) return undefined
  if (!stats.isSymbolicLink()) throw inTheWay(link, 'a link made by pimesh')
  return await readlink(link)
}

/** Lets `link` point to `to` by one rename: it points to the old or the new one at any moment. */
export async function pointTo(link: string, to: string): Promise<void> {
  const temporary = join(dirname(link), '.link-new')
  await rm(temporary, { force: true })
  await symlink(to, temporary)
  await rename(temporary, link)
}

export function unlessMissing(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw error
  return undefined
}
