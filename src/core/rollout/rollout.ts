// Rollout: brings the releases that name this node from announced to committed, one journal per path, and tells the swarm what
// to hold and to fetch for them. Invariant: nothing begins that is not selected, or that undercuts what was accepted before.
import type { Env, Millis } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Release } from '../trust/announcement.ts'
import type { Delegation } from '../trust/documents.ts'
import { Bundles } from './bundles.ts'
import { Installation } from './installation.ts'
import type { LocalPolicy } from './policy.ts'
import { reportsOf, type Standing, standingOf } from './reports.ts'
import { type Choice, type Current, choose, type Floor } from './selection.ts'
import type { InstallEntry, InstallProblem, InstallReport } from './states.ts'
import type { Subject } from './subject.ts'
import { type Fetches, Supply } from './supply.ts'

interface Parts {
  env: Pick<Env, 'matches'>
  out: Outbox
  self: Pick<Self, 'isNode'>
  /** The roles, the first one first. */
  targets: { readonly roles: readonly Delegation[] }
  announcing: {
    current(): readonly Current[]
    /** Of all that is held, in force or not. */
    releases(): readonly Release[]
    pathFloor(role: Delegation, path: string): Floor | undefined
  }
  swarm: Fetches
  subject: Subject
  /** What the owner of the zone lets in. */
  policy: Pick<LocalPolicy, 'forbids' | 'turned'>
  /** Fetch and serve every release, whether this node is selected or not. */
  mirror: boolean
}

export class Rollout {
  readonly #parts: Parts
  readonly #supply: Supply
  readonly #paths = new Map<string, Installation>()
  readonly #bundles = new Bundles((path) => this.#paths.get(path))
  /** Those with something to do or to wait for. */
  readonly #busy = new Set<Installation>()
  #current: readonly Current[] = []
  /** By selector: whether it names this node, which never changes. The oldest is forgotten first. */
  readonly #matches = new Map<string, boolean>()
  /** Selected releases for whose paths there is no room. */
  #crowdedOut: ReadonlySet<string> = new Set()
  #commits = 0
  #first = true

  /** @param saved the journals of earlier runs; an operator's peer has no use for them. */
  constructor(parts: Parts, saved: readonly InstallEntry[]) {
    const { swarm, self, mirror } = parts
    this.#parts = parts
    this.#supply = new Supply(swarm, mirror && self.isNode)
    for (const entry of self.isNode ? saved : []) this.#open(entry)
  }

  /** Paths that this node keeps a journal of, or is about to. */
  get size(): number {
    return this.#paths.size
  }

  /** What is announced changed, or a run begins: looks again at what counts, what to hold and to fetch, and goes on with it. */
  changed(now: Millis): void {
    this.#current = this.#parts.announcing.current()
    this.#choose(now)
    this.#first = false
    this.#provide(now)
    this.check(now)
  }

