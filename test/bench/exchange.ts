// Whether anything gets from one node to another, again and again while things go wrong. A good exchange is a pulse that the local
// API of one node was asked for, that went over the link which the daemons keep by themselves, and whose answer came back within a
// second: nobody is dialled for it, so that a path which comes back does so by the daemons' own doing.
import { setTimeout as pause } from 'node:timers/promises'
import type { Lab } from '../lab/lab.ts'

/** So often each direction is asked: a twentieth of a core for both, and the resolution of every time told here. */
const PERIOD = 100
const PULSE_BOUND = 1_000
const LOOK = 20
/** What has been good for so long is taken to stay so; a busy machine may miss a few of the questions. */
const STEADY = 2_000
const ENOUGH = (0.75 * STEADY) / PERIOD

/** Moments of performance.now(). */
interface Exchange {
  asked: number
  answered: number
}

/** One direction. */
class Direction {
  readonly from: string
  readonly to: string
  /** Good ones, by when they were answered. */
  readonly good: Exchange[] = []
  readonly #timer: NodeJS.Timeout
  readonly #underway = new Set<Promise<void>>()

  constructor(lab: Lab, from: string, to: string) {
    this.from = from
    this.to = to
    this.#timer = setInterval(() => {
      const asking = this.#ask(lab).finally(() => this.#underway.delete(asking))
      this.#underway.add(asking)
    }, PERIOD)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#underway)
  }

  async #ask({ daemons }: Lab): Promise<void> {
    const asked = performance.now()
    const pulse = await daemons
      .client(this.from)
      .pulse(daemons.id(this.to), PULSE_BOUND)
      .catch(() => undefined) // the daemon is not there
    if (pulse != null && pulse.roundTripMs !== null) this.good.push({ asked, answered: performance.now() })
  }
}

/** How long nothing got through, in the slower direction. */
export interface Gap {
  /** The longest time between two good exchanges that follow each other, from just before the fault on. */
  gapMs: number
  /** From the moment at which all was there again to the exchange that ended that gap; 0 when it was sooner. */
  backMs: number
}

export class ExchangeWatch {
  readonly #directions: readonly [Direction, Direction]

  constructor(lab: Lab, [a, b]: readonly [string, string]) {
    this.#directions = [new Direction(lab, a, b), new Direction(lab, b, a)]
  }

  stop(): Promise<unknown> {
    return Promise.all(this.#directions.map((direction) => direction.stop()))
  }

  /** Waits until nearly all was good in both directions for a while, all of it asked after `from`. Rejects after `bound` ms. */
  async steady(bound: number, from = performance.now()): Promise<void> {
    const end = performance.now() + bound
    for (;;) {
      const since = Math.max(from, performance.now() - STEADY)
      const missing = this.#directions.find(({ good }) => good.filter(({ asked }) => asked >= since).length < ENOUGH)
      if (missing === undefined) return
      if (performance.now() > end)
        throw new Error(`nothing steady from ${missing.from} to ${missing.to} within ${bound / 1000} s`)
      await pause(LOOK)
    }
  }

  /**
   * Waits until all is steady again, and tells what was missed.
   * @param began just before anything went wrong @param over when all was there again
   */
  async recovered({ began, over, bound }: { began: number; over: number; bound: number }): Promise<Gap> {
    await this.steady(bound, over)
    const gaps = this.#directions.map(({ good }) => longest(good, began))
    return {
      gapMs: Math.max(...gaps.map(({ from, to }) => to - from)),
      backMs: Math.max(0, ...gaps.map(({ to }) => to - over)),
    }
  }
}

/** The longest gap between two good exchanges of which the later one was after `began`. */
function longest(good: readonly Exchange[], began: number): { from: number; to: number } {
  const times = good.map(({ answered }) => answered).sort((a, b) => a - b)
  let found = { from: began, to: began }
  for (const [at, to] of times.entries()) {
    const from = times[at - 1] ?? began
    if (to > began && to - from > found.to - found.from) found = { from, to }
  }
  return found
}
