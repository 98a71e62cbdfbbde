// The address book: where members can be found. Hearsay that saves dials, never proof: the gate shows who answers there.
// What a member says about itself on its own link stands; others may add to it and bring in whom we do not know, and each of
// them only so much (eviction.ts): the book must not belong to whoever talks most.
import type { Millis, NodeId } from '../env.ts'
import type { Change } from '../events.ts'
import { limits } from '../limits.ts'
import type { Contact, Hello } from '../protocols.ts'
import {
  atMost,
  type Entry,
  entryOf,
  type Held,
  isNews,
  sameList,
  saysSame,
  tellable,
  tellsSame,
  toContact,
  workedFirst,
} from './book-entry.ts'
import { rank, type StandingOf, worstEntry, worstZone } from './eviction.ts'

const NOTHING: readonly string[] = []
const NOBODY: readonly Held[] = []

export class Book {
  readonly #self: NodeId
  readonly #ownZone: string
  readonly #standing: StandingOf
  readonly #isOut: (node: NodeId, zone: string | undefined) => boolean
  readonly #entries = new Map<NodeId, Held>()
  /** Of each zone its members, which are few. */
  readonly #zones = new Map<string, readonly Held[]>()
  /** Those that somebody answers for, in order of name. */
  readonly #served: string[] = []
  #news = 0
  /** How many entries are due to be written, and how many were written in this run. */
  #due = 0
  #written = 0
  /** Removed, and perhaps on disk; and those of the last flush, which may fail. */
  readonly #gone = new Set<NodeId>()
  #forgetting: readonly NodeId[] = []

  /**
   * @param standing what the link policy knows of a node
   * @param isOut nodes that are revoked: others may still tell of them
   */
  constructor(
    self: NodeId,
    ownZone: string,
    standing: StandingOf = () => undefined,
    isOut: (node: NodeId, zone: string | undefined) => boolean = () => false,
  ) {
    this.#self = self
    this.#ownZone = ownZone
    this.#standing = standing
    this.#isOut = isOut
  }

  get size(): number {
    return this.#entries.size
  }

  /** Grows whenever somebody comes, moves, or begins or ends to serve, to relay or to report: who looks for links looks again. */
  get news(): number {
    return this.#news
  }

  get(node: NodeId): Entry | undefined {
    return this.#entries.get(node)
  }

  /** What a member said about itself over a link that the gate admitted. */
  firstHand(
    node: NodeId,
    zone: string,
    { addresses, serves, reach }: Pick<Hello, 'addresses' | 'serves' | 'reach'>,
    now: Millis,
  ): void {
    const known = this.#entries.get(node)
    const own = atMost(addresses, limits.addressesPerContact)
    const kept = own.length > 0 ? own : (known?.addresses ?? [])
    const relays = reach?.relays ?? false
    const said = { node, zone, addresses: kept, own, serves, relays, reports: reach?.reports, nat: reach?.nat }
    const entry = entryOf(said, { worked: known?.worked, seen: now, source: 'itself', by: undefined })
    if (known?.source === 'itself' && saysSame(known, entry)) this.#seenAgain(known, now, undefined, now)
    else this.#put(entry, now)
  }

  /** It was dialled at this address with success: the first to try the next time, also after a restart. */
  worked(node: NodeId, address: string): void {
    const entry = this.#entries.get(node)
    if (entry === undefined || entry.worked === address) return
    entry.worked = address
    if (tellable(entry).includes(address)) this.#owe(entry)
  }

