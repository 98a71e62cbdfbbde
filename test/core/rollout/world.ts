// A node as rollout sees it: announcements, a swarm, a journal on a disk and an installer, all of them models. Power can go at
// any moment. The models check what must never happen, so that every test of rollout checks it.
import { expect } from 'vitest'
import type { Effect, Ticket } from '../../../src/core/events.ts'
import { limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Rollout } from '../../../src/core/rollout/rollout.ts'
import type { Current, Floor } from '../../../src/core/rollout/selection.ts'
import type {
  InstallEntry,
  Installed,
  InstallJob,
  InstallProblem,
  InstallStep,
  Underway,
} from '../../../src/core/rollout/states.ts'
import type { Subject } from '../../../src/core/rollout/subject.ts'
import type { Fetches } from '../../../src/core/rollout/supply.ts'
import type { Progress } from '../../../src/core/swarm/progress.ts'
import type { Encoding, Release } from '../../../src/core/trust/announcement.ts'
import type { Delegation } from '../../../src/core/trust/documents.ts'

export const PATH = 'acme/agent'

export const subject: Subject = {
  node: 'node',
  name: 'pi',
  zone: '/uk',
  labels: {},
  model: null,
  os: null,
  kernel: null,
  arch: null,
  cpus: null,
}

/** 64 hex digits that tell what they stand for. */
export function hashOf(kind: string, name: string): string {
  return Buffer.from(`${kind} ${name}`.padEnd(32, '.')).subarray(0, 32).toString('hex')
}

export function encodingOf(name: string): Encoding {
  const [hash, pieceList] = [hashOf('enc', name), hashOf('list', name)]
  return { type: 'zstd', hash, sha256: hash, length: 200, pieceLength: limits.pieceBytesMin, pieceList }
}

/** A patch against the artifact with this hash, shorter than the whole. */
export function patchOf(name: string, base: string): Encoding {
  return { ...encodingOf(name), type: 'zstd-patch', hash: hashOf('pat', name), length: 20, base }
}

/** A release for every node; its hash and its artifact follow from path and counter unless told otherwise. */
export function releaseOf(counter: number, changes: Partial<Release> & { name?: string } = {}): Release {
  const { name = `${changes.path ?? PATH}/${counter}`, ...rest } = changes
  return {
    hash: hashOf('rel', name),
    path: PATH,
    counter,
    version: `${counter}.0`,
    artifact: { hash: hashOf('art', name), length: 1_000 },
    to: 'true',
    installer: { type: 'file', file: 'agent', executable: true },
    encodings: [encodingOf(name)],
    origin: [],
    requires: [],
    withdraws: undefined,
    unsupported: undefined,
    ...rest,
  }
}

export function roleOf(name: string, changes: Partial<Delegation> = {}): Delegation {
  return { name, keyIds: [], threshold: 1, paths: ['acme/*'], terminating: false, epoch: 1, ...changes }
}

export function announced(releases: readonly Release[], changes: Partial<Current> & { name?: string } = {}): Current {
  const { name = 'role', ...rest } = changes
  return { role: roleOf(name), document: { signed: { releases } }, frozen: false, expired: false, ...rest }
}

/** The edge says another encoding of the same release than the one before. */
function isFallBack(before: InstallEntry | undefined, { underway }: Pick<InstallEntry, 'underway'>): boolean {
  if (before?.underway === undefined || before.underway.release !== underway?.release) return false
  return before.underway.encoding.hash !== underway.encoding.hash
}

/** Where the floor of a path is found. */
export const floorOf = ({ name, epoch }: Delegation, path: string): string => `${name} ${epoch} ${path}`

type Pending =
  /** More than one: the edges of a bundle, in one batch. */
  | { ticket: Ticket; entries: readonly InstallEntry[]; step?: undefined; job?: undefined }
  | { ticket: Ticket; entries?: undefined; step: InstallStep; job: InstallJob }

