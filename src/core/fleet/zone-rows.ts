// The rows of one zone as one of its members tells them, page by page, and who signed them.
// Invariant: a row that is kept was signed by a member of that zone, and no node has two; whatever else came makes it partial.
import type { Env, MembershipId, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { QueryResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { Authors } from './authors.ts'
import type { Row } from './rows.ts'
import { SignedPages } from './signed-pages.ts'

/** As many pages as a full view has. */
const PAGES = Math.ceil(limits.viewNodes / limits.queryRows)

export class ZoneRows {
  readonly #env: Env
  readonly #self: Self
  readonly #zone: string
  readonly #pages: SignedPages<Row>
  readonly rows: Row[] = []
  /** Memberships of the rows. */
  readonly memberships = new Map<MembershipId, Membership>()

  constructor(env: Env, self: Self, authors: Authors, zone: string) {
    this.#env = env
    this.#self = self
    this.#zone = zone
    this.#pages = new SignedPages({
      authors,
      pages: PAGES,
      keyOf: ({ node }) => node,
      name: ({ envelope }) => envelope.membership,
      prove: (row, author) => this.#prove(row, author),
    })
  }

  /** True when rows are missing: some did not hold, or did not come. */
  get partial(): boolean {
    return this.#pages.partial
  }

  /** No more will come. */
  cutOff(): void {
    this.#pages.miss()
  }

  /** Takes a page and returns the node behind which the next one begins; undefined when there is none, or none that could be honest. */
  take({ rows, more }: QueryResponse, now: Millis): NodeId | undefined {
    return this.#pages.take(rows, more, now)
  }

  /** Authors to ask for next, at most syncMemberships; empty when all are known or no more are told. */
  unknown(): MembershipId[] {
    return this.#pages.unknown()
  }

  /** Takes the answer to a question for authors. */
  introduce(memberships: readonly Membership[], now: Millis): void {
    this.#pages.introduce(memberships, now)
  }

  #prove(row: Row, author: Membership): boolean {
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
    if (!authentic) return false
    this.rows.push(row)
    this.memberships.set(author.id, author)
    return true
  }
}
