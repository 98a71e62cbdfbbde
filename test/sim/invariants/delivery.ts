// I16: every live node that a selector names has the release in use in time. I17: all hold the same announcements in time. Looked
// at once a period from the moment when nothing new breaks; each node has its time from there, or from its own last start.
import type { Millis } from '../../../src/core/env.ts'
import type { Report } from './detection.ts'

export interface DeliveryStats {
  /** Times that a node put a release to use. */
  installed: number
  /** Nodes and roles or paths that were looked at, and are as they should be. */
  settled: number
  /** The slowest of them after everything was whole, in rounds of hello; and what is allowed. */
  slowestRounds: number
  allowedRounds: number
}

/** Something that a node should have by now. */
export interface Due {
  invariant: 'I16' | 'I17'
  node: number
  /** Names it among what the node should have. */
  what: string
  /** From when its time counts. */
  from: Millis
  met: boolean
  /** What is there instead, as a sentence. */
  instead: string
}

interface Parts {
  now: () => Millis
  round: Millis
  /** How long each may take. */
  allowed: { I16: Millis; I17: Millis }
  report: Report
}

export class Delivery {
  readonly stats: DeliveryStats
  readonly #p: Parts
  /** What was seen to be right: it is looked at again, but counted once. */
  readonly #met = new Set<string>()
  readonly #reported = new Set<string>()
  #open = Number.POSITIVE_INFINITY

  constructor(parts: Parts) {
    this.#p = parts
    const allowedRounds = Math.ceil(Math.max(parts.allowed.I16, parts.allowed.I17) / parts.round)
    this.stats = { installed: 0, settled: 0, slowestRounds: 0, allowedRounds }
  }

  /** True when all that was due at the last look was there. */
  get complete(): boolean {
    return this.#open === 0
  }

  look(all: readonly Due[]): void {
    this.#open = 0
    for (const due of all) {
      if (due.met) this.#settle(due)
      else this.#wait(due)
    }
  }

  #settle(due: Due): void {
    const key = `${due.node} ${due.what}`
    if (this.#met.has(key)) return
    this.#met.add(key)
    this.stats.settled++
    const rounds = Math.ceil(Math.max(0, this.#p.now() - due.from) / this.#p.round)
    this.stats.slowestRounds = Math.max(this.stats.slowestRounds, rounds)
  }

  #wait({ invariant, node, what, from, instead }: Due): void {
    this.#open++
    const key = `${node} ${what}`
    const waited = this.#p.now() - from
    if (waited <= this.#p.allowed[invariant] || this.#reported.has(key)) return
    this.#reported.add(key)
    const rounds = Math.floor(waited / this.#p.round)
    this.#p.report(invariant, node, `${instead} ${rounds} rounds of hello after everything was whole`)
  }
}
