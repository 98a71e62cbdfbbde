// Links: whom to dial, whom to keep. A plain node keeps a few zone-mates (gossip needs D of them) and two outside (one may
// vanish); an operator's peer keeps one in each of some zones. Never the whole mesh: each link costs memory and keep-alives.
// What a link that is gone leaves open is dialled for in the same step, and of a contact's addresses those first that are likely to work.
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import { shuffled } from '../shuffled.ts'
import type { Book } from './book.ts'
import type { Entry } from './book-entry.ts'
import { DialOrder } from './dial-order.ts'
import { DialPauses, isSentAway, type Trouble } from './dial-pauses.ts'
import type { Standing } from './eviction.ts'
import { type Path, relayOf } from './paths.ts'
import { StrangerDials } from './stranger-dials.ts'
import type { Wanted } from './wanted.ts'

export interface Link extends Path {
  peer: NodeId
  zone: string | undefined
  since: Millis
}

export class Links {
  readonly #env: Env
  readonly #out: Outbox
  readonly #book: Book
  readonly #self: { isNode: boolean; addresses?: readonly string[] }
  readonly #zone: string
  readonly #links = new Map<NodeId, Link>()
  /** Dials under way, and since when. */
  readonly #dialing = new Map<NodeId, Millis>()
  readonly #pauses: DialPauses
  /** Whom we dialled for a question or for pieces, beyond what this policy wants: they are let go when that is over. */
  readonly #passing = new Set<NodeId>()
  /** Links over which nothing comes any more, until they are closed. */
  readonly #dead = new Set<NodeId>()
  /** Links over a relay that ended as if we had been sent away, until it shows that the relay is gone: the pause before that. */
  readonly #orphans = new Map<NodeId, { relay: NodeId; since: Millis; before: Trouble | undefined }>()
  #nextCheck: Millis | undefined
  /** When the next pause of a contact ends that would be dialled now but for it. */
  #pauseEnds: Millis | undefined
  readonly #strangers = new StrangerDials()
  readonly #inUse: (peer: NodeId) => boolean
  readonly #relays: () => boolean
  readonly #wanted: Wanted
  readonly #order: DialOrder

