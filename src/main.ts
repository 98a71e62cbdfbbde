// The program: hands the command line and the process to the commands. What runs a daemon is loaded only when it is needed.
import { readFileSync } from 'node:fs'
import { report, runLine } from './cli/frame/run.ts'
import type { Launch } from './cli/launch.ts'
import { Failure } from './core/failure.ts'

/** Put in by the bundler; absent when this file is run as it is. */
declare const PIMESH_BUILD: { version: string; commit: string } | undefined

/** After the command is done, what still holds the process open gets this long. */
const LINGER = 2_000
const SAME_REQUEST = 1_000

function buildInfo(): { version: string; commit: string } {
  if (typeof PIMESH_BUILD !== 'undefined') return PIMESH_BUILD
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return { version: manifest.version, commit: 'source' }
}

/**
 * From the first call on, requests to end abort the signal, and a later one ends the process. npm passes on a Ctrl-C that
 * the terminal has sent to us already: what comes at once counts as the same request.
 */
function makeInterrupted(): { interrupted: () => AbortSignal; stop: AbortController; used: () => boolean } {
  const stop = new AbortController()
  let stopped = Number.POSITIVE_INFINITY
  let used = false
  const requested = (number: number) => {
    if (performance.now() - stopped > SAME_REQUEST) process.exit(128 + number)
    stopped = Math.min(stopped, performance.now())
    stop.abort()
  }
  const interrupted = () => {
    if (!used) {
      used = true
      process
        .on('SIGINT', () => requested(2))
        .on('SIGTERM', () => requested(15))
        .on('SIGHUP', () => requested(1))
    }
    return stop.signal
  }
  return { interrupted, stop, used: () => used }
}

const { interrupted, stop, used } = makeInterrupted()
let daemonRuns = false
const launch: Launch = async () => {
  daemonRuns = true
  return await import('./daemon/commands.ts')
}

/** What Node says of a write that failed, `ENOSPC: no space left on device, write`, as a sentence. */
function unwritable(error: NodeJS.ErrnoException): Failure {
  const reason = error.message.replace(/, write$/, '')
  return new Failure('E_DATA_WRITE', `cannot write the output (${reason})`, { cause: error })
}

/** Whoever read our output is gone: a daemon goes on without an audience, a demo cleans up, everything else is done. */
function withoutAudience(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw unwritable(error)
  if (daemonRuns) return
  if (used()) stop.abort()
  else process.exit(0)
}
for (const stream of [process.stdout, process.stderr]) stream.on('error', withoutAudience)

process.on('uncaughtException', (error) => process.exit(report(error, process)))

const { version, commit } = buildInfo()
process.exitCode = await runLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  version,
  build: `pimesh ${version} (${commit}, Node ${process.versions.node})`,
  program: [process.execPath, ...process.execArgv, process.argv[1] as string],
  launch,
  interrupted,
})
setTimeout(() => process.exit(), LINGER).unref()
