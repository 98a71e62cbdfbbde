// Suspicion: what a witness does when a node that it watches falls silent. It asks twice, over the link or by a dial, and votes only
// if both fail while somebody else can be heard: who hears nobody has to blame itself.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { HealthOfSelf } from './health-of-self.ts'
import { compareRecords, type HealthRecord } from './record.ts'
import type { View } from './view.ts'
import type { Votes } from './votes.ts'
import type { Witnesses } from './witnesses.ts'

interface Parts {
  out: Outbox
  self: Pick<Self, 'node' | 'zone' | 'isNode'>
  view: View
  links: Pick<Links, 'get' | 'mates' | 'all' | 'want'>
  book: Pick<Book, 'get'>
  witnesses: Pick<Witnesses, 'isOf'>
  health: HealthOfSelf
  votes: Pick<Votes, 'cast'>
}

interface Suspect {
  /** The newest record when it fell under suspicion. */
  record: HealthRecord
  failures: number
  /** When the probe that is under way was sent, and until when it is waited for. */
  asked: Millis | undefined
  until: Millis
  /** When the next probe is due, if none is under way. */
  next: Millis
  /** Somebody else was heard since the first probe. */
  heardOther: boolean
}

export class Suspicion {
  readonly #p: Parts
  readonly #suspects = new Map<NodeId, Suspect>()
  /** Of whom we said that they are gone, and by which record: a newer one shows that we were wrong. */
  readonly #accused = new Map<NodeId, HealthRecord>()
  /** Zone-mates with whom this node had a link in this run. */
  readonly #met = new Set<NodeId>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return this.#suspects.size
  }

  linked(peer: NodeId, now: Millis): void {
    if (this.#p.links.get(peer)?.zone === this.#p.self.zone) this.#met.add(peer)
    if (this.#met.size > limits.viewNodes) this.#met.delete(this.#met.values().next().value as NodeId)
    this.heard(peer, now)
  }

  /** The link with a node ended, and nobody says why. */
  unlinked(peer: NodeId, now: Millis): void {
    const suspect = this.#suspects.get(peer)
    if (suspect === undefined) this.#begin(peer, now, limits.witnesses)
    else if (suspect.asked !== undefined) this.#failed(peer, suspect, now)
  }

  /** A witness of it misses a node: who may be one by another view looks as well. */
  raised(node: NodeId, now: Millis): void {
    this.#begin(node, now, limits.witnessPlaces)
  }

  /** Something came from a peer, over whatever link. */
  heard(peer: NodeId, now: Millis): void {
    for (const [node, suspect] of this.#suspects) {
      if (node !== peer) suspect.heardOther = true
      else this.#cleared(node, suspect, now)
    }
  }

  pulseMissed(peer: NodeId, now: Millis): void {
    const suspect = this.#suspects.get(peer)
    if (suspect?.asked === undefined) return
    // Another's pulse over the same link, which was sent before ours.
    if (now < suspect.until - limits.pulseLate) return
    this.#elapsed(peer, suspect, now)
  }

  dialFailed(peer: NodeId, now: Millis): void {
    const suspect = this.#suspects.get(peer)
    if (suspect?.asked !== undefined) this.#failed(peer, suspect, now)
  }

  /** This process stood still for so long: it heard nothing meanwhile. */
  forgive(gap: Millis): void {
    for (const suspect of this.#suspects.values()) {
      suspect.until += gap
      suspect.next += gap
    }
  }

  deadline(): Millis | undefined {
    let first: Millis | undefined
    for (const { asked, until, next } of this.#suspects.values()) {
      const due = asked === undefined ? next : until + limits.pulseLate
      first = Math.min(first ?? due, due)
    }
    return first
  }

  check(now: Millis): void {
    this.#contradict(now)
    for (const node of this.#p.view.takeMissed()) this.#begin(node, now, limits.witnesses)
    for (const [node, suspect] of this.#suspects) {
      if (this.#isOver(node, suspect)) this.#suspects.delete(node)
      else if (suspect.asked === undefined && now >= suspect.next) this.#probe(node, suspect, now)
      else if (suspect.asked !== undefined && now >= suspect.until + limits.pulseLate) this.#elapsed(node, suspect, now)
    }
  }

  #begin(node: NodeId, now: Millis, places: number): void {
    const { self, view, witnesses } = this.#p
    const record = view.record(node)
    const status = view.status(node)
    const isThere = record !== undefined && (status === 'up' || status === 'late')
    if (!self.isNode || !isThere || node === self.node || this.#suspects.has(node)) return
    const accused = this.#accused.get(node)
    if (accused !== undefined && compareRecords(record, accused) <= 0) return
    if (!witnesses.isOf(node, self.node, now, places)) return
    if (this.#suspects.size >= limits.suspects) return
    const suspect: Suspect = { record, failures: 0, asked: undefined, until: now, next: now, heardOther: false }
    this.#suspects.set(node, suspect)
    this.#probe(node, suspect, now)
  }

  #probe(node: NodeId, suspect: Suspect, now: Millis): void {
    const { out, links, book, health } = this.#p
    const timeout = limits.probeTimeout * health.factor(now)
    suspect.asked = now
    suspect.until = now + timeout
    if (!suspect.heardOther) this.#control(node)
    if (links.get(node) !== undefined) return out.emit({ type: 'pulse', peer: node, timeout })
    const entry = book.get(node)
    if (entry === undefined || entry.addresses.length === 0) return this.#failed(node, suspect, now)
    links.want(entry, now)
  }

  /** One other that is linked: whether it answers tells a dead node from a dead cable of ours. */
  #control(node: NodeId): void {
    const { out, links } = this.#p
    const others = [...links.mates(), ...links.all()].filter(({ peer }) => peer !== node && !this.#suspects.has(peer))
    const [first] = others
    if (first !== undefined) out.emit({ type: 'pulse', peer: first.peer, timeout: limits.probeTimeout })
  }

  /** The time of a probe is over. Who looks only long after that was late itself, and an answer may wait to be read. */
  #elapsed(node: NodeId, suspect: Suspect, now: Millis): void {
    const late = now - suspect.until
    if (late <= 2 * limits.pulseLate) return this.#failed(node, suspect, now)
    this.#p.health.wokeLate(late, now)
    this.#probe(node, suspect, now)
  }

  #failed(node: NodeId, suspect: Suspect, now: Millis): void {
    const sent = suspect.asked ?? now
    suspect.failures += 1
    suspect.asked = undefined
    suspect.next = Math.max(now, sent + limits.probePause)
    if (suspect.failures < limits.probes) return
    if (this.#isOver(node, suspect)) this.#suspects.delete(node)
    else if (suspect.heardOther && this.#p.health.mayAccuse(now)) this.#accuse(node, suspect, now)
    else {
      // It may be us. Silence decides, unless we are well again before that.
      suspect.failures = 0
      suspect.heardOther = false
      suspect.next = now + limits.suspectAgain
    }
  }

  #accuse(node: NodeId, { record }: Suspect, now: Millis): void {
    this.#suspects.delete(node)
    if (this.#accused.size >= limits.viewNodes) this.#accused.delete(this.#accused.keys().next().value as NodeId)
    this.#accused.set(node, record)
    this.#p.votes.cast(node, this.#met.has(node), now)
  }

  #cleared(node: NodeId, { asked, until }: Suspect, now: Millis): void {
    this.#suspects.delete(node)
    if (asked !== undefined && now <= until) this.#p.health.answered(now)
  }

  /** It said goodbye, others found it gone, or it was heard by way of others. */
  #isOver(node: NodeId, { record }: Suspect): boolean {
    const held = this.#p.view.record(node)
    const status = this.#p.view.status(node)
    return held === undefined || compareRecords(held, record) > 0 || (status !== 'up' && status !== 'late')
  }

  /** A node of which we said that it is gone speaks on: it was there, and we were wrong. One that started again was not. */
  #contradict(now: Millis): void {
    for (const [node, record] of this.#accused) {
      const held = this.#p.view.record(node)
      if (held !== undefined && compareRecords(held, record) <= 0) continue
      // Sent before it went, and late: no sign of life.
      if (this.#p.view.status(node) === 'down') continue
      this.#accused.delete(node)
      if (held?.incarnation === record.incarnation) this.#p.health.contradicted(now)
    }
  }
}
