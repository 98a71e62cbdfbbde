// The rows of one zone as one of its members tells them, page by page, and who signed them.
// Invariant: a row that is kept was signed by a member of that zone, and no node has two; whatever else came makes it partial.
import type { Env, MembershipId, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { QueryResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { Authors } from './authors.ts'
import type { Row } from './rows.ts'

/** As many pages as a full view has. */
const PAGES = Math.ceil(limits.viewNodes / limits.queryRows)

export class ZoneRows {
  readonly #env: Env
  readonly #self: Self
  readonly #authors: Authors
  readonly #zone: string
  readonly rows: Row[] = []
  /** Memberships of the rows. */
  readonly memberships = new Map<MembershipId, Membership>()
  /** Rows whose author is not known yet, by their membership; the next to be asked for first. */
  readonly #strangers = new Map<MembershipId, Row[]>()
  #pages = 0
  /** The node of the last row: rows come in order of node id. */
  #last: NodeId = ''
  #incomplete = false
  /** The last question for authors brought none: there is no use in asking again. */
  #stuck = false

  constructor(env: Env, self: Self, authors: Authors, zone: string) {
    this.#env = env
    this.#self = self
    this.#authors = authors
    this.#zone = zone
  }

  /** True when rows are missing: some did not hold, or did not come. */
  get partial(): boolean {
    return this.#incomplete || this.#strangers.size > 0
  }

  /** No more will come. */
  cutOff(): void {
    this.#incomplete = true
  }

  /** Takes a page and returns where the next one begins; undefined when there is none, or none that could be honest. */
  take(page: QueryResponse): NodeId | undefined {
    const before = this.#last
    this.#pages += 1
    for (const row of page.rows) this.#takeNext(row)
    if (!page.more) return undefined
    if (this.#last > before && this.#pages < PAGES) return this.#last
    this.#incomplete = true
    return undefined
  }

  /** Authors to ask for next, at most syncMemberships; empty when all are known or no more are told. */
  unknown(): MembershipId[] {
    return this.#stuck ? [] : [...this.#strangers.keys()].slice(0, limits.syncMemberships)
  }

  /** Takes the answer to a question for authors. */
  introduce(memberships: readonly Membership[], now: Millis): void {
    const before = this.#strangers.size
    const asked = this.unknown()
    for (const membership of memberships) {
      const rows = this.#strangers.get(membership.id)
      if (rows === undefined) continue
      this.#strangers.delete(membership.id)
      if (this.#authors.learn(membership, now)) for (const row of rows) this.#judge(row, membership)
      else this.#incomplete = true
    }
    this.#stuck = this.#strangers.size === before
    for (const id of asked) this.#toTheEnd(id)
  }

  #takeNext(row: Row): void {
    if (row.node <= this.#last) {
      this.#incomplete = true
      return
    }
    this.#last = row.node
    const id = row.envelope.membership
    const author = this.#authors.get(id)
    if (author !== undefined) this.#judge(row, author)
    else this.#strangers.set(id, [...(this.#strangers.get(id) ?? []), row])
  }

  #judge(row: Row, author: Membership): void {
    const { node, zone } = author.claims
    const { envelope } = row
    const key = this.#env.nodeKey(node)
    const authentic =
      node === row.node &&
      zone === this.#zone &&
      envelope.mesh8 === this.#self.mesh8 &&
      envelope.kind === 'rec' &&
      key !== undefined &&
      this.#env.verify(key, envelope.signedBytes, envelope.signature)
    if (!authentic) {
      this.#incomplete = true
      return
    }
    this.rows.push(row)
    this.memberships.set(author.id, author)
  }

  /** Who was asked for and not told waits behind those who were not asked for yet. */
  #toTheEnd(id: MembershipId): void {
    const rows = this.#strangers.get(id)
    if (rows === undefined) return
    this.#strangers.delete(id)
    this.#strangers.set(id, rows)
  }
}
