// Inquiries: a person asks for the values of one node. The node itself is asked first; when it cannot be reached, or is silent for one
// hedge, those that keep its values are, as its zone-mates name them, two at least, so that no single liar names itself alone. An answer
// from the node itself ends it: its own word is complete.
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import { Approach, servingIn } from '../links/approach.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import { OpenQuestions } from '../open-questions.ts'
import type { Outbox } from '../outbox.ts'
import type { HistoryRequest, HistoryResponse, ToldBlock } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { History } from './history.ts'

interface Parts {
  out: Outbox
  self: Self
  book: Pick<Book, 'get' | 'inZone'>
  links: Pick<Links, 'get' | 'wantFor'>
  history: Pick<History, 'answer'> | undefined
}

export interface HistoryQuestion extends Omit<HistoryRequest, 'before'> {
  /** Leaf zone of the node. */
  zone: string
  timeout: Millis
}

/** What one member told. */
export interface HistorySource extends Pick<HistoryResponse, 'own' | 'tier' | 'names' | 'blocks'> {
  by: NodeId
  /** True when its last pages are missing. */
  partial: boolean
}

export interface HistoryAnswer {
  sources: readonly HistorySource[]
  /** Members that were asked, or dialled to be asked. */
  asked: number
  /** Of these, whoever did not let us ask: rows and values are for zone-mates and operators. */
  forbidden: number
}

interface Inquiry {
  ticket: Ticket
  question: HistoryQuestion
  deadline: Millis
  /** From then on others are asked, too. */
  widens: Millis
  widened: boolean
  /** Whom to ask next: those that keep the values before those that may only know who does. */
  keepers: NodeId[]
  others: NodeId[]
  tried: Set<NodeId>
  /** To keepers, also those whom only others know. */
  approach: Approach
  /** Members from which an answer may still come. */
  waiting: Map<NodeId, { asked: Ticket | undefined; blocks: ToldBlock[]; pages: number }>
  sources: HistorySource[]
  /** Members that named the keepers. */
  namedBy: Set<NodeId>
  forbidden: number
}

/** Members that are asked at once, beside the node itself. */
const AT_ONCE = 3

