// Claims: the pieces of one encoding that one mate said it is fetching from outside. A claim keeps others from fetching the piece,
// but only until its deadline, which a second claim does not move: so whoever claims and does not deliver costs each piece one
// delay, and no more.
import type { Millis } from '../env.ts'

export interface Claim {
  readonly since: Millis
  readonly due: Millis
  /** It is another's, passed on: no fault of the mate when it is missed. */
  readonly passed: boolean
  /** It was not taken back. */
  open: boolean
  /** Its deadline passed. */
  missed: boolean
}

export class Claims {
  readonly #claims = new Map<number, Claim>()
  /** No deadline passes before. */
  #due: Millis = Number.POSITIVE_INFINITY

  /**
   * What a mate claims itself counts although it passed on another's claim of the same piece before: that one came to nothing.
   * @param patience how long it counts, if it is new. @returns false when it changes nothing
   */
  claim(index: number, now: Millis, patience: Millis, passed = false): boolean {
    const known = this.#claims.get(index)
    const first = known === undefined || (known.passed && !passed)
    if (!first && known.open) return false
    this.#due = Math.min(this.#due, first ? now + patience : known.due)
    if (first) this.#claims.set(index, { since: now, due: now + patience, passed, open: true, missed: false })
    else known.open = true
    return true
  }

  /** Taken back. @returns false when that changes nothing */
  drop(index: number): boolean {
    const known = this.#claims.get(index)
    if (known === undefined || !known.open) return false
    known.open = false
    return true
  }

  /** Its owner has the piece. @returns how long that took; undefined when it had not claimed it, or had taken that back */
  fulfilled(index: number, now: Millis): Millis | undefined {
    const known = this.#claims.get(index)
    this.#claims.delete(index)
    return known?.open && !known.passed ? now - known.since : undefined
  }

  /** How many deadlines passed since this was last asked. */
  missed(now: Millis): number {
    if (now < this.#due) return 0
    let count = 0
    this.#due = Number.POSITIVE_INFINITY
    for (const claim of this.#claims.values()) {
      if (!claim.open || claim.passed || claim.missed) continue
      if (now < claim.due) this.#due = Math.min(this.#due, claim.due)
      else {
        claim.missed = true
        count += 1
      }
    }
    return count
  }

  /** The claims that were not taken back, the oldest first. */
  eachOpen(visit: (index: number, claim: Readonly<Claim>) => void): void {
    this.#claims.forEach((claim, index) => {
      if (claim.open) visit(index, claim)
    })
  }

  /** How many were not taken back: of its own, or of others that it passed on. */
  open(passed: boolean): number {
    let count = 0
    this.#claims.forEach((claim) => {
      if (claim.open && claim.passed === passed) count += 1
    })
    return count
  }

  isOpen(index: number): boolean {
    return this.#claims.get(index)?.open === true
  }
}
