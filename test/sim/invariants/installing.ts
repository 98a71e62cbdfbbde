// I10: nothing is accepted or installed that its publisher did not sign, and nothing older than what this node accepted or
// installed before. I15: nobody installs what its selector does not name. I12: from the first switch on there is always a version
// in use, and it is whole.
import type { Release } from '../../../src/core/trust/announcement.ts'
import type { Version } from '../installer.ts'

/** What was really signed. */
export interface SignedReleases {
  /** Whether an announcement with this hash was signed by whom it may be. */
  announcement(hash: string): boolean
  /** The release with this hash, if it was signed. */
  release(hash: string): Release | undefined
  /** Whether the selector names the node. */
  selects(release: Release, node: number): boolean
}

interface Job {
  path: string
  release: string
  counter: number
  artifact: { hash: string }
}

export interface Problem {
  invariant: 'I10' | 'I12' | 'I15'
  detail: string
}

interface Path {
  /** The highest counter that was accepted, as the node wrote it. */
  floor: number
  /** The highest that was in use, and its artifact. */
  installed: number
  artifact: string | undefined
  /** Releases whose switch was asked for when nothing newer was known: it may come to its end later. */
  asked: Set<string>
}

export class Installing {
  readonly #signed: SignedReleases
  readonly #paths = new Map<string, Path>()

  constructor(signed: SignedReleases) {
    this.#signed = signed
  }

  /** A node holds this announcement to be in force. */
  accepts(hash: string): Problem | undefined {
    if (this.#signed.announcement(hash)) return undefined
    return problem('I10', `accepted announcement ${hash.slice(0, 8)}, which nobody signed`)
  }

  /** A node acts on a floor that it wrote. */
  floor(node: number, path: string, counter: number): void {
    const state = this.#path(node, path)
    state.floor = Math.max(state.floor, counter)
  }

  /** A node asks its installer for a step. */
  asks(node: number, step: 'stage' | 'switch' | 'tidy', job: Job): Problem | undefined {
    const wrong = step === 'tidy' ? undefined : (this.#unsigned(job) ?? this.#unselected(node, job))
    if (wrong !== undefined || step !== 'switch') return wrong
    const state = this.#path(node, job.path)
    if (!state.asked.has(job.release) && job.counter < state.floor)
      return problem('I10', `installs ${job.path} ${job.counter} after it accepted ${state.floor}`)
    state.asked.add(job.release)
    return undefined
  }

  /** Another version is in use. */
  inUse(node: number, path: string, before: Version | undefined, after: Version | undefined): Problem | undefined {
    if (after === undefined) return before && problem('I12', `has nothing in use under ${path} any more`)
    const release = this.#signed.release(after.release)
    if (release === undefined || release.path !== path)
      return problem('I10', `has a release in use under ${path} that nobody signed`)
    if (after.artifact !== release.artifact.hash)
      return problem('I12', `has something in use under ${path} that is not whole`)
    const state = this.#path(node, path)
    const { installed, artifact } = state
    state.installed = after.counter
    state.artifact = after.artifact
    if (after.counter < installed) return problem('I10', `installed ${path} ${after.counter} after ${installed}`)
    if (after.counter === installed && artifact !== after.artifact)
      return problem('I10', `installed two artifacts as ${path} ${installed}`)
    return undefined
  }

  #unsigned({ path, release, counter, artifact }: Job): Problem | undefined {
    const signed = this.#signed.release(release)
    const right = signed?.path === path && signed.counter === counter && signed.artifact.hash === artifact.hash
    return right ? undefined : problem('I10', `installs ${path} ${counter}, which nobody signed`)
  }

  #unselected(node: number, { release, path, counter }: Job): Problem | undefined {
    const signed = this.#signed.release(release)
    const named = signed !== undefined && this.#signed.selects(signed, node)
    return named ? undefined : problem('I15', `installs ${path} ${counter}, which is not for it`)
  }

  #path(node: number, path: string): Path {
    const key = `${node} ${path}`
    const known = this.#paths.get(key)
    if (known !== undefined) return known
    const state: Path = { floor: 0, installed: 0, artifact: undefined, asked: new Set() }
    this.#paths.set(key, state)
    return state
  }
}

function problem(invariant: Problem['invariant'], detail: string): Problem {
  return { invariant, detail }
}
