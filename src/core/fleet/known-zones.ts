// Known zones: names of zones that once spoke, on disk, so that who starts again still knows who is dark (clause DIGEST 6).
import type { Millis } from '../env.ts'
import { DAY, limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import { childKey } from './digest.ts'
import type { SavedZone } from './summary.ts'

interface Known {
  zone: string
  leaf: boolean
  seen: Millis
  written: Millis
}

export class KnownZones {
  readonly #out: Outbox
  readonly #self: Self
  readonly #known = new Map<string, Known>()

  constructor(out: Outbox, self: Self, saved: readonly SavedZone[], now: Millis) {
    this.#out = out
    this.#self = self
    const wall = self.wallAt(now)
    for (const { zone, leaf, heardWall } of saved) {
      // A clock that is far ahead at the start must not cost us every name (T29): each has a day of this run to be heard of.
      const silent = wall === undefined ? 0 : Math.min(Math.max(0, wall - heardWall), limits.zoneKeptFor - DAY)
      const seen = now - silent
      this.#known.set(childKey({ zone, leaf }), { zone, leaf, seen, written: seen })
    }
  }

  get size(): number {
    return this.#known.size
  }

  all(): IterableIterator<Readonly<Known>> {
    return this.#known.values()
  }

  /** A zone spoke: written when it is new, and anew each day. */
  heard({ zone, leaf }: { zone: string; leaf: boolean }, now: Millis): void {
    const key = childKey({ zone, leaf })
    const known = this.#known.get(key)
    if (known !== undefined && now - known.written < DAY) {
      known.seen = now
      return
    }
    this.#known.delete(key)
    this.#known.set(key, { zone, leaf, seen: now, written: now })
    this.#out.persist([{ type: 'zone', zone, leaf, heardWall: this.#self.wallLabel(now) }], false)
  }

  /** Forgets what was silent for long, and the longest known of too many. */
  check(now: Millis): void {
    for (const [key, { zone, leaf, seen }] of this.#known) {
      if (now - seen <= limits.zoneKeptFor && this.#known.size <= limits.zonesKnown) continue
      this.#known.delete(key)
      this.#out.persist([{ type: 'forgetZone', zone, leaf }], false)
    }
  }
}
