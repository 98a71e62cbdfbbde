// Debts: pieces that a member has to confirm before it counts again, since it let others be overdue. Who lets one be owes two, and each
// time twice what it owed the last time and two more. Paying does not forget that: what it owed last is halved whenever it has confirmed as many
// in time. So who lets pieces be and pays in turns has soon to confirm 64 for each place that it held in vain, and who lost
// one in a broken stream is as good as before after a few. Time pays nothing: to wait would be cheap.
// Invariant: bounded; with too many to remember, whoever owed longest ago is forgotten.
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'

interface Debt {
  /** Pieces that are still to be confirmed. */
  left: number
  /** What it owed last, less what it made good since. */
  last: number
  /** Pieces confirmed in time since that changed. */
  kept: number
}

export class Debts {
  readonly #debts = new Map<NodeId, Debt>()

  has(node: NodeId): boolean {
    return (this.#debts.get(node)?.left ?? 0) > 0
  }

  /** It let a piece be overdue. */
  owes(node: NodeId): void {
    const last = Math.min(limits.flightDebt, 2 * (this.#debts.get(node)?.last ?? 0) + 2)
    this.#debts.delete(node)
    this.#debts.set(node, { left: last, last, kept: 0 })
    for (const oldest of this.#debts.keys()) if (this.#debts.size > limits.bannedPeers) this.#debts.delete(oldest)
  }

  /** It confirmed a piece that was sent to it while it owed. @returns true when it owes nothing any more */
  pays(node: NodeId): boolean {
    const debt = this.#debts.get(node)
    if (debt !== undefined && debt.left > 0) debt.left -= 1
    return !this.has(node)
  }

  /** It confirmed a piece in time that counted. */
  kept(node: NodeId): void {
    const debt = this.#debts.get(node)
    if (debt === undefined || debt.left > 0) return
    debt.kept += 1
    if (debt.kept < debt.last) return
    debt.last >>= 1
    debt.kept = 0
    if (debt.last === 0) this.#debts.delete(node)
  }
}
