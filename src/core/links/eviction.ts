// Eviction: who leaves a full address book. A linked node never; what a node said of itself, and what the disk kept, outlasts
// what others say; and among that, whoever said most gives way first, so that one talker cannot push out what all others told.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Entry } from './book-entry.ts'

/** What the link policy knows of a node. `doubted`: many dials in a row failed. */
export type Standing = 'linked' | 'doubted' | undefined
export type StandingOf = (node: NodeId) => Standing

const RANK = { linked: 0, itself: 1, disk: 2, others: 3, doubted: 4 } as const

/** How well an entry is founded: 0 is best. Who is out of reach for long, or was silent for long, is worth less than hearsay. */
export function rank(entry: Entry, standing: StandingOf, now: Millis): number {
  const stands = standing(entry.node)
  if (stands !== undefined) return RANK[stands]
  const old = entry.source === 'itself' && now - entry.seen > limits.contactLifetime
  return old ? RANK.doubted : RANK[entry.source]
}

/**
 * Who leaves a zone that holds too many; undefined when nobody may. Who is said to report for it stays, up to two: members that we were
 * linked to are better founded, and a reporter that finds no place is never dialled, and two halves of a fleet never meet.
 */
export function worstEntry<E extends Entry>(entries: readonly E[], standing: StandingOf, now: Millis): E | undefined {
  const ranks = new Map(entries.map((entry) => [entry, rank(entry, standing, now)]))
  const told = count(entries.filter((entry) => entry.source === 'others').map(({ by }) => by))
  const share = (entry: E) => (entry.source === 'others' ? (told.get(entry.by) ?? 0) : 0)
  const order = (a: E, b: E) =>
    (ranks.get(b) as number) - (ranks.get(a) as number) ||
    share(b) - share(a) ||
    a.seen - b.seen ||
    (a.node < b.node ? -1 : 1)
  const leaving = entries.filter((entry) => ranks.get(entry) !== RANK.linked).sort(order)
  const reporting = leaving.filter((entry) => (entry.reports ?? 0) > 0 && ranks.get(entry) !== RANK.doubted)
  const kept = new Set(reporting.slice(-limits.reportersKept))
  return leaving.find((entry) => !kept.has(entry))
}

/**
 * Which zone makes room for that of `newcomer`; undefined when none does. A zone founded on less gives way. One that rests on
 * hearsay gives way to hearsay only when its teller introduced more zones than the newcomer's did.
 */
export function worstZone(
  zones: ReadonlyMap<string, readonly Entry[]>,
  newcomer: Entry,
  standing: StandingOf,
  now: Millis,
): string | undefined {
  const found = [...zones].map(([zone, entries]) => ({
    zone,
    best: Math.min(...entries.map((entry) => rank(entry, standing, now))),
    by: tellerOf(entries),
    seen: Math.max(...entries.map(({ seen }) => seen)),
  }))
  const told = count(found.map(({ by }) => by))
  const share = (by: NodeId | undefined) => told.get(by) ?? 0
  const own = rank(newcomer, standing, now)
  const gives = ({ best, by }: { best: number; by: NodeId | undefined }) =>
    best > own || (best === own && own === RANK.others && share(by) > share(newcomer.by) + 1)
  return found.filter(gives).sort((a, b) => b.best - a.best || share(b.by) - share(a.by) || a.seen - b.seen)[0]?.zone
}

/** Who alone introduced a zone; undefined when it rests on more than one word. */
function tellerOf(entries: readonly Entry[]): NodeId | undefined {
  const by = entries[0]?.by
  return entries.every((entry) => entry.source === 'others' && entry.by === by) ? by : undefined
}

/** How many each has; what nobody in particular told counts for nobody. */
function count(tellers: readonly (NodeId | undefined)[]): Map<NodeId | undefined, number> {
  const counts = new Map<NodeId | undefined, number>()
  for (const by of tellers) if (by !== undefined) counts.set(by, (counts.get(by) ?? 0) + 1)
  return counts
}
