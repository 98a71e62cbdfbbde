// Whether a program may be run: only what this user or root alone can change, so that nobody gets another user's rights by way of a collector.
import type { Stats } from 'node:fs'
import { lstat, open, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const OTHERS_WRITE = 0o022
const STICKY = 0o1000
const EXECUTE = 0o111

/** Why nothing in the folder may be run: it, or a folder above it, can be changed by others. Undefined: it may. */
export async function folderProblem(folder: string, user: number): Promise<string | undefined> {
  try {
    const path = await realpath(folder)
    const stats = await lstat(path)
    if (!stats.isDirectory()) return `${folder} is no folder: correct collectors.programs`
    return ownProblem(stats, user, path) ?? (await aboveProblem(dirname(path), user))
  } catch (error) {
    return unreadable(folder, error)
  }
}

/** In a folder with the sticky bit, such as /tmp, others cannot replace what is not theirs. */
async function aboveProblem(folder: string, user: number): Promise<string | undefined> {
  const stats = await lstat(folder)
  const problem = (stats.mode & STICKY) !== 0 && trusted(stats, user) ? undefined : ownProblem(stats, user, folder)
  return problem ?? (folder === '/' ? undefined : await aboveProblem(dirname(folder), user))
}

/** Why this file may not be run. */
export async function programProblem(folder: string, name: string, user: number): Promise<string | undefined> {
  const path = join(folder, name)
  try {
    const stats = await lstat(path)
    if (stats.isSymbolicLink()) return 'it is a link: put the program itself into the folder'
    if (!stats.isFile()) return 'it is no file: move it out of the folder'
    const problem = ownProblem(stats, user, path)
    if (problem !== undefined) return problem
    if (!isExecutable(stats, user)) return `it is not executable: chmod +x ${path}`
    return (await isProgram(path)) ? undefined : 'it is no program: let it begin with a line such as #!/bin/sh'
  } catch (error) {
    return unreadable(path, error)
  }
}

function ownProblem(stats: Stats, user: number, path: string): string | undefined {
  if (!trusted(stats, user))
    return `${path} belongs to user ${stats.uid}, who could put anything there: give it to root or to the user of the daemon with chown`
  if ((stats.mode & OTHERS_WRITE) === 0) return undefined
  return `${path} can be changed by other users: chmod go-w ${path}`
}

function trusted(stats: Stats, user: number): boolean {
  return stats.uid === 0 || stats.uid === user
}

/** The kernel has the last word; root needs some x bit, like everybody. */
function isExecutable(stats: Stats, user: number): boolean {
  return (stats.mode & (stats.uid === user && user !== 0 ? 0o100 : EXECUTE)) !== 0
}

/** What is neither a script with its interpreter nor compiled would be handed to a shell by execvp(3). */
async function isProgram(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    const begin = buffer.toString('latin1', 0, bytesRead)
    return begin.startsWith('#!') || begin === '\x7fELF'
  } finally {
    await file.close()
  }
}

export function unreadable(path: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return `${path} is not there: make it, or correct the configuration`
  if (code === 'EACCES') return `${path} may not be read by the user of the daemon: change its permissions`
  return `${path} cannot be read (${code ?? String(error)})`
}
