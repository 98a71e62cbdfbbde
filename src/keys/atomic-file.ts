// A file that is written whole or not at all, also when the power goes: a temporary file, synced, then renamed.
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Replaces `path` with these bytes and the permission bits `mode` (0o600 for secrets).
 * @throws the system's error, with `path` as it was and no temporary file left.
 */
export function writeAtomic(path: string, bytes: Uint8Array, mode: number): void {
  writeThen(path, bytes, mode, renameSync)
}

/** As writeAtomic, but a file that exists stays as it is. @throws the system's error; EEXIST */
export function writeNew(path: string, bytes: Uint8Array, mode: number): void {
  writeThen(path, bytes, mode, nameNew)
}

/** Gives a written file its name, unless that is taken. */
function nameNew(temporary: string, path: string): void {
  try {
    linkSync(temporary, path)
    rmSync(temporary)
  } catch (error) {
    // A stick with FAT has no links.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error
    if (existsSync(path)) throw Object.assign(new Error(`${path} exists`), { code: 'EEXIST' })
    renameSync(temporary, path)
  }
}

function writeThen(
  path: string,
  bytes: Uint8Array,
  mode: number,
  name: (temporary: string, path: string) => void,
): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)
  try {
    writeSynced(temporary, bytes, mode)
    name(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(dirname(path))
}

/** Makes the names in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function writeSynced(path: string, bytes: Uint8Array, mode: number): void {
  rmSync(path, { force: true })
  const handle = openSync(path, 'wx', mode)
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(handle, bytes, written)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
