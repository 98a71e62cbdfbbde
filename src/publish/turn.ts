// Turns: who signs for a mesh folder does so one after the other. Two announcements of one version from the same keys would freeze the
// role on every node, whichever peers they went through.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { type Mesh, writing } from './mesh.ts'

/** How often a turn is asked for, in ms: others need a second for theirs. */
const LOOK = 50

/**
 * Runs `sign` while nobody else signs with this folder. A turn whose process is gone is over.
 * @throws Failure E_STATE after limits.signingTurn, E_DATA_WRITE, and what `sign` throws.
 */
export async function inTurn<T>(mesh: Mesh, sign: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const folder = join(mesh.dir, 'announcements')
  const path = join(folder, '.signing')
  writing(mesh.dir, () => mkdirSync(folder, { recursive: true }))
  const until = performance.now() + limits.signingTurn
  while (!take(mesh, path)) {
    if (performance.now() > until) {
      const holder = `process ${holderOf(path) ?? 'unknown'}`
      throw new Failure('E_STATE', `${holder} is publishing with ${mesh.dir}: wait for it, or end it, and try again`)
    }
    await wait(LOOK, undefined, { signal })
  }
  try {
    return await sign()
  } finally {
    rmSync(path, { force: true })
  }
}

function take(mesh: Mesh, path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
      return writing(mesh.dir, () => {
        throw cause
      })
  }
  const holder = holderOf(path)
  if (holder !== undefined && !isAlive(holder)) rmSync(path, { force: true })
  return false
}

/** Undefined while the file is being written, or gone again. */
function holderOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

/** A process of another user is alive, too. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
