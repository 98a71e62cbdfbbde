// The address book: where members can be found. Hearsay that saves dials, never proof: the gate shows who answers there.
// What a member says about itself on its own link wins over what others say; newer wins over older.
import type { Millis, NodeId } from '../env.ts'
import type { Change } from '../events.ts'
import { limits } from '../limits.ts'
import type { Contact } from '../protocols.ts'

export interface Entry {
  node: NodeId
  zone: string | undefined
  addresses: readonly string[]
  serves: boolean
  /** When the node was last known to be there (monotonic; may lie before this run). */
  seen: Millis
  firstHand: boolean
}

export class Book {
  readonly #self: NodeId
  readonly #ownZone: string
  readonly #entries = new Map<NodeId, Entry>()
  readonly #zones = new Map<string, Set<NodeId>>()
  readonly #dirty = new Set<NodeId>()
  /** When an entry was last written: one that goes on being seen is written anew each day, or it would age on disk. */
  readonly #written = new Map<NodeId, Millis>()

  constructor(self: NodeId, ownZone: string) {
    this.#self = self
    this.#ownZone = ownZone
  }

  get size(): number {
    return this.#entries.size
  }

  get(node: NodeId): Entry | undefined {
    return this.#entries.get(node)
  }

  /** What a member said about itself over a link that the gate admitted. */
  firstHand(node: NodeId, zone: string, addresses: readonly string[], serves: boolean, now: Millis): void {
    const known = this.#entries.get(node)
    const kept = addresses.length > 0 ? addresses : (known?.addresses ?? [])
    this.#put({ node, zone, addresses: kept.slice(0, limits.addressesPerContact), serves, seen: now, firstHand: true })
  }

  /** What somebody else says: taken when nothing is known, or nothing as new and the node itself did not speak since. */
  hearsay(contact: Contact, now: Millis): void {
    const seen = now - contact.age
    const known = this.#entries.get(contact.node)
    if (contact.node === this.#self || contact.addresses.length === 0 || contact.age > limits.contactLifetime) return
    if (known !== undefined && (known.seen >= seen || (known.firstHand && known.seen + limits.helloPeriod >= seen)))
      return
    const { node, zone, addresses, serves } = contact
    this.#put({
      node,
      zone: zone ?? known?.zone,
      addresses: addresses.slice(0, limits.addressesPerContact),
      serves,
      seen,
      firstHand: false,
    })
  }

  /** The node is linked now. */
  touch(node: NodeId, now: Millis): void {
    const entry = this.#entries.get(node)
    if (entry !== undefined) entry.seen = now
  }

  /** Zones of which a member is known that answers for it, in order of name. */
  zones(): string[] {
    const zones = [...this.#zones].filter(
      ([zone, nodes]) => zone !== '' && [...nodes].some((node) => this.#entries.get(node)?.serves),
    )
    return zones.map(([zone]) => zone).sort()
  }

  /** Members of a zone (undefined: zone not known yet), freshest first. */
  inZone(zone: string | undefined): Entry[] {
    const nodes = [...(this.#zones.get(zone ?? '') ?? [])]
    return nodes
      .map((node) => this.#entries.get(node) as Entry)
      .sort((a, b) => b.seen - a.seen || (a.node < b.node ? -1 : 1))
  }

  /** All that are outside our own zone. */
  outside(): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.zone !== this.#ownZone)
  }

  all(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /** What changed since the last call. */
  flush(now: Millis, wall: Millis): Change[] {
    for (const entry of this.#entries.values()) {
      if (entry.seen - (this.#written.get(entry.node) ?? now) > limits.contactRewrite) this.#dirty.add(entry.node)
    }
    const changes = [...this.#dirty].map((node) => this.#write(node, now, wall))
    this.#dirty.clear()
    return changes
  }

  /** Too few are on disk to come back by after a crash, and there are more to write. */
  get thin(): boolean {
    return this.#dirty.size > 0 && this.#written.size < limits.contactsSecured
  }

  /** What was handed out to be written did not reach the disk: all of it is due again. */
  writeFailed(): void {
    for (const node of this.#written.keys()) this.#dirty.add(node)
    this.#written.clear()
  }

  #write(node: NodeId, now: Millis, wall: Millis): Change {
    const entry = this.#entries.get(node)
    if (entry === undefined) {
      this.#written.delete(node)
      return { type: 'forgetContact', node }
    }
    this.#written.set(node, now)
    return { type: 'contact', contact: toContact(entry, now), wall }
  }

  #put(entry: Entry): void {
    if (entry.node === this.#self) return
    const before = this.#entries.get(entry.node)
    if (before !== undefined && before.zone !== entry.zone) this.#zones.get(before.zone ?? '')?.delete(entry.node)
    const zone = entry.zone ?? ''
    if (!this.#zones.has(zone)) {
      if (this.#zones.size >= limits.contactZones && zone !== this.#ownZone) return
      this.#zones.set(zone, new Set())
    }
    this.#zones.get(zone)?.add(entry.node)
    this.#entries.set(entry.node, entry)
    if (before === undefined || before.zone !== entry.zone || !sameList(before.addresses, entry.addresses))
      this.#dirty.add(entry.node)
    this.#trim(zone)
  }

  /** Keeps the freshest of a zone. */
  #trim(zone: string): void {
    const bound = zone === this.#ownZone || zone === '' ? limits.contactsOfOwnZone : limits.contactsPerZone
    for (const entry of this.inZone(zone).slice(bound)) {
      this.#entries.delete(entry.node)
      this.#zones.get(zone)?.delete(entry.node)
      this.#dirty.add(entry.node)
    }
  }
}

/** The entry as it is told to others and written to disk. */
export function toContact(entry: Entry, now: Millis): Contact {
  const { node, zone, addresses, serves } = entry
  return { node, zone, addresses, serves, age: Math.max(0, now - entry.seen) }
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}