export class Inquiries {
  readonly #p: Parts
  readonly #open = new OpenQuestions<Inquiry>({
    most: limits.historyInquiries,
    due: ({ widened, widens }) => (widened ? undefined : widens),
    goOn: (inquiry, now) => this.#goOn(inquiry, now),
    answer: (inquiry) => this.#answer(inquiry),
  })

  constructor(parts: Parts) {
    this.#p = parts
  }

  get underway(): number {
    return this.#open.size
  }

  /** Answered with `historyDone` within the time-out. */
  start(ticket: Ticket, question: HistoryQuestion, now: Millis): void {
    const { self } = this.#p
    const inquiry: Inquiry = {
      ...{ ticket, question, deadline: now + question.timeout, widens: now + limits.historyHedge, widened: false },
      ...{ keepers: [], others: [], tried: new Set([self.node]), waiting: new Map(), sources: [] },
      ...{ approach: new Approach(this.#p), namedBy: new Set(), forbidden: 0 },
    }
    this.#open.add(inquiry, now)
    this.#askHere(inquiry, now)
    if (question.node !== self.node && !this.#try(inquiry, question.node, now)) inquiry.widens = now
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
    for (const inquiry of this.#open) {
      const waiting = inquiry.waiting.get(peer)
      if (waiting !== undefined && waiting.asked === undefined) this.#ask(inquiry, peer, undefined)
    }
  }

  /** A dial or a link failed. */
  lost(peer: NodeId, now: Millis): void {
    for (const inquiry of this.#open) this.#gaveUp(inquiry, peer, now)
    this.check(now)
  }

  /** A question failed; false when the ticket is none of ours. */
  failed(ticket: Ticket, peer: NodeId, now: Millis): boolean {
    const inquiry = this.#of(ticket, peer)
    if (inquiry === undefined) return false
    this.#gaveUp(inquiry, peer, now)
    this.check(now)
    return true
  }

  /** Takes an answer; one to a question that has ended is nobody's. */
  answered(ticket: Ticket, peer: NodeId, response: HistoryResponse, now: Millis): void {
    const inquiry = this.#of(ticket, peer)
    if (inquiry === undefined) return
    this.#take(inquiry, peer, response, now)
    this.check(now)
  }

  #of(ticket: Ticket, peer: NodeId): Inquiry | undefined {
    for (const inquiry of this.#open) if (inquiry.waiting.get(peer)?.asked === ticket) return inquiry
    return undefined
  }

  /** What this node keeps itself, and whom it holds for keepers. */
  #askHere(inquiry: Inquiry, now: Millis): void {
    const { self, history } = this.#p
    if (history === undefined) return
    let before: HistoryRequest['before']
    inquiry.waiting.set(self.node, { asked: undefined, blocks: [], pages: 0 })
    do {
      const response = history.answer({ ...inquiry.question, before }, 'self', now)
      before = this.#page(inquiry, self.node, response, now)
    } while (before !== undefined)
  }

  #take(inquiry: Inquiry, peer: NodeId, response: HistoryResponse, now: Millis): void {
    const { node, tier } = inquiry.question
    // Who keeps only minutes tells these. Steps of a second over a month would be more than this machine holds.
    const isAnswer = response.own === (peer === node) && (response.tier === tier || response.tier === 'minutes')
    if (!isAnswer) return this.#gaveUp(inquiry, peer, now)
    if (response.refused === 'forbidden') inquiry.forbidden += 1
    const before = this.#page(inquiry, peer, response, now)
    if (before !== undefined) this.#ask(inquiry, peer, before)
    else if (response.own && response.refused !== undefined) inquiry.widens = now
  }

  /** Takes a page; returns where the next one begins, if there is one and it could be honest. */
  #page(inquiry: Inquiry, by: NodeId, response: HistoryResponse, now: Millis): HistoryRequest['before'] {
    const waiting = inquiry.waiting.get(by)
    if (waiting === undefined) return undefined
    const last = waiting.blocks.at(-1)
    const descends = response.blocks.every((block, at) => comesBefore(block, response.blocks[at - 1] ?? last))
    if (descends) waiting.blocks.push(...response.blocks)
    waiting.pages += 1
    const next = waiting.blocks.at(-1)
    const further = descends && response.more && response.blocks.length > 0 && waiting.pages < limits.historyPages
    if (further && next !== undefined) return { run: next.run, first: next.first }
    this.#name(inquiry, by, response, now)
    inquiry.waiting.delete(by)
    if (response.refused !== undefined) return undefined
    const { own, tier, names } = response
    inquiry.sources.push({ by, own, tier, names, blocks: waiting.blocks, partial: !descends || response.more })
    return undefined
  }

  #name(inquiry: Inquiry, by: NodeId, { keepers, contacts = [] }: HistoryResponse, now: Millis): void {
    inquiry.approach.hear(contacts, inquiry.question.zone, now)
    if (keepers.length > 0) inquiry.namedBy.add(by)
    for (const node of keepers) if (!inquiry.keepers.includes(node)) inquiry.keepers.push(node)
  }

  #widen(inquiry: Inquiry): void {
    inquiry.widened = true
    inquiry.others = servingIn(inquiry.question.zone, this.#p.book, this.#p.links)
  }

  /** Asks others beside the node when it is time to; true when nobody is left, or the node itself has answered. */
  #goOn(inquiry: Inquiry, now: Millis): boolean {
    if (!inquiry.widened && now >= inquiry.widens) this.#widen(inquiry)
    if (inquiry.widened) this.#askMore(inquiry, now)
    return (inquiry.widened && inquiry.waiting.size === 0) || inquiry.sources.some(({ own }) => own)
  }

  #askMore(inquiry: Inquiry, now: Millis): void {
    while (inquiry.waiting.size < AT_ONCE + 1 && inquiry.tried.size <= limits.historyAsked) {
      const next = this.#next(inquiry)
      if (next === undefined) return
      this.#try(inquiry, next, now)
    }
  }

  /** The next keeper; until enough have named them, whoever may, one after the other. Our own word is enough for us. */
  #next({ keepers, others, tried, namedBy, waiting }: Inquiry): NodeId | undefined {
    const keeper = keepers.find((node) => !tried.has(node))
    const isNamed = namedBy.has(this.#p.self.node) || namedBy.size >= limits.namers
    if (keeper !== undefined || isNamed || waiting.size > 1) return keeper
    return others.find((node) => !tried.has(node))
  }

  /** Asks over the link, or dials; false when neither can be done. */
  #try(inquiry: Inquiry, node: NodeId, now: Millis): boolean {
    inquiry.tried.add(node)
    const reached = inquiry.approach.reach(node, now)
    if (reached === undefined) return false
    inquiry.waiting.set(node, { asked: undefined, blocks: [], pages: 0 })
    if (reached === 'linked') this.#ask(inquiry, node, undefined)
    return true
  }

  #ask(inquiry: Inquiry, peer: NodeId, before: HistoryRequest['before']): void {
    const waiting = inquiry.waiting.get(peer)
    if (waiting === undefined) return
    const { node, tier, series, since } = inquiry.question
    const ticket = this.#p.out.ticket()
    waiting.asked = ticket
    const body = { node, tier, series, since, before }
    this.#p.out.emit({ type: 'ask', ticket, peer, protocol: 'history', body })
  }

  /** Nothing more comes from this member; what it told already counts. */
  #gaveUp(inquiry: Inquiry, peer: NodeId, now: Millis): void {
    if (!inquiry.waiting.delete(peer)) return
    if (peer === inquiry.question.node) inquiry.widens = Math.min(inquiry.widens, now)
  }

  #answer({ ticket, sources, tried, forbidden }: Inquiry): void {
    const answer: HistoryAnswer = { sources, asked: tried.size - 1, forbidden }
    this.#p.out.emit({ type: 'historyDone', ticket, answer })
  }
}

/** True when `block` is older than `after`: pages go back in time, and no further than that. */
function comesBefore(block: ToldBlock, after: ToldBlock | undefined): boolean {
  if (after === undefined) return true
  return block.run < after.run || (block.run === after.run && block.first < after.first)
}