export class World {
  now = 0
  rollout: Rollout
  current: readonly Current[] = []
  readonly roles: Delegation[] = [roleOf('role')]
  /** Of a role, its epoch and a path. */
  readonly floors = new Map<string, Floor>()
  /** Of announcements that are held, and not in force. */
  lapsed: readonly Release[] = []
  /** How often a selector was evaluated. */
  evaluations = 0
  /** The journal on the disk. */
  readonly disk = new Map<string, InstallEntry>()
  /** By path: the release in use. */
  readonly inUse = new Map<string, InstallJob>()
  /** By release, the path under which it is unpacked. */
  readonly staged = new Map<string, string>()
  readonly complete = new Set<string>()
  kept: readonly string[] = []
  lists: readonly string[] = []
  /** How often something was asked of the swarm to be fetched. */
  wants = 0
  /** Bytes that what is cached was to make free. */
  readonly spaceAsked: number[] = []
  readonly doubted: string[] = []
  /** Patches, by their hash, that make nothing of what is installed here. */
  readonly badPatches = new Set<string>()
  /** Encodings in doubt all of whose pieces are still thought, or found again, to be right. */
  readonly suspected = new Set<string>()
  readonly wanted = new Set<string>()
  downloadProblem: Progress['problem']
  pending: Pending[] = []
  effects: Effect[] = []
  /** Paths whose switch may have happened without the journal knowing. */
  readonly inDoubt = new Set<string>()
  /** Those of them where an earlier run may have done it. */
  readonly inherited = new Set<string>()
  /** Paths whose last switch found something wrong with what was staged. */
  readonly broken = new Set<string>()
  /** Paths whose journal was lost since their last commit. */
  readonly wiped = new Set<string>()
  readonly options: { isNode?: boolean; mirror?: boolean }
  #out = new Outbox()

  constructor(options: { isNode?: boolean; mirror?: boolean } = {}) {
    this.options = options
    this.rollout = this.#newRollout()
    this.rollout.changed(this.now)
    this.#drain()
  }

  /** What is announced from now on; floors rise with it, as the trust side does before anybody acts. */
  announce(...current: readonly Current[]): void {
    this.current = current
    for (const { role, document } of current) {
      for (const { path, counter, artifact } of document.signed.releases) {
        const key = floorOf(role, path)
        if (counter > (this.floors.get(key)?.counter ?? 0)) this.floors.set(key, { counter, artifact: artifact.hash })
      }
    }
    this.rollout.changed(this.now)
    this.#settle()
  }

  /** The file of a release was hashed again, and a piece of it is not right. */
  findDamage(release: Release): void {
    for (const { hash } of release.encodings) this.suspected.delete(hash)
    this.#settle()
  }

  arrive(release: Release): void {
    for (const { hash } of release.encodings) this.complete.add(hash)
    this.#settle()
  }

  /**
   * Ends the oldest write or step; `problem` undefined: well. `late`: what was asked was done before it failed; `mute`: the disk does
   * not say what a switch that failed left in use.
   */
  finish(problem?: InstallProblem, { late = false, mute = false } = {}): Pending | undefined {
    const pending = this.pending.shift()
    if (pending === undefined) return undefined
    if (pending.entries !== undefined) {
      if (problem === undefined) this.#keepAll(pending.entries)
      if (problem === undefined) this.rollout.persisted(pending.ticket, this.now)
      else this.rollout.persistFailed(pending.ticket, this.now)
    } else {
      const { step, job } = pending
      const isPatch = step === 'stage' && job.encoding.base !== undefined
      if (problem?.noPatch && isPatch) this.badPatches.add(job.encoding.hash)
      if (problem?.noPatch && !isPatch) problem = { reason: problem.reason, detail: problem.detail }
      const done = problem === undefined || late ? this.#perform(step, job) : undefined
      const outcome = this.#told(step, job, { problem: problem ?? done, mute })
      if (outcome?.inUse === false && !this.inherited.has(job.path)) this.inDoubt.delete(job.path)
      if (step === 'stage' && outcome === undefined) this.broken.delete(job.path)
      if (step === 'switch' && outcome !== undefined) this.broken.add(job.path)
      this.rollout.stepped(pending.ticket, outcome, this.now)
    }
    this.#settle()
    return pending
  }

