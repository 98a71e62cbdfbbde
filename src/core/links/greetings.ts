// Greetings (clause GREETING): hello on every new link, soon again, and in the end once a minute. It carries the versions held, our addresses and a
// rotating share of the address book, so that one contact is enough to find the zone and, in time, every other zone. It is also the
// only keep-alive: a link on which it fails, or over which nothing comes, is closed.
import type { Env, Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import type { View } from '../fleet/view.ts'
import { limits, MINUTE } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Contact, Hello } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Head, VersionVector } from '../trust/announcement.ts'
import type { Book } from './book.ts'
import { type Entry, toContact } from './book-entry.ts'
import { farAddresses } from './told-addresses.ts'

interface Peer {
  /** Only the side that dialled greets, the other answers. */
  greets: boolean
  /** When to greet next, and how long to wait after that. */
  at: Millis
  pause: Millis
  /** Our hello whose outcome counts: hellos that overlap at first share one fate, so only the first of them does. */
  asked: { ticket: Ticket; at: Millis } | undefined
  /** Hellos of ours in a row that failed. */
  failures: number
  /** When anything last came from it. */
  heard: Millis
  /** It had our full list of contacts: from then on it gets a few at a time. */
  told: boolean
}

/** What hellos tell of. */
interface Told {
  book: Book
  view: View
  vector: () => VersionVector
  statements: () => string | undefined
  beacons?: () => readonly Head[]
  reach?: () => NonNullable<Hello['reach']>
  /** On how many topics of digests a member of our zone is, ourselves included, as far as we see; 0 for who does not report. */
  reports?: (node: NodeId) => number
}

export class Greetings {
  readonly #env: Env
  readonly #out: Outbox
  readonly #self: Self
  readonly #book: Book
  readonly #view: View
  readonly #vector: () => VersionVector
  readonly #statements: () => string | undefined
  readonly #beacons: () => readonly Head[]
  readonly #reach: () => Hello['reach']
  readonly #reports: (node: NodeId) => number
  /** The linked ones. */
  readonly #peers = new Map<NodeId, Peer>()
  #nextDue: Millis | undefined
  /** How many hellos each member taught us by within a minute; outlives its link, or it would come back for more. */
  readonly #lessons = new Map<NodeId, { since: Millis; count: number }>()
  /** Where the rotation over foreign zones goes on. */
  #turn = 0

  /** @param told what hellos tell of: contacts, the newest record of the receiver, what is held of publishers and statements. */
  constructor(env: Env, out: Outbox, self: Self, told: Told) {
    this.#env = env
    this.#out = out
    this.#self = self
    this.#book = told.book
    this.#view = told.view
    this.#vector = told.vector
    this.#statements = told.statements
    this.#beacons = told.beacons ?? (() => [])
    this.#reach = told.reach ?? (() => undefined)
    this.#reports = told.reports ?? (() => 0)
  }

  linked(peer: NodeId, direction: 'inbound' | 'outbound', now: Millis): void {
    const greets = direction === 'outbound'
    const at = greets ? now : now + limits.linkSilence
    const fresh = { asked: undefined, failures: 0, heard: now, told: false }
    this.#peers.set(peer, { greets, at, pause: limits.helloPause, ...fresh })
    this.#wake(at)
  }

  /** The link goes on over another path: whoever dialled that one greets from now on, the first time at once. */
  moved(node: NodeId, direction: 'inbound' | 'outbound', now: Millis): void {
    const peer = this.#peers.get(node)
    if (peer === undefined) return
    const greets = direction === 'outbound'
    Object.assign(peer, { greets, at: now, pause: limits.helloPause, asked: undefined, failures: 0, heard: now })
    this.#wake(greets ? now : now + limits.linkSilence)
  }

  /** This node lost its last zone-mate: whom it is linked to may know others. */
  alone(now: Millis): void {
    for (const peer of this.#peers.values()) {
      if (!peer.greets) continue
      peer.at = now
      peer.pause = limits.helloPause
      this.#wake(now)
    }
  }

  unlinked(peer: NodeId): void {
    this.#peers.delete(peer)
  }

  /** Something came over the link: a message of gossip, a question or an answer. */
  heard(node: NodeId, now: Millis): void {
    const peer = this.#peers.get(node)
    if (peer !== undefined) peer.heard = now
  }

