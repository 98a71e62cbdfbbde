// A level: one inner zone, as who listens to its topic knows it. A child is the digest of whoever stands first among those that speak for
// it; a child for which nobody speaks is dark, remembered by name, and in no count (protocol clause DIGEST 6).
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import { childKey, compareDigests, type Digest } from './digest.ts'
import { type Figures, membersOf, mergeFigures, NO_FIGURES } from './figures.ts'
import { Orders } from './orders.ts'
import type { Places } from './reporters.ts'
import type { Envelope } from './rows.ts'

/** The newest digest of one reporter. */
export interface Spoken {
  by: NodeId
  digest: Digest
  envelope: Envelope
  at: Millis
}

interface Child {
  zone: string
  leaf: boolean
  /** By different reporters, at most limits.digestSpeakers. */
  spoken: readonly Spoken[]
  /** When somebody last spoke for it; may lie before this run. */
  seen: Millis
}

/** What all children together are, now. */
export interface Whole {
  figures: Figures
  /** Of the oldest part. */
  age: Millis
  /** The digests that it is made of. */
  parts: readonly Digest[]
}

/** How what is heard is taken. */
export interface Hearing {
  /** False for who was found to lie. */
  isBelieved: (node: NodeId, now: Millis) => boolean
  /** What reporters said before this level was listened to. */
  orders: Orders
  /**
   * Shortest time between two digests of one child: who promises less is waited for as long, or one reporter could have its zone told dark
   * and back all day.
   */
  least: Millis
}

export class Level {
  readonly zone: string
  readonly topic: string
  /** Listening since. */
  readonly since: Millis
  readonly #places: Places
  readonly #isBelieved: (node: NodeId, now: Millis) => boolean
  readonly #orders: Orders
  readonly #least: Millis
  readonly #children = new Map<string, Child>()

  constructor(
    zone: string,
    topic: string,
    places: Places,
    now: Millis,
    { isBelieved = () => true, orders = new Orders(), least = 0 }: Partial<Hearing> = {},
  ) {
    this.zone = zone
    this.topic = topic
    this.since = now
    this.#places = places
    this.#isBelieved = isBelieved
    this.#orders = orders
    this.#least = least
  }

  get size(): number {
    return this.#children.size
  }

  /** Cheap: whether a digest is news, before its signature is checked. */
  standing(by: NodeId, digest: Digest, gap: Millis, now: Millis): 'newer' | 'old' | 'tooOften' | 'full' {
    const key = childKey(digest)
    const last = this.#orders.of(key, by, now)
    if (last !== undefined && compareDigests(digest, last) <= 0) return 'old'
    if (last !== undefined && now - last.at < gap) return 'tooOften'
    return this.#children.has(key) || this.#hasRoom(now) ? 'newer' : 'full'
  }

