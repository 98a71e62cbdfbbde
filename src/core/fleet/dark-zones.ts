// Dark zones as news: a site whose power fails is one event on every node that holds the summary, not one for each of its nodes, and so is
// a country whose uplink fails; and they are told of again when they are back. Invariant: a zone is told to be back only if it was told to be
// dark, and no zone is told of twice in a row.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import { within } from '../zone.ts'
import type { Figures } from './figures.ts'

interface Parts {
  out: Pick<Outbox, 'event'>
  self: Pick<Self, 'isNode' | 'zone'>
}

export class DarkZones {
  readonly #p: Parts
  readonly #period: Millis
  #next = Number.NEGATIVE_INFINITY
  /** Named as dark, since when, and whether that was told. */
  readonly #named = new Map<string, { since: Millis; told: boolean }>()
  /** Dark leaf zones at the last look. */
  #count = 0

  /** @param period between two looks: the least D, as nothing changes more often */
  constructor(parts: Parts, period: Millis) {
    this.#p = parts
    this.#period = period
  }

  /** @param figures of the newest summary of the fleet, asked for once per period; undefined while there is none */
  check(figures: () => Figures | undefined, now: Millis): void {
    if (now < this.#next) return
    this.#next = now + this.#period
    const known = figures()
    if (known === undefined) return
    this.#back(known, now)
    this.#gone(known, now)
    this.#count = known.dark
  }

  /** Twice in a row named is dark: who has just begun to listen heard of nobody yet, and says so of all. */
  #gone({ dark, darkZones }: Figures, now: Millis): void {
    const news: string[] = []
    for (const zone of darkZones) {
      const named = this.#named.get(zone)
      if (this.#isOurs(zone)) continue
      if (named === undefined) this.#name(zone, now)
      else if (!named.told) {
        named.told = true
        news.push(zone)
      }
    }
    if (news.length > 0) this.#p.out.event({ type: 'zoneDark', zones: news, dark })
  }

  /**
   * A name that is missing may have been cut off, on any of the levels that it came by: where more are dark than are named it is back
   * only when there are fewer dark ones than before. Late is better than wrong.
   */
  #back({ dark, darkZones }: Figures, now: Millis): void {
    const isCut = dark > darkZones.length
    const back: string[] = []
    let after = 0
    for (const [zone, { since, told }] of this.#named) {
      if (darkZones.includes(zone) || (isCut && dark >= this.#count)) continue
      this.#named.delete(zone)
      if (!told) continue
      back.push(zone)
      after = Math.max(after, now - since)
    }
    if (back.length > 0) this.#p.out.event({ type: 'zoneBack', zones: back.sort(), after, dark })
  }

  #name(zone: string, now: Millis): void {
    if (this.#named.size < limits.darkTold) this.#named.set(zone, { since: now, told: false })
  }

  /** Whoever is dark to others sees itself: that is told as a split, or as no way out. */
  #isOurs(zone: string): boolean {
    const { isNode, zone: own } = this.#p.self
    return isNode && within(own, zone)
  }
}
