// Announcing: what this node holds of the publishers. Peers tell (hearing), publishers here hand in (submissions), acceptance
// judges and writes, the registers hold. Invariant: nothing is served, passed on or acted upon that is not on disk.
import type { Env, Millis, NodeId } from '../env.ts'
import type { Input, Ticket } from '../events.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import { Acceptance, type Candidate } from './acceptance.ts'
import type {
  AnnouncementDocument,
  Encoding,
  Head,
  PathFloor,
  Release,
  RoleFloor,
  VectorEntry,
  VersionVector,
} from './announcement.ts'
import type { Delegation, TargetsDocument } from './documents.ts'
import { type Expiry, expiryOf } from './expiry.ts'
import { Hearing } from './hearing.ts'
import { PathFloors } from './path-floors.ts'
import type { Refusals } from './refusals.ts'
import { headOf, isKept, isNews, Registers, type Standing, type Terms } from './registers.ts'
import { Submissions } from './submissions.ts'
import type { TargetsKeeper } from './targets-keeper.ts'
import { announcementSubject, type Watch } from './watch.ts'

interface Parts {
  env: Env
  out: Outbox
  self: Self
  targets: TargetsKeeper
  refusals: Refusals
  watch: Watch
  /** Of the heads. */
  topic: string
  /** No newer beacon came for three periods; default never. */
  isStale?: () => boolean
}

/** What earlier runs accepted. */
interface Saved {
  announcements: readonly { side: 'held' | 'rival'; announcement: AnnouncementDocument }[]
  roleFloors: readonly RoleFloor[]
  pathFloors: readonly PathFloor[]
}

interface Hooks {
  /** What is in force changed: announcements or targets. */
  accepted: (now: Millis) => void
  /** An encoding came with an announcement that is in force now. */
  imported: (encoding: Encoding, pieceList: Uint8Array, now: Millis) => void
}

/** A role and what is in force for it. */
export interface CurrentAnnouncement {
  role: Delegation
  document: AnnouncementDocument
  /** The other side of an equivocation. */
  rival: AnnouncementDocument | undefined
  frozen: boolean
  /** Of the announcement or of the targets, whichever ends first (clause CLOCK 3). */
  expiry: Expiry
  expired: boolean
  /** Whether it has expired cannot be said. */
  unsure: boolean
  /** The node is stale, and its role refuses to install then. */
  stale: boolean
}

export class Announcing {
  readonly #p: Parts
  readonly #accepted: Hooks['accepted']
  readonly #registers: Registers
  readonly #floors: PathFloors
  readonly #acceptance: Acceptance
  readonly #hearing: Hearing
  readonly #submissions: Submissions
  /** When they were last asked for. */
  #verdicts = ''

