// An installation: the journal of one path at work. It writes the edges, asks for the steps, waits for what comes of them and
// tries again what a disk refused. Invariant: at most one write or step is under way, and what rests on an edge happens when
// that edge is on disk.
import type { Millis } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import { type Release, wholeOf } from '../trust/announcement.ts'
import type { Bundles } from './bundles.ts'
import {
  afterAsking,
  afterEdge,
  afterRestart,
  afterStep,
  isFallBack,
  isHeld,
  jobOf,
  type Known,
  next,
  underwayOf,
  type Wish,
  withFailure,
} from './journal.ts'
import { holdOf, type PathView, type Standing, standingOf } from './reports.ts'
import type { Choice } from './selection.ts'
import type { InstallEntry, InstallJob, InstallProblem, InstallState, InstallStep, Underway } from './states.ts'
import type { Need, Supply } from './supply.ts'

/** What it asks about the bundle of its path. */
type Together = Pick<Bundles, 'binds' | 'isBehind' | 'waitsFor'>

type Waiting = { ticket: Ticket } /** `bound`: in one batch with those of other paths. */ & (
  | { write: InstallEntry; bound?: boolean }
  | { write?: undefined; step: InstallStep; job: InstallJob }
)

export class Installation implements PathView {
  readonly #out: Outbox
  readonly #supply: Supply
  readonly #bundles: Together
  entry: InstallEntry
  choice: Choice | undefined
  trouble: InstallProblem | undefined
  failure: PathView['failure']
  committed = 0
  #known: Known
  /** The release under way as it was announced; undefined after a restart without its announcement. */
  #source: Release | undefined
  #waiting: Waiting | undefined
  /** Nothing is tried before. */
  #retryAt: Millis | undefined
  /** How long to wait after the next error of the disk: twice as long each time, until an edge is reached. */
  #pause: Millis = limits.diskRetry
  /** The encoding that did not have its SHA-256 although all its pieces were right, ever since: no piece of it was fetched again. */
  #mismatched: string | undefined
  /** Why the patch could not be applied. */
  #patchTrouble: string | undefined
  /** Since when nobody has the patch under way. */
  #aloneSince: Millis | undefined
  /** When to look how its download fares. */
  #lookAt: Millis = Number.NEGATIVE_INFINITY
  #tidyAgain: { job: InstallJob; at: Millis } | undefined
  /** The hold that was told last. */
  #held: string | undefined
  #idle = false
  #news = false

  constructor(out: Outbox, { supply, bundles }: { supply: Supply; bundles: Together }, entry: InstallEntry) {
    this.#out = out
    this.#supply = supply
    this.#bundles = bundles
    this.entry = entry
    this.#known = afterRestart(entry)
  }

  /** Nothing is under way or due: only another choice wakes it. */
  get idle(): boolean {
    return this.#idle
  }

  /** Nothing was ever written of it, nor is about to be. */
  get isBlank(): boolean {
    const { installed, underway, failed } = this.entry
    return this.#waiting === undefined && installed === undefined && underway === undefined && failed.length === 0
  }

  /** Unpacked, and kept by nothing but the others of its bundle. */
  get isReady(): boolean {
    const { choice, entry } = this
    const isFree = this.#waiting === undefined && this.#retryAt === undefined && this.#known.done === 'stage'
    if (!isFree || entry.underway?.state !== 'verified') return false
    return choice?.selected === true && choice.hold === undefined && choice.release.hash === entry.underway.release
  }

  /** The edge to `staged` of what is ready. */
  nextStaged(): InstallEntry {
    const { underway } = this.entry
    return { ...this.entry, underway: underway && { ...underway, state: 'staged' } }
  }

  /** That edge is being written, together with those of the others. */
  bind(ticket: Ticket): void {
    this.#waiting = { ticket, write: this.nextStaged(), bound: true }
    this.#idle = false
  }

