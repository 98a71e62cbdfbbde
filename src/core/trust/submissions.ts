// Submissions: announcements that a publisher hands in on this machine, with the targets that they need, and targets alone. Targets come first;
// every submission is answered once it is in force or refused.
import type { Millis } from '../env.ts'
import type { Input, RefusalCode, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Acceptance, Candidate } from './acceptance.ts'
import type { Encoding } from './announcement.ts'
import type { TargetsDocument } from './documents.ts'
import { isKept, type Standing } from './registers.ts'
import type { TargetsKeeper } from './targets-keeper.ts'

interface Parts {
  out: Outbox
  targets: TargetsKeeper
  acceptance: Pick<Acceptance, 'offer' | 'isFull'>
  /** An encoding came with an announcement that is in force now. */
  imported: (encoding: Encoding, pieceList: Uint8Array, now: Millis) => void
}

/** Targets of this version have to be in force; without a candidate that is all. */
interface Waiting {
  ticket: Ticket
  version: number
  candidate: Candidate | undefined
}

export class Submissions {
  readonly #p: Parts
  /** Those that wait until nothing is written of the targets, with the version that they need. */
  #waiting: Waiting[] = []

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return this.#waiting.length
  }

  submitted(ticket: Ticket, input: Extract<Input, { type: 'submitted' }>, now: Millis): void {
    const { targets, announcement: document, imported } = input
    if (this.#p.acceptance.isFull || this.#waiting.length >= limits.bodiesQueued)
      return this.#answer(ticket, 'tooOften')
    const outcome = targets === undefined ? 'same' : this.#p.targets.consider(targets, undefined, now)
    // Older targets than ours are no reason to refuse what they come with: it is judged under ours.
    if (outcome !== 'same' && outcome !== 'accepted' && outcome !== 'oldVersion') return this.#answer(ticket, outcome)
    const version = outcome === 'accepted' ? (targets?.signed.version ?? 0) : 0
    const candidate = { document, from: undefined, submission: { ticket, imported } }
    this.#waiting.push({ ticket, version, candidate })
    this.resume(now)
  }

  delegated(ticket: Ticket, targets: TargetsDocument, now: Millis): void {
    if (this.#waiting.length >= limits.bodiesQueued) return this.#answer(ticket, 'tooOften')
    const outcome = this.#p.targets.consider(targets, undefined, now)
    if (outcome !== 'accepted') return this.#answer(ticket, outcome === 'same' ? undefined : outcome)
    this.#waiting.push({ ticket, version: targets.signed.version, candidate: undefined })
  }

  /** Goes on with what came with targets, once those are in force or could not be written. */
  resume(now: Millis): void {
    if (this.#waiting.length === 0 || !this.#p.targets.settled) return
    const waiting = this.#waiting
    this.#waiting = []
    const held = this.#p.targets.current?.signed.version ?? 0
    for (const { ticket, candidate, version } of waiting) {
      if (version > held) this.#answer(ticket, 'diskFailed')
      else if (candidate === undefined) this.#answer(ticket, undefined)
      else this.#p.acceptance.offer(candidate, now)
    }
  }

  /** Acceptance is done with a candidate; one that a peer gave is none of ours. */
  settled({ submission }: Candidate, standing: Standing, now: Millis): void {
    if (submission === undefined) return
    if (!isKept(standing)) return this.#answer(submission.ticket, standing)
    for (const { encoding, pieceList } of submission.imported) this.#p.imported(encoding, pieceList, now)
    this.#answer(submission.ticket, undefined)
  }

  #answer(ticket: Ticket, refused: RefusalCode | undefined): void {
    this.#p.out.emit({ type: 'submission', ticket, refused })
  }
}
