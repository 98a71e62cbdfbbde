// Claims: the pieces of one encoding that one mate said it is fetching from outside. A claim keeps others from fetching the piece,
// but only until its deadline, which a second claim does not move: so whoever claims and does not deliver costs each piece one
// delay, and no more, over however many streams it says so.
import type { Millis } from '../env.ts'
import { emptyBits, hasBit, setBit } from './bitfield.ts'

/** The pieces of one encoding that one mate claimed on streams that are gone, and did not come to have then; and that it passed on. */
export class Spent {
  readonly #own: Uint8Array
  readonly #passed: Uint8Array

  constructor(pieces: number) {
    this.#own = emptyBits(pieces)
    this.#passed = emptyBits(pieces)
  }

  /** Whoever claims a piece and then passes it on had its delay. */
  has(index: number, passed: boolean): boolean {
    return hasBit(this.#own, index) || (passed && hasBit(this.#passed, index))
  }

  add(index: number, passed: boolean): void {
    setBit(passed ? this.#passed : this.#own, index)
  }
}

export interface Claim {
  readonly since: Millis
  readonly due: Millis
  /** It is another's, passed on: no fault of the mate when it is missed. */
  readonly passed: boolean
  /** It counted on an earlier stream: it keeps nobody from fetching the piece. */
  readonly spent: boolean
  /** Its deadline passed. */
  missed: boolean
}

export class Claims {
  /** Those that were not taken back. */
  readonly #open = new Map<number, Claim>()
  /** Those that were, for their deadlines. */
  readonly #dropped = new Map<number, Claim>()
  /** How many are open of its own, and of others. */
  #own = 0
  #passed = 0
  /** No deadline passes before. */
  #due: Millis = Number.POSITIVE_INFINITY
  readonly #spent: Spent | undefined

  /** @param spent what was claimed on earlier streams */
  constructor(spent?: Spent) {
    this.#spent = spent
  }

  /**
   * What a mate claims itself counts although it passed on another's claim of the same piece before: that one came to nothing.
   * @param patience how long it counts, if it is new. @returns false when it changes nothing
   */
  claim(index: number, now: Millis, patience: Millis, passed = false): boolean {
    const open = this.#open.get(index)
    const known = open ?? this.#dropped.get(index)
    const first = known === undefined || (known.passed && !passed)
    if (!first && open !== undefined) return false
    const spent = this.#spent?.has(index, passed) === true
    const claim = first ? { since: now, due: now + patience, passed, spent, missed: false } : known
    if (open !== undefined) this.#count(open, -1)
    this.#dropped.delete(index)
    this.#open.set(index, claim)
    this.#count(claim, 1)
    this.#due = Math.min(this.#due, claim.due)
    return true
  }

  /** Taken back. @returns false when that changes nothing */
  drop(index: number): boolean {
    const claim = this.#open.get(index)
    if (claim === undefined) return false
    this.#open.delete(index)
    this.#dropped.set(index, claim)
    this.#count(claim, -1)
    return true
  }

  /** Its owner has the piece. @returns how long that took; undefined when it had not claimed it, or had taken that back */
  fulfilled(index: number, now: Millis): Millis | undefined {
    const claim = this.#open.get(index)
    this.#open.delete(index)
    this.#dropped.delete(index)
    if (claim === undefined) return undefined
    this.#count(claim, -1)
    return claim.passed ? undefined : now - claim.since
  }

  /** The stream is gone: none of it counts again. */
  spend(into: Spent): void {
    for (const claims of [this.#open, this.#dropped]) for (const [index, { passed }] of claims) into.add(index, passed)
  }

  get isEmpty(): boolean {
    return this.#open.size + this.#dropped.size === 0
  }

  /** How many deadlines passed since this was last asked. */
  missed(now: Millis): number {
    if (now < this.#due) return 0
    let count = 0
    this.#due = Number.POSITIVE_INFINITY
    for (const claim of this.#open.values()) {
      if (claim.passed || claim.missed) continue
      if (now < claim.due) this.#due = Math.min(this.#due, claim.due)
      else {
        claim.missed = true
        count += 1
      }
    }
    return count
  }

  /** The claims that were not taken back, in the order in which they were said. */
  eachOpen(visit: (index: number, claim: Readonly<Claim>) => void): void {
    this.#open.forEach((claim, index) => {
      visit(index, claim)
    })
  }

  /** How many were not taken back: of its own, or of others that it passed on. */
  open(passed: boolean): number {
    return passed ? this.#passed : this.#own
  }

  /** It was made and taken back: that it is made again may be of use, but not without end. */
  isTakenBack(index: number): boolean {
    return this.#dropped.has(index)
  }

  isOpen(index: number): boolean {
    return this.#open.has(index)
  }

  /** It is open, and counted before. */
  isSpent(index: number): boolean {
    return this.#open.get(index)?.spent === true
  }

  #count({ passed }: Claim, by: 1 | -1): void {
    if (passed) this.#passed += by
    else this.#own += by
  }
}
