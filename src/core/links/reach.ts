// Reach: how this node is reached, and how it reaches others, composed of the machines beside it: what its NAT does, its addresses,
// who relays for it, whether it relays, better paths, dead paths, and a way out when there is none.
// What the linked ones are told of it: clauses REACH 1 and 2. Invariants: I20 to I23 (docs/reachability.md).
import { earliest } from '../earliest.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Hello } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Book } from './book.ts'
import type { Greetings } from './greetings.ts'
import { Improving } from './improving.ts'
import type { Links } from './links.ts'
import { Nat } from './nat.ts'
import { ownAddresses } from './own-addresses.ts'
import { hostOf, type NatKind, type Path } from './paths.ts'
import { type Need, Reservations, type Reserved, type WhyNot } from './reservations.ts'
import { Seeking } from './seeking.ts'
import { Watchdog } from './watchdog.ts'

/** Whether a node relays for others: when it can be dialled from outside, in any case, or never. */
export type RelayMode = 'auto' | 'always' | 'never'

interface Parts {
  env: Pick<Env, 'random'>
  out: Outbox
  self: Self
  book: Book
  links: Links
  greetings: Greetings
  /** True for a peer with whom pieces are exchanged. */
  inUse: (peer: NodeId) => boolean
  relay: RelayMode
  /** Where we could be dialled from outside when that was last written. */
  saved?: readonly string[]
  /** What our owner says that others can dial. */
  announce: readonly string[]
}

/** For people; ages are relative to the `now` it was taken at. */
export interface ReachSnapshot {
  nat: NatKind
  /** Where members see us. */
  observed: readonly string[]
  /** Where members can dial us from outside. */
  reachable: readonly string[]
  /** What we tell others. */
  addresses: readonly string[]
  /** Whether we relay for others. */
  offers: boolean
  reservations: Reserved['held']
  /** Members that do not relay for us, and why not. */
  waiting: Reserved['waiting']
  /** Since when there is no link to the outside, while somebody there was dialled in vain. */
  searchingSince: Millis | undefined
}

export class Reach {
  readonly watchdog: Watchdog
  readonly improving: Improving
  readonly #p: Parts
  readonly #nat = new Nat()
  readonly #reservations: Reservations
  readonly #seeking: Seeking
  #listening: readonly string[] = []
  #reachable: readonly string[] = []
  /** Since when we are open from outside, or are not. */
  #reachableSince: Millis
  /** Since when somebody could have tested that. */
  #testableSince: Millis | undefined
  #offers = false
  /** What the linked ones were told; and when they are told what changed since. */
  #told: string
  #tellAt: Millis | undefined
  #tells: number = limits.reachTells
  #talliedAt: Millis
  #kind: NatKind = 'unknown'
  /** As it is on disk. */
  #saved: string

