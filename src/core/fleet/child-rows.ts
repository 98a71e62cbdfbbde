// The children of an inner zone as one of its reporters tells them, page by page (clause QUERY 5). Each digest is checked as if it had been
// gossiped here (DIGEST 5), so who tells can leave a child out, which shows in the counts of its parent, and cannot make one up.
import type { Env, MembershipId, Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { ChildRow, QueryResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { StatementKeeper } from '../trust/statement-keeper.ts'
import { parentOf } from '../zone.ts'
import type { Authors } from './authors.ts'
import type { Day } from './day.ts'
import { childKey } from './digest.ts'
import { mayReport } from './digest-gossip.ts'
import type { Spoken } from './level.ts'
import { SignedPages } from './signed-pages.ts'

/** A child, and who speaks for it as far as was proven. */
export interface FoundChild {
  zone: string
  leaf: boolean
  dark: boolean
  /** Undefined when it is only known by name. */
  last: Spoken | undefined
}

export interface ChildJudge {
  env: Pick<Env, 'nodeKey' | 'verify'>
  self: Pick<Self, 'mesh8' | 'synchronised' | 'wallAt'>
  authors: Pick<Authors, 'get' | 'learn'>
  statements: Pick<StatementKeeper, 'isFound' | 'endOf'>
  day: Pick<Day, 'at'>
}

type Told = NonNullable<ChildRow['told']>

/** As many pages as the fullest zone has. */
const PAGES = Math.ceil(limits.zoneChildren / limits.queryChildren)

export class ChildRows {
  readonly #p: ChildJudge
  readonly #zone: string
  readonly #pages: SignedPages<ChildRow>
  /** By childKey. Until it is proven a child is known by name alone. */
  readonly children = new Map<string, FoundChild>()

  constructor(judge: ChildJudge, zone: string) {
    this.#p = judge
    this.#zone = zone
    this.#pages = new SignedPages({
      authors: judge.authors,
      pages: PAGES,
      keyOf: (child) => (parentOf(child.zone) === this.#zone ? childKey(child) : undefined),
      name: (child) => this.#name(child),
      prove: (child, author, now) => this.#prove(child, author, now),
    })
  }

  /** True when something did not hold, or did not come. */
  get partial(): boolean {
    return this.#pages.partial
  }

  /** Takes a page and returns the childKey behind which the next one begins; undefined when there is none, or none that could be honest. */
  take({ children = [], more }: QueryResponse, now: Millis): string | undefined {
    return this.#pages.take(children, more, now)
  }

  /** Authors to ask for next, at most syncMemberships; empty when all are known or no more are told. */
  unknown(): MembershipId[] {
    return this.#pages.unknown()
  }

  /** Takes the answer to a question for authors. */
  introduce(memberships: readonly Membership[], now: Millis): void {
    this.#pages.introduce(memberships, now)
  }

  #name(child: ChildRow): MembershipId | undefined {
    const { zone, leaf, dark, told } = child
    this.children.set(childKey(child), { zone, leaf, dark: true, last: undefined })
    if (told === undefined && !dark) this.#pages.miss()
    return told?.envelope.membership
  }

  #prove(child: ChildRow, author: Membership, now: Millis): boolean {
    const { zone, leaf, dark, told } = child
    if (told === undefined || !this.#holds(told, author, dark, now)) return false
    const last = { by: author.claims.node, digest: told.digest, envelope: told.envelope, at: now - told.age }
    const isOld = told.age > limits.darkAfterPromises * told.digest.promise
    this.children.set(childKey(child), { zone, leaf, dark: dark || isOld, last })
    return true
  }

  #holds({ envelope, digest }: Told, author: Membership, dark: boolean, now: Millis): boolean {
    const { env, self, statements, day } = this.#p
    if (envelope.mesh8 !== self.mesh8 || statements.isFound(envelope.membership)) return false
    const wall = self.wallAt(now)
    if (wall !== undefined && wall >= statements.endOf(author)) return false
    // A dark one may have spoken last long ago; it is in no count.
    if (!dark && self.synchronised && Math.abs(digest.day - day.at(now)) > limits.witnessDays) return false
    const key = env.nodeKey(author.claims.node)
    return mayReport(author, digest) && key !== undefined && env.verify(key, envelope.signedBytes, envelope.signature)
  }
}
