// A visit: one inner zone of which a person wants to see the children. Its reporters are asked one after the other, a silent one for a
// hedge; one answer is enough when it adds up to what the zone's own digest counts, else the next reporter's is put beside it.
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { ChildRows, FoundChild } from './child-rows.ts'
import { childKey, compareDigests } from './digest.ts'
import { type Figures, mergeFigures } from './figures.ts'
import { contradict } from './spot-checks.ts'

interface Talk {
  rows: ChildRows
  /** Undefined while its link is awaited. */
  ticket: Ticket | undefined
}

export class Visit {
  readonly zone: string
  /** What is said of the zone as a whole, to add up to; undefined when nothing is. */
  readonly #said: Figures | undefined
  readonly #hedge: Millis
  /** By childKey, of all answers. */
  readonly children = new Map<string, FoundChild>()
  /** Reporters from which something may still come. */
  readonly talks = new Map<NodeId, Talk>()
  done = false
  state: 'silent' | 'answered' | 'forbidden' = 'silent'
  #partial = true
  #untried: NodeId[]
  #nextTry: Millis = Number.NEGATIVE_INFINITY

  constructor(zone: string, said: Figures | undefined, contacts: readonly NodeId[], hedge: Millis) {
    this.zone = zone
    this.#said = said
    this.#untried = contacts.slice(0, limits.descentContacts)
    this.#hedge = hedge
    this.#closeExhausted()
  }

  /** The reporter to ask now; undefined when it is not time, or nobody is left. */
  next(now: Millis): NodeId | undefined {
    if (this.done || (this.talks.size > 0 && now < this.#nextTry)) return undefined
    return this.#untried[0]
  }

  /** When the next one is due, while another is still asked. */
  deadline(): Millis | undefined {
    return this.done || this.#untried.length === 0 || this.talks.size === 0 ? undefined : this.#nextTry
  }

  /** That reporter is asked, or dialled to be asked. */
  tried(node: NodeId, talk: Talk, now: Millis): void {
    this.#untried = this.#untried.filter((other) => other !== node)
    this.talks.set(node, talk)
    this.#nextTry = now + this.#hedge
  }

  /** It cannot be asked at all. */
  skipped(node: NodeId): void {
    this.#untried = this.#untried.filter((other) => other !== node)
    this.#closeExhausted()
  }

  /** Nothing more comes from this reporter. */
  failed(node: NodeId): void {
    if (this.talks.delete(node)) this.#closeExhausted()
  }

  /** It is not told to us, whoever is asked. */
  forbidden(): void {
    if (this.state === 'silent') this.state = 'forbidden'
    this.#end()
  }

  /** A reporter has told all that it tells. */
  told(node: NodeId): void {
    const rows = this.talks.get(node)?.rows
    if (rows === undefined) return
    this.talks.delete(node)
    for (const child of rows.children.values()) this.#merge(child)
    this.state = 'answered'
    this.#partial &&= rows.partial
    if (!this.#partial && this.missing === 0 && !this.disagrees) this.#end()
    else this.#closeExhausted()
  }

  /**
   * Leaf zones that the zone's own digest counts, dark ones too, and that no child tells of. Names that nothing proves count for dark zones
   * only: whoever answers could else make up as many as it leaves out.
   */
  get missing(): number {
    if (this.#said === undefined) return 0
    let [proven, unproven] = [0, 0]
    for (const { leaf, last } of this.children.values()) {
      const figures = last?.digest.figures
      if (figures === undefined) unproven += 1
      else proven += leaf ? 1 : figures.zones + figures.dark
    }
    return Math.max(0, this.#said.zones + this.#said.dark - proven - Math.min(unproven, this.#said.dark))
  }

  /** The nodes of all children are not those that the zone's own digest counts, by more than comes and goes within a D. */
  get disagrees(): boolean {
    if (this.#said === undefined || this.state !== 'answered') return false
    const known = [...this.children.values()].flatMap(({ dark, last }) => (dark || !last ? [] : [last.digest.figures]))
    return contradict(this.#said.counts, mergeFigures(known).counts)
  }

  /** Some of what was told did not hold, in each answer. */
  get partial(): boolean {
    return this.#partial
  }

  /** Of two tellings of one child the proven one counts, then the one heard of last. */
  #merge(child: FoundChild): void {
    const key = childKey(child)
    const held = this.children.get(key)?.last
    const { last } = child
    const same = held !== undefined && last !== undefined && held.by === last.by
    const isNewer =
      held === undefined ||
      (last !== undefined && (same ? compareDigests(last.digest, held.digest) > 0 : last.at > held.at))
    if (isNewer) this.children.set(key, child)
  }

  #closeExhausted(): void {
    if (this.talks.size === 0 && this.#untried.length === 0) this.#end()
  }

  #end(): void {
    this.done = true
    this.talks.clear()
  }
}
