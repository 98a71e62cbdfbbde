// Improving: a better path for a relayed link. The addresses of the peer that are not relayed are dialled once more, and then both
// NATs are punched. Only one side at a time: the one with the lower id begins, and it alone punches (clause REACH 3).
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Book } from './book.ts'
import type { Links } from './links.ts'
import { type NatKind, relayOf } from './paths.ts'

interface Effort {
  /** Tries since something changed. */
  tries: number
  /** When to try next; undefined while there is nothing to try. */
  at: Millis | undefined
  /** What is under way, and since when. */
  step: 'dial' | 'punch' | undefined
  since: Millis
  /** What is left to do of this try. */
  left: ('dial' | 'punch')[]
  /** When what the peer says of itself last gave us a fresh start. */
  renewed: Millis
  /** What it said of itself by then. */
  facts: string
}

interface Parts {
  env: Pick<Env, 'random'>
  out: Outbox
  self: Pick<Self, 'node'>
  book: Pick<Book, 'get'>
  links: Pick<Links, 'get'>
  nat: () => NatKind
}

export class Improving {
  readonly #p: Parts
  readonly #efforts = new Map<NodeId, Effort>()
  /** When what members say of our NAT last gave all a fresh start. */
  #natRenewed: Millis = Number.NEGATIVE_INFINITY
  #due: Millis | undefined

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** A link opened, or goes on over another path. */
  opened(peer: NodeId, now: Millis): void {
    const link = this.#p.links.get(peer)
    if (link?.route !== 'relayed') {
      this.#efforts.delete(peer)
      return
    }
    const fresh = { tries: 0, step: undefined, since: now, left: [], facts: '' }
    this.#efforts.set(peer, { ...fresh, at: this.#first(peer, now), renewed: now })
    this.#wake(now)
  }

  closed(peer: NodeId): void {
    this.#efforts.delete(peer)
  }

  /** The peer told of itself: what was not possible may be now. A fresh start, but not for the asking. */
  learnt(peer: NodeId, now: Millis): void {
    const effort = this.#efforts.get(peer)
    if (effort === undefined) return
    const facts = this.#facts(peer)
    if (facts === effort.facts) return
    effort.facts = facts
    const first = effort.at === undefined && effort.tries === 0
    if (first || now - effort.renewed >= limits.improveRenewal) this.#renew(peer, effort, now)
    else if (isIdle(effort)) effort.at = this.#first(peer, effort.renewed + limits.improveRenewal)
    this.#wake(now)
  }

  /** Our own network is another one: everything begins anew. */
  renew(now: Millis): void {
    for (const [peer, effort] of this.#efforts) this.#renew(peer, effort, now)
    this.#wake(now)
  }

  /** Our NAT is taken for another one, by what members say. A fresh start as well, but not whenever one of them says so. */
  natChanged(now: Millis): void {
    const granted = now - this.#natRenewed >= limits.improveRenewal
    if (granted) this.#natRenewed = now
    for (const [peer, effort] of this.#efforts) {
      if (granted) this.#renew(peer, effort, now)
      else if (isIdle(effort)) effort.at = this.#first(peer, this.#natRenewed + limits.improveRenewal)
    }
    this.#wake(now)
  }

  failed(peer: NodeId, how: 'dial' | 'punch', now: Millis): void {
    const effort = this.#efforts.get(peer)
    if (effort?.step === how) this.#next(peer, effort, now)
  }

  deadline(): Millis | undefined {
    return this.#due
  }

  check(now: Millis): void {
    if (this.#due === undefined || now < this.#due) return
    this.#due = undefined
    for (const [peer, effort] of this.#efforts) {
      if (effort.step !== undefined && now - effort.since >= limits.dialForgotten) this.#failed(effort, now)
      if (effort.step === undefined && effort.at !== undefined && effort.at <= now) this.#begin(peer, effort, now)
      if (effort.step !== undefined) this.#wake(effort.since + limits.dialForgotten)
      else if (effort.at !== undefined) this.#wake(effort.at)
    }
  }

  #begin(peer: NodeId, effort: Effort, now: Millis): void {
    effort.left = []
    if (this.#direct(peer).length > 0) effort.left.push('dial')
    if (this.#mayPunch(peer)) effort.left.push('punch')
    if (effort.left.length === 0) {
      effort.at = undefined
      return
    }
    effort.tries += 1
    this.#next(peer, effort, now)
  }

  #next(peer: NodeId, effort: Effort, now: Millis): void {
    const step = effort.left.shift()
    if (step === undefined) return this.#failed(effort, now)
    effort.step = step
    effort.since = now
    if (step === 'dial') this.#dial(peer, effort)
    else this.#p.out.emit({ type: 'improve', peer, how: 'punch' })
    this.#wake(now + limits.dialForgotten)
  }

  /** What a campus may route swallows a dial for seconds where none does: a hole is tried before that. */
  #dial(peer: NodeId, { tries, left }: Effort): void {
    const routed = left.length === 0 || tries % 2 === 0
    this.#p.out.emit({ type: 'improve', peer, how: 'dial', addresses: this.#direct(peer), routed })
  }

  /** Doubles the pause after each try, and settles at a slow period. */
  #failed(effort: Effort, now: Millis): void {
    const quick = effort.tries < limits.improveTries
    const pause = quick ? limits.improvePauseMin * 2 ** Math.max(0, effort.tries - 1) : limits.improvePeriod
    effort.step = undefined
    effort.at = now + pause * (1 + 0.5 * this.#p.env.random())
    this.#wake(effort.at)
  }

  #renew(peer: NodeId, effort: Effort, now: Millis): void {
    effort.renewed = now
    effort.tries = 0
    if (effort.step === undefined) effort.at = this.#first(peer, now)
  }

  #first(peer: NodeId, now: Millis): Millis {
    return now + limits.improveDelay + (this.#leads(peer) ? 0 : limits.improveTurn)
  }

  #leads(peer: NodeId): boolean {
    return this.#p.self.node < peer
  }

  #direct(peer: NodeId): readonly string[] {
    return (this.#p.book.get(peer)?.addresses ?? []).filter((address) => relayOf(address) === undefined)
  }

  /** Where one member alone sees a NAT its kind is unknown: most are plain, and whoever is linked by a hole can see it too. */
  #mayPunch(peer: NodeId): boolean {
    const [ours, theirs] = [this.#p.nat(), this.#p.book.get(peer)?.nat]
    return this.#leads(peer) && theirs !== undefined && ours !== 'random' && theirs !== 'random'
  }

  #facts(peer: NodeId): string {
    return `${this.#p.book.get(peer)?.nat} ${[...this.#direct(peer)].sort().join(' ')}`
  }

  #wake(at: Millis): void {
    this.#due = Math.min(this.#due ?? at, at)
  }
}

/** Nothing could be tried the last time. */
function isIdle({ at, step }: Effort): boolean {
  return at === undefined && step === undefined
}
