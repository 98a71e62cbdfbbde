// What is installed on a machine: versions of a path side by side, one of them in use. A step takes time; a crash in the middle
// leaves a staged version half done, a switch done or not, a tidy partly done.
import type { Millis } from '../../src/core/env.ts'
import type { InstallJob, InstallProblem, InstallStep } from '../../src/core/rollout/states.ts'
import type { SimArtifacts } from './artifacts.ts'
import { type Content, hashOf } from './content.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'

/** A version on disk: `artifact` is the hash of what was unpacked, undefined while that is not finished. */
export interface Version {
  release: string
  counter: number
  artifact: string | undefined
}

interface Folder {
  versions: Map<string, Version>
  current: string | undefined
  previous: string | undefined
}

export interface InstallFaults {
  /** Mean time of a step, exponential. */
  stepMean: Millis
  stepMax: Millis
  /** Share of steps that fail for a reason of the disk. */
  failShare: number
}

interface Parts {
  queue: EventQueue
  prng: Prng
  faults: InstallFaults
  artifacts: SimArtifacts
  /** All encodings of the world: what they unpack to. */
  contentOf: (encoding: string) => Content | undefined
  /** Another version came into use, or one was removed. */
  changed: (path: string, before: Version | undefined, after: Version | undefined) => void
}

export class SimInstaller {
  readonly #p: Parts
  readonly #folders = new Map<string, Folder>()
  #underWay = new Set<{ step: InstallStep; job: InstallJob }>()
  #run = 0

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** As ports/installer has it; `done` gets what went wrong. */
  step(step: InstallStep, job: InstallJob, done: (problem: InstallProblem | undefined) => void): void {
    const { stepMean, stepMax, failShare } = this.#p.faults
    const delay = Math.min(stepMax, Math.ceil(this.#p.prng.exponential(stepMean)))
    const fails = this.#p.prng.chance(failShare)
    const [run, work] = [this.#run, { step, job }]
    this.#underWay.add(work)
    this.#p.queue.after(delay, () => {
      if (this.#run !== run) return
      this.#underWay.delete(work)
      done(fails ? this.#unanswered(step, job) : this.#perform(step, job))
    })
  }

  /** What is in use under a path. */
  current(path: string): Version | undefined {
    const folder = this.#folders.get(path)
    return folder?.versions.get(folder.current ?? '')
  }

  /** The process ends: what was under way is done, or left in the middle. */
  crash(): void {
    this.#run++
    for (const { step, job } of this.#underWay) {
      if (step === 'stage') this.#begin(job)
      else if (this.#p.prng.chance(0.5)) this.#perform(step, job)
    }
    this.#underWay = new Set()
  }

  #unanswered(step: InstallStep, job: InstallJob): InstallProblem {
    const problem = { reason: 'ioError', detail: 'the disk did not answer' } as const
    return step === 'switch' ? { ...problem, inUse: this.#isInUse(job) } : problem
  }

  #isInUse({ path, release }: InstallJob): boolean {
    return this.#folders.get(path)?.current === release
  }

  #perform(step: InstallStep, job: InstallJob): InstallProblem | undefined {
    if (step === 'stage') return this.#stage(job)
    return step === 'switch' ? this.#switch(job) : this.#tidy(job)
  }

  #stage(job: InstallJob): InstallProblem | undefined {
    const { artifacts, contentOf } = this.#p
    const { hash, sha256 } = job.encoding
    if (artifacts.full) return { reason: 'diskFull', detail: 'no space is left', missing: job.artifact.length }
    const pieces = artifacts.contents(hash)
    if (pieces === undefined) return { reason: 'ioError', detail: 'the encoding is not all there' }
    // The publisher is blamed for ever: only when the disk is not to blame.
    if (hashOf(pieces) !== sha256)
      return { reason: 'ioError', detail: 'the encoding is not what was fetched', mismatch: true }
    const unpacked = contentOf(hash)?.artifact.hash
    if (unpacked !== job.artifact.hash) return { reason: 'badArtifact', detail: 'it is not what was announced' }
    const { versions } = this.#folder(job.path)
    if (versions.get(job.release)?.artifact !== unpacked) versions.set(job.release, versionOf(job, unpacked))
    return undefined
  }

  /** Half a version: what was whole before stays so. */
  #begin(job: InstallJob): void {
    const { versions } = this.#folder(job.path)
    if (!versions.has(job.release)) versions.set(job.release, versionOf(job, undefined))
  }

  #switch(job: InstallJob): InstallProblem | undefined {
    const folder = this.#folder(job.path)
    if (!folder.versions.has(job.release))
      return { reason: 'ioError', detail: 'it was not staged', inUse: this.#isInUse(job) }
    if (folder.current === job.release) return undefined
    const before = this.current(job.path)
    folder.previous = folder.current
    folder.current = job.release
    this.#p.changed(job.path, before, this.current(job.path))
    return undefined
  }

  #tidy(job: InstallJob): undefined {
    const folder = this.#folder(job.path)
    for (const release of folder.versions.keys()) {
      if (release !== folder.current && release !== folder.previous) folder.versions.delete(release)
    }
  }

  #folder(path: string): Folder {
    const known = this.#folders.get(path)
    if (known !== undefined) return known
    const folder: Folder = { versions: new Map(), current: undefined, previous: undefined }
    this.#folders.set(path, folder)
    return folder
  }
}

function versionOf({ release, counter }: InstallJob, artifact: string | undefined): Version {
  return { release, counter, artifact }
}