  /** Power goes. What was under way reached the disk, or not; a new run starts from the disk. */
  crash(done: boolean): void {
    for (const pending of done ? this.pending : []) {
      if (pending.entries !== undefined) this.#keepAll(pending.entries)
      else this.#perform(pending.step, pending.job)
    }
    this.pending = []
    this.kept = []
    this.suspected.clear()
    this.wanted.clear()
    this.inDoubt.clear()
    this.inherited.clear()
    this.broken.clear()
    for (const { path, underway } of this.disk.values()) {
      if (underway?.state !== 'staged') continue
      this.inDoubt.add(path)
      this.inherited.add(path)
    }
    this.rollout = this.#newRollout()
    this.rollout.changed(this.now)
    this.#settle()
  }

  /** The database is lost; what is unpacked and in use stays. */
  wipe(): void {
    for (const path of this.disk.keys()) this.wiped.add(path)
    this.disk.clear()
    this.crash(false)
  }

  /** Lets time pass, so that what failed is tried again. */
  wait(): void {
    this.now += limits.diskRetry
    this.#settle()
  }

  /** Lets all go well until nothing is left to do. */
  run(): void {
    for (let turn = 0; turn < 200; turn++) {
      for (const hash of this.wanted) this.complete.add(hash)
      this.#settle()
      if (this.pending.length > 0) this.finish()
      else if (this.rollout.deadline() !== undefined) this.wait()
      else return
    }
    throw new Error('it does not come to rest')
  }

  journal(path = PATH): InstallEntry | undefined {
    return this.disk.get(path)
  }

