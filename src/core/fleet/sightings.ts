// Sightings: a person asks by whom a node is seen. Its witnesses are asked how they see it (clause QUERY 6): members of its zone name them,
// two at least, so that no single liar names itself alone. A witness that does not answer is missing by name in the answer, so nobody takes
// two of three for all.
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import { Approach, servingIn } from '../links/approach.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import { OpenQuestions } from '../open-questions.ts'
import type { Outbox } from '../outbox.ts'
import type { QueryResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Sight } from './sight.ts'

export interface SightQuestion {
  node: NodeId
  /** Its leaf zone. */
  zone: string
  timeout: Millis
}

/** What one member said; without a sight it does not know the node. */
export interface Sighting {
  by: NodeId
  sight: Sight | undefined
}

export interface SightAnswer {
  /** As those who answered named them, whether they answered themselves or not; at most limits.witnessPlaces. */
  witnesses: readonly NodeId[]
  sightings: readonly Sighting[]
  /** A member that sees the node answered, and so named its witnesses, if any: without that nobody knows who is missing. */
  named: boolean
}

interface Parts {
  out: Outbox
  self: Pick<Self, 'isNode' | 'node' | 'zone'>
  book: Pick<Book, 'get' | 'inZone'>
  links: Pick<Links, 'get' | 'wantFor'>
  /** How this node sees another of its own zone. */
  sight: (node: NodeId, now: Millis) => Sight | undefined
}

interface Look {
  ticket: Ticket
  question: SightQuestion
  deadline: Millis
  witnesses: NodeId[]
  /** Members that see the node, and so named its witnesses. */
  namedBy: Set<NodeId>
  /** Members of the zone that may name its witnesses, the likeliest to answer first. */
  guides: NodeId[]
  /** From then on the next of them is asked beside the last. */
  nextGuide: Millis
  tried: Set<NodeId>
  /** To witnesses, also those whom only a guide knows. */
  approach: Approach
  /** Members from which an answer may still come: asked, or dialled to be asked. */
  waiting: Map<NodeId, Ticket | undefined>
  sightings: Sighting[]
}

export class Sightings {
  readonly #p: Parts
  readonly #open = new OpenQuestions<Look>({
    most: limits.sightLooks,
    due: (look) => (this.#nextGuide(look) === undefined ? undefined : look.nextGuide),
    goOn: (look, now) => this.#goOn(look, now),
    answer: (look) => this.#answer(look),
  })

  constructor(parts: Parts) {
    this.#p = parts
  }

  get underway(): number {
    return this.#open.size
  }

  /** Answered with `sightDone` within the time-out. */
  start(ticket: Ticket, question: SightQuestion, now: Millis): void {
    const { self, book, links, sight } = this.#p
    const { node, zone, timeout } = question
    const members = servingIn(zone, book, links)
    const guides = members.filter((member) => member !== node).slice(0, limits.witnessPlaces)
    const look: Look = {
      ...{ ticket, question, deadline: now + timeout, witnesses: [], namedBy: new Set(), guides, nextGuide: now },
      ...{ tried: new Set([self.node, node]), waiting: new Map(), sightings: [] },
      approach: new Approach(this.#p),
    }
    this.#open.add(look, now)
    if (self.isNode && self.zone === zone && node !== self.node) this.#take(look, self.node, sight(node, now), now)
    if (node === self.node) this.#name(look, self.node, sight(node, now), now)
    this.check(now)
  }

  deadline(): Millis | undefined {
    return this.#open.deadline()
  }

  check(now: Millis): void {
    this.#open.check(now)
  }

  /** A link opened: whoever waited for it is asked. */
  linked(peer: NodeId): void {
    for (const look of this.#open)
      if (look.waiting.has(peer) && look.waiting.get(peer) === undefined) this.#ask(look, peer)
  }

  /** A dial or a link failed. */
  lost(peer: NodeId, now: Millis): void {
    for (const look of this.#open) look.waiting.delete(peer)
    this.check(now)
  }

  /** A question failed; false when the ticket is none of ours. */
  failed(ticket: Ticket, peer: NodeId, now: Millis): boolean {
    const look = this.#of(ticket, peer)
    if (look === undefined) return false
    look.waiting.delete(peer)
    this.check(now)
    return true
  }

  /** Takes an answer; false when the ticket is none of ours. */
  answered(ticket: Ticket, peer: NodeId, response: QueryResponse, now: Millis): boolean {
    const look = this.#of(ticket, peer)
    if (look === undefined) return false
    look.waiting.delete(peer)
    // A contact's zone is hearsay; that of a link is known from its membership.
    const zone = this.#p.links.get(peer)?.zone ?? look.question.zone
    if (response.refused === undefined && zone === look.question.zone) this.#take(look, peer, response.sight, now)
    this.check(now)
    return true
  }

  #of(ticket: Ticket, peer: NodeId): Look | undefined {
    for (const look of this.#open) if (look.waiting.get(peer) === ticket) return look
    return undefined
  }

  #take(look: Look, by: NodeId, sight: Sight | undefined, now: Millis): void {
    look.sightings.push({ by, sight })
    this.#name(look, by, sight, now)
  }

  #name(look: Look, by: NodeId, sight: Sight | undefined, now: Millis): void {
    if (sight === undefined) return
    look.namedBy.add(by)
    look.approach.hear(sight.contacts ?? [], look.question.zone, now)
    for (const witness of sight.witnesses) {
      const isNew = witness !== look.question.node && !look.witnesses.includes(witness)
      if (isNew && look.witnesses.length < limits.witnessPlaces) look.witnesses.push(witness)
    }
  }

  /** All witnesses at once; until enough named them, one guide after the other. True when nobody is left. */
  #goOn(look: Look, now: Millis): boolean {
    for (const witness of look.witnesses) if (!look.tried.has(witness)) this.#try(look, witness, now)
    let guide = this.#nextGuide(look)
    while (guide !== undefined && (look.waiting.size === 0 || now >= look.nextGuide)) {
      if (this.#try(look, guide, now)) look.nextGuide = now + limits.sightHedge
      guide = this.#nextGuide(look)
    }
    return look.waiting.size === 0 && guide === undefined
  }

  /** Where nobody is fit to be a witness, a few members say how they see it. Our own word is enough for us. */
  #nextGuide({ witnesses, namedBy, guides, tried }: Look): NodeId | undefined {
    const isNamed = namedBy.has(this.#p.self.node) || namedBy.size >= limits.namers
    return witnesses.length > 0 && isNamed ? undefined : guides.find((node) => !tried.has(node))
  }

  /** Asks over the link, or dials; false when neither can be done. */
  #try(look: Look, node: NodeId, now: Millis): boolean {
    look.tried.add(node)
    const reached = look.approach.reach(node, now)
    if (reached === undefined) return false
    look.waiting.set(node, undefined)
    if (reached === 'linked') this.#ask(look, node)
    return true
  }

  #ask(look: Look, peer: NodeId): void {
    const ticket = this.#p.out.ticket()
    look.waiting.set(peer, ticket)
    const { zone, node: about } = look.question
    const body = { zone, want: 'sight' as const, after: undefined, about }
    this.#p.out.emit({ type: 'ask', ticket, peer, protocol: 'query', body })
  }

  #answer({ ticket, witnesses, sightings, namedBy }: Look): void {
    this.#p.out.emit({ type: 'sightDone', ticket, answer: { witnesses, sightings, named: namedBy.size > 0 } })
  }
}
