// Greetings: hello on every new link, soon again, and in the end once a minute. It carries the versions held, our addresses and a
// rotating share of the address book, so that one contact is enough to find the zone and, in time, every other zone.
import type { Env, Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import type { View } from '../fleet/view.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Contact, Hello } from '../protocols.ts'
import type { Self } from '../self.ts'
import { type Book, toContact } from './book.ts'

export class Greetings {
  readonly #env: Env
  readonly #out: Outbox
  readonly #self: Self
  readonly #book: Book
  readonly #view: View
  /** When to greet each linked peer next: only the side that dialled greets, the other answers. */
  readonly #due = new Map<NodeId, { at: Millis; pause: Millis }>()
  #nextDue: Millis | undefined
  /** Linked peers that had our full list of contacts: from then on they get a few at a time. */
  readonly #told = new Set<NodeId>()
  /** Where the rotation over foreign zones goes on. */
  #turn = 0

  constructor(env: Env, out: Outbox, self: Self, book: Book, view: View) {
    this.#env = env
    this.#out = out
    this.#self = self
    this.#book = book
    this.#view = view
  }

  linked(peer: NodeId, direction: 'inbound' | 'outbound', now: Millis): void {
    if (direction === 'outbound') this.#set(peer, now, limits.helloPause)
  }

  /** This node lost its last zone-mate: whom it is linked to may know others. */
  alone(now: Millis): void {
    for (const peer of this.#due.keys()) this.#set(peer, now, limits.helloPause)
  }

  unlinked(peer: NodeId): void {
    this.#due.delete(peer)
    this.#told.delete(peer)
  }

  deadline(): Millis | undefined {
    return this.#nextDue
  }

  check(now: Millis): void {
    if (this.#nextDue === undefined || now < this.#nextDue) return
    for (const [peer, { at, pause }] of this.#due) if (at <= now) this.#greet(peer, pause, now)
    this.#nextDue = [...this.#due.values()].reduce<Millis | undefined>(
      (min, { at }) => Math.min(min ?? at, at),
      undefined,
    )
  }

  /** Sends one hello to a linked peer, whenever its next one is due. */
  ask(peer: NodeId, now: Millis): Ticket {
    const ticket = this.#out.ticket()
    const body = this.#hello(peer, this.#book.get(peer)?.zone, now)
    this.#out.emit({ type: 'ask', ticket, peer, protocol: 'hello', body })
    return ticket
  }

  /** Answers a hello of `peer`, whose leaf zone is `zone`. */
  answer(ticket: Ticket, peer: NodeId, zone: string | undefined, now: Millis): void {
    this.#out.emit({ type: 'reply', ticket, protocol: 'hello', body: this.#hello(peer, zone, now) })
  }

  /** Learns from a hello of `peer`; `zone` is that of its checked membership, not what it claims. */
  learn(peer: NodeId, zone: string, hello: Hello, now: Millis): void {
    this.#book.firstHand(peer, zone, hello.addresses, hello.serves, now)
    for (const contact of hello.contacts.slice(0, limits.helloContacts)) this.#book.hearsay(contact, now)
  }

  #greet(peer: NodeId, pause: Millis, now: Millis): void {
    this.#set(peer, now + pause * (0.9 + 0.2 * this.#env.random()), Math.min(limits.helloPeriod, 2 * pause))
    this.ask(peer, now)
  }

  #set(peer: NodeId, at: Millis, pause: Millis): void {
    this.#due.set(peer, { at, pause })
    this.#nextDue = Math.min(this.#nextDue ?? at, at)
  }

  #hello(peer: NodeId, zone: string | undefined, now: Millis): Hello {
    const held = this.#view.record(peer)
    return {
      rootVersion: this.#self.root.signed.version,
      rootHash: this.#self.root.hash,
      zone: this.#self.zone,
      serves: this.#self.isNode,
      addresses: this.#self.addresses.slice(0, limits.addressesPerContact),
      contacts: this.#contactsFor(peer, zone, now),
      yours: held === undefined ? undefined : { incarnation: held.incarnation, counter: held.counter },
    }
  }

  /**
   * Half for the receiver's own zone, freshest first; the rest for other zones, going round over all of them hello by hello: at
   * least one contact a zone, and more where there is room, so that a zone does not hang on one member who may vanish.
   */
  #contactsFor(peer: NodeId, zone: string | undefined, now: Millis): Contact[] {
    const bound = this.#told.has(peer) ? limits.helloContactsLater : limits.helloContacts
    this.#told.add(peer)
    const serving = (of: string) => this.#book.inZone(of).filter((entry) => entry.serves && entry.node !== peer)
    const chosen = zone === undefined ? [] : serving(zone).slice(0, bound / 2)
    const zones = this.#book.zones().filter((other) => other !== zone)
    const each = Math.min(
      limits.contactsPerZone,
      Math.max(1, Math.floor((bound - chosen.length) / (zones.length || 1))),
    )
    const visited = Math.min(zones.length, Math.floor((bound - chosen.length) / each))
    for (let i = 0; i < visited; i++) {
      const candidates = serving(zones[(this.#turn + i) % zones.length] as string)
      for (let n = 0; n < each && candidates.length > 0; n++) {
        chosen.push(...candidates.splice(Math.floor(this.#env.random() * candidates.length), 1))
      }
    }
    this.#turn = zones.length === 0 ? 0 : (this.#turn + visited) % zones.length
    return chosen.map((entry) => toContact(entry, now))
  }
}
