// Authors: memberships of those who signed the rows of a query. Whom a node only reads about is no reason to write to disk, and
// takes no place on the roster from those it lives with: such memberships are kept here, checked, for the next query. So are those
// of reporters of other zones.
import type { MembershipId, Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Self } from '../self.ts'
import type { Membership, RootDocument } from '../trust/documents.ts'
import type { Gatekeeper } from '../trust/gatekeeper.ts'
import type { Roster } from '../trust/roster.ts'

export class Authors {
  readonly #self: Self
  readonly #roster: Pick<Roster, 'byId'>
  readonly #gatekeeper: Pick<Gatekeeper, 'problemOf'>
  readonly #most: number
  /** In order of use, least recent first. */
  readonly #learnt = new Map<MembershipId, Membership>()
  /** What the memberships were checked against. */
  #root: RootDocument

  /** @param most how many are kept beside those on the roster */
  constructor(
    self: Self,
    roster: Pick<Roster, 'byId'>,
    gatekeeper: Pick<Gatekeeper, 'problemOf'>,
    most: number = limits.queryMemberships,
  ) {
    this.#self = self
    this.#roster = roster
    this.#gatekeeper = gatekeeper
    this.#root = self.root
    this.#most = most
  }

  get size(): number {
    return this.#learnt.size
  }

  /** A membership that was checked under the root in force; undefined when it has to be asked for. */
  get(id: MembershipId): Membership | undefined {
    const met = this.#roster.byId(id)
    if (met !== undefined) return met
    this.#forgetVoid()
    const learnt = this.#learnt.get(id)
    if (learnt !== undefined) this.#keep(learnt)
    return learnt
  }

  /** Keeps a membership that somebody told us; false when it does not hold. */
  learn(membership: Membership, now: Millis): boolean {
    if (this.#gatekeeper.problemOf(membership, now) !== undefined) return false
    this.#forgetVoid()
    this.#keep(membership)
    if (this.#learnt.size > this.#most) this.#learnt.delete(this.#learnt.keys().next().value as MembershipId)
    return true
  }

  #keep(membership: Membership): void {
    this.#learnt.delete(membership.id)
    this.#learnt.set(membership.id, membership)
  }

  /** A new root may void any of them. */
  #forgetVoid(): void {
    if (this.#root === this.#self.root) return
    this.#root = this.#self.root
    this.#learnt.clear()
  }
}
