// Who this node is, for the machines it is composed of, and what it knows of wall time.
import type { Millis, NodeId } from './env.ts'
import { limits } from './limits.ts'
import type { Membership, RootDocument } from './trust/documents.ts'

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
  root: RootDocument
  addresses: readonly string[] = []
  /** The kernel says that the clock is synchronised. */
  clockTrusted = false
  #wall: Millis
  #wallAt: Millis
  /** Of local time, beside UTC. */
  #offset: Millis = 0

  constructor(mesh: string, membership: Membership, root: RootDocument, wall: Millis, now: Millis) {
    this.node = membership.claims.node
    this.mesh = mesh
    this.mesh8 = mesh.slice(0, 16)
    this.zone = membership.claims.zone
    const { capabilities } = membership.invite.signed
    this.isNode = capabilities.includes('node')
    this.isOperator = capabilities.includes('operator')
    this.membership = membership
    this.root = root
    this.#wall = wall
    this.#wallAt = now
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
    return this.clockTrusted ? this.wallLabel(now) + this.#offset : undefined
  }

  /** Wall time to judge expiry by; undefined while the clock shows a time before the root was signed, so says nothing. */
  wallAt(now: Millis): Millis | undefined {
    const wall = this.wallLabel(now)
    return wall + limits.clockSkew < this.root.signed.issued ? undefined : wall
  }
}
