// News: which changes of status a person is told of. All of them are events, as the view must be explained by them; one is quiet when
// it says nothing new: of a node that comes and goes all the time, of a zone that is split, or beyond what anybody reads in a minute.
import type { Millis, NodeId } from '../env.ts'
import { limits, MINUTE } from '../limits.ts'
import type { NodeEvent } from '../node-events.ts'
import type { Outbox } from '../outbox.ts'
import type { Alerts } from './alerts.ts'

export type StatusEvent = Extract<NodeEvent, { type: 'status' }>

/** How many of the zone are not heard as they promised, of how many that should be. */
export interface Missing {
  missing: number
  members: number
}

interface Parts {
  out: Outbox
  alerts: Alerts
  missing: (now: Millis) => Missing
}

export class News {
  readonly #p: Parts
  /** When each node came back from being down, within the last hour. */
  readonly #returns = new Map<NodeId, Millis[]>()
  /** Since when most of the zone is missing, and whose going is part of that. */
  #split: Millis | undefined
  readonly #hushed = new Set<NodeId>()
  #hushedMost = 0
  /** Told in this minute, and kept back. */
  #minute: Millis = 0
  #told = 0
  #kept = 0

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return Math.max(this.#returns.size, this.#hushed.size)
  }

  /** A node's status changed. */
  changed(event: StatusEvent, now: Millis): void {
    const wasFlapping = this.isFlapping(event.node, now)
    if (event.from === 'down' && event.to === 'up') this.#returned(event.node, now)
    const isFlapping = this.isFlapping(event.node, now)
    const isSplit = this.#isOfSplit(event, now)
    const quiet = isFlapping || isSplit || !this.#isRead(now)
    this.#p.out.event(quiet ? { ...event, quiet } : event)
    if (isFlapping && !wasFlapping) {
      const detail = `this node was down and came back ${limits.flapsMax} times within an hour: it is not told of again until it has been quiet for as long`
      this.#p.alerts.raise('flapping', event.node, detail, now)
    }
  }

  /** True for a node that went and came back too often lately to be relied upon. */
  isFlapping(node: NodeId, now: Millis): boolean {
    const times = this.#returns.get(node)
    return times !== undefined && this.#recent(node, times, now).length >= limits.flapsMax
  }

  /** An alert is over when its node was quiet for long enough, and a split when nearly all are back. */
  check(now: Millis): void {
    if (this.#kept > 0 && now - this.#minute >= MINUTE) this.#isNewMinute(now)
    for (const [node, times] of this.#returns) this.#recent(node, times, now)
    if (this.#split === undefined || this.#hushed.size > limits.splitRest * this.#hushedMost) return
    this.#p.out.event({ type: 'zoneHealed', after: now - this.#split, missing: this.#hushed.size })
    this.#split = undefined
    this.#hushed.clear()
    this.#hushedMost = 0
  }

  /** When something is over that nothing else would tell. */
  deadline(): Millis | undefined {
    let first = this.#kept > 0 ? this.#minute + MINUTE : undefined
    for (const times of this.#returns.values()) {
      // Those of a flapping node are forgotten together: nothing is due before the last of them is old.
      const counts = times.length >= limits.flapsMax ? times.at(-1) : times[0]
      const over = (counts as Millis) + limits.flapWindow + 1
      first = Math.min(first ?? over, over)
    }
    return first
  }

  #returned(node: NodeId, now: Millis): void {
    const times = [...(this.#returns.get(node) ?? []), now].slice(-limits.flapsMax)
    this.#returns.set(node, times)
    if (this.#returns.size > limits.viewNodes) this.#returns.delete(this.#returns.keys().next().value as NodeId)
  }

  /** Of a flapping node the last return counts: all are forgotten an hour after that, and not one by one. */
  #recent(node: NodeId, times: readonly Millis[], now: Millis): readonly Millis[] {
    const isFlapping = times.length >= limits.flapsMax
    const isRecent = (time: Millis) => now - time <= limits.flapWindow
    const recent = isFlapping ? (times.some(isRecent) ? times : []) : times.filter(isRecent)
    if (recent.length === times.length) return times
    if (recent.length > 0) this.#returns.set(node, [...recent])
    else {
      this.#returns.delete(node)
      if (isFlapping) this.#p.alerts.lower('flapping', node)
    }
    return recent
  }

  #isOfSplit({ node, to }: StatusEvent, now: Millis): boolean {
    if (to === 'up' || to === 'left') return this.#hushed.delete(node)
    const { missing, members } = this.#p.missing(now)
    if (members < limits.splitMembers || missing < limits.splitShare * members) {
      return this.#hushed.has(node)
    }
    if (this.#split === undefined) {
      this.#split = now
      this.#p.out.event({ type: 'zoneSplit', missing, members })
    }
    this.#hushed.add(node)
    this.#hushedMost = Math.max(this.#hushedMost, this.#hushed.size)
    return true
  }

  #isRead(now: Millis): boolean {
    if (now - this.#minute >= MINUTE) this.#isNewMinute(now)
    this.#told += 1
    if (this.#told <= limits.statusEvents) return true
    this.#kept += 1
    return false
  }

  #isNewMinute(now: Millis): void {
    if (this.#kept > 0) this.#p.out.event({ type: 'statusMore', count: this.#kept })
    this.#minute = now
    this.#told = 0
    this.#kept = 0
  }
}
