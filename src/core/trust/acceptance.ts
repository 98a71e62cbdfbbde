// Acceptance: the way of an announcement from its arrival to its being in force. Documents that are judged good are written with
// their floors in one batch, and taken when that batch is on disk; whatever comes meanwhile waits and is judged afterwards.
// Invariants: one batch at a time, one document of a role in a batch, nothing is taken before it is on disk.
import type { Millis, NodeId } from '../env.ts'
import type { Change, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { AnnouncementDocument, Encoding, RoleFloor } from './announcement.ts'
import type { PathFloors } from './path-floors.ts'
import { headOf, isNews, type Registers, type Standing, type Terms } from './registers.ts'

/** A document, and whom to tell. */
export interface Candidate {
  document: AnnouncementDocument
  /** Undefined when it was handed in on this machine. */
  from: NodeId | undefined
  submission: { ticket: Ticket; imported: readonly { encoding: Encoding; pieceList: Uint8Array }[] } | undefined
}

interface Parts {
  out: Outbox
  registers: Registers
  floors: PathFloors
  topic: string
  /** Undefined while no targets are in force. */
  terms: (role: string) => Terms | undefined
  /** What became of a candidate. */
  settled: (candidate: Candidate, standing: Standing, now: Millis) => void
  /** What is in force changed. */
  accepted: (now: Millis) => void
}

interface Judged {
  candidate: Candidate
  standing: Standing
}

interface Batch {
  ticket: Ticket
  judged: readonly Judged[]
  /** The terms changed while it was being written. */
  stale: boolean
}

export class Acceptance {
  readonly #p: Parts
  #waiting: Candidate[] = []
  #batch: Batch | undefined

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return this.#waiting.length
  }

  get isFull(): boolean {
    return this.#waiting.length >= limits.bodiesQueued
  }

  /** True when the document waits or is being written. */
  has(hash: string): boolean {
    const written = this.#batch?.judged.map(({ candidate }) => candidate) ?? []
    return [...this.#waiting, ...written].some(({ document }) => document.hash === hash)
  }

  /** Judges the document as soon as nothing is being written. */
  offer(candidate: Candidate, now: Millis): void {
    this.#waiting.push(candidate)
    this.#advance(now)
  }

  /** Targets or root changed: what is being written must be judged again before it is in force. */
  termsChanged(): void {
    if (this.#batch !== undefined) this.#batch.stale = true
  }

  persisted(ticket: Ticket, now: Millis): void {
    const batch = this.#batch
    if (batch?.ticket !== ticket) return
    this.#batch = undefined
    this.#take(batch)
    for (const { candidate, standing } of batch.judged) {
      const { document } = candidate
      const isInForce = this.#p.registers.byHash(document.hash) !== undefined
      this.#p.settled(candidate, isInForce ? standing : this.#judge(candidate), now)
    }
    this.#p.accepted(now)
    this.#advance(now)
  }

  persistFailed(ticket: Ticket, now: Millis): void {
    const batch = this.#batch
    if (batch?.ticket !== ticket) return
    this.#batch = undefined
    for (const { candidate } of batch.judged) this.#p.settled(candidate, 'diskFailed', now)
    this.#advance(now)
  }

  #advance(now: Millis): void {
    if (this.#batch !== undefined) return
    const waiting = this.#waiting
    this.#waiting = []
    const chosen = new Map<string, Judged>()
    const refused: Judged[] = []
    for (const candidate of waiting) {
      const { role } = candidate.document.signed
      if (chosen.has(role)) this.#waiting.push(candidate)
      else {
        const judged = { candidate, standing: this.#judge(candidate) }
        if (isNews(judged.standing)) chosen.set(role, judged)
        else refused.push(judged)
      }
    }
    if (chosen.size > 0) this.#write([...chosen.values()])
    for (const { candidate, standing } of refused) this.#p.settled(candidate, standing, now)
  }

  /** A publisher here who would split its own role is told so, and nobody else hears of it. */
  #judge({ document, submission }: Candidate): Standing {
    const terms = this.#p.terms(document.signed.role)
    const standing = terms === undefined ? 'unknownRole' : this.#p.registers.judge(document, terms)
    return submission !== undefined && standing === 'rival' ? 'oldVersion' : standing
  }

  #write(judged: readonly Judged[]): void {
    const documents = judged.map(({ candidate }) => candidate.document)
    const changes: Change[] = documents.flatMap((document) => this.#p.registers.changes(document))
    changes.push(...documents.flatMap((document) => this.#p.floors.changes(document)))
    this.#batch = { ticket: this.#p.out.persist(changes, true), judged, stale: false }
  }

  #take({ judged, stale }: Batch): void {
    const { registers, floors, out, terms } = this.#p
    const documents = judged.map(({ candidate }) => candidate.document)
    for (const document of documents) floors.take(document)
    const frozen = new Set(documents.map(({ signed }) => signed.role).filter((role) => registers.frozen(role)))
    const before = new Map(documents.map(({ signed: { role } }) => [role, registers.floor(role)]))
    for (const document of documents) registers.take(document)
    if (stale) {
      const changes = registers.rejudge(terms)
      const rewritten = documents.flatMap(({ signed }) => registers.onDisk(signed.role))
      out.persist([...rewritten, ...changes], false)
    }
    for (const { candidate, standing } of judged) {
      this.#tellOfKeys(candidate.document, before.get(candidate.document.signed.role))
      this.#announce(candidate, standing, frozen)
    }
  }

  #tellOfKeys({ signed, hash }: AnnouncementDocument, before: RoleFloor | undefined): void {
    const { role, epoch, rotation = 0 } = signed
    const known = before?.epoch === epoch ? (before.rotation ?? 0) : 0
    if (rotation <= known || this.#p.registers.byHash(hash) === undefined) return
    this.#p.out.event({ type: 'roleRotated', role, epoch, rotation })
  }

  #announce({ document, from }: Candidate, standing: Standing, frozen: ReadonlySet<string>): void {
    const { out, registers, topic } = this.#p
    const { role, epoch, version } = document.signed
    if (registers.byHash(document.hash) === undefined) return
    if (standing === 'newer') out.event({ type: 'announced', role, epoch, version, from })
    if (registers.frozen(role) && !frozen.has(role)) out.event({ type: 'equivocation', role, epoch, version })
    for (const side of registers.sides(role)) out.emit({ type: 'publishHead', topic, head: headOf(side) })
  }
}
