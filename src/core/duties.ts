// Duties: what a node looks at by the clock, in order, and when each is next due. Most inputs are a pulse's turn, its answer, or a record that
// says nothing new, and there are several a second on every board: for these only what they can have moved is looked at.
// Invariant: `next` is never later than the deadline of any duty.
import type { Millis } from './env.ts'

export interface Duty {
  /** When it next has something to do, undefined for never. */
  deadline(): Millis | undefined
  /** Does what is due by now, and nothing when nothing is. */
  check(now: Millis): void
}

/** What its check does moves no other's deadline. */
interface Listed {
  duty: Duty
  alone: boolean
}

export class Duties {
  readonly #listed: readonly Listed[]
  readonly #due: Float64Array
  /** The least of them: asked for several times in each step. */
  #next = Number.POSITIVE_INFINITY

  /** @param all in the order in which they are looked at; those of `alone` move nobody's deadline but their own */
  constructor(all: readonly Duty[], alone: readonly Duty[]) {
    this.#listed = all.map((duty) => ({ duty, alone: alone.includes(duty) }))
    this.#due = new Float64Array(all.length)
    this.refresh()
  }

  /** The earliest deadline as it was last looked up; undefined when there is none. */
  get next(): Millis | undefined {
    return this.#next === Number.POSITIVE_INFINITY ? undefined : this.#next
  }

  /** Looks at all, in order, whatever their deadlines. */
  settle(now: Millis): void {
    for (const { duty } of this.#listed) duty.check(now)
    this.refresh()
  }

  /** Looks up all deadlines. */
  refresh(): void {
    for (let at = 0; at < this.#listed.length; at++) this.#lookUp(at)
    this.#next = this.#earliest()
  }

  /** Looks up that of one duty, which nothing but this input moved. */
  moved(duty: Duty): void {
    for (let at = 0; at < this.#listed.length; at++) if (this.#listed[at]?.duty === duty) this.#lookUp(at)
    this.#next = this.#earliest()
  }

  /** Does what is due and moves nobody else's deadline. False when more is due than that: then all have to be looked at. */
  settleAlone(now: Millis): boolean {
    if (this.#next > now) return true
    for (let at = 0; at < this.#listed.length; at++) {
      if (this.#dueAt(at) <= now && !(this.#listed[at] as Listed).alone) return false
    }
    for (let at = 0; at < this.#listed.length; at++) {
      if (this.#dueAt(at) > now) continue
      this.#listed[at]?.duty.check(now)
      this.#lookUp(at)
    }
    this.#next = this.#earliest()
    return true
  }

  /** True when a deadline is earlier than was looked up: a defect, for invariant checks. */
  get isStale(): boolean {
    return this.#listed.some(({ duty }, at) => (duty.deadline() ?? Number.POSITIVE_INFINITY) < this.#dueAt(at))
  }

  #earliest(): Millis {
    let first = Number.POSITIVE_INFINITY
    for (let at = 0; at < this.#due.length; at++) first = Math.min(first, this.#dueAt(at))
    return first
  }

  #dueAt(at: number): Millis {
    return this.#due[at] as Millis
  }

  #lookUp(at: number): void {
    this.#due[at] = this.#listed[at]?.duty.deadline() ?? Number.POSITIVE_INFINITY
  }
}
