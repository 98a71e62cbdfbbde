// Reservations: which members relay for us. Only who cannot be dialled needs any, from two members on different hosts where there
// are such. One that is lost is asked for anew: at once of another relay, and of the same one after a pause; who is full or does
// not relay is left alone for longer. There is always a next time.
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Book } from './book.ts'
import type { Links } from './links.ts'
import { hostOf } from './paths.ts'

/** `none`: nobody has to relay for us. `keep`: what there is stays for now. `more`: two are wanted. */
export type Need = 'none' | 'keep' | 'more'
export type WhyNot = 'full' | 'refused' | 'lost'

interface Relay {
  state: 'asked' | 'held' | 'resting'
  since: Millis
  /** Where others reach us through it. */
  addresses: readonly string[]
  /** It is not asked before. */
  until: Millis
  /** Times in a row that it did not take us in, or gave us up soon. */
  failures: number
  why: WhyNot | undefined
  detail: string
}

/** For people. */
export interface Reserved {
  held: { relay: NodeId; addresses: readonly string[]; since: Millis }[]
  waiting: { relay: NodeId; why: WhyNot; since: Millis; until: Millis; failures: number; detail: string }[]
}

interface Parts {
  env: Pick<Env, 'random'>
  out: Outbox
  book: Pick<Book, 'get' | 'all'>
  links: Pick<Links, 'get' | 'all' | 'try' | 'isDialing'>
}

