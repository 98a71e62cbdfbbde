// What a disk does to artifacts and installations, as values that core decides about.
import type { InstallProblem } from '../core/rollout/states.ts'
import type { ArtifactProblem } from '../core/swarm/messages.ts'

export class ArtifactFailure extends Error {
  readonly problem: ArtifactProblem
  constructor(problem: ArtifactProblem, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'ArtifactFailure'
    this.problem = problem
  }
}

export class InstallFailure extends Error {
  readonly problem: InstallProblem
  constructor(problem: InstallProblem, options?: { cause?: unknown }) {
    super(problem.detail, options)
    this.name = 'InstallFailure'
    this.problem = problem
  }
}

/** What a system error says about a disk; undefined when it is no system error. ENOTDIR, EEXIST: a file is where a folder should be. */
export function diskTrouble(error: unknown): 'diskFull' | 'notWritable' | 'ioError' | undefined {
  const code = errorCode(error)
  if (code === undefined) return undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'diskFull'
  return ['EACCES', 'EROFS', 'EPERM', 'ENOTDIR', 'EEXIST'].includes(code) ? 'notWritable' : 'ioError'
}

/** `ENOSPC` and the like. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return undefined
  return String(error.code)
}
