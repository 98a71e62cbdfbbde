// Whose a laboratory is, and how what is left of it is removed. Names of namespaces begin with the process that made them and the
// moment in which that began, so that anybody can tell later that the owner is dead; what is removed by name needs no list.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './shell.ts'

const NAMESPACES = '/run/netns'
const WORD = 'pmlab'

let made = 0

/** A prefix for all names of one laboratory of this process: `pmlab.PID.BEGUN.NUMBER.`. */
export function newPrefix(): string {
  return `${WORD}.${process.pid}.${begun(process.pid)}.${++made}.`
}

/** The folder in which a laboratory keeps its mesh and its nodes. */
export function folderOf(prefix: string): string {
  return join(tmpdir(), prefix.slice(0, -1))
}

/** Process that owns what has this prefix. */
export function ownerOf(prefix: string): number {
  return Number(prefix.split('.')[1])
}

/** Prefixes of all laboratories of which anything is there. */
export function laboratories(): string[] {
  const names = [...entries(NAMESPACES), ...entries(tmpdir())]
  const prefixes = names.flatMap((name) => new RegExp(`^${WORD}[.]\\d+[.]\\w+[.]\\d+`).exec(name)?.[0] ?? [])
  return [...new Set(prefixes)].map((prefix) => `${prefix}.`)
}

/** The newest laboratory that has a namespace of this name. */
export function laboratoryWith(name: string): string | undefined {
  const [newest] = laboratories()
    .filter((prefix) => namespacesOf(prefix).includes(`${prefix}${name}`))
    .sort((a, b) => age(a) - age(b))
  return newest
}

export function isOwned(prefix: string): boolean {
  const [, pid, start] = prefix.split('.')
  return begun(Number(pid)) === start
}

/** Ends every process in the namespaces of a prefix, and removes them and the folder. Idempotent. */
export async function remove(prefix: string): Promise<void> {
  for (let left = namespacesOf(prefix); left.length > 0; left = namespacesOf(prefix)) {
    for (const namespace of left) await endProcesses(namespace)
    await run('ip', ['-force', '-batch', '-'], left.map((namespace) => `netns del ${namespace}\n`).join('')).catch(
      (error) => {
        if (namespacesOf(prefix).length >= left.length) throw error
      },
    )
  }
  rmSync(folderOf(prefix), { recursive: true, force: true, maxRetries: 3 })
}

/** Removes what dead owners left. @returns their prefixes */
export async function sweep(): Promise<string[]> {
  const abandoned = laboratories().filter((prefix) => !isOwned(prefix))
  for (const prefix of abandoned) await remove(prefix)
  return abandoned
}

async function endProcesses(namespace: string): Promise<void> {
  const pids = await run('ip', ['netns', 'pids', namespace]).catch(() => '')
  for (const pid of pids.split('\n').filter((line) => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {} // it has ended by itself
  }
}

function namespacesOf(prefix: string): string[] {
  return entries(NAMESPACES).filter((name) => name.startsWith(prefix))
}

/** Smaller for what was made later: by when its owner began, as far as that tells. */
function age(prefix: string): number {
  const [, , start, number] = prefix.split('.')
  return -(Number(start) + Number(number) / 1_000)
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** When a process began, in the kernel's ticks; undefined when there is none. */
function begun(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
