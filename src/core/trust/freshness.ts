// Freshness: whether this node can say that nothing newer is withheld from it (clause BEACON 9). It rests on local uptime alone, since
// no wall clock is believed; so whoever replays old state at its original pace is not seen.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'

/**
 * `fresh`: beacons come. `stale`: none that is newer, and whose state is here, came for three periods. `unproven`: the mesh has no
 * beacons, or none came yet since this run began.
 */
export type Freshness = 'fresh' | 'stale' | 'unproven'

export class Silence {
  /** Undefined: the root has no beacon role. */
  #period: Millis | undefined
  #since: Millis
  #proven = false

  constructor(period: Millis | undefined, now: Millis) {
    this.#period = period
    this.#since = now
  }

  /** Other keys sign beacons now, in this period: it begins anew. */
  restart(period: Millis | undefined, now: Millis): void {
    this.#period = period
    this.#since = now
    this.#proven = false
  }

  /** A newer beacon came at `at`, and what it names is here. */
  proven(at: Millis): void {
    this.#since = Math.max(this.#since, at)
    this.#proven = true
  }

  /** This process stood still: that is no silence of the others. */
  forgive(gap: Millis): void {
    this.#since += gap
  }

  at(now: Millis): Freshness {
    const end = this.#end()
    if (end === undefined) return 'unproven'
    if (now >= end) return 'stale'
    return this.#proven ? 'fresh' : 'unproven'
  }

  /** When it turns stale; undefined when it is, or never will. */
  deadline(now: Millis): Millis | undefined {
    const end = this.#end()
    return end === undefined || end <= now ? undefined : end
  }

  #end(): Millis | undefined {
    return this.#period === undefined ? undefined : this.#since + limits.beaconSilence * this.#period
  }
}