  /** What an earlier run kept, or came with our invite. */
  restored(contact: Contact, now: Millis): void {
    if (this.#useless(contact)) return
    const { node, serves } = contact
    const known = this.#entries.get(node)
    const own = [...new Set([...contact.addresses, ...(known?.own ?? [])])].slice(0, limits.addressesPerContact)
    const source = known?.source === 'itself' ? 'itself' : 'disk'
    const seen = Math.max(now - contact.age, known?.seen ?? now - contact.age)
    const zone = known?.zone ?? contact.zone
    const relays = known?.source === 'itself' ? known.relays : contact.relays === true
    const said = { node, zone, addresses: own, own, serves, relays, nat: known?.nat }
    const entry = entryOf(said, { worked: known?.worked, seen, source, by: undefined })
    entry.mayBeKept = true
    this.#put(entry, now)
  }

  /**
   * What `by` says of another. It counts as no newer than one period of hello: whoever is linked to the node knows better. Of a
   * known node it adds addresses, and takes none away.
   */
  hearsay(contact: Contact, now: Millis, by?: NodeId): void {
    if (this.#useless(contact)) return
    const { node, zone, serves } = contact
    const seen = now - Math.max(contact.age, limits.helloPeriod)
    const known = this.#entries.get(node)
    if (known === undefined) {
      const addresses = atMost(contact.addresses, limits.addressesPerContact)
      const relays = contact.relays === true
      const said = { node, zone, addresses, own: NOTHING, serves, relays, reports: contact.reports, nat: undefined }
      return this.#put(entryOf(said, { worked: undefined, seen, source: 'others', by }), now)
    }
    if (known.seen >= seen) return
    const others = known.source === 'others'
    const stays = others ? atMost(known.addresses, limits.addressesPerContact / 2) : known.own
    const addresses = sameList(stays, contact.addresses)
      ? stays
      : [...new Set([...stays, ...contact.addresses])].slice(0, limits.addressesPerContact)
    const relays = known.relays || (known.source !== 'itself' && contact.relays === true)
    const more = {
      zone: known.zone ?? zone,
      serves: known.serves || (others && serves),
      relays,
      // Who reports changes with the day, so the newest word counts; but who is linked says so itself.
      reports: this.#standing(node) === 'linked' && known.source === 'itself' ? known.reports : contact.reports,
    }
    const entry = { ...known, ...more, addresses, seen, by: known.by === by ? by : undefined }
    if (saysSame(known, entry)) this.#seenAgain(known, seen, entry.by, now)
    else this.#put(entry, now)
  }

  /** Nobody dials the node any more, or is told of it. */
  forget(node: NodeId): void {
    const entry = this.#entries.get(node)
    if (entry !== undefined) this.#remove(entry)
  }

  /** The node is linked now. */
  touch(node: NodeId, now: Millis): void {
    const entry = this.#entries.get(node)
    if (entry !== undefined) entry.seen = now
  }

  /** Zones of which a member is known that answers for it, in order of name; it changes as the book does. */
  zones(): readonly string[] {
    return this.#served
  }

  /** True when a member is known that answers for this zone. */
  isServed(zone: string): boolean {
    return zone !== '' && serves(this.#zones.get(zone))
  }

  /** Members of a zone (undefined: zone not known yet): the best founded first, and of these the freshest. */
  inZone(zone: string | undefined): Entry[] {
    const ranked = this.#of(zone ?? '').map((entry) => ({ entry, rank: rank(entry, this.#standing, entry.seen) }))
    ranked.sort((a, b) => a.rank - b.rank || b.entry.seen - a.entry.seen || (a.entry.node < b.entry.node ? -1 : 1))
    return ranked.map(({ entry }) => entry)
  }

  /** The same in no order. */
  membersOf(zone: string): Entry[] {
    return this.#of(zone)
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
    this.#forgetting = [...this.#gone].filter((node) => !this.#entries.has(node))
    this.#gone.clear()
    const changes: Change[] = this.#forgetting.map((node) => ({ type: 'forgetContact', node }))
    for (const entry of this.#entries.values()) {
      const aged = entry.seen - (entry.written ?? now) > limits.contactRewrite
      if (entry.isDue || aged) changes.push(this.#write(entry, now, wall))
    }
    return changes
  }

  /** Too few are on disk to come back by after a crash, and there are more to write. */
  get thin(): boolean {
    return this.#due > 0 && this.#written < limits.contactsSecured
  }

  /** What was handed out to be written did not reach the disk: all of it is due again. */
  writeFailed(): void {
    for (const entry of this.#entries.values()) {
      if (entry.written !== undefined) this.#track(entry, undefined, true)
    }
    for (const node of this.#forgetting) this.#gone.add(node)
  }

  #write(entry: Held, now: Millis, wall: Millis): Change {
    this.#track(entry, now, false)
    entry.mayBeKept = true
    // Hearsay is on disk what a member said itself: that somebody relays, by which it is preferred, is not taken along.
    const { relays: _, reports: __, ...told } = toContact(entry, now)
    const relays = entry.relays && entry.source !== 'others' ? { relays: true } : {}
    return { type: 'contact', contact: { ...told, ...relays, addresses: workedFirst(entry) }, wall }
  }

  #owe(entry: Held): void {
    this.#track(entry, entry.written, true)
  }

  #track(entry: Held, written: Millis | undefined, isDue: boolean): void {
    this.#due += Number(isDue) - Number(entry.isDue)
    this.#written += Number(written !== undefined) - Number(entry.written !== undefined)
    entry.written = written
    entry.isDue = isDue
  }

  #useless({ node, zone, addresses, age }: Contact): boolean {
    return node === this.#self || this.#isOut(node, zone) || addresses.length === 0 || age > limits.contactLifetime
  }

  #of(zone: string): Held[] {
    return [...(this.#zones.get(zone) ?? NOBODY)]
  }

  /** Most of what is told is known: nothing of it is written anew, and nobody looks for links again. */
  #seenAgain(known: Entry, seen: Millis, by: NodeId | undefined, now: Millis): void {
    known.seen = seen
    known.by = by
    this.#trim(known.zone ?? '', now)
  }

  /** @param entry new, and not kept yet */
  #put(entry: Held, now: Millis): void {
    const zone = entry.zone ?? ''
    if (entry.node === this.#self || !this.#hasRoom(zone, entry, now)) return
    const before = this.#entries.get(entry.node)
    const moved = before !== undefined && before.zone !== entry.zone
    if (moved) this.#remove(before)
    const added = before === undefined || moved
    entry.written = added ? undefined : before.written
    entry.isDue = added ? false : before.isDue
    entry.mayBeKept ||= before?.mayBeKept ?? false
    this.#entries.set(entry.node, entry)
    this.#hold(zone, entry, added ? undefined : before)
    if (added || !tellsSame(before, entry)) this.#owe(entry)
    if (added || isNews(before, entry)) this.#news += 1
    this.#trim(zone, now)
  }

  /** @param before what the zone holds of this node already */
  #hold(zone: string, entry: Held, before: Held | undefined): void {
    const held = this.#zones.get(zone) ?? NOBODY
    this.#seat(zone, before === undefined ? [...held, entry] : held.map((one) => (one === before ? entry : one)))
  }

