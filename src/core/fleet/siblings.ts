// Siblings: whom a reporter wants links to, so that gossip carries digests between zones. Digests name the reporters of their zones, and
// hellos mark them; while too few are known, any member of those zones will do, to be asked who reports there (clause REPORTER 4). And while
// there are members of a zone that nobody on the topic speaks for, whoever may lead there is linked: reporters that know each other only
// would else go on as if they were the whole fleet.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import { told } from '../links/approach.ts'
import type { Book } from '../links/book.ts'
import type { Entry } from '../links/book-entry.ts'
import { depthOf, within } from '../zone.ts'
import type { Level, Spoken } from './level.ts'

/** So many of these are to be linked. */
export interface Wish {
  wanted: number
  entries: readonly Entry[]
}

interface Terms {
  /** Our zone at this level: our leaf, or the inner zone below; undefined on an operator's peer, which has none. */
  own: string | undefined
  /** Who speaks for the children now. */
  speakers: readonly Spoken[]
  wanted: number
  now: Millis
}

/** Whom to be linked to for one level; `height` is how many levels lie below it. */
export function wishesFor(
  level: Level,
  height: number,
  book: Pick<Book, 'get' | 'outside'>,
  { own, speakers, wanted, now }: Terms,
): Wish[] {
  const isBeside = (zone: string | undefined): zone is string =>
    zone !== undefined && within(zone, level.zone) && (own === undefined || !isOwn(zone, own, height))
  const reporters = new Map<NodeId, Entry>()
  for (const { digest } of speakers) {
    if (digest.zone === own) continue
    const zone = digest.leaf ? digest.zone : undefined
    for (const contact of digest.contacts)
      reporters.set(contact.node, book.get(contact.node) ?? told(contact, zone, now))
  }
  const outside = book.outside()
  for (const entry of outside) {
    const { zone, reports = 0 } = entry
    // How many levels it is on: as many as its zone is deep, and it hears the topic below `/`.
    const hears = isBeside(zone) && reports > 0 && reports >= depthOf(zone) - depthOf(level.zone)
    if (hears) reporters.set(entry.node, entry)
  }
  const missing = Math.min(limits.strangersAsked, wanted - reporters.size)
  const strangers = outside.filter((entry) => isBeside(entry.zone) && entry.serves && !reporters.has(entry.node))
  const first = { wanted, entries: [...reporters.values()].filter(({ addresses }) => addresses.length > 0) }
  const further = missing > 0 ? [{ wanted: missing, entries: strangers }] : []
  const unheard = nearest(strangers.filter(({ zone }) => !isHeard(zone as string, speakers)))
  return [first, ...further, ...(unheard.length > 0 ? [{ wanted: limits.strangersAsked, entries: unheard }] : [])]
}

/** True when somebody on the topic speaks for the zone, or for one that it lies in. */
function isHeard(zone: string, speakers: readonly Spoken[]): boolean {
  return speakers.some(({ digest }) => (digest.leaf ? digest.zone === zone : within(zone, digest.zone)))
}

/** Those who hear the most topics of digests: each link with one of them tells of others who hear more. */
function nearest(entries: readonly Entry[]): Entry[] {
  const most = Math.max(0, ...entries.map(({ reports = 0 }) => reports))
  return entries.filter(({ reports = 0 }) => reports === most)
}

/** At the first level other zones only; further up nobody of the inner zone that we lie in. */
function isOwn(zone: string, own: string, height: number): boolean {
  return height === 0 ? zone === own : within(zone, own)
}
