// I10: nothing is accepted or installed that its publisher did not sign, and nothing older than what this node accepted or
// installed before. I18: nothing of a frozen role begins to be installed, nor what failed here for good. I15: nobody installs what its selector does not name. I12: from the first switch on there is always a version
// in use, and it is whole.
import type { Change, Ticket } from '../../../src/core/events.ts'
import type { InstallEntry, InstallStep } from '../../../src/core/rollout/states.ts'
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
  invariant: 'I10' | 'I12' | 'I15' | 'I18'
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
  /** Releases whose staging began, and those that are on disk as failed for good. */
  begun: Set<string>
  failed: Set<string>
}

export class Installing {
  readonly #signed: SignedReleases
  readonly #paths = new Map<string, Path>()
  /** Journals that are being written, by node. */
  readonly #pending = new Map<number, Map<Ticket, InstallEntry[]>>()

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

  /** A process starts with these journals. What is staged may be in use already, for all it knows: it is finished first. */
  started(node: number, installs: readonly InstallEntry[]): void {
    this.#pending.set(node, new Map())
    for (const { path, underway } of installs)
      if (underway?.state === 'staged') this.#path(node, path).asked.add(underway.release)
  }

  /** A batch is on its way to the disk. */
  writes(node: number, ticket: Ticket, changes: readonly Change[]): void {
    const entries = changes.flatMap((change) => (change.type === 'install' ? [change.entry] : []))
    if (entries.length > 0) this.#pending.get(node)?.set(ticket, entries)
  }

  /** The node was told that it is there. */
  persisted(node: number, ticket: Ticket): void {
    const pending = this.#pending.get(node)
    for (const { path, failed } of pending?.get(ticket) ?? [])
      for (const { release } of failed) this.#path(node, path).failed.add(release)
    pending?.delete(ticket)
  }

  /** A node asks its installer for a step. `frozen`: it holds two announcements of one version of the role. */
  asks(node: number, step: InstallStep, job: Job, frozen: boolean): Problem | undefined {
    const wrong = step === 'tidy' ? undefined : (this.#unsigned(job) ?? this.#unselected(node, job))
    const state = this.#path(node, job.path)
    if (wrong !== undefined || step === 'tidy') return wrong
    if (step === 'stage') return begin(state, job, frozen)
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
    const state: Path = {
      floor: 0,
      installed: 0,
      artifact: undefined,
      asked: new Set(),
      begun: new Set(),
      failed: new Set(),
    }
    this.#paths.set(key, state)
    return state
  }
}

/** What was begun before may be done again, after a crash or a failed switch. */
function begin({ begun, failed }: Path, { path, release, counter }: Job, frozen: boolean): Problem | undefined {
  if (failed.has(release)) return problem('I18', `installs ${path} ${counter} again, which failed here for good`)
  if (frozen && !begun.has(release)) return problem('I18', `installs ${path} ${counter} while its role is frozen`)
  begun.add(release)
  return undefined
}

function problem(invariant: Problem['invariant'], detail: string): Problem {
  return { invariant, detail }
}
