// Who is seen as gone, and when: the truth of a fleet at scale beside what its nodes tell. A true `down` is timed in the zone, mate by mate,
// and at the root, where it shows in the summary that other zones hold; a false one is counted once for each node that is accused, and once
// for each that believes it.
import type { Millis, NodeId } from '../../../src/core/env.ts'
import { promiseFor } from '../../../src/core/fleet/liveness.ts'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import type { NodeEvent } from '../../../src/core/node-events.ts'
import { quantiles, rounded, type Spread } from './figures.ts'
import type { ScaleFleet } from './fleet.ts'
import type { ScaleMachine } from './machine.ts'

export type How = 'kill' | 'powerCut'

export interface Detection {
  ended: number
  /** Seconds until each mate that runs had it as `down`. */
  zone: Spread | null
  /** Mates that never did, of deaths that were long enough ago. */
  missed: number
  /** Seconds until the first summary in another zone counted it. */
  root: Spread | null
}

export interface Watched {
  kill: Detection
  powerCut: Detection
  /** Nodes that were accused although they ran, starved ones and others apart, and times that a mate believed it. */
  falseOfWell: number
  falseOfStarved: number
  /** Of these, nodes that had their CPU or had been without for less than their promise: no silence that a power cut makes as well. */
  falseOfBrief: number
  believed: number
  nodeDays: number
}

interface Case {
  node: NodeId
  zone: string
  at: Millis
  how: How
  /** Running mates that had not noticed yet. */
  waiting: Set<number>
  /** Deaths in the fleet up to this one, for the count in the summary. */
  nth: number
  root: Millis | undefined
}

/** An accusation of one node within this is one event, however many believe it. */
const EPISODE = MINUTE
/** What each node of a zone of 25 promises. */
const PROMISE = promiseFor(25, limits.recordPeriodMin)
/** Who ended so shortly before the run did need not have been noticed: twice what silence alone takes. */
const DECIDED = 2 * limits.downAfterPromises * PROMISE
/** Machines whose summary is looked at. */
const WITNESSES = 8

export class Watch {
  readonly #fleet: ScaleFleet
  readonly #cases = new Map<NodeId, Case>()
  readonly #times: Record<How, number[]> = { kill: [], powerCut: [] }
  readonly #accused = new Map<NodeId, Millis>()
  readonly #starved: ReadonlySet<number>
  readonly #from: Millis
  falseOfWell = 0
  falseOfStarved = 0
  falseOfBrief = 0
  believed = 0

  constructor(fleet: ScaleFleet, starved: ReadonlySet<number>) {
    this.#fleet = fleet
    this.#starved = starved
    this.#from = fleet.queue.now
  }

  ended(machine: ScaleMachine, at: Millis, how: How): void {
    const { zone, index } = machine.id
    const mates = this.#fleet.enrolment.mates(zone).filter((mate) => mate.index !== index)
    const running = mates.filter((mate) => this.#fleet.machines[mate.index]?.core !== undefined)
    // Whoever is starved notices nothing for a while, and is not what is timed.
    const waiting = new Set(running.map((mate) => mate.index).filter((mate) => !this.#starved.has(mate)))
    for (const other of this.#cases.values()) other.waiting.delete(index)
    this.#cases.set(machine.node, {
      node: machine.node,
      zone,
      at,
      how,
      waiting,
      nth: this.#cases.size + 1,
      root: undefined,
    })
  }

  told(machine: ScaleMachine, event: NodeEvent): void {
    if (event.type !== 'status' || event.to !== 'down') return
    const { now } = this.#fleet.queue
    const index = this.#fleet.enrolment.indexOf(event.node)
    const death = this.#cases.get(event.node)
    if (this.#fleet.machines[index]?.core !== undefined) return this.#accuse(event.node, index, now)
    if (death?.waiting.delete(machine.id.index)) this.#times[death.how].push((now - death.at) / 1000)
  }

  /** Looks at the summaries of some machines in other zones: once a second is enough. */
  tick(): void {
    const { machines, queue } = this.#fleet
    const open = [...this.#cases.values()].filter(({ root }) => root === undefined)
    if (open.length === 0) return
    const step = Math.max(1, Math.floor(machines.length / WITNESSES))
    for (let at = 0; at < machines.length; at += step) {
      const machine = machines[at] as ScaleMachine
      const down = machine.core?.fleet(queue.now).summary?.figures.counts.down ?? 0
      for (const death of open) if (machine.id.zone !== death.zone && down >= death.nth) death.root ??= queue.now
    }
  }

  result(): Watched {
    const { now } = this.#fleet.queue
    const cases = [...this.#cases.values()]
    const of = (how: How): Detection => {
      const own = cases.filter((death) => death.how === how)
      const roots = own.flatMap(({ root, at }) => (root === undefined ? [] : [(root - at) / 1000]))
      return {
        ended: own.length,
        zone: this.#times[how].length === 0 ? null : quantiles(this.#times[how]),
        missed: own.filter(({ at }) => now - at >= DECIDED).reduce((sum, { waiting }) => sum + waiting.size, 0),
        root: roots.length === 0 ? null : quantiles(roots),
      }
    }
    const { falseOfWell, falseOfStarved, falseOfBrief, believed } = this
    const days = ((this.#fleet.queue.now - this.#from) / (24 * 60 * MINUTE)) * this.#fleet.machines.length
    return {
      kill: of('kill'),
      powerCut: of('powerCut'),
      falseOfWell,
      falseOfStarved,
      falseOfBrief,
      believed,
      nodeDays: rounded(days),
    }
  }

  #accuse(node: NodeId, index: number, now: Millis): void {
    this.believed++
    const last = this.#accused.get(node)
    this.#accused.set(node, now)
    if (last !== undefined && now - last < EPISODE) return
    if (!this.#starved.has(index)) this.falseOfWell++
    else {
      this.falseOfStarved++
      if ((this.#fleet.machines[index] as ScaleMachine).stoodStill < PROMISE) this.falseOfBrief++
    }
  }
}
