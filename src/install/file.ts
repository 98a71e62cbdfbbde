// The installer `file`: every version in a folder of its own, and a link to the one in use that is switched by a rename.
// Invariant: `current` points to a whole version whose bytes were checked, the old or the new one, wherever power goes.
import { readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { limits } from '../core/limits.ts'
import type { InstallJob } from '../core/rollout/states.ts'
import { InstallFailure } from '../ports/disk-failure.ts'
import { syncFolder } from '../ports/files.ts'
import type { Installer } from '../ports/installer.ts'
import { installFailure, needRoom, stepFailure } from './failures.ts'
import { readRelease, releaseText } from './release-file.ts'
import {
  CURRENT,
  isFolder,
  isPath,
  LEFTOVER,
  makeFolders,
  makeReadable,
  type Places,
  PREVIOUS,
  placesOf,
  pointTo,
  RELEASE_FILE,
  target,
  unlessMissing,
  VERSION_NAME,
} from './tree.ts'
import { isArtifact, unpack, writeNew } from './unpack.ts'

/** @param options.root DATA/installed; made when missing, and may itself be a link of the administrator. */
export function fileInstaller({ root }: { root: string }): Installer {
  return new FileInstaller(root)
}

class FileInstaller implements Installer {
  readonly #root: string

  constructor(root: string) {
    this.#root = resolve(root)
  }

  stage(job: InstallJob, options: { encoded: string; signal: AbortSignal }): Promise<void> {
    const step = { bytes: job.artifact.length, signal: options.signal }
    return this.#step(job, step, async (places) => {
      options.signal.throwIfAborted()
      await makeFolders(this.#root, job.path)
      await rm(places.staging, { recursive: true, force: true })
      const exists = await isFolder(places.versionFolder)
      if (exists && (await isWhole(places, job, options.signal))) return await syncFolder(places.folder)
      await needRoom(places.folder, job.artifact.length)
      try {
        await fill(places, job, options)
        if (exists) await repair(places)
        else await rename(places.staging, places.versionFolder)
        await syncFolder(places.folder)
      } catch (error) {
        await rm(places.staging, { recursive: true, force: true }).catch(() => undefined)
        throw error
      }
    })
  }

  /**
   * Reads the staged file once more before it is put in use: stage hashed what it wrote, and only this tells what the disk gives
   * back (T31), also when power went in between on a card that lies about fsync. From the page cache it costs the SHA-256 alone.
   */
  async switch(job: InstallJob, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    try {
      await this.#step(job, { bytes: 0, signal }, (places) => putInUse(places, job, signal))
    } catch (error) {
      throw error instanceof InstallFailure ? await withUse(error, placesOf(this.#root, job)) : error
    }
  }

  tidy(job: InstallJob): Promise<void> {
    return this.#step(job, { bytes: 0, signal: undefined }, async ({ folder }) => {
      const names = await readdir(folder).catch(unlessMissing)
      if (names === undefined) return
      const links = [await target(join(folder, CURRENT)), await target(join(folder, PREVIOUS))]
      const kept = links.slice(0, limits.versionsKept)
      // Without one in use, nobody can tell which versions nobody goes back to.
      const old = links[0] === undefined ? [] : names.filter((name) => VERSION_NAME.test(name) && !kept.includes(name))
      const left = names.filter((name) => LEFTOVER.test(name))
      for (const name of left) await rm(join(folder, name), { recursive: true, force: true })
      // Half a version must not look like one, so it loses its name first.
      for (const name of old) {
        const removed = join(folder, `.removed-${name}`)
        await rename(join(folder, name), removed)
        await rm(removed, { recursive: true, force: true })
      }
      if (left.length + old.length > 0) await syncFolder(folder)
    })
  }

  async current(path: string): Promise<string | undefined> {
    if (!isPath(path)) return undefined
    const folder = join(this.#root, path)
    try {
      const version = await target(join(folder, CURRENT))
      if (version === undefined || !VERSION_NAME.test(version)) return undefined
      const release = await readRelease(join(folder, version, RELEASE_FILE))
      return release?.slice(0, 16) === version.split('-')[1] ? release : undefined
    } catch (error) {
      throw await stepFailure(error, folder, 0)
    }
  }

  async #step(
    job: InstallJob,
    { bytes, signal }: { bytes: number; signal: AbortSignal | undefined },
    work: (places: Places) => Promise<void>,
  ): Promise<void> {
    try {
      await work(placesOf(this.#root, job))
    } catch (error) {
      // Why it was told to stop says nothing of the artifact.
      if (signal?.aborted && error === signal.reason) throw error
      throw await stepFailure(error, this.#root, bytes)
    }
  }
}

async function putInUse(places: Places, job: InstallJob, signal: AbortSignal | undefined): Promise<void> {
  const staged = (await isFolder(places.versionFolder)) && (await isWhole(places, job, signal))
  if (!staged) {
    const detail = `${places.versionFolder} is not there or not what was announced: it has to be unpacked again`
    throw installFailure('ioError', detail)
  }
  const current = join(places.folder, CURRENT)
  const before = await target(current)
  if (before !== places.version) {
    if (before !== undefined && VERSION_NAME.test(before)) await pointTo(join(places.folder, PREVIOUS), before)
    await pointTo(current, places.version)
  }
  await syncFolder(places.folder)
}

/** The failure of a switch, which says what is in use after it. */
async function withUse({ problem, cause }: InstallFailure, places: Places): Promise<InstallFailure> {
  const inUse = await isInUse(places)
  return new InstallFailure(inUse === undefined ? problem : { ...problem, inUse }, { cause })
}

/** Whether `current` points to the version, also when power goes now; undefined when the disk does not say. */
async function isInUse({ folder, version }: Places): Promise<boolean | undefined> {
  try {
    if ((await target(join(folder, CURRENT))) !== version) return false
    await syncFolder(folder)
    return true
  } catch (error) {
    // Something else than a link has its name.
    return error instanceof InstallFailure ? false : undefined
  }
}

async function isWhole(places: Places, job: InstallJob, signal: AbortSignal | undefined): Promise<boolean> {
  const release = await readRelease(join(places.versionFolder, RELEASE_FILE))
  return release === job.release && (await isArtifact(join(places.versionFolder, places.file), job.artifact, signal))
}

/** Makes the version in its staging folder, all of it on the disk. */
async function fill(places: Places, job: InstallJob, options: { encoded: string; signal: AbortSignal }): Promise<void> {
  await makeReadable(places.staging)
  await unpack(job, join(places.staging, places.file), { ...options, folder: places.folder })
  await writeNew(join(places.staging, RELEASE_FILE), releaseText(job))
  await syncFolder(places.staging)
}

/** The version is there with other bytes, and may be in use: each file is replaced by a rename. */
async function repair({ staging, versionFolder, file }: Places): Promise<void> {
  for (const name of [file, RELEASE_FILE]) await rename(join(staging, name), join(versionFolder, name))
  await syncFolder(versionFolder)
  await rmdir(staging)
}
