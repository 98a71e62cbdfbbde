// Signed pages: what one member tells of a zone, page by page, each item signed by somebody else. Items come in the order of a key, so that
// pages end; whose author is not known yet waits until the teller has introduced it.
// Invariant: an item is kept only when its author's membership holds and the item is proven by it; whatever else came makes it partial.
import type { MembershipId, Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Membership } from '../trust/documents.ts'
import type { Authors } from './authors.ts'

export interface PageRules<Item> {
  authors: Pick<Authors, 'get' | 'learn'>
  /** As many pages as the fullest zone has. */
  pages: number
  /** Its place: each item's is higher than that of the one before. Undefined when it is none of what was asked for. */
  keyOf: (item: Item) => string | undefined
  /** Takes an item unproven; returns the membership of its author, undefined when nobody has signed it. */
  name: (item: Item) => MembershipId | undefined
  /** Keeps an item when its author has signed it, and may; false when it does not hold. */
  prove: (item: Item, author: Membership, now: Millis) => boolean
}

export class SignedPages<Item> {
  readonly #rules: PageRules<Item>
  /** Items whose author is not known yet, by its membership; the next to be asked for first. */
  readonly #strangers = new Map<MembershipId, Item[]>()
  #pages = 0
  /** Key of the last item. */
  #last = ''
  #incomplete = false
  /** The last question for authors brought none: there is no use in asking again. */
  #stuck = false

  constructor(rules: PageRules<Item>) {
    this.#rules = rules
  }

  /** True when something did not hold, or did not come. */
  get partial(): boolean {
    return this.#incomplete || this.#strangers.size > 0
  }

  /** Something is missing that nobody will tell. */
  miss(): void {
    this.#incomplete = true
  }

  /** Takes a page; `more` when the teller has further ones. Returns the key behind which the next begins; undefined when there is none, or none that could be honest. */
  take(items: readonly Item[], more: boolean, now: Millis): string | undefined {
    const before = this.#last
    this.#pages += 1
    for (const item of items) this.#takeNext(item, now)
    if (!more) return undefined
    if (this.#last > before && this.#pages < this.#rules.pages) return this.#last
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
      const items = this.#strangers.get(membership.id)
      if (items === undefined) continue
      this.#strangers.delete(membership.id)
      if (this.#rules.authors.learn(membership, now)) for (const item of items) this.#prove(item, membership, now)
      else this.#incomplete = true
    }
    this.#stuck = this.#strangers.size === before
    for (const id of asked) this.#toTheEnd(id)
  }

  #takeNext(item: Item, now: Millis): void {
    const key = this.#rules.keyOf(item)
    if (key === undefined || key <= this.#last) {
      this.#incomplete = true
      return
    }
    this.#last = key
    const id = this.#rules.name(item)
    if (id === undefined) return
    const author = this.#rules.authors.get(id)
    if (author !== undefined) this.#prove(item, author, now)
    else this.#strangers.set(id, [...(this.#strangers.get(id) ?? []), item])
  }

  #prove(item: Item, author: Membership, now: Millis): void {
    if (!this.#rules.prove(item, author, now)) this.#incomplete = true
  }

  /** Who was asked for and not told waits behind those who were not asked for yet. */
  #toTheEnd(id: MembershipId): void {
    const items = this.#strangers.get(id)
    if (items === undefined) return
    this.#strangers.delete(id)
    this.#strangers.set(id, items)
  }
}
