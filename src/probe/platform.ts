// What the probe uses of the process and the operating system besides files; tests put their own in its place.
import { execFile } from 'node:child_process'
import { statfs } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import type { Millis } from '../core/env.ts'
import { limits } from '../core/limits.ts'

/** A part of statfs(2): counts of blocks of `bsize` bytes, and of inodes. */
export interface FileSystemSize {
  bsize: number
  blocks: number
  /** Blocks that a user other than root may still fill. */
  bavail: number
  files: number
  ffree: number
}

export interface Platform {
  statfs(path: string): Promise<FileSystemSize>
  /** Runs a program without a shell, within a time and an output limit; its standard output, or a rejection. */
  run(file: string, args: readonly string[], signal: AbortSignal): Promise<string>
  /** Calls `task` every `period` and keeps no process alive for it; the answer ends it. */
  every(period: Millis, task: () => void): () => void
  /** Monotonic. */
  now(): Millis
  /** Milliseconds since 1970, as this machine's clock shows them. */
  wall(): Millis
  /** The number of the user that this process runs as. */
  user(): number
  /** What this process costs: resident memory, and CPU time since its start. */
  ownCost(): { residentBytes: number; cpuSeconds: number }
}

export const realPlatform: Platform = {
  statfs: (path) => statfs(path),
  run: (file, args, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const options = {
      signal,
      timeout: limits.commandTimeout,
      killSignal: 'SIGKILL',
      maxBuffer: limits.commandOutputBytes,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    } as const
    execFile(file, args, options, (error, output) => (error ? reject(error) : resolve(output)))
    return promise
  },
  every: (period, task) => {
    const timer = setInterval(task, period).unref()
    return () => clearInterval(timer)
  },
  now: () => performance.now(),
  wall: () => Date.now(),
  user: () => process.getuid?.() ?? 0,
  ownCost: () => {
    const { user, system } = process.cpuUsage()
    return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 }
  },
}
