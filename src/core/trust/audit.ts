// The audit (clause AUDIT): what this node accepted and refused of announcements, targets and roots, from whom and why. A bounded log on disk that
// survives restarts. Invariants: nothing that peers do writes more often than the budgets of limits.ts; refusals never push
// acceptances out. A flood of one peer for one reason is one entry with a count.
import type { Millis, NodeId } from '../env.ts'
import type { Change, RefusalCode, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'

/** Why a record says that this node refuses things, by number from 1 (clause REC 7): append only. Others are no reason. */
export const AUDIT_REASONS: readonly RefusalCode[] = [
  'malformed',
  'badSignature',
  'outsidePaths',
  'foreignMesh',
  'unknownRole',
  'wrongEpoch',
  'oldVersion',
  'bodyMissing',
  'tooOften',
  'diskFailed',
  'wrongTopic',
  'keysRotated',
  'roleEnded',
]

/** What was judged; of a root and targets there is neither role nor epoch, and what cannot be read has no hash. */
export interface AuditSubject {
  kind: 'announcement' | 'targets' | 'root'
  role: string | undefined
  epoch: number | undefined
  version: number | undefined
  hash: string | undefined
}

/** In a coalesced entry subject and `wall` are those of the last refusal. */
export interface AuditEntry extends AuditSubject {
  /** Orders all entries, over restarts too; from 1. */
  seq: number
  /** Its place in its ring: that of the accepted or that of the refused. */
  slot: number
  outcome: 'accepted' | RefusalCode
  /** Undefined: handed in on this machine. */
  peer: NodeId | undefined
  incarnation: number
  /** What the wall clock showed: a label. `since` of the first, `wall` of the last. */
  since: Millis
  wall: Millis
  count: number
}

/** What a record tells of the refusals of this run. */
export interface RefusedSummary {
  total: number
  /** The most frequent reason; undefined when it is one that this version does not know. */
  most: RefusalCode | undefined
}

/** An entry and what only this run knows of it. */
interface Live {
  entry: AuditEntry
  /** When it began and when it was last counted up, by the clock of this run; undefined for entries of earlier runs. */
  times: { began: Millis; last: Millis } | undefined
}

interface Parts {
  out: Outbox
  self: Pick<Self, 'wallLabel'>
  incarnation: () => number
}

export class Audit {
  readonly #p: Parts
  readonly #rings: { accepted: (Live | undefined)[]; refused: (Live | undefined)[] }
  /** Where the next entry of a ring goes. */
  readonly #next = { accepted: 0, refused: 0 }
  #seq = 0
  /** Refusals that are counted up when they come again. */
  readonly #open = new Map<string, Live>()
  readonly #counts = new Map<RefusalCode, number>()
  /** Not on disk yet; and there with a lower count. */
  readonly #fresh = new Set<Live>()
  readonly #grown = new Set<Live>()
  #freshDue: Millis | undefined
  #grownDue: Millis | undefined
  readonly #writing = new Map<Ticket, readonly Live[]>()

  /** @param saved what earlier runs wrote, in any order. */
  constructor(parts: Parts, saved: readonly AuditEntry[]) {
    this.#p = parts
    this.#rings = {
      accepted: new Array<Live | undefined>(limits.auditAccepted).fill(undefined),
      refused: new Array<Live | undefined>(limits.auditRefused).fill(undefined),
    }
    for (const entry of [...saved].sort((a, b) => a.seq - b.seq)) this.#restore(entry)
  }

  get size(): number {
    return Math.max(this.#open.size, this.#fresh.size, this.#grown.size)
  }

  accepted(subject: AuditSubject, peer: NodeId | undefined, now: Millis): void {
    this.#begin(subject, 'accepted', peer, now)
    this.#freshDue = now
  }

  refused(subject: AuditSubject, peer: NodeId | undefined, code: RefusalCode, now: Millis): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1)
    const key = `${subject.kind} ${peer ?? ''} ${code}`
    const open = this.#open.get(key)
    if (open?.times !== undefined && now - open.times.began < limits.auditCoalesced)
      return this.#grow(open, subject, now)
    this.#open.delete(key)
    this.#open.set(key, this.#begin(subject, code, peer, now))
    if (this.#open.size > limits.auditRefused) this.#open.delete(this.#open.keys().next().value as string)
    this.#freshDue = Math.min(this.#freshDue ?? Number.POSITIVE_INFINITY, now + limits.auditFreshDelay)
  }

  /** Every entry, oldest first, with its age; undefined when the wall clock cannot tell it. */
  entries(now: Millis): { entry: AuditEntry; age: Millis | undefined }[] {
    const all = [...this.#rings.accepted, ...this.#rings.refused].filter((live) => live !== undefined)
    const wall = this.#p.self.wallLabel(now)
    return all
      .sort((a, b) => a.entry.seq - b.entry.seq)
      .map(({ entry, times }) => {
        const age = times === undefined ? wall - entry.wall : now - times.last
        return { entry, age: age < 0 ? undefined : age }
      })
  }

  /** What was refused in this run; undefined when nothing was. */
  summary(): RefusedSummary | undefined {
    const counts = [...this.#counts].sort(([, a], [, b]) => b - a)
    if (counts.length === 0) return undefined
    return { total: counts.reduce((sum, [, count]) => sum + count, 0), most: counts[0]?.[0] }
  }

  deadline(): Millis | undefined {
    const times = [this.#freshDue, this.#grownDue].filter((at) => at !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  check(now: Millis): void {
    if (this.#freshDue !== undefined && now >= this.#freshDue) this.#write(this.#fresh)
    if (this.#grownDue !== undefined && now >= this.#grownDue) this.#write(this.#grown)
    if (this.#fresh.size === 0) this.#freshDue = undefined
    if (this.#grown.size === 0) this.#grownDue = undefined
  }

  /** Writes what is not on disk yet. */
  flush(): void {
    this.#write(new Set([...this.#fresh, ...this.#grown]))
    this.#fresh.clear()
    this.#grown.clear()
  }

  persisted(ticket: Ticket): void {
    this.#writing.delete(ticket)
  }

  persistFailed(ticket: Ticket, now: Millis): void {
    const failed = this.#writing.get(ticket)
    if (failed === undefined) return
    this.#writing.delete(ticket)
    for (const live of failed) if (this.#holds(live)) this.#fresh.add(live)
    this.#freshDue = now + limits.diskRetry
  }

  #begin(subject: AuditSubject, outcome: AuditEntry['outcome'], peer: NodeId | undefined, now: Millis): Live {
    const wall = this.#p.self.wallLabel(now)
    const ring = ringOf(outcome)
    this.#seq += 1
    const place = { seq: this.#seq, slot: this.#next[ring] }
    const label = { incarnation: this.#p.incarnation(), since: wall, wall, count: 1 }
    const live = { entry: { ...subject, ...place, outcome, peer, ...label }, times: { began: now, last: now } }
    this.#put(live)
    this.#fresh.add(live)
    return live
  }

  #grow(live: Live, subject: AuditSubject, now: Millis): void {
    const { entry, times } = live
    live.entry = { ...entry, ...subject, wall: this.#p.self.wallLabel(now), count: entry.count + 1 }
    if (times !== undefined) times.last = now
    if (!this.#holds(live) || this.#fresh.has(live)) return
    this.#grown.add(live)
    this.#grownDue ??= now + limits.auditGrownDelay
  }

  #restore(entry: AuditEntry): void {
    this.#seq = Math.max(this.#seq, entry.seq)
    this.#put({ entry, times: undefined })
  }

  /** What was in its place is forgotten. */
  #put(live: Live): void {
    const ring = ringOf(live.entry.outcome)
    const before = this.#rings[ring][live.entry.slot]
    if (before !== undefined) for (const set of [this.#fresh, this.#grown]) set.delete(before)
    this.#rings[ring][live.entry.slot] = live
    this.#next[ring] = (live.entry.slot + 1) % this.#rings[ring].length
  }

  #holds(live: Live): boolean {
    return this.#rings[ringOf(live.entry.outcome)][live.entry.slot] === live
  }

  #write(lives: Set<Live>): void {
    if (lives.size === 0) return
    const written = [...lives]
    lives.clear()
    const changes = written.map(({ entry }): Change => ({ type: 'audit', entry }))
    this.#writing.set(this.#p.out.persist(changes, false), written)
  }
}

export function ringOf(outcome: AuditEntry['outcome']): 'accepted' | 'refused' {
  return outcome === 'accepted' ? 'accepted' : 'refused'
}