  events(): string[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'event' && effect.event.type === 'install' ? [`${effect.event.name} ${effect.event.state}`] : [],
    )
  }

  /** What was asked of the installer, in order. */
  steps(): string[] {
    return this.effects.flatMap((effect) => (effect.type === 'install' ? [`${effect.step} ${effect.job.version}`] : []))
  }

  #newRollout(): Rollout {
    const swarm: Fetches = {
      spare: { makeSpace: (bytes) => this.spaceAsked.push(bytes) > 0 },
      keep: (encodings) => {
        this.kept = [...encodings.keys()]
        this.lists = [...encodings.values()].map(({ pieceList }) => pieceList)
        for (const hash of this.wanted) if (!this.kept.includes(hash)) this.wanted.delete(hash)
      },
      want: ({ encoding }) => {
        expect(this.kept, 'what is wanted is kept').toContain(encoding.hash)
        this.wanted.add(encoding.hash)
        this.wants += 1
      },
      unwant: (encoding) => {
        if (!this.complete.has(encoding)) this.wanted.delete(encoding)
      },
      isComplete: (encoding) => this.complete.has(encoding),
      doubted: (encoding) => {
        this.doubted.push(encoding)
        this.complete.delete(encoding)
        this.suspected.add(encoding)
        this.wanted.delete(encoding)
      },
      progress: (encoding) => {
        const done = this.complete.has(encoding)
        const bytes = done || this.suspected.has(encoding) ? 200 : 50
        const came = { site: bytes, members: 0, publisher: 0 }
        return { bytes, totalBytes: 200, problem: done ? undefined : this.downloadProblem, came }
      },
    }
    const { isNode = true, mirror = false } = this.options
    this.#out = new Outbox()
    const announcing = {
      current: () => this.current,
      releases: () => [...this.current.flatMap(({ document }) => document.signed.releases), ...this.lapsed],
      pathFloor: (role: Delegation, path: string) => this.floors.get(floorOf(role, path)),
    }
    const env = { matches: (selector: string) => ++this.evaluations > 0 && selector === 'true' }
    const targets = { roles: this.roles }
    const policy = { forbids: () => undefined, turned: () => false }
    const parts = { env, out: this.#out, self: { isNode }, targets, announcing, swarm, subject, policy, mirror }
    return new Rollout(parts, [...this.disk.values()])
  }

  #settle(): void {
    this.rollout.check(this.now)
    this.#drain()
    const due = this.rollout.deadline()
    if (due !== undefined) expect(due, 'a deadline lies ahead').toBeGreaterThan(this.now)
    this.#checkTruth()
  }

  #drain(): void {
    for (const effect of this.#out.drain()) {
      this.effects.push(effect)
      if (effect.type === 'persist') {
        const entries = effect.changes.flatMap((change) => (change.type === 'install' ? [change.entry] : []))
        expect([entries.length, effect.sync]).toEqual([effect.changes.length, true])
        for (const entry of entries) this.#checkEdge(entry)
        if (entries.some(({ underway }) => underway?.state === 'staged')) this.#checkBatch(entries)
        this.pending.push({ ticket: effect.ticket, entries })
      } else if (effect.type === 'install') {
        const { ticket, step, job } = effect
        this.#checkStep(step, job)
        this.pending.push({ ticket, step, job })
      }
    }
    const paths = this.pending.flatMap(({ entries, job }) => entries?.map(({ path }) => path) ?? [job?.path])
    expect(new Set(paths).size, 'one thing at a time per path').toBe(paths.length)
  }

  /** The members of a bundle are finished from then on, as after a restart. */
  #keepAll(entries: readonly InstallEntry[]): void {
    for (const entry of entries) this.#keep(entry)
    if (entries.length < 2) return
    for (const { path } of entries) {
      this.inDoubt.add(path)
      this.inherited.add(path)
    }
  }

  #keep(entry: InstallEntry): void {
    const last = this.disk.get(entry.path)?.installed
    const isSameSeries = last?.role === entry.installed?.role && last?.epoch === entry.installed?.epoch
    const least = isSameSeries ? (last?.counter ?? 0) : 0
    expect(entry.installed?.counter ?? 0, 'the counter of what is installed never falls').toBeGreaterThanOrEqual(least)
    if (entry.installed !== this.disk.get(entry.path)?.installed) this.wiped.delete(entry.path)
    const before = this.disk.get(entry.path)
    this.disk.set(entry.path, entry)
    if (isFallBack(before, entry)) return
    this.inDoubt.delete(entry.path)
    this.inherited.delete(entry.path)
    this.broken.delete(entry.path)
  }

  /** An edge leads one state on, begins, ends, or goes back to be unpacked anew. */
  #checkEdge({ path, underway, installed }: InstallEntry): void {
    const before = this.disk.get(path)
    const [from, to] = [before?.underway, underway]
    if (to === undefined && from !== undefined && installed?.release === from.release)
      expect(from.state).toBe('healthy')
    else expect(installed, 'what is installed changes by a commit only').toEqual(before?.installed)
    const isBound = from?.state === 'staged' && this.inherited.has(path) && !this.broken.has(path)
    if (isBound) expect(to?.release, 'what may be in use already is finished').toBe(from.release)
    if (to === undefined) return
    if (to.release !== from?.release) {
      expect(to.state).toBe('fetching')
      expect(this.mayInstall(path, to.release), 'only what may be installed begins').toBe(true)
      return this.#checkBegun(to, installed)
    }
    if (from !== undefined && isFallBack(before, { underway: to })) return this.#checkFallBack(from, to)
    const order = ['fetching', 'verified', 'staged', 'switched', 'healthy']
    expect(order.indexOf(to.state), 'one edge at a time').toBe(order.indexOf(from.state) + 1)
    if (to.state === 'verified') expect(this.complete).toContain(to.encoding.hash)
    if (to.state === 'staged') expect([...this.staged.keys()]).toContain(to.release)
    if (to.state === 'switched') expect(this.inUse.get(path)?.release).toBe(to.release)
  }

  /** The shortest encoding that is of use with what is installed. */
  #checkBegun({ release, encoding }: Underway, installed: Installed | undefined): void {
    const { encodings = [] } = this.#counting().find(({ hash }) => hash === release) ?? {}
    const usable = encodings.filter(({ base }) => base === undefined || base === installed?.artifact)
    expect(encoding.hash, 'the shortest that is of use').toBe(usable.sort((a, b) => a.length - b.length)[0]?.hash)
  }

  /** A patch that made nothing gives way to the whole; what may be in use by now stays at its edge. */
  #checkFallBack(from: Underway, to: Underway): void {
    const isOvertaken = from.state === 'fetching' && this.complete.has(to.encoding.hash)
    if (!isOvertaken) expect(this.badPatches, 'only a patch that failed').toContain(from.encoding.hash)
    expect([from.encoding.base === undefined, to.encoding.base]).toEqual([false, undefined])
    expect(to.state).toBe(from.state === 'staged' ? 'staged' : 'fetching')
  }

  /** What comes into use together is whole, and may be installed: behind this edge it is in use, whatever is linked with it later (BUNDLE 2). */
  #checkBatch(entries: readonly InstallEntry[]): void {
    const paths = entries.map(({ path }) => path).sort()
    for (const { path, underway } of entries) {
      expect(underway?.state).toBe('staged')
      expect(this.mayInstall(path, underway?.release ?? ''), 'only what may be installed is put in use').toBe(true)
      expect([...this.bundleOf(path)].sort(), 'a bundle comes into use as a whole').toEqual(paths)
    }
  }

  /** A step rests on the edge that is on the disk. */
  #checkStep(step: InstallStep, job: InstallJob): void {
    const { underway, installed } = this.disk.get(job.path) ?? {}
    if (step === 'tidy') return expect([undefined, 'fetching']).toContain(underway?.state)
    expect(this.isBad(job.path, job.release), 'what failed for good is not tried again').toBe(false)
    const again = step === 'stage' && this.broken.has(job.path)
    expect(underway?.state).toBe(step === 'stage' && !again ? 'verified' : 'staged')
    expect(underway).toMatchObject({ release: job.release, counter: job.counter, artifact: job.artifact.hash })
    const isSameSeries = underway?.role === installed?.role && underway?.epoch === installed?.epoch
    if (isSameSeries) expect(job.counter).toBeGreaterThanOrEqual(installed?.counter ?? 0)
    if (step === 'stage') expect(this.complete).toContain(job.encoding.hash)
    if (step === 'switch') this.#checkOrder(job)
    if (step === 'switch' && !this.inDoubt.has(job.path)) {
      expect(this.#mayAlone(job.path, job.release), 'only what may be installed is put in use').toBe(true)
      this.inDoubt.add(job.path)
    }
  }

  /** What a release requires is in use before it, as long as that is what is announced. */
  #checkOrder({ release }: InstallJob): void {
    if (!this.#hasBundles) return
    const requires = this.#counting().find(({ hash }) => hash === release)?.requires ?? []
    for (const { path, hash } of this.#counting().filter((it) => requires.includes(it.hash)))
      if (this.disk.get(path)?.underway?.release === hash) expect(this.inUse.get(path)?.release).toBe(hash)
  }

  /** Old or new is in use, and the journal knows which unless it says that it is just changing. */
  #checkTruth(): void {
    for (const [path, { installed, underway }] of this.disk) {
      if (this.wiped.has(path)) continue
      const { state } = underway ?? {}
      const inUse = this.inUse.get(path)?.release
      if (state === 'switched' || state === 'healthy') expect(inUse).toBe(underway?.release)
      else if (state === 'staged') expect([installed?.release, underway?.release]).toContain(inUse)
      else expect(inUse, 'the journal is true').toBe(installed?.release)
    }
  }

  /** By the letter of clause BUNDLE 2: the paths of all that comes into use together with the release that counts for this one. */
  bundleOf(path: string): Set<string> {
    const found = new Set([path])
    if (!this.#hasBundles) return found
    for (const one of found)
      for (const other of this.#counting()) {
        const own = this.#counting().find((it) => it.path === one)
        const isLinked = own?.requires.includes(other.hash) || (own && other.requires.includes(own.hash))
        if (isLinked && other.to === 'true' && !this.#isInUse(other)) found.add(other.path)
      }
    return found
  }

  /** By the letter of the clauses: nothing keeps it, nor anything of its bundle. */
  mayInstall(path: string, release: string): boolean {
    if (!this.#hasBundles) return this.#mayAlone(path, release)
    if (this.#counting().find((it) => it.path === path)?.hash !== release) return false
    return [...this.bundleOf(path)].every((member) => this.#isFree(member))
  }

  #isFree(path: string): boolean {
    const own = this.#counting().find((it) => it.path === path)
    if (own === undefined || !this.#mayAlone(path, own.hash)) return false
    const { installed } = this.disk.get(path) ?? {}
    const announced = this.current.find(({ document }) => document.signed.releases.includes(own))
    const siblings = announced?.document.signed.releases ?? []
    const isPinned = siblings.some(
      (other) =>
        installed &&
        installed.release !== own.hash &&
        other.requires.includes(installed.release) &&
        this.#isInUse(other),
    )
    const isWhole = own.requires.every((hash) => {
      const required = this.#counting().find((it) => it.hash === hash)
      return required && siblings.includes(required) && (this.#isInUse(required) || required.to === 'true')
    })
    return !isPinned && isWhole
  }

  #isInUse({ path, hash }: Release): boolean {
    const { installed, underway } = this.disk.get(path) ?? {}
    if (installed?.release === hash) return true
    return underway?.release === hash && ['staged', 'switched', 'healthy'].includes(underway.state)
  }

  get #hasBundles(): boolean {
    return this.current.some(({ document }) => document.signed.releases.some(({ requires }) => requires.length > 0))
  }

  /** The release that counts for each path. */
  #counting(): Release[] {
    const all = this.current.flatMap(({ document }) => document.signed.releases)
    return all.filter((release, at) => all.findIndex(({ path }) => path === release.path) === at)
  }

  /** Selected, the first that counts, neither old nor held nor known to be bad. */
  #mayAlone(path: string, release: string): boolean {
    for (const { role, document, frozen, expired } of this.current) {
      const found = document.signed.releases.find((it) => it.path === path)
      if (found === undefined) continue
      const floor = this.floors.get(floorOf(role, path))
      const old = floor !== undefined && (found.counter < floor.counter || found.artifact.hash !== floor.artifact)
      const able = found.unsupported === undefined && found.to === 'true'
      return found.hash === release && able && !frozen && !expired && !old && !this.isBad(path, release)
    }
    return false
  }

  isBad(path: string, release: string): boolean {
    return this.disk.get(path)?.failed.some((it) => it.release === release) ?? false
  }

  /** A switch that failed says what is in use, unless the disk is mute. */
  #told(
    step: InstallStep,
    { path, release }: InstallJob,
    { problem, mute }: { problem: InstallProblem | undefined; mute: boolean },
  ): InstallProblem | undefined {
    if (problem === undefined || step !== 'switch' || mute) return problem
    return { ...problem, inUse: this.inUse.get(path)?.release === release }
  }

  #perform(step: InstallStep, job: InstallJob): InstallProblem | undefined {
    if (step === 'stage') {
      if (this.badPatches.has(job.encoding.hash)) return { reason: 'ioError', detail: 'no patch', noPatch: true }
      this.staged.set(job.release, job.path)
    }
    if (step === 'switch') {
      if (!this.staged.has(job.release)) return { reason: 'ioError', detail: 'nothing is staged' }
      this.inUse.set(job.path, job)
    }
    if (step === 'tidy') for (const [release, path] of this.staged) if (path === job.path) this.staged.delete(release)
    return undefined
  }
}
