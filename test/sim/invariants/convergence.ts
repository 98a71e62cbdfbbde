// I2: after a partition heals, and after the last fault of a run, all nodes of a zone that run show each other as `up`, within
// bounds.convergence. Looked at once a round (T): the first round without an exception counts. At the last round only who had
// the time to get over a restart or a lying clock is held to it.
import type { Millis } from '../../../src/core/env.ts'
import type { EventQueue } from '../queue.ts'
import type { Bounds } from './bounds.ts'
import type { Report } from './detection.ts'
import type { Views } from './views.ts'

/** Nodes of a zone that run and can be reached: all of them, and those that had the time to become known. */
export interface Present {
  all: readonly number[]
  settled: readonly number[]
}

export interface ConvergenceStats {
  /** Zones that were watched until they agreed. */
  zones: number
  /** Most rounds of T that one took, and the most that were allowed. */
  slowestRounds: number
  allowedRounds: number
}

interface Task {
  zone: string
  from: Millis
  rounds: number
}

export class Convergence {
  readonly stats: ConvergenceStats = { zones: 0, slowestRounds: 0, allowedRounds: 0 }
  readonly #queue: EventQueue
  readonly #bounds: Bounds
  readonly #views: Views
  readonly #present: (zone: string) => Present
  readonly #report: Report
  readonly #tasks = new Set<Task>()

  constructor(parts: {
    queue: EventQueue
    bounds: Bounds
    views: Views
    present: (zone: string) => Present
    report: Report
  }) {
    this.#queue = parts.queue
    this.#bounds = parts.bounds
    this.#views = parts.views
    this.#present = parts.present
    this.#report = parts.report
  }

  /** The zone is whole again after a separation; its views are watched until they agree. */
  expect(zone: string, members: number, separation: Millis): void {
    const round = this.#bounds.promise(members)
    const rounds = Math.ceil(this.#bounds.convergence(separation, members) / round)
    const task: Task = { zone, from: this.#queue.now, rounds }
    this.#tasks.add(task)
    this.stats.allowedRounds = Math.max(this.stats.allowedRounds, rounds)
    this.#next(task, 1, round)
  }

  /** The zone was torn again: nothing is expected until it heals. */
  cancel(zone: string): void {
    for (const task of this.#tasks) if (task.zone === zone) this.#tasks.delete(task)
  }

  /** How often views are still expected to agree. */
  get open(): number {
    return this.#tasks.size
  }

  #next(task: Task, round: number, length: Millis): void {
    this.#queue.at(task.from + round * length, () => {
      if (!this.#tasks.has(task)) return
      const { all, settled } = this.#present(task.zone)
      if (this.#exception(all) === undefined) this.#done(task, round)
      else if (round < task.rounds) this.#next(task, round + 1, length)
      else this.#judge(task, this.#exception(settled), round)
    })
  }

  #done(task: Task, round: number): void {
    this.#tasks.delete(task)
    this.stats.zones++
    this.stats.slowestRounds = Math.max(this.stats.slowestRounds, round)
  }

  #judge(task: Task, exception: [number, number] | undefined, round: number): void {
    this.#tasks.delete(task)
    if (exception === undefined) return
    const [observer, subject] = exception
    const shown = this.#views.get(observer, subject) ?? 'nothing'
    this.#report(
      'I2',
      observer,
      `shows #${subject} as ${shown} ${round} rounds after zone ${task.zone} was whole again`,
    )
  }

  #exception(present: readonly number[]): [number, number] | undefined {
    for (const observer of present) {
      for (const subject of present) {
        if (observer !== subject && this.#views.get(observer, subject) !== 'up') return [observer, subject]
      }
    }
    return undefined
  }
}
