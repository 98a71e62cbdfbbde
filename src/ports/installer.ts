// Installer: turns an artifact into what is in use. Each step may be repeated, also after power went in the middle of it.
import type { InstallJob } from '../core/rollout/states.ts'

/** Every method rejects with InstallFailure for what is expected to go wrong. */
export interface Installer {
  /** Unpacks beside what is in use and checks length and SHA-256 against the job; what is in use is not touched. */
  stage(job: InstallJob, options: { encoded: string; signal: AbortSignal }): Promise<void>
  /**
   * Puts the staged one in use, by one rename: at any moment the old or the new is in use. `signal` ends what comes before it.
   * A failure says whether the release is in use nevertheless (`inUse`), as far as the disk tells: what was to be done again may be
   * damaged by now, and the rename is not the end of it.
   */
  switch(job: InstallJob, options?: { signal?: AbortSignal }): Promise<void>
  /** Removes versions of this path but the one in use and the one before it, and what interrupted steps left. */
  tidy(job: InstallJob): Promise<void>
  /** The release hash that is in use under a path; undefined when there is none. */
  current(path: string): Promise<string | undefined>
}
