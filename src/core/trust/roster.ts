// The roster: memberships that were checked against the root, by id and by node, and who sits on which seat.
// Invariant: whatever it holds has passed judgeMembership under the root held then.
import type { MembershipId, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Membership } from './documents.ts'

/** Two node ids on one seat of one invite: a copied token. */
export interface SeatConflict {
  seat: number
  nodes: readonly [NodeId, NodeId]
}

export class Roster {
  readonly #out: Outbox
  /** In order of use, least recent first. */
  readonly #byId = new Map<MembershipId, Membership>()
  readonly #byNode = new Map<NodeId, Membership>()
  /** Shown by their nodes in the gate. */
  readonly #proven = new Set<MembershipId>()
  readonly #keep: (node: NodeId) => boolean

  /** @param keep nodes whose membership must stay although others were used later (linked, or in the view). */
  constructor(out: Outbox, keep: (node: NodeId) => boolean) {
    this.#out = out
    this.#keep = keep
  }

  get size(): number {
    return this.#byId.size
  }

  byId(id: MembershipId): Membership | undefined {
    return this.#byId.get(id)
  }

  byNode(node: NodeId): Membership | undefined {
    return this.#byNode.get(node)
  }

  all(): IterableIterator<Membership> {
    return this.#byId.values()
  }

  /**
   * Adds a checked membership and writes it unless it came from disk. Returns the seat conflict that it reveals, if any.
   * @param options.proven its node showed it in the gate, so holds its key: only that decides which of several memberships
   *   under one node id is the node's. A membership that somebody passed on proves no possession of that key.
   */
  add(membership: Membership, options: { persist: boolean; proven: boolean }): SeatConflict | undefined {
    const { id, claims } = membership
    const held = this.#byId.get(id)
    if (options.proven) this.#proven.add(id)
    const better = held?.countersignature === undefined && membership.countersignature !== undefined
    if (held === undefined && this.#byId.size >= limits.memberships) this.#evict()
    if (held === undefined || better) {
      this.#byId.set(id, membership)
      if (options.persist) this.#out.persist([{ type: 'membership', membership }], false)
    }
    const known = this.#byNode.get(claims.node)
    if (options.proven || known === undefined || known.id === id) {
      this.#byNode.set(claims.node, this.#byId.get(id) as Membership)
    }
    return held === undefined ? this.#conflict(membership) : undefined
  }

  /** True when its node has shown it in the gate since this run began. */
  isProven(id: MembershipId): boolean {
    return this.#proven.has(id)
  }

  /** Forgets a membership that does not hold any more. */
  remove(id: MembershipId): void {
    const node = this.#byId.get(id)?.claims.node
    this.#byId.delete(id)
    this.#proven.delete(id)
    if (node !== undefined && this.#byNode.get(node)?.id === id) this.#byNode.delete(node)
    this.#out.persist([{ type: 'forgetMembership', id }], false)
  }

  /** Marks a membership as just used. The order is kept while there are so many that some may have to go: it is asked for at each record. */
  touch(id: MembershipId): void {
    if (this.#byId.size < limits.memberships / 2) return
    const membership = this.#byId.get(id)
    if (membership === undefined) return
    this.#byId.delete(id)
    this.#byId.set(id, membership)
  }

  /** Seats of an invite that other nodes hold. */
  takenSeats(invite: string, except: NodeId): number[] {
    const seats: number[] = []
    for (const { claims } of this.#byId.values()) {
      if (claims.invite === invite && claims.node !== except) seats.push(claims.seat)
    }
    return seats
  }

  #conflict(membership: Membership): SeatConflict | undefined {
    const { invite, seat, node } = membership.claims
    for (const other of this.#byId.values()) {
      if (other.claims.invite === invite && other.claims.seat === seat && other.claims.node !== node) {
        return { seat, nodes: [other.claims.node, node] }
      }
    }
    return undefined
  }

  #evict(): void {
    for (const [id, membership] of this.#byId) {
      if (!this.#keep(membership.claims.node)) return this.remove(id)
    }
  }
}
