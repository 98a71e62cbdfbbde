// I1: a steady node is not shown as gone by a steady zone-mate for longer than bounds.rumour.
// I7: a node that ended is shown as gone by every zone-mate that runs, linked or not, within bounds.detection, and stays so
// until it starts again.
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

/** How a process ended. */
export type End = 'killed' | 'powerCut' | 'left'

/** The end of a node, and which processes saw it. */
interface Death {
  end: Millis
  how: End
  /** It was steady then: its zone knew it, and its witnesses had links with it. */
  steady: boolean
  promise: Millis
  witnesses: ReadonlyMap<number, number>
}

export interface DetectionStats {
  /** Times a steady node showed another steady node as `down` or `left`. */
  falseDowns: number
  /** The longest of them, and how long the slowest true detection took for a node that ran meanwhile; milliseconds. */
  longestFalseDown: Millis
  slowestDetection: Millis
  detections: number
  /** How long true detections of steady nodes took, by how the node ended; known when the run is over. */
  times: Partial<Record<End, Percentiles>>
}

/** Milliseconds. */
export interface Percentiles {
  count: number
  p50: Millis
  p99: Millis
}

export class Detection {
  readonly stats: DetectionStats = { falseDowns: 0, longestFalseDown: 0, slowestDetection: 0, detections: 0, times: {} }
  readonly #times: Record<End, Millis[]> = { killed: [], powerCut: [], left: [] }
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
  readonly #deaths = new Map<number, Death>()
  /** Nobody owes them anything any more, nor they anybody. */
  readonly #forgotten = new Set<number>()

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
    if (this.#forgotten.has(observer) || this.#forgotten.has(subject)) return
    if (gone(from) && !gone(status)) this.#resurrected(observer, subject, status)
    if (!gone(status)) this.#close(key)
    else if (this.#steadiness.alive(subject)) this.#open(key, observer, subject)
    else this.#detected(observer, subject)
  }

  /** `node` runs: from now on it must not be shown as gone, nor show so whoever runs; the dead it has to notice too. */
  started(node: number): void {
    this.#deaths.delete(node)
    if (this.#forgotten.has(node)) return
    for (const mate of this.#mates(node)) {
      const death = this.#deaths.get(mate)
      if (gone(this.#views.get(mate, node))) this.#open(`${mate} ${node}`, mate, node)
      if (death !== undefined) this.#expect(node, mate, death, this.#queue.now, 1)
      else if (gone(this.#views.get(node, mate)) && this.#steadiness.alive(mate))
        this.#open(`${node} ${mate}`, node, mate)
    }
  }

  /** `node` ended; its last record promised `promise`. */
  stopped(node: number, { promise, how, steady }: Pick<Death, 'promise' | 'how' | 'steady'>): void {
    if (this.#forgotten.has(node)) return
    const mates = this.#mates(node).filter((mate) => this.#steadiness.alive(mate))
    const witnesses = new Map(mates.map((mate) => [mate, this.#steadiness.run(mate)]))
    const death: Death = { end: this.#queue.now, how, steady, promise, witnesses }
    this.#deaths.set(node, death)
    for (const mate of this.#mates(node)) {
      this.#rumours.delete(`${mate} ${node}`)
      this.#rumours.delete(`${node} ${mate}`)
    }
    for (const mate of mates) this.#expect(mate, node, death, death.end, 1)
  }

  /** The node is revoked: what others show of it, and what it shows, is not looked at any more. */
  forget(node: number): void {
    this.#forgotten.add(node)
    this.#deaths.delete(node)
    for (const [key, { observer, subject }] of this.#rumours)
      if (observer === node || subject === node) this.#rumours.delete(key)
  }

  /** A record was published to so many zone-mates. */
  published(mates: number): void {
    this.#records += mates
  }

  /** The run is over: were false alarms rare? */
  finish(): void {
    for (const [how, times] of Object.entries(this.#times) as [End, Millis[]][])
      if (times.length > 0) this.stats.times[how] = percentilesOf(times)
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

  /** Some time after `from` the mate must have noticed the death, if both are still as they are now. */
  #expect(mate: number, node: number, death: Death, from: Millis, patience: number): void {
    const bound = Math.ceil(this.#bounds.detection(death.promise, patience))
    const run = this.#steadiness.run(mate)
    this.#queue.at(from + bound, () => {
      const same = this.#deaths.get(node) === death && this.#steadiness.run(mate) === run
      const shown = this.#views.get(mate, node)
      if (!same || this.#forgotten.has(mate) || !this.#steadiness.alive(mate) || shown === undefined || gone(shown))
        return
      // A node without links doubts itself first, so it takes twice as long.
      if (patience === 1 && this.#steadiness.isolatedSince(mate, from))
        return this.#expect(mate, node, death, from, limits.isolatedPatience)
      this.#report('I7', mate, `shows #${node} as ${shown} ${this.#queue.now - death.end} ms after it ended`)
    })
  }

  /** Nothing that a dead node said may bring it back: not for who heard it all, and for nobody once its promise is over. */
  #resurrected(observer: number, subject: number, status: Status): void {
    const death = this.#deaths.get(subject)
    if (death === undefined) return
    const since = this.#steadiness.since(observer)
    const heardAll = since !== undefined && since <= death.end
    const owed = heardAll ? 0 : this.#bounds.detection(death.promise, 1)
    const silence = this.#queue.now - death.end
    if (silence > this.#bounds.delivery + owed)
      this.#report('I7', observer, `shows #${subject} as ${status} again ${silence} ms after it ended`)
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
    const death = this.#deaths.get(subject)
    if (death === undefined || death.witnesses.get(observer) !== this.#steadiness.run(observer)) return
    this.stats.detections++
    if (death.steady) this.#times[death.how].push(this.#queue.now - death.end)
    this.stats.slowestDetection = Math.max(this.stats.slowestDetection, this.#queue.now - death.end)
  }

  /** Since when the rumour stands between two steady nodes; undefined when one of them is not. */
  #bothSteadyFrom(observer: number, subject: number, since: Millis): Millis | undefined {
    const own = this.#steadiness.since(observer)
    const other = this.#steadiness.since(subject)
    return own === undefined || other === undefined ? undefined : Math.max(since, own, other)
  }
}

function percentilesOf(times: Millis[]): Percentiles {
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] as Millis
  return { count: times.length, p50: at(0.5), p99: at(0.99) }
}
