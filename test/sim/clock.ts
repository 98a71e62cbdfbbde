// The two clocks of a simulated node. The monotonic one has its own origin at each start and drifts a little; the wall
// clock is wrong in the ways of a machine without a clock battery: it jumps to 1970, to 2106, back, or some minutes aside.
import type { Millis } from '../../src/core/env.ts'
import { DAY, HOUR, MINUTE } from '../../src/core/limits.ts'
import type { Prng } from './prng.ts'

/** When every simulation begins, as true wall time: 2026-03-01. */
export const EPOCH: Millis = Date.UTC(2026, 2, 1)

/** Crystals of small boards are off by up to 100 parts per million. */
export const DRIFT_MAX = 100e-6

const STEPS: readonly ((prng: Prng, truth: Millis) => Millis)[] = [
  () => 0,
  () => Date.UTC(2106, 1, 7, 6, 28, 15),
  (prng, truth) => truth - prng.int(1, 400) * DAY,
  (prng, truth) => truth + prng.int(-20, 20) * MINUTE,
  (prng, truth) => truth + prng.int(1, 48) * HOUR,
]

export class NodeClock {
  readonly #rate: number
  #origin: Millis
  #wallAhead: Millis = 0

  constructor(prng: Prng) {
    this.#rate = 1 + (prng.real() * 2 - 1) * DRIFT_MAX
    this.#origin = prng.int(0, 30 * DAY)
  }

  /** The node started again at virtual time `time`: the monotonic clock counts from somewhere else. */
  restart(time: Millis, prng: Prng): void {
    this.#origin = prng.int(0, 30 * DAY) - Math.floor(time * this.#rate)
  }

  /** Monotonic milliseconds, whole as a driver rounds them. */
  monotonic(time: Millis): Millis {
    return this.#origin + Math.floor(time * this.#rate)
  }

  /** The first virtual millisecond at which `monotonic` shows at least `local`. */
  reaches(local: Millis): Millis {
    let time = Math.ceil((local - this.#origin) / this.#rate)
    while (this.monotonic(time) < local) time++
    return time
  }

  /** What the machine's wall clock shows, in milliseconds since 1970. */
  wall(time: Millis): Millis {
    return EPOCH + time + this.#wallAhead
  }

  /** True while the wall clock is right. */
  get trusted(): boolean {
    return this.#wallAhead === 0
  }

  /** Steps the wall clock: back to the truth if it was wrong, away from it if it was right. */
  stepWall(time: Millis, prng: Prng): void {
    const truth = EPOCH + time
    const step = STEPS[prng.int(0, STEPS.length - 1)] as (typeof STEPS)[number]
    this.#wallAhead = this.trusted ? step(prng, truth) - truth : 0
  }
}
