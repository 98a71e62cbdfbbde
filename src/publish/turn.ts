// Turns: who signs for a mesh folder does so one after the other. Two announcements of one version from the same keys would freeze the
// role on every node, whichever peers they went through. Whose turn it is stands in a file, and no such file outlives its process for
// long: not when the disk was full, not when the power went and the number of the process belongs to another one now.
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { type Mesh, writing } from './mesh.ts'

/** How often a turn is asked for, in ms: others need a second for theirs. */
const LOOK = 50
/** A file that names nobody for so long, in ms, is of nobody: whoever makes one writes into it at once. */
const NAMELESS = 1_000

/** What the file says; without boot and start, where the system does not tell them, the number of the process has to do. */
interface Holder {
  pid: number
  boot: string | undefined
  start: string | undefined
}

/**
 * Runs `sign` while nobody else signs with this folder. A turn whose process is gone is over.
 * @throws Failure E_STATE after limits.signingTurn, E_DATA_WRITE, and what `sign` throws.
 */
export async function inTurn<T>(mesh: Mesh, sign: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const path = join(mesh.dir, '.signing')
  await awaitTurn(mesh, path, signal)
  try {
    return await sign()
  } finally {
    rmSync(path, { force: true })
  }
}

async function awaitTurn(mesh: Mesh, path: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + limits.signingTurn
  let namelessSince: number | undefined
  while (!writing(mesh.dir, () => take(path))) {
    const now = performance.now()
    const holder = holderOf(path)
    namelessSince = holder === 'nobody' ? (namelessSince ?? now) : undefined
    const isOver = namelessSince === undefined ? isGone(holder) : now - namelessSince >= NAMELESS
    if (isOver) writing(mesh.dir, () => rmSync(path, { force: true }))
    else if (now > until) throw busy(mesh, path, holder)
    else await wait(LOOK, undefined, { signal })
  }
}

function busy(mesh: Mesh, path: string, holder: Holder | 'nobody' | undefined): Failure {
  const who = typeof holder === 'object' ? `process ${holder.pid}` : `another process, which only ${path} knows,`
  return new Failure('E_STATE', `${who} is publishing with ${mesh.dir}: wait for it, or end it, and try again`)
}

/** False when it is somebody's turn. @throws the system's error, with no file of ours left */
function take(path: string): boolean {
  const handle = openNew(path)
  if (handle === undefined) return false
  try {
    writeFileSync(handle, [process.pid, bootId() ?? '-', startOf(process.pid) ?? '-'].join(' '))
    return true
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    closeSync(handle)
  }
}

function openNew(path: string): number | undefined {
  try {
    return openSync(path, 'wx')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  }
}

/** `nobody`: it names no process (yet). Undefined when it is gone again, or may not be read: then it is somebody else's. */
function holderOf(path: string): Holder | 'nobody' | undefined {
  const text = read(path)
  if (text === undefined) return undefined
  const [number, boot, start] = text.trim().split(' ')
  const pid = Number(number)
  const known = (word: string | undefined) => (word === '-' ? undefined : word)
  return Number.isSafeInteger(pid) && pid > 0 ? { pid, boot: known(boot), start: known(start) } : 'nobody'
}

/** Whether the process ended, or is another one of the same number. A process of another user is alive, too. */
function isGone(holder: Holder | 'nobody' | undefined): boolean {
  if (typeof holder !== 'object') return false
  const { pid, boot, start } = holder
  if (!isAlive(pid)) return true
  const differs = (then: string | undefined, now: string | undefined) =>
    then !== undefined && now !== undefined && then !== now
  return differs(boot, bootId()) || differs(start, startOf(pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Another one after each start of the machine; only Linux tells. */
function bootId(): string | undefined {
  return read('/proc/sys/kernel/random/boot_id')?.trim()
}

/** When a process started, in ticks since the machine did; only Linux tells. */
function startOf(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`)
  // The second field is a name in parentheses, which may hold anything; the start is the 22nd.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
