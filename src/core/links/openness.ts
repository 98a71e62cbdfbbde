// Openness: where members could dial this node from outside, by what those say who tried (clause DIALBACK). An answer is of one family
// of addresses, that of the link over which it was asked for. Invariant: an address counts from the first time that it was found, and
// until it was missed so often in a row: who is slow to dial, or has a full wire, does not close a relay that others hang on.
import { limits } from '../limits.ts'

/** The name of a family, as it stands in front of an address. */
export type Family = 'ip4' | 'ip6'

export class Openness {
  /** By address: how often in a row it was missed. */
  readonly #found = new Map<string, number>()
  /** Found before the addresses of this machine changed, and not since. */
  readonly #stale = new Set<string>()

  /** What counts now. */
  get addresses(): string[] {
    return [...this.#found.keys()].sort()
  }

  /** Addresses of this machine came or went: whatever is not found by the next test is gone. */
  renew(): void {
    for (const address of this.#found.keys()) this.#stale.add(address)
  }

  /**
   * What members said who were asked over links of this family.
   * @returns true when something that counts was missed: it is to be tried again soon
   */
  heard(family: Family, found: readonly string[]): boolean {
    for (const address of found.filter((each) => familyOf(each) === family)) {
      this.#found.set(address, 0)
      this.#stale.delete(address)
    }
    const missed = [...this.#found].filter(([address]) => familyOf(address) === family && !found.includes(address))
    for (const [address, misses] of missed) {
      if (misses + 1 >= limits.reachMisses) this.#forget(address)
      else this.#found.set(address, misses + 1)
    }
    return missed.some(([address]) => this.#found.has(address))
  }

  /** A test is over, in which somebody told of some family. */
  tested(): void {
    for (const address of this.#stale) this.#forget(address)
  }

  #forget(address: string): void {
    this.#found.delete(address)
    this.#stale.delete(address)
  }
}

/** What was open in an earlier run and, as this machine has its address itself, behind no router, may be taken to be so until it is tested. */
export function presumed(saved: readonly string[], listening: readonly string[]): string[] {
  return saved.filter((address) => listening.includes(address))
}

export function familyOf(address: string): Family {
  return address.startsWith('/ip6/') ? 'ip6' : 'ip4'
}

/** True when two answers differ: a third member decides. */
export function disagree(answers: readonly (readonly string[])[]): boolean {
  return answers.length === 2 && answers[0]?.join() !== answers[1]?.join()
}

/** What two of up to three answers hold, or one alone: what one of two denies is not open, or its word would cost us our relays. */
export function agreed(answers: readonly (readonly string[])[]): string[] {
  const needed = answers.length === 1 ? 1 : 2
  const all = [...new Set(answers.flat())]
  return all.filter((address) => answers.filter((answer) => answer.includes(address)).length >= needed)
}
