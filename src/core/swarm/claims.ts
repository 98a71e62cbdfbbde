// Claims: the pieces of one encoding that one mate said it is fetching from outside. A claim keeps others from fetching the piece,
// but only until its deadline, which a second claim does not move: so whoever claims and does not deliver costs each piece one
// delay, and no more.
import type { Millis } from '../env.ts'

interface Claim {
  readonly since: Millis
  readonly due: Millis
  /** It was not taken back. */
  open: boolean
  /** Its deadline passed. */
  missed: boolean
}

export class Claims {
  readonly #claims = new Map<number, Claim>()

  /** @param patience how long it counts, if it is new. @returns false when it changes nothing */
  claim(index: number, now: Millis, patience: Millis): boolean {
    const known = this.#claims.get(index)
    if (known?.open) return false
    if (known === undefined) this.#claims.set(index, { since: now, due: now + patience, open: true, missed: false })
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
    return known?.open ? now - known.since : undefined
  }

  /** How many deadlines passed since this was last asked. */
  missed(now: Millis): number {
    let count = 0
    for (const claim of this.#claims.values()) {
      if (!claim.open || claim.missed || now < claim.due) continue
      claim.missed = true
      count += 1
    }
    return count
  }

  /** The claims that were not taken back, the oldest first. */
  *open(): IterableIterator<{ index: number; since: Millis; due: Millis }> {
    for (const [index, { open, since, due }] of this.#claims) if (open) yield { index, since, due }
  }
}
