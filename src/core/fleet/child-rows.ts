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
  /** By childKey. */
  readonly children = new Map<string, FoundChild>()
  /** Children whose author is not known yet, by its membership; the next to be asked for first. */
  readonly #strangers = new Map<MembershipId, ChildRow[]>()
  #pages = 0
  #last = ''
  #incomplete = false
  /** The last question for authors brought none: there is no use in asking again. */
  #stuck = false

  constructor(judge: ChildJudge, zone: string) {
    this.#p = judge
    this.#zone = zone
  }

  /** True when something did not hold, or did not come. */
  get partial(): boolean {
    return this.#incomplete || this.#strangers.size > 0
  }

  /** Takes a page and returns where the next one begins; undefined when there is none, or none that could be honest. */
  take(page: QueryResponse, now: Millis): string | undefined {
    const before = this.#last
    this.#pages += 1
    for (const child of page.children ?? []) this.#takeNext(child, now)
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
      const waiting = this.#strangers.get(membership.id)
      if (waiting === undefined) continue
      this.#strangers.delete(membership.id)
      const isKnown = this.#p.authors.learn(membership, now)
      for (const child of waiting) this.#judge(child, isKnown ? membership : undefined, now)
    }
    this.#stuck = this.#strangers.size === before
    for (const id of asked) this.#toTheEnd(id)
  }

  /** Who was asked for and not told waits behind those who were not asked for yet. */
  #toTheEnd(id: MembershipId): void {
    const waiting = this.#strangers.get(id)
    if (waiting === undefined) return
    this.#strangers.delete(id)
    this.#strangers.set(id, waiting)
  }

  /** A child that is not one of this zone, or out of order, is none. */
  #takeNext(child: ChildRow, now: Millis): void {
    const key = childKey(child)
    if (key <= this.#last || parentOf(child.zone) !== this.#zone) {
      this.#incomplete = true
      return
    }
    this.#last = key
    const { zone, leaf, dark, told } = child
    this.children.set(key, { zone, leaf, dark: true, last: undefined })
    if (told === undefined) {
      if (!dark) this.#incomplete = true
      return
    }
    const id = told.envelope.membership
    const author = this.#p.authors.get(id)
    if (author !== undefined) this.#judge(child, author, now)
    else this.#strangers.set(id, [...(this.#strangers.get(id) ?? []), child])
  }

  /** Until it is judged a child is known by name alone. */
  #judge(child: ChildRow, author: Membership | undefined, now: Millis): void {
    const { zone, leaf, dark, told } = child
    if (told === undefined || author === undefined || !this.#holds(told, author, dark, now)) {
      this.#incomplete = true
      return
    }
    const last = { by: author.claims.node, digest: told.digest, envelope: told.envelope, at: now - told.age }
    const isOld = told.age > limits.darkAfterPromises * told.digest.promise
    this.children.set(childKey(child), { zone, leaf, dark: dark || isOld, last })
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
