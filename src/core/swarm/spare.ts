// Spare room: what of this disk goes to others, and comes back when this node needs it. It acts on what the cache and the forwards
// decide: begins and ends fetching for others, and removes what has to go.
import type { Millis } from '../env.ts'
import type { Cache, CacheKind } from './cache.ts'
import type { Download, Wanted } from './download.ts'
import type { Downloads } from './downloads.ts'
import type { Forwards } from './forwards.ts'
import type { Holding } from './holding.ts'
import type { Library } from './library.ts'

interface Parts {
  cache: Cache
  forwards: Forwards
  library: Library
  downloads: Downloads
}

/** What only the swarm can do. */
export interface SpareActs {
  fetch(holding: Holding, wanted: Wanted, now: Millis): void
  stop(download: Download, now: Millis): void
  /** Nothing of it is here any more; and, unless a release names it, it is not known any more. */
  leave(holding: Holding, isNamed: boolean, now: Millis): void
  /** It is known anew. */
  empty(holding: Holding, now: Millis): void
}

export class Spare {
  readonly #parts: Parts
  readonly #acts: SpareActs

  constructor(parts: Parts, acts: SpareActs) {
    this.#parts = parts
    this.#acts = acts
  }

  /** What is cached, and its budget; bytes. */
  cached(kind: CacheKind): { encodings: number; bytes: number; budget: number } {
    const { cache } = this.#parts
    return { encodings: cache.all(kind).length, bytes: cache.bytes(kind), budget: cache.budget(kind) }
  }

  /** Somebody asked for a piece of it. */
  asked(hash: string): void {
    this.#parts.cache.asked(hash)
  }

  /** This node needs it: it is not here for others alone. May be called at every step. */
  needed(holding: Holding): void {
    this.#parts.forwards.ended(holding.encoding.hash)
    this.#parts.library.setForwarded(holding, false)
  }

  /** True while it is fetched for others only. */
  isForwarding(hash: string): boolean {
    return this.#parts.forwards.has(hash)
  }

  /** All of it is here. */
  completed(hash: string): void {
    this.#parts.forwards.ended(hash)
  }

  offer(offered: readonly Wanted[]): void {
    this.#parts.forwards.offer(offered)
  }

  /** The disk has to have so many bytes more for what this node needs. @returns false when nothing could go */
  makeSpace(bytes: number, now: Millis): boolean {
    const going = this.#parts.cache.toFree(bytes, () => true)
    for (const hash of going) this.#end(hash, now)
    this.#remove(going, now)
    return going.length > 0
  }

  /** Begins to fetch for others what they wait for, and ends what nobody waits for any more. */
  check(now: Millis): void {
    const { forwards, library } = this.#parts
    const { begin, end } = forwards.turn(now)
    for (const hash of end) this.#end(hash, now)
    if (begin === undefined) return
    this.#remove(begin.evict, now)
    const holding = library.get(begin.wanted.encoding.hash)
    if (holding === undefined) return
    library.setForwarded(holding, true)
    forwards.began(holding.encoding.hash)
    this.#acts.fetch(holding, begin.wanted, now)
  }

  /** True when what somebody says of its wants may begin something. */
  get isOn(): boolean {
    return this.#parts.forwards.isOn
  }

  /** When check() is next needed, unless somebody says what it wants before. */
  deadline(): Millis | undefined {
    return this.#parts.forwards.deadline()
  }

  #end(hash: string, now: Millis): void {
    const { forwards, downloads } = this.#parts
    const download = forwards.has(hash) ? downloads.get(hash) : undefined
    forwards.ended(hash)
    if (download !== undefined) this.#acts.stop(download, now)
  }

  #remove(hashes: readonly string[], now: Millis): void {
    const { leave, empty } = this.#acts
    this.#parts.library.uncache(
      hashes,
      (holding, isNamed) => leave(holding, isNamed, now),
      (holding) => empty(holding, now),
    )
  }
}
