// Forwards: what a member with a public address fetches although it does not want it, because members of two zones or more do, who
// perhaps cannot reach each other. It fetches as any node does and says what it has, so that each of them finds there what the
// others brought, and their publisher gives a piece once and not once to each zone. Off unless its owner gives it a budget.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Links } from '../links/links.ts'
import type { Cache } from './cache.ts'
import type { Wanted } from './download.ts'
import type { Downloads } from './downloads.ts'
import type { Library } from './library.ts'
import type { Peer } from './peers.ts'

interface Parts {
  cache: Cache
  library: Library
  downloads: Downloads
  links: Pick<Links, 'get'>
  peers: ReadonlyMap<NodeId, Peer>
  /** Whether members outside can dial this node. */
  isOpen: () => boolean
}

/** What is to be done now, by the hash of the encoding. */
export interface ForwardTurn {
  begin: { wanted: Wanted; evict: readonly string[] } | undefined
  end: readonly string[]
}

export class Forwards {
  readonly #parts: Parts
  /** All that announcements in force name. */
  #offered: readonly Wanted[] = []
  readonly #underway = new Set<string>()
  /** Since when nobody asked for more of what is under way. */
  readonly #idle = new Map<string, Millis>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get isOn(): boolean {
    return this.#parts.cache.budget('forwarded') > 0 && this.#parts.isOpen()
  }

  offer(offered: readonly Wanted[]): void {
    this.#offered = offered
  }

  has(hash: string): boolean {
    return this.#underway.has(hash)
  }

  began(hash: string): void {
    this.#underway.add(hash)
  }

  /** It is here, or wanted here, or not fetched any more. */
  ended(hash: string): void {
    this.#underway.delete(hash)
    this.#idle.delete(hash)
  }

  /** What to fetch for others from now on, one at a time, and what nobody waits for any more. */
  turn(now: Millis): ForwardTurn {
    const end = [...this.#underway].filter((hash) => this.#isOver(hash, now))
    if (!this.isOn || this.#underway.size - end.length >= limits.downloadsAtOnce) return { begin: undefined, end }
    for (const wanted of this.#offered) {
      const { hash, length } = wanted.encoding
      if (!this.#lacks(hash) || this.#zonesWanting(hash).size < 2) continue
      const isCounted = this.#parts.cache.kindOf(hash) === 'forwarded'
      const evict = this.#parts.cache.roomFor('forwarded', isCounted ? 0 : length, (other) => this.#mayGo(other, hash))
      if (evict !== undefined) return { begin: { wanted, evict }, end }
    }
    return { begin: undefined, end }
  }

  /** When turn() is next needed, unless somebody says what it wants before. */
  deadline(): Millis | undefined {
    const since = Math.min(...this.#idle.values())
    return Number.isFinite(since) ? since + limits.forwardPatience : undefined
  }

  /** Not here, and not on its way. */
  #lacks(hash: string): boolean {
    const holding = this.#parts.library.get(hash)
    return holding !== undefined && !holding.isFull && this.#parts.downloads.get(hash) === undefined
  }

  /** Nobody fetches it here, and nobody out there waits for it. */
  #mayGo(other: string, wanted: string): boolean {
    return other !== wanted && !this.#underway.has(other) && this.#zonesWanting(other).size === 0
  }

  /** Links come and go: a member that is away for a moment is still waiting. */
  #isOver(hash: string, now: Millis): boolean {
    if (this.isOn && this.#zonesWanting(hash).size > 0) {
      this.#idle.delete(hash)
      return false
    }
    const since = this.#idle.get(hash) ?? now
    this.#idle.set(hash, since)
    return now >= since + limits.forwardPatience
  }

  /** Zones of members outside this LAN that lack some of it. */
  #zonesWanting(hash: string): Set<string> {
    const zones = new Set<string>()
    for (const peer of this.#parts.peers.values()) {
      const share = peer.near || peer.stream !== 'open' ? undefined : peer.shares.get(hash)
      const zone = this.#parts.links.get(peer.node)?.zone
      const lacksSome = share?.wants && share.count < (this.#parts.library.get(hash)?.pieces ?? 0)
      if (zone !== undefined && lacksSome) zones.add(zone)
    }
    return zones
  }
}