  /** We heard nobody for a time because this process stood still. */
  forgive(gap: Millis): void {
    for (const peer of this.#peers.values()) peer.heard += gap
  }

  /** A hello of ours was answered. */
  answered(node: NodeId, ticket: Ticket): void {
    const peer = this.#peers.get(node)
    if (peer === undefined) return
    if (peer.asked?.ticket === ticket) peer.asked = undefined
    peer.failures = 0
  }

  /**
   * A hello of ours failed. When several fail in a row and nothing else came meanwhile, the path is dead: nobody else would
   * notice, as hello is the only keep-alive.
   */
  failed(node: NodeId, ticket: Ticket, now: Millis): void {
    const peer = this.#peers.get(node)
    if (peer?.asked?.ticket !== ticket) return
    const sent = peer.asked.at
    peer.asked = undefined
    peer.failures = peer.heard > sent ? 0 : peer.failures + 1
    if (peer.failures >= limits.helloFailures) return this.#close(node, peer, now)
    if (peer.failures === 0) return
    peer.at = Math.min(peer.at, now + limits.helloPause)
    this.#wake(peer.at)
  }

  /** Tables that grow with what others do, for invariant checks. */
  get size(): number {
    return Math.max(this.#peers.size, this.#lessons.size)
  }

  deadline(): Millis | undefined {
    return this.#nextDue
  }

  check(now: Millis): void {
    if (this.#nextDue === undefined || now < this.#nextDue) return
    for (const [node, peer] of this.#peers) {
      if (peer.greets && peer.at <= now) this.#greet(node, peer, now)
      else if (!peer.greets && peer.heard + limits.linkSilence <= now) this.#close(node, peer, now)
    }
    this.#nextDue = undefined
    for (const peer of this.#peers.values()) this.#wake(peer.greets ? peer.at : peer.heard + limits.linkSilence)
  }

  /** Sends one hello to a linked peer, whenever its next one is due. */
  ask(peer: NodeId, now: Millis): Ticket {
    const ticket = this.#out.ticket()
    const body = this.#hello(peer, this.#book.get(peer)?.zone, now)
    this.#out.emit({ type: 'ask', ticket, peer, protocol: 'hello', body })
    return ticket
  }

  /** There is news that cannot wait for the next hello: every linked peer gets one, whoever dialled. */
  spread(now: Millis): void {
    for (const peer of this.#peers.keys()) this.ask(peer, now)
  }

  /** Answers a hello of `peer`, whose leaf zone is `zone`. */
  answer(ticket: Ticket, peer: NodeId, zone: string | undefined, now: Millis): void {
    this.#out.emit({ type: 'reply', ticket, protocol: 'hello', body: this.#hello(peer, zone, now) })
  }

  /**
   * Learns from a hello of `peer`; `zone` is that of its checked membership, not what it claims. Who talks too much teaches nothing
   * more of others in that minute; what it says of itself replaces what it said before, and a relay that is started again and again
   * is needed at once each time.
   */
  learn(peer: NodeId, zone: string, hello: Hello, now: Millis): void {
    this.#book.firstHand(peer, zone, hello, now)
    if (!this.#mayTeach(peer, now)) return
    for (const contact of hello.contacts.slice(0, limits.helloContacts)) this.#book.hearsay(contact, now, peer)
  }

  #mayTeach(peer: NodeId, now: Millis): boolean {
    const lesson = this.#lessons.get(peer)
    if (lesson !== undefined && now - lesson.since < MINUTE) {
      lesson.count++
      return lesson.count <= limits.hellosLearnt
    }
    this.#lessons.delete(peer) // the map is in order of time, so that the oldest is the first
    this.#lessons.set(peer, { since: now, count: 1 })
    for (const [oldest, { since }] of this.#lessons) {
      if (now - since < MINUTE && this.#lessons.size <= limits.memberships) break
      this.#lessons.delete(oldest)
    }
    return true
  }

  #greet(node: NodeId, peer: Peer, now: Millis): void {
    peer.at = now + peer.pause * (0.9 + 0.2 * this.#env.random())
    peer.pause = Math.min(limits.helloPeriod, 2 * peer.pause)
    const ticket = this.ask(node, now)
    const waits = peer.asked !== undefined && now - peer.asked.at < 2 * limits.requestTimeout
    if (!waits) peer.asked = { ticket, at: now }
  }

  /** Should the link survive that, it is closed again after another silence. */
  #close(node: NodeId, peer: Peer, now: Millis): void {
    peer.failures = 0
    peer.heard = now
    this.#out.emit({ type: 'close', peer: node, reason: 'silent' })
  }

  #wake(at: Millis): void {
    this.#nextDue = Math.min(this.#nextDue ?? at, at)
  }

  #hello(peer: NodeId, zone: string | undefined, now: Millis): Hello {
    const held = this.#view.record(peer)
    return {
      rootVersion: this.#self.root.signed.version,
      rootHash: this.#self.root.hash,
      zone: this.#self.zone,
      serves: this.#self.isNode,
      addresses: farAddresses(this.#self.addresses).slice(0, limits.addressesPerContact),
      contacts: this.#contactsFor(peer, zone, now),
      yours: held === undefined ? undefined : { incarnation: held.incarnation, counter: held.counter },
      vector: this.#vector(),
      statements: this.#statements(),
      beacons: this.#beacons(),
      ...withReach(this.#reach(), this.#reports(this.#self.node)),
    }
  }

  /**
   * Half for the receiver's own zone, freshest first and after some that relay and those who report for ours, later at random, or to one
   * that reports itself who reports for ours; the rest for other zones, going round over all of them hello by hello: at least one contact
   * a zone, and more where there is room, so that a zone does not hang on one member who may vanish.
   */
  #contactsFor(peer: NodeId, zone: string | undefined, now: Millis): Contact[] {
    const receiver = this.#peers.get(peer)
    const again = receiver?.told === true
    const bound = again ? limits.helloContactsLater : limits.helloContacts
    if (receiver !== undefined) receiver.told = true
    // Later ones are chosen at random: their order is of no use.
    const members = (of: string) => (again ? this.#book.membersOf(of) : this.#book.inZone(of))
    const serving = (of: string) => members(of).filter((entry) => entry.serves && entry.node !== peer)
    const mates = zone === undefined ? [] : serving(zone)
    const reporters = this.#reportersFor(peer, zone)
    const reports = (this.#book.get(peer)?.reports ?? 0) > 0
    const later = () => this.#some(reports && reporters.length > 0 ? reporters : mates, bound / 2)
    const chosen = again ? later() : [...new Set([...this.#relaysFor(peer), ...reporters])]
    if (!again) chosen.push(...mates.filter((entry) => !chosen.includes(entry)).slice(0, bound / 2 - chosen.length))
    for (const { other, each } of this.#zonesInTurn(zone, bound - chosen.length)) {
      const others = serving(other)
      const [reporter] = this.#some(
        others.filter(({ reports = 0 }) => reports > 0),
        1,
      )
      const rest = this.#some(
        others.filter((entry) => entry !== reporter),
        reporter === undefined ? each : each - 1,
      )
      chosen.push(...[...(reporter ? [reporter] : []), ...rest].filter((entry) => !chosen.includes(entry)))
    }
    return chosen.map((entry) => this.#marked(toContact(entry, now)))
  }

  /** Zones other than the receiver's for so many contacts, going on where the last hello ended, and how many each gets. */
  #zonesInTurn(zone: string | undefined, room: number): { other: string; each: number }[] {
    const zones = this.#book.zones()
    const count = zones.length - (zone !== undefined && this.#book.isServed(zone) ? 1 : 0)
    const each = Math.min(limits.contactsPerZone, Math.max(1, Math.floor(room / (count || 1))))
    const visited = Math.min(count, Math.floor(room / each))
    const found: { other: string; each: number }[] = []
    for (; found.length < visited; this.#turn += 1) {
      const other = zones[this.#turn % zones.length] as string
      if (other !== zone) found.push({ other, each })
    }
    this.#turn = zones.length === 0 ? 0 : this.#turn % zones.length
    return found
  }

  /** Of our own zone we know who reports better than by what was said before. */
  #marked(contact: Contact): Contact {
    if (contact.zone !== this.#self.zone) return contact
    const { reports: said = 0, ...rest } = contact
    const reports = this.#reports(contact.node)
    return reports === 0 ? rest : { ...rest, reports: Math.max(said, reports) }
  }

  /** Who reports for our zone, for a member of another. */
  #reportersFor(peer: NodeId, zone: string | undefined): Entry[] {
    if (zone === this.#self.zone) return []
    const mates = this.#book.membersOf(this.#self.zone)
    return mates.filter(({ node, serves }) => serves && node !== peer && this.#reports(node) > 0)
  }

  /** Members that relay, of whom a newcomer behind a NAT needs some however many zones there are. */
  #relaysFor(peer: NodeId): Entry[] {
    const relays = [...this.#book.all()].filter(
      ({ node, relays, source }) => relays && source !== 'others' && node !== peer,
    )
    return this.#some(relays, limits.relaysWanted)
  }

  /** Up to so many of the candidates, at random. */
  #some(candidates: readonly Entry[], count: number): Entry[] {
    const left = [...candidates]
    const chosen: Entry[] = []
    while (chosen.length + 1 <= count && left.length > 0) {
      chosen.push(...left.splice(Math.floor(this.#env.random() * left.length), 1))
    }
    return chosen
  }
}

function withReach(reach: Hello['reach'], reports: number): Pick<Hello, 'reach'> {
  return reach === undefined ? {} : { reach: { ...reach, ...(reports > 0 && { reports }) } }
}
