// Witnesses (clause WITNESS): which members keep a link with a node and may say that it is gone. Each member has a place of the day,
// drawn by H; the witnesses of a node are those whose places are nearest to its own (exclusive or, as in Kademlia). So nobody chooses
// its witnesses or keeps its place, a zone of n hashes n ids a day instead of n squared, and most pairs watch each other over one link.
import type { Env, Millis, NodeId } from '../env.ts'
import { H } from '../hash.ts'
import { limits } from '../limits.ts'
import type { Self } from '../self.ts'
import type { Day } from './day.ts'
import { FLAG, type HealthRecord } from './record.ts'
import type { View } from './view.ts'

/** Who says so of itself is no witness: it has no way out, hears its timers late, or is about to go. */
const UNFIT = FLAG.isolated | FLAG.slow | FLAG.leaving

interface Candidate {
  member: NodeId
  isSettled: boolean
}

interface Ranked extends Candidate {
  distance: number
}

interface Parts {
  env: Pick<Env, 'sha256'>
  self: Pick<Self, 'node'>
  view: Pick<View, 'present' | 'record' | 'shifts'>
  day: Pick<Day, 'at'>
  /** It came and went too often lately to be relied upon. */
  isFlapping: (node: NodeId, now: Millis) => boolean
  /** Grows when somebody begins or ends to flap: the end comes by the clock alone, and shifts no view. */
  changes: () => number
}

export class Witnesses {
  readonly #p: Parts
  /** Places of members, of the days that are looked at. */
  readonly #places = new Map<number, Map<NodeId, number>>()
  /** Our own, asked for at each look at the links: they hold until the view shifts, the day is over, or who flaps is another. */
  #own: { from: string; witnesses: readonly NodeId[] } | undefined

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** The witnesses of a node as this view has them, nearest first: all others in a zone of two to four. */
  of(node: NodeId, now: Millis): readonly NodeId[] {
    const day = this.#p.day.at(now)
    if (node !== this.#p.self.node) return this.#nearest(node, day, now)
    const from = `${day} ${this.#p.view.shifts} ${this.#p.changes()}`
    if (this.#own?.from !== from) this.#own = { from, witnesses: this.#nearest(node, day, now) }
    return this.#own.witnesses
  }

  #nearest(node: NodeId, day: number, now: Millis): NodeId[] {
    const ranked = this.#fit(node, now).map((candidate) => this.#ranked(node, candidate, day))
    return ranked
      .sort(inOrder)
      .slice(0, limits.witnesses)
      .map(({ member }) => member)
  }

  /** True when `member` is among the first `places` of the node's witnesses today. */
  isOf(node: NodeId, member: NodeId, now: Millis, places: number = limits.witnesses): boolean {
    return this.#isNear(node, member, this.#p.day.at(now), places, now)
  }

  /** True when another view may rightly hold `member` for a witness: it may differ by a member or two, and by a day. */
  mayBeOf(node: NodeId, member: NodeId, now: Millis): boolean {
    const today = this.#p.day.at(now)
    for (let day = today - limits.witnessDays; day <= today + limits.witnessDays; day++) {
      if (this.#isNear(node, member, day, limits.witnessPlaces, now)) return true
    }
    return false
  }

  /** True for a link that one of both ends wants for this: it is not surplus. */
  links(member: NodeId, now: Millis): boolean {
    const { node } = this.#p.self
    return this.isOf(node, member, now) || this.isOf(member, node, now)
  }

  #isNear(node: NodeId, member: NodeId, day: number, places: number, now: Millis): boolean {
    if (node === member) return false
    const record = this.#p.view.record(member)
    const own = this.#ranked(node, { member, isSettled: record !== undefined && isSettled(record) }, day)
    let before = 0
    for (const candidate of this.#fit(node, now)) {
      if (candidate.member !== member && inOrder(this.#ranked(node, candidate, day), own) < 0) before += 1
    }
    return before < places
  }

  #fit(node: NodeId, now: Millis): Candidate[] {
    const fit: Candidate[] = []
    for (const { node: member, record } of this.#p.view.present()) {
      const isFit = (record.flags & UNFIT) === 0 && !this.#p.isFlapping(member, now)
      if (member !== node && isFit) fit.push({ member, isSettled: isSettled(record) })
    }
    return fit
  }

  #ranked(node: NodeId, candidate: Candidate, day: number): Ranked {
    return { ...candidate, distance: this.#distance(node, candidate.member, day) }
  }

  #distance(node: NodeId, member: NodeId, day: number): number {
    return (this.#place(node, day) ^ this.#place(member, day)) >>> 0
  }

  #place(node: NodeId, day: number): number {
    const places = this.#placesOf(day)
    const known = places.get(node)
    if (known !== undefined) return known
    if (places.size >= 2 * limits.viewNodes) places.clear()
    const place = Number(H(this.#p.env, 'witness', String(day), node) >> 32n)
    places.set(node, place)
    return place
  }

  #placesOf(day: number): Map<NodeId, number> {
    const known = this.#places.get(day)
    if (known !== undefined) return known
    const places = new Map<NodeId, number>()
    this.#places.set(day, places)
    // Today's, and those beside it; days that are over, and those of a clock that stepped, go.
    if (this.#places.size > 2 * limits.witnessDays + 1) this.#places.delete(this.#places.keys().next().value as number)
    return places
  }
}

/** Who started a moment ago has neither the links nor the records of the others yet. */
function isSettled({ counter }: HealthRecord): boolean {
  return counter >= limits.witnessSettled
}

/** Nearest first, and before that whoever is settled. */
function inOrder(a: Ranked, b: Ranked): number {
  if (a.isSettled !== b.isSettled) return a.isSettled ? -1 : 1
  return a.distance - b.distance || (a.member < b.member ? -1 : 1)
}
