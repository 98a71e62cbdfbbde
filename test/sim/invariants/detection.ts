// I1: a steady node is not shown as gone by a steady zone-mate for longer than bounds.rumour.
// I7: a node that ended is shown as gone by every steady zone-mate within bounds.detection, and stays so until it starts.
// I9: steady nodes show each other as gone no more often than the loss of three records in a row explains.
import type { Millis } from '../../../src/core/env.ts'
import type { Status } from '../../../src/core/fleet/rows.ts'
import { limits } from '../../../src/core/limits.ts'
import type { EventQueue } from '../queue.ts'
import type { Bounds } from './bounds.ts'
import type { Steadiness } from './steadiness.ts'
import { gone, type Views } from './views.ts'

export type Report = (invariant: string, node: number, detail: string) => void

/** A living node that somebody shows as gone. */
interface Rumour {
  observer: number
  subject: number
  since: Millis
}

export interface DetectionStats {
  /** Times a steady node showed another steady node as `down` or `left`. */
  falseDowns: number
  /** The longest of them, and how long the slowest true detection by a steady node took; milliseconds. */
  longestFalseDown: Millis
  slowestDetection: Millis
  detections: number
}

export class Detection {
  readonly stats: DetectionStats = { falseDowns: 0, longestFalseDown: 0, slowestDetection: 0, detections: 0 }
  readonly #queue: EventQueue
  readonly #bounds: Bounds
  readonly #steadiness: Steadiness
  readonly #views: Views
  readonly #mates: (node: number) => readonly number[]
  readonly #report: Report
  readonly #rumours = new Map<string, Rumour>()
  /** Records times zone-mates that could have missed them. */
  #records = 0
  /** Who showed a living node as gone last. */
  #accuser = 0
  readonly #ended = new Map<number, Millis>()

  constructor(parts: {
    queue: EventQueue
    bounds: Bounds
    steadiness: Steadiness
    views: Views
    mates: (node: number) => readonly number[]
    report: Report
  }) {
    this.#queue = parts.queue
    this.#bounds = parts.bounds
    this.#steadiness = parts.steadiness
    this.#views = parts.views
    this.#mates = parts.mates
    this.#report = parts.report
  }

  /** `observer` shows `subject` as `status` from now on. */
  shows(observer: number, subject: number, from: Status | undefined, status: Status): void {
    const key = `${observer} ${subject}`
    if (gone(from) && !gone(status)) this.#resurrected(observer, subject, status)
    if (!gone(status)) this.#close(key)
    else if (this.#steadiness.alive(subject)) this.#open(key, observer, subject)
    else this.#detected(observer, subject)
  }

  /** `node` runs: from now on it must not be shown as gone, nor must it show so whoever runs. */
  started(node: number): void {
    this.#ended.delete(node)
    for (const mate of this.#mates(node)) {
      if (gone(this.#views.get(mate, node))) this.#open(`${mate} ${node}`, mate, node)
      if (gone(this.#views.get(node, mate)) && this.#steadiness.alive(mate)) this.#open(`${node} ${mate}`, node, mate)
    }
  }

  /** `node` ended; its last record promised `promise`. */
  stopped(node: number, promise: Millis): void {
    const end = this.#queue.now
    this.#ended.set(node, end)
    const run = this.#steadiness.run(node)
    for (const mate of this.#mates(node)) {
      this.#rumours.delete(`${mate} ${node}`)
      this.#rumours.delete(`${node} ${mate}`)
      if (this.#steadiness.steady(mate, end))
        this.#expect(mate, node, { end, run, mateRun: this.#steadiness.run(mate), promise }, 1)
    }
  }

  /** A record was published to so many zone-mates. */
  published(mates: number): void {
    this.#records += mates
  }

  /** The run is over: were false alarms rare? */
  finish(): void {
    const allowed = this.#bounds.falseDowns(this.#records)
    const { falseDowns } = this.stats
    if (falseDowns > allowed)
      this.#report(
        'I9',
        this.#accuser,
        `and others showed living nodes as gone ${falseDowns} times; ${allowed} are explained by loss`,
      )
  }

  /** Looks at every rumour; call about once a virtual second. */
  check(): void {
    const { now } = this.#queue
    for (const [key, { observer, subject, since }] of this.#rumours) {
      const from = this.#bothSteadyFrom(observer, subject, since)
      if (from === undefined) continue
      const bound = this.#bounds.rumour(this.#mates(subject).length + 1)
      if (now - from <= bound) continue
      this.#rumours.delete(key)
      const shown = this.#views.get(observer, subject)
      this.#report(
        'I1',
        observer,
        `shows #${subject} as ${shown} for ${now - from} ms although it lives; the bound is ${Math.round(bound)} ms`,
      )
    }
  }

  #expect(
    mate: number,
    node: number,
    death: { end: Millis; run: number; mateRun: number; promise: Millis },
    patience: number,
  ): void {
    const bound = Math.ceil(this.#bounds.detection(death.promise, patience))
    this.#queue.at(death.end + bound, () => {
      const { run, mateRun, end } = death
      const same = this.#steadiness.run(node) === run && this.#steadiness.run(mate) === mateRun
      if (!same || !this.#steadiness.steady(mate, this.#queue.now)) return
      const shown = this.#views.get(mate, node)
      if (shown === undefined || gone(shown)) return
      // A node without links doubts itself first, so it takes twice as long.
      if (patience === 1 && this.#steadiness.isolatedSince(mate, end))
        return this.#expect(mate, node, death, limits.isolatedPatience)
      this.#report('I7', mate, `shows #${node} as ${shown} ${bound} ms after it ended`)
    })
  }

  /** Nothing that a dead node said before may bring it back for a node that heard all there was. */
  #resurrected(observer: number, subject: number, status: Status): void {
    const end = this.#ended.get(subject)
    const since = this.#steadiness.since(observer)
    if (end === undefined || since === undefined || since > end || this.#queue.now - end <= this.#bounds.delivery)
      return
    this.#report('I7', observer, `shows #${subject} as ${status} again ${this.#queue.now - end} ms after it ended`)
  }

  #open(key: string, observer: number, subject: number): void {
    if (!this.#rumours.has(key)) this.#rumours.set(key, { observer, subject, since: this.#queue.now })
  }

  #close(key: string): void {
    const rumour = this.#rumours.get(key)
    if (rumour === undefined) return
    this.#rumours.delete(key)
    const from = this.#bothSteadyFrom(rumour.observer, rumour.subject, rumour.since)
    if (from === undefined || from >= this.#queue.now) return
    this.stats.falseDowns++
    this.#accuser = rumour.observer
    this.stats.longestFalseDown = Math.max(this.stats.longestFalseDown, this.#queue.now - from)
  }

  #detected(observer: number, subject: number): void {
    const end = this.#ended.get(subject)
    if (end === undefined || (this.#steadiness.since(observer) ?? end + 1) > end) return
    this.stats.detections++
    this.stats.slowestDetection = Math.max(this.stats.slowestDetection, this.#queue.now - end)
  }

  /** Since when the rumour stands between two steady nodes; undefined when one of them is not. */
  #bothSteadyFrom(observer: number, subject: number, since: Millis): Millis | undefined {
    const own = this.#steadiness.since(observer)
    const other = this.#steadiness.since(subject)
    return own === undefined || other === undefined ? undefined : Math.max(since, own, other)
  }
}
