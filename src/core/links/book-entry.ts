// An entry of the address book: what is known of where one member can be found, what of that is told to others, and what the disk has of it.
import type { Millis, NodeId } from '../env.ts'
import type { Contact } from '../protocols.ts'
import type { NatKind } from './paths.ts'
import { toldAddresses } from './told-addresses.ts'

export interface Entry {
  node: NodeId
  zone: string | undefined
  /** Where to dial it: what it says itself, and then what others say. */
  addresses: readonly string[]
  /** What it says itself, or the disk kept: what we tell others, unless it is empty. */
  own: readonly string[]
  serves: boolean
  relays: boolean
  /** On how many topics of digests it is, as it says itself, or others do. */
  reports?: number | undefined
  /** What its NAT does, as it says itself; undefined when it does not say. */
  nat: NatKind | undefined
  /** Where it was dialled with success the last time. */
  worked: string | undefined
  /** When the node was last known to be there (monotonic; may lie before this run). */
  seen: Millis
  /** On whose word: its own over a link of this run, that of an earlier run, or of others. */
  source: 'itself' | 'disk' | 'others'
  /** Which of the others told of it; undefined when it was more than one. */
  by: NodeId | undefined
}

/** With what the disk has of it. In the entry, and not in maps beside it: a node of a large fleet holds two thousand. */
export interface Held extends Entry {
  /** When it was last handed out to be written: one that goes on being seen is written anew each day, or it would age on disk. */
  written: Millis | undefined
  /** It is due to be written. */
  isDue: boolean
  /** It was handed out in this run or an earlier one: the disk may have it. */
  mayBeKept: boolean
}

type Found = 'worked' | 'seen' | 'source' | 'by'

/** All entries have the same shape, as there may be thousands. @param said of the node @param found how we know */
export function entryOf(said: Omit<Entry, Found>, found: Pick<Entry, Found>): Held {
  const { node, zone, addresses, own, serves, relays, reports, nat } = said
  const { worked, seen, source, by } = found
  const disk = { written: undefined, isDue: false, mayBeKept: false }
  // Named one by one: what a literal takes from a spread at its end lies outside of the object, which costs each entry a second one.
  const { written, isDue, mayBeKept } = disk
  return {
    node,
    zone,
    addresses,
    own,
    serves,
    relays,
    reports,
    nat,
    worked,
    seen,
    source,
    by,
    written,
    isDue,
    mayBeKept,
  }
}

/** Nothing changed but when the node was seen, and by whom. */
export function saysSame(before: Entry, entry: Entry): boolean {
  if (before.zone !== entry.zone || isNews(before, entry)) return false
  return sameList(before.own, entry.own)
}

/** The list itself when it is short enough: thousands of contacts share theirs with whoever told them. */
export function atMost<T>(list: readonly T[], count: number): readonly T[] {
  return list.length <= count ? list : list.slice(0, count)
}

/** Something that whom to link with may depend on. */
export function isNews(before: Entry, entry: Entry): boolean {
  const same = before.serves === entry.serves && before.relays === entry.relays && before.reports === entry.reports
  return !same || before.nat !== entry.nat || !sameList(before.addresses, entry.addresses)
}

/** The entry as it is told to others. */
export function toContact(entry: Entry, now: Millis): Contact {
  const { node, zone, serves, relays } = entry
  const addresses = toldAddresses(tellable(entry))
  const contact: Contact = { node, zone, addresses, serves, age: Math.max(0, now - entry.seen) }
  if (relays) contact.relays = true
  if (entry.reports) contact.reports = entry.reports
  return contact
}

/** What is written to disk: a site that lets out one port only dials right at once after a restart. */
export function workedFirst(entry: Entry): readonly string[] {
  const addresses = tellable(entry)
  const { worked } = entry
  if (worked === undefined || !addresses.includes(worked)) return addresses
  return [worked, ...addresses.filter((address) => address !== worked)]
}

export function tellsSame(before: Entry, entry: Entry): boolean {
  return before.relays === entry.relays && sameList(tellable(before), tellable(entry))
}

/** What others say of a node is not passed on beside what it says itself. */
export function tellable({ own, addresses }: Entry): readonly string[] {
  return own.length > 0 ? own : addresses
}

export function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]))
}