  constructor(parts: Parts, saved: Saved, { accepted, imported }: Hooks) {
    this.#p = parts
    this.#accepted = accepted
    const { out, targets } = parts
    const registers = new Registers(saved.roleFloors)
    const floors = new PathFloors(saved.pathFloors)
    const acceptance = new Acceptance({
      ...{ out, registers, floors, topic: parts.topic },
      terms: (role) => this.#terms(role),
      settled: (candidate, standing, now) => this.#settled(candidate, standing, now),
      accepted: (now) => this.#changed(now),
    })
    this.#hearing = new Hearing({ ...parts, registers, acceptance })
    this.#submissions = new Submissions({ out, targets, acceptance, imported })
    this.#registers = registers
    this.#floors = floors
    this.#acceptance = acceptance
    const changes = [...registers.restore(saved.announcements), ...registers.rejudge((role) => this.#terms(role))]
    if (changes.length > 0) out.persist(changes, false)
  }

  /** The largest of the tables that could grow, for invariant checks. */
  get size(): number {
    return Math.max(this.#registers.size, this.#hearing.size, this.#acceptance.size, this.#submissions.size)
  }

  /** What is in force, for a hello. */
  vector(): VersionVector {
    const { current, roles } = this.#p.targets
    const heads = roles.flatMap(({ name }): VectorEntry[] => {
      const [held, rival] = this.#registers.sides(name)
      return held === undefined ? [] : [{ ...headOf(held), rival: rival?.hash }]
    })
    return { targetsVersion: current?.signed.version ?? 0, targetsHash: current?.hash, heads }
  }

  /** What is in force, in the order of targets' roles. */
  current(): readonly CurrentAnnouncement[] {
    const { targets, self } = this.#p
    const ends = targets.current?.signed.expires ?? 0
    return targets.roles.flatMap((role) => {
      const [document, rival] = this.#registers.sides(role.name)
      if (document === undefined) return []
      const expiry = expiryOf(Math.min(document.signed.expires, ends), self.time)
      const stale = role.whenStale === 'refuse' && this.#p.isStale?.() === true
      const verdict = { expiry, expired: expiry === 'expired', unsure: expiry === 'unknown', stale }
      return [{ role, document, rival, frozen: rival !== undefined, ...verdict }]
    })
  }

  /** True when what may be done with what is in force changed since this was last asked, by nothing but time. */
  takeVerdicts(): boolean {
    const verdicts = this.current()
      .map(({ expiry, stale }) => `${expiry} ${stale}`)
      .join()
    const changed = verdicts !== this.#verdicts
    this.#verdicts = verdicts
    return changed
  }

  /** An announcement in force by its hash, to serve it. */
  body(hash: string): AnnouncementDocument | undefined {
    return this.#registers.byHash(hash)
  }

  /**
   * The releases of every announcement that is held, those in force first: their bytes are kept and served. What is not in force
   * while its role rotates its keys, or while the root covers no targets, waits for what replaces it, and may come back.
   */
  releases(): readonly Release[] {
    const documents = [
      ...this.current().flatMap(({ role }) => this.#registers.sides(role.name)),
      ...this.#registers.all(),
    ]
    return [...new Set(documents)].flatMap(({ signed }) => signed.releases)
  }

  /** What a role must not undercut under this path; undefined when it announced nothing for it in its epoch. */
  pathFloor(role: Delegation, path: string): PathFloor | undefined {
    return this.#floors.get(role, path)
  }

  /** The floors that bind, in the order of targets' roles. */
  pathFloors(): readonly PathFloor[] {
    return this.#p.targets.roles.flatMap((role) => this.#floors.of(role))
  }

  /** A hello of a peer says what it holds. */
  offered(peer: NodeId, vector: VersionVector, now: Millis): void {
    this.#hearing.offered(peer, vector, now)
  }

  /** A head came over gossip. Its verdict follows at once, or within 2 x limits.requestTimeout. */
  heard(ticket: Ticket, from: NodeId, topic: string, head: Head, now: Millis): void {
    this.#hearing.heard(ticket, from, topic, head, now)
  }

  /** An answer of sync; false when the ticket is none of ours. To be told before the targets keeper gets what it brought. */
  arrived(ticket: Ticket, peer: NodeId, documents: readonly AnnouncementDocument[], now: Millis): boolean {
    return this.#hearing.arrived(ticket, peer, documents, now)
  }

  /** A question of sync failed, or its answer cannot be read; false when the ticket is neither ours nor of the targets keeper. */
  failed(ticket: Ticket, { malformed = false }: { malformed?: boolean }, now: Millis): boolean {
    return this.#hearing.failed(ticket, malformed ? 'malformed' : 'bodyMissing', now)
  }

  /** A publisher on this machine hands in an announcement, and the targets that it needs. The effect `submission` answers. */
  submitted(ticket: Ticket, input: Extract<Input, { type: 'submitted' }>, now: Millis): void {
    this.#submissions.submitted(ticket, input, now)
  }

  /** Targets are handed in by themselves on this machine. The effect `submission` answers. */
  delegated(ticket: Ticket, targets: TargetsDocument, now: Millis): void {
    this.#submissions.delegated(ticket, targets, now)
  }

  persisted(ticket: Ticket, now: Millis): void {
    this.#acceptance.persisted(ticket, now)
  }

  persistFailed(ticket: Ticket, now: Millis): void {
    this.#acceptance.persistFailed(ticket, now)
  }

  /** Targets or root came in force: everything is judged again, and looked for again. */
  targetsChanged(now: Millis): void {
    this.#p.watch.knownBad.clear()
    const changes = this.#registers.rejudge((role) => this.#terms(role))
    if (changes.length > 0) this.#p.out.persist(changes, false)
    this.#acceptance.termsChanged()
    this.#hearing.targetsChanged()
    this.#submissions.resume(now)
    this.#changed(now)
  }

  /** Whether a head that was passed on makes whoever lacks the targets in force ask for them; `open`: one may be, within 10 s. */
  get carriesTargets(): 'yes' | 'open' | 'no' {
    return this.#hearing.carriesTargets
  }

  unlinked(peer: NodeId): void {
    this.#hearing.unlinked(peer)
  }

  deadline(): Millis | undefined {
    return this.#hearing.deadline()
  }

  /** To be called at the end of every step, not only when the deadline has passed. */
  check(now: Millis): void {
    this.#submissions.resume(now)
    this.#hearing.check(now)
  }

  #terms(role: string): Terms | undefined {
    const { targets, self, env, watch } = this.#p
    const { current } = targets
    if (current === undefined) return undefined
    return { mesh: self.mesh, delegation: targets.role(role), keys: current.signed.keys, env, knownBad: watch.knownBad }
  }

  #settled(candidate: Candidate, standing: Standing, now: Millis): void {
    this.#note(candidate, standing, now)
    if (candidate.from === undefined && !isKept(standing)) {
      const { role, version } = candidate.document.signed
      this.#p.out.event({ type: 'announcementRefused', code: standing, role, version, from: undefined })
    }
    this.#hearing.settled(candidate, standing, now)
    this.#submissions.settled(candidate, standing, now)
  }

  #note({ document, from }: Candidate, standing: Standing, now: Millis): void {
    const { watch } = this.#p
    const subject = announcementSubject(headOf(document))
    if (isNews(standing)) watch.accepted(subject, from, now)
    else if (standing !== 'same') watch.refused(subject, from, standing, now)
  }

  #changed(now: Millis): void {
    this.#hearing.changed(now)
    this.#accepted(now)
  }
}