export class Reservations {
  readonly #p: Parts
  readonly #relays = new Map<NodeId, Relay>()
  #due: Millis | undefined

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return this.#relays.size
  }

  /** True for a relay that takes in for us, or was asked to: its link is of use. */
  holds(peer: NodeId): boolean {
    const state = this.#relays.get(peer)?.state
    return state === 'held' || state === 'asked'
  }

  /** Through each relay, in the order in which they took us in. */
  addresses(): (readonly string[])[] {
    const held = [...this.#relays.values()].filter(({ state }) => state === 'held')
    return held.sort((a, b) => a.since - b.since).map(({ addresses }) => addresses)
  }

  reserved(relay: NodeId, addresses: readonly string[], now: Millis): void {
    if (this.#p.links.get(relay) === undefined) return
    if (addresses.length === 0) return this.unreserved(relay, 'lost', 'it named no address', now)
    const known = this.#relays.get(relay)
    const since = known?.state === 'held' ? known.since : now
    if (known?.state !== 'held') this.#p.out.event({ type: 'reserved', relay })
    const rest = { until: now, failures: known?.failures ?? 0, why: undefined, detail: '' }
    this.#relays.set(relay, { state: 'held', since, addresses, ...rest })
    this.soon(now)
  }

  unreserved(relay: NodeId, why: WhyNot, detail: string, now: Millis): void {
    const known = this.#relays.get(relay)
    if (known === undefined || known.state === 'resting') return
    this.#rest(relay, known, why, detail, now)
  }

  /** The link with a member is gone, and with it what it kept for us. Once it is linked again it is asked at once, if that lasted. */
  unlinked(relay: NodeId, now: Millis): void {
    const known = this.#relays.get(relay)
    this.soon(now)
    if (known === undefined || known.state === 'resting') return
    const lasted = known.state === 'held' && now - known.since >= limits.addressDialTimeout
    if (lasted) this.#relays.delete(relay)
    else this.#rest(relay, known, 'lost', 'the link with it is gone', now)
  }

  /**
   * A member says that it relays: one that was started anew had refused before it knew that it can. While nobody relays for us, one
   * that lost us is asked at once as well, however often it did: it may be the only one.
   */
  offered(relay: NodeId, now: Millis): void {
    const known = this.#relays.get(relay)
    const alone = this.#active().length === 0
    if (known?.why === 'refused' || (alone && known?.why === 'lost')) known.until = Math.min(known.until, now)
    this.soon(now)
  }

  /** Pauses were earned in a network that is another one now. */
  networkChanged(now: Millis): void {
    for (const relay of this.#relays.values()) if (relay.why === 'lost') relay.until = now
    this.soon(now)
  }

  /** Something changed that may matter: look at the end of this step. */
  soon(now: Millis): void {
    this.#due = now
  }

  deadline(): Millis | undefined {
    return this.#due
  }

  check(needed: () => Need, now: Millis): void {
    if (this.#due === undefined || now < this.#due) return
    const need = needed()
    for (const [relay, known] of [...this.#relays]) {
      const overdue = known.state === 'asked' && now - known.since >= limits.dialForgotten
      if (overdue) this.#rest(relay, known, 'lost', 'it did not answer', now)
    }
    this.#due = undefined
    if (need === 'none') this.#releaseAll()
    if (need === 'more') this.#ask(now)
    this.#forget(now)
    this.#schedule(need, now)
  }

  snapshot(): Reserved {
    const held = [...this.#relays].filter(([, { state }]) => state === 'held')
    const resting = [...this.#relays].filter(([, { state }]) => state === 'resting')
    return {
      held: held.map(([relay, { addresses, since }]) => ({ relay, addresses, since })),
      waiting: resting.map(([relay, { why = 'lost', since, until, failures, detail }]) => {
        return { relay, why, since, until, failures, detail }
      }),
    }
  }

  #active(): NodeId[] {
    return [...this.#relays].flatMap(([relay, { state }]) => (state === 'resting' ? [] : [relay]))
  }

  #releaseAll(): void {
    for (const relay of this.#active()) {
      this.#relays.delete(relay)
      this.#p.out.emit({ type: 'release', relay })
    }
  }

  /** Linked members first, on hosts where we have none before others; then members are dialled that are known to relay. */
  #ask(now: Millis): void {
    let room = limits.relaysWanted - this.#active().length
    const ready = this.#shuffled([...this.#p.links.all()]).filter((link) => {
      return link.route !== 'relayed' && this.#relaysFor(link.peer) && this.#isReady(link.peer, now)
    })
    while (room > 0 && ready.length > 0) {
      const hosts = new Set(this.#active().map((relay) => hostOf(this.#p.links.get(relay)?.address ?? '')))
      const other = ready.findIndex(({ address }) => !hosts.has(hostOf(address)))
      const [link] = ready.splice(Math.max(0, other), 1)
      if (link === undefined) break
      this.#reserve(link.peer, now)
      room -= 1
    }
    if (room > 0) this.#dial(room, now)
  }

  #reserve(relay: NodeId, now: Millis): void {
    const failures = this.#relays.get(relay)?.failures ?? 0
    this.#relays.delete(relay)
    const rest = { addresses: [], until: now, failures, why: undefined, detail: '' }
    this.#relays.set(relay, { state: 'asked', since: now, ...rest })
    this.#p.out.emit({ type: 'reserve', relay })
  }

  #dial(wanted: number, now: Millis): void {
    const { book, links } = this.#p
    const known = [...book.all()].filter(({ node, relays }) => relays && links.get(node) === undefined)
    let underway = known.filter(({ node }) => links.isDialing(node)).length
    for (const entry of this.#shuffled(known)) {
      if (underway >= wanted) return
      if (this.#isReady(entry.node, now) && links.try(entry, now)) underway += 1
    }
  }

  #relaysFor(peer: NodeId): boolean {
    return this.#p.book.get(peer)?.relays === true
  }

  #isReady(relay: NodeId, now: Millis): boolean {
    const known = this.#relays.get(relay)
    return known === undefined || (known.state === 'resting' && known.until <= now)
  }

  #rest(relay: NodeId, known: Relay, why: WhyNot, detail: string, now: Millis): void {
    const lasted = known.state === 'held' && now - known.since >= limits.linkProven
    const failures = lasted ? 1 : known.failures + 1
    const doubled = Math.min(limits.reserveBackoffMax, limits.reserveBackoffMin * 2 ** (failures - 1))
    const pause = (why === 'lost' ? doubled : limits.relayFullPause) * (0.5 + this.#p.env.random())
    if (known.state === 'held' || failures === 1) this.#p.out.event({ type: 'unreserved', relay, why, detail })
    this.#relays.delete(relay)
    const rest = { addresses: [], until: now + pause, failures, why, detail }
    this.#relays.set(relay, { state: 'resting', since: now, ...rest })
    this.soon(now)
  }

  /** Who rests is remembered for its next pause, the oldest ones only while there is room. */
  #forget(now: Millis): void {
    for (const [relay, { state, until }] of this.#relays) {
      const over = state === 'resting' && until + limits.relayFullPause < now
      if (over || (state === 'resting' && this.#relays.size > limits.relaysRemembered)) this.#relays.delete(relay)
    }
  }

  #schedule(need: Need, now: Millis): void {
    if (need === 'keep') this.#wake(now + limits.reserveGrace)
    const lacks = need === 'more' && this.#active().length < limits.relaysWanted
    if (lacks) this.#wake(now + limits.linkCheckPeriod * (0.75 + 0.5 * this.#p.env.random()))
    for (const [relay, { state, since, until }] of this.#relays) {
      if (state === 'asked') this.#wake(since + limits.dialForgotten)
      if (state === 'resting' && lacks && until > now && this.#p.links.get(relay) !== undefined) this.#wake(until)
    }
  }

  #wake(at: Millis): void {
    this.#due = Math.min(this.#due ?? at, at)
  }

  #shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, lot: this.#p.env.random() }))
      .sort((a, b) => a.lot - b.lot)
      .map(({ item }) => item)
  }
}