  /**
   * @param inUse true for a peer with whom something is going on: its link is not surplus now
   * @param relays true while this node relays for others: who comes for that is not surplus
   * @param wanted whom to have a link with beside those that every node wants: none without
   */
  constructor(
    env: Env,
    out: Outbox,
    book: Book,
    self: { zone: string; isNode: boolean; addresses?: readonly string[] },
    inUse: (peer: NodeId) => boolean = () => false,
    relays: () => boolean = () => false,
    wanted: Wanted = {},
  ) {
    this.#wanted = wanted
    this.#inUse = inUse
    this.#relays = relays
    this.#order = new DialOrder(
      (relay) => this.#links.has(relay),
      (relay) => book.get(relay)?.addresses ?? [],
    )
    this.#env = env
    this.#pauses = new DialPauses(env)
    this.#out = out
    this.#book = book
    this.#self = self
    this.#zone = self.zone
  }

  get size(): number {
    return this.#links.size
  }

  get(peer: NodeId): Link | undefined {
    return this.#links.get(peer)
  }

  all(): IterableIterator<Link> {
    return this.#links.values()
  }

  /** What the address book weighs a contact by. */
  standing(node: NodeId): Standing {
    if (this.#links.has(node)) return 'linked'
    return (this.#pauses.of(node)?.failures ?? 0) >= limits.dialsDoubted ? 'doubted' : undefined
  }

  /** Tables that grow with what others do, for invariant checks. */
  get pauses(): number {
    return this.#pauses.size
  }

  mates(): Link[] {
    return [...this.#links.values()].filter((link) => link.zone === this.#zone)
  }

  /** True with a link by any route but the LAN. That of two zone-mates over a relay on the LAN does not leave it: their Wi-Fi keeps them apart. */
  get hasOutside(): boolean {
    for (const link of this.#links.values()) if (link.route !== 'lan' && !this.#isBesideUs(link)) return true
    return false
  }

  #isBesideUs({ zone, address }: Link): boolean {
    return zone === this.#zone && this.#links.get(relayOf(address) ?? '')?.route === 'lan'
  }

  /** Dials under way. */
  get dialing(): number {
    return this.#dialing.size
  }

  isDialing(node: NodeId): boolean {
    return this.#dialing.has(node)
  }

  /** Dials a contact if its pause is over, and it is neither linked nor being dialled. True when it is dialled. */
  try(entry: Entry, now: Millis): boolean {
    const busy = this.#links.has(entry.node) || this.#dialing.has(entry.node)
    if (busy || entry.addresses.length === 0 || this.#dialFrom(entry, now) > now) return false
    if (entry.source === 'others') this.#strangers.dialled()
    this.want(entry, now)
    return true
  }

  /** True when who looks for any way out may dial this contact, although its pause is not over. */
  maySeek(node: NodeId, now: Millis): boolean {
    const from = this.#pauses.of(node)?.seekFrom ?? now
    return from <= now && !this.#links.has(node) && !this.#dialing.has(node)
  }

  /** Dials that failed since then failed because of our own network: those contacts may be dialled again soon. */
  lift(since: Millis, now: Millis): void {
    this.#pauses.lift(since, now)
    this.soon(now)
  }

  opened(link: Link, now: Millis): void {
    this.#links.set(link.peer, link)
    this.#dialing.delete(link.peer)
    this.#dead.delete(link.peer)
    if (link.direction === 'outbound') this.#worked(link.peer, link)
    this.soon(now)
  }

  /** The link with this peer goes on over another path. */
  moved(peer: NodeId, path: Path, now: Millis): void {
    const link = this.#links.get(peer)
    if (link === undefined) return
    this.#links.set(peer, { ...link, ...path })
    if (path.direction === 'outbound') this.#worked(peer, path)
    this.soon(now)
  }

  /**
   * True when it was open. A link at whose age the other end sends somebody away counts as a failed dial: two machines with one
   * key push each other off at every member, and would do so without a pause.
   */
  closed(peer: NodeId, now: Millis): boolean {
    this.soon(now)
    const link = this.#links.get(peer)
    if (link === undefined) return false
    this.#links.delete(peer)
    const [before, relay] = [this.#pauses.of(peer), relayOf(link.address)]
    const isCut = this.#dead.delete(peer) || (relay !== undefined && !this.#links.has(relay))
    if (!isCut && isSentAway(now - link.since)) {
      this.failed(peer, now, limits.seekBrief)
      if (this.#isSurplus(link, now)) this.avoid(peer, now + limits.surplusPause * (0.5 + this.#env.random()))
      if (relay !== undefined) this.#orphans.set(peer, { relay, since: now, before })
    } else if (before !== undefined) before.failures = 0
    this.#acquit(peer, now)
    return true
  }

  /** Who was linked over a relay that is gone as well sent nobody away: circuits end a moment before what carries them. */
  #acquit(relay: NodeId, now: Millis): void {
    for (const [peer, orphan] of this.#orphans) {
      const isLate = now - orphan.since > limits.orphanGrace
      if (isLate || orphan.relay === relay) this.#orphans.delete(peer)
      if (isLate || orphan.relay !== relay) continue
      this.#pauses.restore(peer, orphan.before)
    }
  }

  /** Who has mates enough need not come again soon: all of a site behind a NAT would knock by turns at the few that it can reach. */
  #isSurplus({ peer, zone, since }: Link, now: Millis): boolean {
    const isShared = this.mates().length >= limits.mateLinksWanted && !this.#inUse(peer)
    return isShared && zone !== this.#zone && now - since >= limits.surplusGrace
  }

  /** Nothing comes over this link any more: when it closes, that is no fault of the peer. */
  died(peer: NodeId): void {
    if (this.#links.has(peer)) this.#dead.add(peer)
  }

  /** It refused us at its gate. */
  turnedAway(peer: NodeId): void {
    this.#pauses.turnedAway(peer)
  }

  /** A dial failed. @param brief for so long also who looks for any way out leaves it alone */
  failed(peer: NodeId, now: Millis, brief: Millis = 0): void {
    this.#dialing.delete(peer)
    this.#pauses.failed(peer, now, brief)
    this.soon(now)
  }

  /** Leaves a contact alone until then. */
  avoid(peer: NodeId, until: Millis): void {
    this.#pauses.avoid(peer, until)
  }

  /** This link was made for a question, by whoever asked it. */
  visited(peer: NodeId): void {
    if (this.#links.has(peer)) this.#passing.add(peer)
  }

  /** As want(), for something that passes: a question, or a download. */
  wantFor(entry: Entry, now: Millis): void {
    if (!this.#links.has(entry.node) && !this.#dialing.has(entry.node)) this.#passing.add(entry.node)
    this.want(entry, now)
  }

  /** Dials a contact now, whatever the policy wants, unless it is linked or being dialled. */
  want(entry: Entry, now: Millis): void {
    if (this.#links.has(entry.node) || this.#dialing.has(entry.node) || entry.addresses.length === 0) return
    this.#dialing.set(entry.node, now)
    const addresses = this.#order.of(entry, this.#sharedRelays(entry))
    this.#out.emit({ type: 'dial', peer: entry.node, addresses })
  }

  /** By our own relays: who needs one may have moved to one of them, and its address by it may not have come to us. */
  #sharedRelays({ node, addresses }: Entry): string[] {
    if (!addresses.some((address) => relayOf(address) !== undefined)) return []
    const named = [undefined, node, ...addresses.map(relayOf)]
    const ours = (this.#self.addresses ?? []).filter((address) => !named.includes(relayOf(address)))
    return ours.filter((address, at) => ours.findIndex((other) => relayOf(other) === relayOf(address)) === at)
  }

  /** Something changed that may matter: look again at the end of this step. */
  soon(now: Millis): void {
    this.#nextCheck = now
  }

  deadline(): Millis | undefined {
    return this.#nextCheck
  }

  check(now: Millis): void {
    if (this.#nextCheck !== undefined && now < this.#nextCheck) return
    this.#giveUpDials(now)
    this.#pauses.forget((peer) => this.#book.get(peer) !== undefined || this.#links.has(peer))
    this.#pauseEnds = undefined
    if (this.#self.isNode) this.#checkNode(now)
    else this.#checkOperator(now)
    const regular = now + limits.linkCheckPeriod * (0.75 + 0.5 * this.#env.random())
    this.#nextCheck = Math.min(regular, this.#pauseEnds ?? regular)
  }

  #checkNode(now: Millis): void {
    this.#closePassing(now)
    const mates = this.mates()
    const outside = this.#links.size - mates.length
    this.#dialWitnesses(now)
    this.#dial(() => this.#book.inZone(this.#zone), limits.mateLinksWanted - mates.length, now)
    const beyond = () => this.#book.outside().filter((entry) => entry.zone !== undefined && entry.serves)
    this.#dial(beyond, limits.outsideLinksWanted - outside, now)
    this.#grant(now)
    // Addresses whose zone nobody told yet come from an invite or from mDNS: on this LAN, so probably a zone-mate.
    if (mates.length < limits.mateLinksWanted || outside === 0) {
      this.#dial(() => this.#book.inZone(undefined), limits.mateLinksWanted, now)
    }
    const others = [...this.#links.values()].filter((link) => link.zone !== this.#zone)
    if (this.#relays()) {
      // Zone-mates may be at other sites, and need a relay as well.
      const crowd = byAge(mates)
        .slice(limits.mateLinksMax)
        .filter(({ peer }) => !this.#isWatching(peer, now))
      return this.#closeSurplus([...others, ...crowd], limits.relayLinksMax, now)
    }
    this.#closeSurplus(mates, limits.mateLinksMax, now)
    const isShared = mates.length >= limits.mateLinksWanted
    this.#closeSurplus(others, isShared ? limits.outsideLinksShared : limits.outsideLinksMax, now)
  }

  /** Who watches us is dialled whatever else is linked: it has to notice at once when we are gone. */
  #dialWitnesses(now: Millis): void {
    for (const node of this.#wanted.watching?.wanted(now) ?? []) {
      const entry = this.#book.get(node)
      if (entry !== undefined && this.#dialing.size < limits.dialsAtOnce) this.try(entry, now)
    }
  }

  #isWatching(peer: NodeId, now: Millis): boolean {
    return this.#links.get(peer)?.zone === this.#zone && this.#wanted.watching?.keeps(peer, now) === true
  }

  /** Links cost a thin wire 20 B/s each. The oldest ones to the outside stay, as many as are wanted. */
  #closePassing(now: Millis): void {
    for (const peer of this.#passing) if (!this.#links.has(peer) && !this.#dialing.has(peer)) this.#passing.delete(peer)
    if (this.#passing.size === 0) return
    const outside = byAge([...this.#links.values()].filter((link) => link.zone !== this.#zone))
    for (const { peer, since } of outside.slice(limits.outsideLinksWanted)) {
      const isOver = this.#passing.has(peer) && now - since >= limits.passingLink && !this.#inUse(peer)
      if (isOver) this.#out.emit({ type: 'close', peer, reason: 'surplus' })
    }
  }

  /** One link in each of the first few zones, spread over zones before any has two. */
  #checkOperator(now: Millis): void {
    this.#closeOldest(now)
    const linked = new Set([...this.#links.values()].map((link) => link.zone))
    const zones = this.#book.zones().filter((zone) => !linked.has(zone))
    let room = limits.operatorLinksWanted - this.#links.size
    for (const zone of shuffled(this.#env, zones)) {
      if (room <= 0) return
      room -= this.#dial(() => this.#book.inZone(zone), 1, now)
    }
    if (this.#links.size === 0) this.#dial(() => this.#book.inZone(undefined), limits.mateLinksWanted, now)
    this.#grant(now)
  }

  /** What is dialled for that passes when nobody needs it any more. */
  #grant(now: Millis): void {
    for (const { wanted, entries } of this.#wanted.wishes?.() ?? []) {
      const linked = entries.filter(({ node }) => this.#links.has(node)).length
      const before = new Set(this.#dialing.keys())
      this.#dial(() => entries, wanted - linked, now)
      for (const node of this.#dialing.keys()) if (!before.has(node)) this.#passing.add(node)
    }
  }

  /** What a query opened and has used by now. */
  #closeOldest(now: Millis): void {
    const surplus = this.#links.size - limits.operatorLinksMax
    if (surplus <= 0) return
    const oldest = byAge([...this.#links.values()]).slice(0, surplus)
    for (const { peer, since } of oldest) {
      if (now - since > limits.queryTimeout && !this.#inUse(peer))
        this.#out.emit({ type: 'close', peer, reason: 'surplus' })
    }
  }

  /** Dials up to `wanted` of the candidates, in random order, who are looked up when any are wanted. Returns how many are under way among them. */
  #dial(find: () => readonly Entry[], wanted: number, now: Millis): number {
    if (wanted <= 0) return 0
    const candidates = find()
    let underway = candidates.filter((entry) => this.#dialing.has(entry.node)).length
    for (const entry of shuffled(this.#env, candidates)) {
      if (underway >= wanted || this.#dialing.size >= limits.dialsAtOnce) break
      if (this.#links.has(entry.node) || this.#dialing.has(entry.node)) continue
      const until = this.#dialFrom(entry, now)
      if (until > now) {
        this.#pauseEnds = Math.min(this.#pauseEnds ?? until, until)
        continue
      }
      underway += this.try(entry, now) ? 1 : 0
    }
    return underway
  }

  /** Closes the newest links above the bound, once they had time to learn of others: the older ones carry gossip's mesh. */
  #closeSurplus(links: readonly Link[], bound: number, now: Millis): void {
    if (links.length <= bound) return
    for (const link of byAge(links).slice(bound)) {
      if (this.#isWatching(link.peer, now)) continue
      const spared = now - link.since < limits.surplusGrace || this.#inUse(link.peer)
      if (spared && this.#links.size <= limits.linksCrowded) continue
      this.avoid(link.peer, now + limits.surplusPause)
      this.#out.emit({ type: 'close', peer: link.peer, reason: 'surplus' })
    }
  }

  /** When a contact may be dialled: after its pause; and whom only others told of, when it is a stranger's turn. */
  #dialFrom(entry: Entry, now: Millis): Millis {
    const until = this.#pauses.of(entry.node)?.until ?? now
    return until > now || entry.source !== 'others' ? until : this.#strangers.dialFrom(now)
  }

  #worked(peer: NodeId, { address }: Path): void {
    this.#book.worked(peer, address)
    this.#order.worked(address)
  }

  /** Whose outcome was never reported must not hold a place for ever. */
  #giveUpDials(now: Millis): void {
    for (const [peer, since] of this.#dialing) if (now - since >= limits.dialForgotten) this.failed(peer, now)
  }
}

/** The oldest first. */
function byAge(links: readonly Link[]): Link[] {
  return [...links].sort((a, b) => a.since - b.since)
}
