// What node:fs leaves to do, for the adapters that keep files (which may not import each other).
import { type FileHandle, mkdir, open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { limits } from '../core/limits.ts'
import { errorCode } from './disk-failure.ts'

/** Writes all bytes at `position`, however many the system takes at once. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

/** Fills `bytes` from `position`. @returns how many there were: fewer when the file ends. */
export async function readAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at)
    if (bytesRead === 0) return at
    at += bytesRead
  }
  return bytes.length
}

/**
 * The bytes of a file from its beginning. Each block is valid until the next one is asked for: all are read into one buffer of
 * limits.fileBlockBytes, because the garbage of a stream of fresh buffers costs a small board 50 MB.
 */
export async function* blocks(
  file: FileHandle,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(limits.fileBlockBytes)
  for (let position = 0; ; ) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    position += bytesRead
  }
}

/**
 * Makes a folder, and those above it that are missing, and waits until their names are on the disk. Its `recursive` namesake of
 * node:fs says ENOENT where a disk is read-only.
 */
export async function makeFolder(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, mode)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST') return
    if (code !== 'ENOENT') throw error
    await makeFolder(dirname(folder), mode)
    await mkdir(folder, mode)
  }
  await syncFolder(dirname(folder))
}

/** Makes the names in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Bytes that this user may still write to the file system of `folder`. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