  /** Goes on with what was waited for. Costs nothing while nothing is under way and no hours begin or end. */
  check(now: Millis): void {
    if (this.#parts.policy.turned(now)) return this.changed(now)
    this.#together(now)
    for (const path of this.#busy) this.#advance(path, now)
  }

  /** When a write or a step is tried again. */
  deadline(): Millis | undefined {
    let first: Millis | undefined
    for (const path of this.#busy) {
      const at = path.deadline()
      if (at !== undefined && (first === undefined || at < first)) first = at
    }
    return first
  }

  /** A step is done, or failed. */
  stepped(ticket: Ticket, problem: InstallProblem | undefined, now: Millis): void {
    for (const path of this.#writing(ticket)) path.stepped(problem, now)
  }

  /** An edge is on disk, when the ticket is ours. */
  persisted(ticket: Ticket, now: Millis): void {
    const paths = this.#writing(ticket)
    // Of a bundle, all edges stand before any of them is followed.
    for (const path of paths) this.#persisted(path, now)
    // One that was dropped may have nothing left to say, and be forgotten by now.
    for (const path of paths) if (this.#paths.get(path.entry.path) === path) this.#advance(path, now)
  }

  /** The edge is written again later, when the ticket is ours. */
  persistFailed(ticket: Ticket, now: Millis): void {
    for (const path of this.#writing(ticket)) path.persistFailed(now)
  }

  /** What this node's record says of releases; nothing of an operator's peer. */
  reports(): readonly InstallReport[] {
    return reportsOf(this.#paths.values(), this.#supply)
  }

  /** The journals, as they are on disk. */
  entries(): readonly InstallEntry[] {
    return [...this.#paths.values()].map(({ entry }) => entry)
  }

  /** True when the selector of the release names this node; never of an operator's peer. */
  selected(release: Release): boolean {
    return this.#parts.self.isNode && this.#names(release.to)
  }

  /** What a release, named by its hash, has come to here; undefined when it has nothing to do with this node. */
  stateOf(release: string): Standing | undefined {
    for (const path of this.#paths.values()) {
      const standing = standingOf(path, release)
      if (standing !== undefined) return standing
    }
    if (!this.#crowdedOut.has(release)) return undefined
    const detail = `this node keeps the journals of ${limits.installPaths} paths, and has no room for another one`
    return { state: 'announced', reason: undefined, detail }
  }

  /** Bytes that a patch saved of a release that is in use or on its way here; undefined when it came whole. */
  savedOf(release: string): number | undefined {
    for (const { entry } of this.#paths.values())
      for (const one of [entry.underway, entry.installed]) if (one?.release === release) return one.saved
    return undefined
  }

  /** True when a state or a reason changed since this was last asked: the fleet should hear of it soon. */
  takeChanged(): boolean {
    let changed = false
    for (const path of this.#paths.values()) changed = path.takeNews() || changed
    return changed
  }

  #open(entry: InstallEntry): Installation {
    const path = new Installation(this.#parts.out, { supply: this.#supply, bundles: this.#bundles }, entry)
    this.#paths.set(entry.path, path)
    return path
  }

  /** Who waits for what has this ticket: one path, or all of a bundle. */
  #writing(ticket: Ticket): Installation[] {
    return [...this.#busy].filter((path) => path.waitsFor(ticket))
  }

  #persisted(path: Installation, now: Millis): void {
    const { underway, installed, failed } = path.entry
    path.persisted(this.#commits + 1)
    const isCommit = path.entry.installed !== installed
    if (isCommit) this.#commits += 1
    const isOther = path.entry.underway?.release !== underway?.release
    // One that was as good as in use is given up after all: what requires it waits for it again.
    const isDropped = isOther && !isCommit && underway?.state === 'staged'
    // From here on it is in use for all others, also for those that were linked with it while this edge was being written.
    const isBound = path.entry.underway?.state === 'staged'
    // What is in use, and what never will be, decides what others of its role wait for.
    if ((isCommit || isDropped || isBound || path.entry.failed !== failed) && this.#hasBundles) this.#choose(now)
    const isFetched = underway?.state === 'fetching' || path.entry.underway?.state === 'fetching'
    if (isOther || isFetched) this.#provide(now)
  }

  /** Lets the members of bundles look at each other, and writes the edges to `staged` of those that are ready, in one batch. */
  #together(now: Millis): void {
    for (const name of this.#bundles.paths()) {
      const path = this.#paths.get(name)
      if (path !== undefined) this.#advance(path, now)
    }
    for (const names of this.#bundles.ready()) {
      const paths = names.flatMap((name) => this.#paths.get(name) ?? [])
      const changes = paths.map((path) => ({ type: 'install' as const, entry: path.nextStaged() }))
      const ticket = this.#parts.out.persist(changes, true)
      for (const path of paths) {
        path.bind(ticket)
        this.#busy.add(path)
      }
    }
  }

  get #hasBundles(): boolean {
    return this.#current.some(({ document }) => document.signed.releases.some(({ requires }) => requires.length > 0))
  }

  #advance(path: Installation, now: Millis): void {
    path.advance(now)
    if (path.idle) this.#busy.delete(path)
    else this.#busy.add(path)
  }

  #names(selector: string): boolean {
    const known = this.#matches.get(selector)
    if (known !== undefined) return known
    const { env, subject } = this.#parts
    const matches = env.matches(selector, subject)
    this.#matches.set(selector, matches)
    if (this.#matches.size > limits.selectorCache) this.#matches.delete(this.#matches.keys().next().value as string)
    return matches
  }

  #choose(now: Millis): void {
    const choices = choose(this.#parts.targets.roles, this.#current, {
      selects: (release) => this.selected(release),
      floors: (role, path) => this.#floors(role, path),
      forbids: ({ name }, release) => this.#parts.policy.forbids(name, release, now),
      isNews: (role, release) => this.#isNews(role, release),
    })
    this.#bundles.update(choices, this.#current)
    const lacking = [...choices.keys()].map((path) => [path, this.#bundles.problemOf(path)] as const)
    for (const [path, lack] of lacking) {
      const choice = choices.get(path)
      if (lack === undefined || !choice?.selected || choice.hold !== undefined) continue
      choices.set(path, { ...choice, hold: 'requires', lacking: lack })
    }
    for (const [name, path] of this.#paths) {
      const choice = choices.get(name)
      if (choice?.selected !== true && path.isBlank) this.#forget(name, path)
      else this.#decide(path, choice)
    }
    this.#openNew(choices)
  }

  #openNew(choices: ReadonlyMap<string, Choice>): void {
    const crowdedOut = new Set<string>()
    for (const [path, choice] of choices) {
      if (!choice.selected || this.#paths.has(path)) continue
      if (this.#paths.size >= limits.installPaths) crowdedOut.add(choice.release.hash)
      else this.#decide(this.#open({ path, installed: undefined, underway: undefined, failed: [] }), choice)
    }
    this.#crowdedOut = crowdedOut
  }

  #decide(path: Installation, choice: Choice | undefined): void {
    path.decide(choice, this.#first)
    this.#busy.add(path)
  }

  #forget(name: string, path: Installation): void {
    this.#paths.delete(name)
    this.#busy.delete(path)
  }

  /** What was accepted of the role in its epoch, and what of that is in use: the second counts when the first was lost. */
  #floors(role: Delegation, path: string): Floor[] {
    const installed = this.#paths.get(path)?.entry.installed
    const isItsOwn = installed?.role === role.name && installed.epoch === role.epoch
    const floors = [this.#parts.announcing.pathFloor(role, path), isItsOwn ? installed : undefined]
    return floors.filter((floor) => floor !== undefined)
  }

  /** Counters of another role say nothing of the age of this one's: which role counts is the word of newer targets. */
  #isNews(role: Delegation, { path, hash, counter }: Release): boolean {
    const installed = this.#paths.get(path)?.entry.installed
    if (installed === undefined || installed.role !== role.name || installed.release === hash) return true
    return role.epoch > installed.epoch || (role.epoch === installed.epoch && counter > installed.counter)
  }

  #provide(now: Millis): void {
    const underway = [...this.#paths.values()].map((path) => path.needed()).filter((need) => need !== undefined)
    const announced = this.#current.flatMap(({ document }) => document.signed.releases)
    this.#supply.keep(underway, announced, this.#parts.announcing.releases(), now)
  }
}
