// Who this node is, for the machines it is composed of, and what it knows of wall time.
import type { Millis, NodeId } from './env.ts'
import { limits } from './limits.ts'
import type { Membership, RootDocument } from './trust/documents.ts'
import type { Time } from './trust/expiry.ts'

export class Self {
  readonly node: NodeId
  /** Hex mesh id, and its first 8 bytes. */
  readonly mesh: string
  readonly mesh8: string
  readonly zone: string
  /** False for an operator's peer: it sends no record, is in no count and serves no zone. */
  readonly isNode: boolean
  readonly isOperator: boolean
  membership: Membership
  addresses: readonly string[] = []
  /** The kernel says that the wall clock is synchronised; false before the first sample. */
  synchronised = false
  #root: RootDocument
  #bound: Millis
  #wall: Millis
  #wallAt: Millis
  /** Of local time, beside UTC. */
  #offset: Millis = 0

  /** @param bound the lower bound on time that is on disk (clause CLOCK 1). */
  constructor(mesh: string, membership: Membership, root: RootDocument, wall: Millis, now: Millis, bound: Millis = 0) {
    this.node = membership.claims.node
    this.mesh = mesh
    this.mesh8 = mesh.slice(0, 16)
    this.zone = membership.claims.zone
    const { capabilities } = membership.invite.signed
    this.isNode = capabilities.includes('node')
    this.isOperator = capabilities.includes('operator')
    this.membership = membership
    this.#root = root
    this.#bound = Math.max(bound, root.signed.issued)
    this.#wall = wall
    this.#wallAt = now
  }

  /** The root in force. */
  get root(): RootDocument {
    return this.#root
  }

  /** Puts a root in force that is on disk. */
  set root(root: RootDocument) {
    this.#root = root
    this.raiseBound(root.signed.issued)
  }

  /** A threshold signed that it is not earlier than this, and that is on disk. */
  raiseBound(to: Millis): void {
    this.#bound = Math.max(this.#bound, to)
  }

  /** What can be said of time, to judge an expiry by. The wall clock is that of the last reading, at most one record old. */
  get time(): Time {
    return { bound: this.#bound, wall: this.#wall, synchronised: this.synchronised }
  }

  setWall(wall: Millis, offset: Millis, now: Millis): void {
    this.#wall = wall
    this.#offset = offset
    this.#wallAt = now
  }

  /** Wall time as this machine shows it: a label, never proof. */
  wallLabel(now: Millis): Millis {
    return this.#wall + (now - this.#wallAt)
  }

  /** Local time, as ms since the beginning of 1970 there; undefined while nobody vouches for the clock. */
  localAt(now: Millis): Millis | undefined {
    return this.synchronised ? this.wallLabel(now) + this.#offset : undefined
  }

  /** Wall time to judge memberships by; undefined while the clock shows a time before the lower bound, so says nothing. */
  wallAt(now: Millis): Millis | undefined {
    const wall = this.wallLabel(now)
    return wall + limits.clockSkew < this.#bound ? undefined : wall
  }
}