  constructor(parts: Parts, now: Millis) {
    this.#p = parts
    this.#saved = (parts.saved ?? []).join()
    const { env, out, self, book, links, inUse } = parts
    this.#reservations = new Reservations({ env, out, book, links })
    this.improving = new Improving({ env, out, self, book, links, nat: () => this.#kind })
    this.watchdog = new Watchdog({ env, out, inUse, died: (peer) => links.died(peer) })
    this.#seeking = new Seeking({ env, out, self, book, links })
    this.#reachableSince = now
    this.#talliedAt = now
    this.#told = this.#state()
  }

  /** Whether no way out of the site was found for a while. */
  get isCutOff(): boolean {
    return this.#seeking.isCutOff
  }

  /** What a hello says. */
  get told(): NonNullable<Hello['reach']> {
    return { relays: this.#offers, nat: this.#kind }
  }

  /** Whether members can dial us from outside. */
  get isOpen(): boolean {
    return this.#reachable.length > 0
  }

  /** Whether we relay for others. */
  get offers(): boolean {
    return this.#offers
  }

  /** Sizes of what could grow, for invariant checks. */
  get size(): number {
    return Math.max(this.watchdog.size, this.#reservations.size)
  }

  /** True for a relay of ours: its link is never surplus. */
  holds(peer: NodeId): boolean {
    return this.#reservations.holds(peer)
  }

  /** A link opened. */
  opened(peer: NodeId, path: Path, now: Millis): void {
    this.#lookedAt(peer, path, now)
    this.#reservations.soon(now)
  }

  /** A link goes on over another path. */
  moved(peer: NodeId, path: Path, now: Millis): void {
    this.#lookedAt(peer, path, now)
    if (path.route === 'relayed' || path.route === 'lan') this.#forgetSight(peer, now)
  }

  closed(peer: NodeId, now: Millis): void {
    this.watchdog.closed(peer, now)
    this.improving.closed(peer)
    this.#reservations.unlinked(peer, now)
    this.#forgetSight(peer, now)
    this.#changed(now)
  }

  /** A linked peer told of itself in a hello. */
  learnt(peer: NodeId, { reach }: Pick<Hello, 'reach'>, now: Millis): void {
    this.improving.learnt(peer, now)
    if (reach?.relays) this.#reservations.offered(peer, now)
  }

  listening(addresses: readonly string[], now: Millis): void {
    this.#listening = addresses
    this.#seeking.listening(addresses)
    this.#sighted(now)
    this.#changed(now)
  }

  observed(peer: NodeId, address: string, now: Millis): void {
    const link = this.#p.links.get(peer)
    if (link === undefined || link.route === 'lan' || link.route === 'relayed') return
    this.#nat.observed(peer, hostOf(link.address), address)
    this.#sighted(now)
    this.#reservations.soon(now)
  }

  reachable(addresses: readonly string[], now: Millis): void {
    if (addresses.join() === this.#reachable.join()) return
    if (addresses.length > 0 !== this.isOpen) this.#reachableSince = now
    this.#reachable = addresses
    this.#save(addresses)
    this.#p.out.event({ type: 'reachable', addresses })
    this.#sighted(now)
    this.#reservations.soon(now)
    this.#changed(now)
  }

  /** After a restart it is taken to be so until it is tested: all that hang on a relay come back to it at once (openness.ts). */
  #save(addresses: readonly string[]): void {
    if (addresses.join() === this.#saved) return
    this.#saved = addresses.join()
    this.#p.out.persist([{ type: 'reachable', addresses }], false)
  }

  /** Who has a relay again after none dials those anew that were missed meanwhile: they lost the same one, and are back at it as well. */
  reserved(relay: NodeId, addresses: readonly string[], now: Millis): void {
    if (this.#reservations.addresses().length === 0) this.#p.links.lift(now - limits.linkProven, now)
    this.#reservations.reserved(relay, addresses, now)
    this.#changed(now)
  }

  unreserved(relay: NodeId, why: WhyNot, detail: string, now: Millis): void {
    this.#reservations.unreserved(relay, why, detail, now)
    this.#changed(now)
  }

  /** Addresses of this machine came or went. */
  networkChanged(now: Millis): void {
    this.#nat.clear()
    this.#sighted(now)
    this.watchdog.networkChanged(now)
    this.#seeking.networkChanged(now)
    this.#reservations.networkChanged(now)
    this.improving.renew(now)
    this.#p.links.lift(Number.NEGATIVE_INFINITY, now)
  }

  deadline(): Millis | undefined {
    const [reservations, seeking] = [this.#reservations.deadline(), this.#seeking.deadline()]
    return earliest(this.#tellAt, this.improving.deadline(), reservations, seeking)
  }

  /** The watchdog is looked at by itself, as its turn comes often. */
  check(now: Millis): void {
    this.#offer(now)
    this.#reservations.check(() => this.#need(now), now)
    this.improving.check(now)
    this.#seeking.check(now)
    if (this.#tellAt !== undefined && this.#tellAt <= now) this.#tell(now)
  }

  /** @param failed who could not be dialled lately */
  snapshot(failed: readonly NodeId[] = []): ReachSnapshot {
    const { held, waiting } = this.#reservations.snapshot()
    return {
      ...{ nat: this.#kind, observed: this.#nat.addresses, reachable: this.#reachable },
      ...{ addresses: this.#p.self.addresses, offers: this.#offers },
      ...{ reservations: held, waiting, searchingSince: this.#seeking.since(failed) },
    }
  }

  #lookedAt(peer: NodeId, path: Path, now: Millis): void {
    this.watchdog.opened(peer, path, now)
    this.improving.opened(peer, now)
    this.#seeking.linked(peer, path)
    if (path.route !== 'lan') this.#testableSince ??= now
  }

  #forgetSight(peer: NodeId, now: Millis): void {
    this.#nat.forget(peer)
    this.#sighted(now)
  }

  /** What our NAT does is known by links that are there, and stays what it was while none are. */
  #sighted(now: Millis): void {
    const seen = this.#nat.kind(this.#listening)
    const kind = seen === 'unknown' && this.#hasPublic() ? 'none' : seen
    if (kind === this.#kind || (kind === 'unknown' && !this.#p.links.hasOutside)) return
    this.#kind = kind
    this.improving.natChanged(now)
    this.#reservations.soon(now)
    this.#changed(now)
  }

  /** Members dial us where this machine listens itself. */
  #hasPublic(): boolean {
    const hosts = new Set(this.#listening.map(hostOf))
    return this.#reachable.some((address) => hosts.has(hostOf(address)))
  }

  #offer(now: Millis): void {
    const { relay, out } = this.#p
    const on = relay === 'always' || (relay === 'auto' && this.isOpen)
    if (on === this.#offers) return
    this.#offers = on
    out.emit({ type: 'offerRelay', on })
    this.#changed(now)
  }

  /**
   * Whether somebody has to relay for us. While nobody tested our addresses, a NAT is reason enough; without any sign of one, the
   * test is waited for.
   */
  #need(now: Millis): Need {
    if (this.isOpen) return now - this.#reachableSince >= limits.publicSettled ? 'none' : 'keep'
    const sight = this.#kind === 'plain' || this.#kind === 'random' || this.#isSeenElsewhere()
    const tested = this.#testableSince !== undefined && now - this.#testableSince >= limits.reserveGrace
    return sight || tested ? 'more' : 'keep'
  }

  /** Members see us at an address that is none of this machine. */
  #isSeenElsewhere(): boolean {
    const hosts = new Set(this.#listening.map(hostOf))
    const seen = this.#nat.addresses
    return seen.length > 0 && !seen.some((address) => hosts.has(hostOf(address)))
  }

  #changed(now: Millis): void {
    const [listening, reachable, relayed] = [this.#listening, this.#reachable, this.#reservations.addresses()]
    this.#p.self.addresses = ownAddresses({ listening, announced: this.#p.announce, reachable, relayed })
    if (this.#state() === this.#told) return
    this.#tellAt ??= Math.max(now + limits.reachTellDelay, this.#mayTellFrom(now))
  }

  #tell(now: Millis): void {
    this.#tellAt = undefined
    const state = this.#state()
    if (state === this.#told) return
    this.#told = state
    this.#mayTellFrom(now)
    this.#tells -= 1
    this.#p.greetings.spread(now)
  }

  #mayTellFrom(now: Millis): Millis {
    const earned = (now - this.#talliedAt) / limits.reachTellPeriod
    this.#tells = Math.min(limits.reachTells, this.#tells + earned)
    this.#talliedAt = now
    return now + Math.max(0, 1 - this.#tells) * limits.reachTellPeriod
  }

  #state(): string {
    return `${this.#offers} ${this.#kind} ${this.#p.self.addresses.join(' ')}`
  }
}