  /** Takes a newer digest whose signature was checked. */
  take(spoken: Spoken, day: number, now: Millis): void {
    const { zone, leaf } = spoken.digest
    const key = childKey(spoken.digest)
    this.#orders.took(key, spoken.by, spoken.digest, spoken.at)
    if (!this.#children.has(key) && this.#children.size >= limits.zoneChildren) this.#evict(now)
    const others = (this.#children.get(key)?.spoken ?? []).filter(({ by }) => by !== spoken.by)
    const fresh = [...others.filter((one) => this.#isFresh(one, now)), spoken]
    const order = this.#places.order(
      zone,
      day,
      fresh.map(({ by }) => by),
    )
    // Liars, however many come first, leave a place to who is believed.
    const believed = order.filter((by) => this.#isBelieved(by, now))
    const first = [...believed, ...order.filter((by) => !believed.includes(by))].slice(0, limits.digestSpeakers)
    const kept = first.map((by) => fresh.find((one) => one.by === by) as Spoken)
    this.#children.set(key, { zone, leaf, spoken: kept, seen: now })
  }

  /** A child that an earlier run knew. */
  restore(zone: string, leaf: boolean, seen: Millis): void {
    const key = childKey({ zone, leaf })
    if (!this.#children.has(key) && this.#children.size < limits.zoneChildren)
      this.#children.set(key, { zone, leaf, spoken: [], seen })
  }

  /** Who speaks for a child, and is believed; undefined when it is dark. */
  speaker(key: string, day: number, now: Millis): Spoken | undefined {
    const child = this.#children.get(key)
    const fresh = (child?.spoken ?? []).filter((one) => this.#isFresh(one, now) && this.#isBelieved(one.by, now))
    if (child === undefined || fresh.length < 2) return fresh[0]
    const [first] = this.#places.order(
      child.zone,
      day,
      fresh.map(({ by }) => by),
    )
    return fresh.find(({ by }) => by === first)
  }

  /** All that speak for a leaf child lately, and are believed; who speaks first. */
  voices(zone: string, now: Millis): Spoken[] {
    const spoken = this.#children.get(childKey({ zone, leaf: true }))?.spoken ?? []
    return spoken.filter((one) => this.#isFresh(one, now) && this.#isBelieved(one.by, now))
  }

  /** Leaf children for which somebody speaks. */
  leaves(now: Millis): string[] {
    const leaves = [...this.#children.values()].filter(({ leaf }) => leaf)
    return leaves.filter(({ spoken }) => spoken.some((one) => this.#isFresh(one, now))).map(({ zone }) => zone)
  }

  /** The digest that one node sent of a child; undefined when it sent none. */
  saidBy(key: string, node: NodeId): Digest | undefined {
    return this.#children.get(key)?.spoken.find(({ by }) => by === node)?.digest
  }

  /** When somebody other than `self` last spoke for a child. */
  heardOf(key: string, self: NodeId): Millis | undefined {
    const others = (this.#children.get(key)?.spoken ?? []).filter(({ by }) => by !== self)
    return others.length === 0 ? undefined : Math.max(...others.map(({ at }) => at))
  }

  /** Everybody who speaks here had the time to: who has just begun to listen would else take the first that it hears for all. */
  isSettled(least: Millis, now: Millis): boolean {
    const listened = now - this.since
    if (listened < least) return false
    if (listened >= limits.digestPeriodMax) return true
    const promises: Millis[] = []
    for (const { spoken } of this.#children.values())
      for (const one of spoken.slice(0, 1)) if (this.#isFresh(one, now)) promises.push(one.digest.promise)
    // The middle one: no single reporter makes the others wait.
    return listened >= (promises.sort((a, b) => a - b)[(promises.length - 1) >> 1] ?? least)
  }

  /** Whether who speaks for a child is one of the first that speak for this zone, and so hands the summary down in it. */
  mayHandDown(node: NodeId, day: number, now: Millis): boolean {
    const speakers = this.speakers(day, now).map(({ by }) => by)
    const order = this.#places.order(this.zone, day, new Set(speakers))
    const place = order.indexOf(node)
    return place >= 0 && place < limits.summaryPlaces
  }

  /** Those who speak for the children now. */
  speakers(day: number, now: Millis): Spoken[] {
    const spoken = [...this.#children.keys()].map((key) => this.speaker(key, day, now))
    return spoken.filter((one) => one !== undefined)
  }

  /** Between two digests of one child, by how many there are. @param least that of a few */
  period(least: Millis, now: Millis): Millis {
    let answering = 0
    for (const { spoken } of this.#children.values()) if (spoken.some((one) => this.#isFresh(one, now))) answering++
    return Math.min(limits.digestPeriodMax, Math.max(least, answering * limits.digestPeriodPerChild))
  }

  /** All children together. */
  whole(day: number, now: Millis): Whole {
    const children = [...this.#children].map(([key, child]) => {
      const spoken = this.speaker(key, day, now)
      return { key, child, spoken, figures: spoken?.digest.figures ?? darkFigures(child) }
    })
    const believed = believable(children)
    const heard = believed.flatMap(({ spoken }) => (spoken === undefined ? [] : [spoken]))
    const others = children.filter((one) => !believed.includes(one)).map(({ child }) => oneDark(child))
    return {
      figures: mergeFigures([...believed.map(({ figures }) => figures), ...others]),
      age: Math.max(0, ...heard.map(({ digest, at }) => digest.age + (now - at))),
      parts: heard.map(({ digest }) => digest),
    }
  }

  /** In order of childKey. */
  children(day: number, now: Millis): { zone: string; leaf: boolean; dark: boolean; last: Spoken | undefined }[] {
    const all = [...this.#children].sort(([a], [b]) => (a < b ? -1 : 1))
    return all.map(([key, { zone, leaf, spoken }]) => {
      const speaker = this.speaker(key, day, now)
      return { zone, leaf, dark: speaker === undefined, last: speaker ?? spoken[0] }
    })
  }

  /** What was not heard of for a long time is forgotten; returns what. */
  forget(now: Millis): { zone: string; leaf: boolean }[] {
    const gone = [...this.#children].filter(([, { seen }]) => now - seen > limits.zoneKeptFor)
    for (const [key] of gone) this.#children.delete(key)
    return gone.map(([, { zone, leaf }]) => ({ zone, leaf }))
  }

  /** Nobody has to be heard more often than in so many of its promises. */
  #isFresh({ digest, at }: Spoken, now: Millis): boolean {
    return now - at <= limits.darkAfterPromises * Math.max(this.#least, digest.promise)
  }

  #hasRoom(now: Millis): boolean {
    return this.#children.size < limits.zoneChildren || this.#evictable(now) !== undefined
  }

  #evict(now: Millis): void {
    const key = this.#evictable(now)
    if (key !== undefined) this.#children.delete(key)
  }

  /** The child that was dark the longest. */
  #evictable(now: Millis): string | undefined {
    let oldest: [string, Child] | undefined
    for (const entry of this.#children) {
      const isDark = !entry[1].spoken.some((one) => this.#isFresh(one, now))
      if (isDark && (oldest === undefined || entry[1].seen < oldest[1].seen)) oldest = entry
    }
    return oldest?.[0]
  }
}

/** A dark inner zone counts for all leaf zones that it had when it was last heard. */
function darkFigures(child: Child): Figures {
  const last = child.spoken[0]?.digest.figures
  return { ...oneDark(child), dark: last === undefined ? 1 : Math.max(1, last.zones + last.dark) }
}

function oneDark({ zone }: Child): Figures {
  return { ...NO_FIGURES, dark: 1, darkZones: [zone] }
}

/**
 * Those whose counts one digest can tell together, the smallest first. Who counts more than is left is as good as silent: else one that
 * lies would leave nothing that could be told of all others.
 */
function believable<Part extends { key: string; figures: Figures }>(parts: readonly Part[]): Part[] {
  const zonesOf = ({ figures }: Part) => figures.zones + figures.dark
  const nodesOf = ({ figures }: Part) => membersOf(figures.counts)
  let nodes: number = limits.digestNodes
  let zones = limits.digestZones - parts.length
  const bySize = [...parts].sort(
    (a, b) => nodesOf(a) - nodesOf(b) || zonesOf(a) - zonesOf(b) || (a.key < b.key ? -1 : 1),
  )
  return bySize.filter((part) => {
    if (nodesOf(part) > nodes || zonesOf(part) > zones) return false
    nodes -= nodesOf(part)
    zones -= zonesOf(part)
    return true
  })
}
