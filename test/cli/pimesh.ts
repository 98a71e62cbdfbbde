// Runs the real program as a child process, in an environment of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const program = fileURLToPath(new URL('../../bin/pimesh.js', import.meta.url))

export interface Ran {
  status: number | null
  out: string
  err: string
}

export interface RunOptions {
  env?: Record<string, string>
  input?: string
  /** Path of Node; default the one that runs the tests. */
  node?: string
  /** A file that is open, instead of a pipe. */
  stdout?: number
}

/** A child with a home of nothing: no variable of this machine reaches it except PATH. */
export function start(
  words: readonly string[],
  { env = {}, node = process.execPath, stdout }: RunOptions = {},
): ChildProcess {
  const { PATH = '' } = process.env
  return spawn(node, [program, ...words], {
    env: { PATH, HOME: '/nonexistent', ...env },
    stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
  })
}

/** Runs `pimesh WORDS...` to its end. */
export async function pimesh(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = start(words, options)
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(options.input ?? '')
  const [[status], out, err] = await Promise.all([
    once(child, 'close'),
    text(child.stdout as NonNullable<ChildProcess['stdout']>),
    text(child.stderr as NonNullable<ChildProcess['stderr']>),
  ])
  return { status, out, err }
}

/** A folder that is removed with the test. Short: sockets have short paths. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}
