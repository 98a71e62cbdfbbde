// Misconduct (clause CHECKS 3): who gives documents that are not what they may be, or tells of nothing but what is refused. A document costs this node
// a fetch and often signature checks, so a peer has a budget; when it is used up its link is closed, and for a while it is neither
// admitted nor dialled. What a peer with other targets or roots than ours gives may be right there, so it weighs little.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Refusals } from './refusals.ts'

/** A document that no honest member gives; one whose giver may know other keys than we do; a head that was refused. */
export type Blame = 'fault' | 'doubt' | 'head'

const POINTS: Readonly<Record<Blame, number>> = {
  fault: limits.refusedAtFault,
  doubt: limits.refusedInDoubt,
  head: 1,
}

interface Account {
  since: Millis
  points: number
}

interface Parts {
  out: Outbox
  refusals: Refusals
  /** It is dropped, and is not to be dialled before `until`. */
  avoid: (peer: NodeId, until: Millis) => void
}

export class Misconduct {
  readonly #p: Parts
  /** Oldest first; they outlive the link, or a peer would come back with a new budget. */
  readonly #accounts = new Map<NodeId, Account>()
  readonly #dropped = new Map<NodeId, Millis>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return Math.max(this.#accounts.size, this.#dropped.size)
  }

  /** Something of this peer was refused. */
  add(peer: NodeId, blame: Blame, now: Millis): void {
    const account = this.#account(peer, now)
    account.points += POINTS[blame]
    if (account.points >= limits.refusedPoints) this.#drop(peer, now)
  }

  /** True while it is not to be admitted. */
  isDropped(peer: NodeId, now: Millis): boolean {
    return now < (this.#dropped.get(peer) ?? now)
  }

  #account(peer: NodeId, now: Millis): Account {
    const known = this.#accounts.get(peer)
    const account = known === undefined || now - known.since >= limits.refusedTime ? { since: now, points: 0 } : known
    this.#accounts.delete(peer)
    this.#accounts.set(peer, account)
    bound(this.#accounts)
    return account
  }

  #drop(peer: NodeId, now: Millis): void {
    const until = now + limits.dropTime
    this.#accounts.delete(peer)
    this.#dropped.delete(peer)
    this.#dropped.set(peer, until)
    bound(this.#dropped)
    this.#p.refusals.count('misbehaved', peer, 'link', now)
    this.#p.out.event({ type: 'peerDropped', peer })
    this.#p.out.emit({ type: 'close', peer, reason: 'refused' })
    this.#p.avoid(peer, until)
  }
}

function bound(table: Map<NodeId, unknown>): void {
  if (table.size > limits.memberships) table.delete(table.keys().next().value as NodeId)
}