  waitsFor(ticket: Ticket): boolean {
    return this.#waiting?.ticket === ticket
  }

  /** When it tries again what failed. */
  deadline(): Millis | undefined {
    if (this.#waiting !== undefined) return undefined
    const [retry, tidy] = [this.#retryAt, this.#tidyAgain?.at]
    return retry === undefined || tidy === undefined ? (retry ?? tidy) : Math.min(retry, tidy)
  }

  /** The release whose encoding is needed now or, when it is held, as soon as it may go on; and that encoding. */
  needed(): Need | undefined {
    const { choice } = this
    const { underway } = this.entry
    const release = this.#source
    const encoding = release?.encodings.find(({ hash }) => hash === underway?.encoding.hash)
    if (release === undefined || underway === undefined || encoding === undefined) return undefined
    const isUnpacked = !['fetching', 'verified'].includes(underway.state) && !this.#known.restage
    if (isUnpacked) return undefined
    const isChosen = choice?.selected === true && choice.release.hash === underway.release
    const may = !isChosen || choice.hold === undefined
    const held = isHeld(underway, may, this.#known, this.#supply.isComplete(encoding.hash))
    return { release, encoding, held }
  }

  /** True when a state or a reason changed since this was last asked. */
  takeNews(): boolean {
    const news = this.#news
    this.#news = false
    return news
  }

  /** What counts for this path now; undefined: nothing any more. `first`: what an earlier run left is looked at too. */
  decide(choice: Choice | undefined, first: boolean): void {
    const { underway, installed, path } = this.entry
    const another = choice?.release.hash !== this.choice?.release.hash || choice?.hold !== this.choice?.hold
    this.choice = choice
    // A disk that troubled another release is no reason to let this one wait.
    if (another) this.#goOn()
    if (another && underway === undefined) this.#setTrouble(undefined)
    if (choice !== undefined && choice.release.hash === underway?.release) this.#source = choice.release
    if (first && underway === undefined && choice !== undefined && choice.release.hash === installed?.release) {
      const again = underwayOf(choice)
      this.#known = { ...this.#known, tidy: again && jobOf(path, again) }
    }
    this.#tellHold()
  }

  /** Goes on as far as it can. */
  advance(now: Millis): void {
    this.#idle = false
    // A piece is missing: the disk had changed the file, so its publisher is not to blame.
    if (this.#mismatched !== undefined && this.#supply.percentOf(this.#mismatched) < 100) this.#mismatched = undefined
    if (this.#waiting !== undefined) return
    if (this.#tidyAgain !== undefined && now >= this.#tidyAgain.at) {
      this.#known = { ...this.#known, tidy: this.#known.tidy ?? this.#tidyAgain.job }
      this.#tidyAgain = undefined
    }
    if (this.#retryAt !== undefined && now < this.#retryAt) return
    this.#retryAt = undefined
    const { underway } = this.entry
    const complete = underway !== undefined && this.#supply.isComplete(underway.encoding.hash)
    if (!complete && this.#hasWholeInstead()) {
      this.#patchTrouble = undefined
      this.#known = { ...this.#known, noPatch: true }
    }
    const action = next(this.entry, this.#wish(), this.#known, complete)
    if (action.do === 'write') this.#write(action.entry)
    else if (action.do === 'step') this.#step(action.step, action.job)
    else if (action.do === 'fetch') this.#look(now)
    else this.#rest()
  }

  /** The step that it waits for is done, or failed. */
  stepped(told: InstallProblem | undefined, now: Millis): void {
    if (this.#waiting === undefined || this.#waiting.write !== undefined) return
    const { step, job } = this.#waiting
    const problem = this.#judged(told, job)
    this.#waiting = undefined
    this.#known = afterStep(step, problem, this.#known)
    if (step === 'tidy') this.#tidyAgain = problem && { job, at: now + limits.diskRetry }
    else if (problem === undefined) this.#setTrouble(undefined)
    else this.#failed(step, problem, now)
    this.advance(now)
  }

  /** The edge that it waits for is on disk. Does not go on by itself: what is needed may have changed. */
  persisted(commits: number): void {
    if (this.#waiting?.write === undefined) return
    const { write, bound } = this.#waiting
    const before = this.entry
    this.#waiting = undefined
    this.#known = afterEdge(before, write, this.#known, bound)
    this.entry = write
    this.#goOn()
    this.#setTrouble(undefined)
    this.#tellEdge(before, commits)
  }

  persistFailed(now: Millis): void {
    this.#waiting = undefined
    this.#retryAt = now + limits.diskRetry
    this.#setTrouble({ reason: 'ioError', detail: 'the journal of this installation cannot be written' })
  }

  /** What only a new announcement or a newer pimesh can mend is not wished; all else may wait in its place. */
  #wish(): Wish {
    const { choice } = this
    if (!choice?.selected || choice.hold === 'oldCounter' || choice.hold === 'unsupported') return undefined
    const { release, role, epoch } = choice
    const { path } = this.entry
    const [bound, behind] = [this.#bundles.binds(path), this.#bundles.isBehind(path)]
    return { release, role, epoch, may: choice.hold === undefined, bound, behind }
  }

  /** Only something else wakes it: another choice, or another member of its bundle. */
  #rest(): void {
    this.#idle = this.#tidyAgain === undefined
    const detail = this.isReady ? this.#bundles.waitsFor(this.entry.path) : undefined
    if (detail !== undefined) this.#setTrouble({ reason: 'requires', detail })
  }

  #write(write: InstallEntry): void {
    this.#waiting = { ticket: this.#out.persist([{ type: 'install', entry: write }], true), write }
  }

  #step(step: InstallStep, job: InstallJob): void {
    const ticket = this.#out.ticket()
    this.#known = afterAsking(step, this.#known)
    this.#waiting = { ticket, step, job }
    this.#out.emit({ type: 'install', ticket, step, job })
  }

  /** The swarm may have had no room for the download, or have ended it with a file that was complete and is damaged now. */
  #look(now: Millis): void {
    if (now < this.#lookAt) return
    this.#lookAt = now + limits.progressLook
    const need = this.needed()
    if (need !== undefined) this.#supply.fetch(need, now)
    const problem = need && this.#supply.problemOf(need.encoding.hash)
    this.#setTrouble(problem)
    if (need?.encoding.base === undefined || problem?.reason !== 'noProvider') this.#aloneSince = undefined
    else this.#fetchWholeToo(need, now)
  }

  /** What comes first is taken: a patch is the smaller one, if it comes. */
  #fetchWholeToo({ release }: Need, now: Millis): void {
    this.#aloneSince ??= now
    const whole = wholeOf(release.encodings)
    if (whole !== undefined && now >= this.#aloneSince + limits.patchPatience)
      this.#supply.fetch({ release, encoding: whole }, now)
  }

  /** The patch under way is not here, and the whole is. */
  #hasWholeInstead(): boolean {
    const { underway } = this.entry
    if (underway?.state !== 'fetching' || underway.encoding.base === undefined) return false
    const whole = wholeOf(this.#source?.encodings ?? [])
    return whole !== undefined && this.#supply.isComplete(whole.hash)
  }

  /** A patch that was signed wrongly is no reason to give the release up: the whole encoding was signed, too. */
  #judged(problem: InstallProblem | undefined, { encoding }: InstallJob): InstallProblem | undefined {
    const isBlamed = problem?.mismatch && this.#mismatched === encoding.hash
    return isBlamed && encoding.base !== undefined ? { ...problem, noPatch: true } : problem
  }

  #failed(step: InstallStep, problem: InstallProblem, now: Millis): void {
    const { underway } = this.entry
    if (problem.noPatch) {
      this.#patchTrouble = problem.detail
      return
    }
    // What was staged was the artifact once: whatever is wrong with it now, the disk did it.
    if (underway?.state === 'verified') {
      const detail = this.#blame(underway, problem)
      if (detail !== undefined) {
        this.failure = { release: underway.release, detail }
        return this.#write(withFailure(this.entry, underway))
      }
    }
    if (step === 'stage' && problem.reason === 'ioError' && underway !== undefined) {
      this.#mismatched = problem.mismatch ? underway.encoding.hash : undefined
      this.#supply.doubt(underway.encoding.hash, problem.detail, now)
    }
    if (problem.reason === 'diskFull') this.#supply.makeSpace(problem.missing ?? 0, now)
    this.#retryAt = now + this.#nextPause(problem)
    this.#setTrouble(problem)
  }

  /** Why what was signed cannot be installed anywhere; undefined when the disk may be to blame. */
  #blame({ version, encoding }: Underway, { reason, detail, mismatch }: InstallProblem): string | undefined {
    if (reason === 'badArtifact') return detail
    // Between the two, every piece was hashed again and found to be what was signed.
    if (!mismatch || this.#mismatched !== encoding.hash) return undefined
    return `the encoding of ${this.entry.path} ${version} has all the announced pieces and not the announced SHA-256 ${encoding.sha256}: its publisher must sign it anew`
  }

  /** A full or read-only disk says so before anything is written; any other error may cost writing the whole artifact. */
  #nextPause({ reason }: InstallProblem): Millis {
    if (reason !== 'ioError') return limits.diskRetry
    const pause = this.#pause
    this.#pause = Math.min(2 * pause, limits.installRetryMax)
    return pause
  }

  /** What troubled is over: what comes next is tried at once. */
  #goOn(): void {
    this.#retryAt = undefined
    this.#pause = limits.diskRetry
    this.#mismatched = undefined
  }

  #tellEdge(before: InstallEntry, commits: number): void {
    const { entry, choice } = this
    const { underway } = entry
    if (underway?.release !== before.underway?.release) {
      this.#source = choice?.release.hash === underway?.release ? choice?.release : undefined
      if (this.#source !== undefined && choice?.unsure)
        this.#out.event({ type: 'expiryUnknown', name: `${entry.path}@${this.#source.version}` })
    }
    this.#news = true
    if (underway !== undefined) {
      const detail = isFallBack(before, entry) ? this.#patchTrouble : undefined
      this.#say(underway, { state: underway.state, detail })
    } else if (before.underway !== undefined && entry.installed !== before.installed) {
      this.committed = commits
      this.#say(before.underway, { state: 'committed', detail: undefined })
    } else if (before.underway !== undefined && entry.failed !== before.failed) {
      this.#say(before.underway, { state: 'failed', detail: this.failure?.detail })
    }
  }

  #setTrouble(trouble: InstallProblem | undefined): void {
    const { trouble: before, entry } = this
    this.trouble = trouble
    // How much is missing changes all the time; that is no news.
    if (before?.reason === trouble?.reason) return
    this.#news = true
    const release = entry.underway ?? this.choice?.release
    const state: InstallState = entry.underway?.state ?? 'announced'
    if (trouble !== undefined && release !== undefined) this.#say(release, { state, detail: trouble.detail })
  }

  /** What keeps a release from going on is told once. */
  #tellHold(): void {
    const { choice } = this
    const before = this.#held
    const hold = choice?.selected ? holdOf(choice) : undefined
    this.#held = choice && hold && `${choice.release.hash}/${hold.reason}`
    if (choice === undefined || hold === undefined || this.#held === before) return
    const standing = standingOf(this, choice.release.hash)
    if (standing?.reason !== hold.reason) return
    this.#news = true
    this.#say(choice.release, standing)
  }

  #say({ version }: { version: string }, { state, detail }: Pick<Standing, 'state' | 'detail'>): void {
    this.#out.event({ type: 'install', name: `${this.entry.path}@${version}`, state, detail })
  }
}