  #seat(zone: string, members: readonly Held[]): void {
    const was = serves(this.#zones.get(zone))
    if (members.length > 0) this.#zones.set(zone, members)
    else this.#zones.delete(zone)
    if (zone === '' || was === serves(members)) return
    const at = placeOf(this.#served, zone)
    if (was) this.#served.splice(at, 1)
    else this.#served.splice(at, 0, zone)
  }

  /** True when the zone is held already or may be held from now on; another makes room for it where it must. */
  #hasRoom(zone: string, entry: Entry, now: Millis): boolean {
    if (this.#zones.has(zone) || zone === this.#ownZone || zone === '') return true
    if (this.#zones.size < limits.contactZones) return true
    const others = [...this.#zones.keys()].filter((name) => name !== this.#ownZone && name !== '')
    const held = new Map(others.map((name) => [name, this.#of(name)]))
    const worst = worstZone(held, entry, this.#standing, now)
    for (const leaving of held.get(worst ?? '') ?? []) this.#remove(leaving)
    return worst !== undefined
  }

  #trim(zone: string, now: Millis): void {
    const bound = zone === this.#ownZone || zone === '' ? limits.contactsOfOwnZone : limits.contactsPerZone
    for (;;) {
      const members = this.#zones.get(zone) ?? NOBODY
      const worst = members.length > bound ? worstEntry(members, this.#standing, now) : undefined
      if (worst === undefined) return
      this.#remove(worst)
    }
  }

  #remove(entry: Held): void {
    const { node, zone = '' } = entry
    this.#entries.delete(node)
    // What was never written needs no forgetting: whoever tells of many makes no work on disk.
    if (entry.mayBeKept) this.#gone.add(node)
    this.#track(entry, undefined, false)
    const held = this.#zones.get(zone) ?? NOBODY
    if (held.includes(entry))
      this.#seat(
        zone,
        held.filter((one) => one !== entry),
      )
  }
}

/** Whether somebody answers for the zone of these. */
function serves(members: readonly Held[] = NOBODY): boolean {
  return members.some((entry) => entry.serves)
}

/** Where a zone is in a sorted list, or would be. */
function placeOf(zones: readonly string[], zone: string): number {
  let [low, high] = [0, zones.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((zones[middle] as string) < zone) low = middle + 1
    else high = middle
  }
  return low
}
