// Who may be held to a bound: a node is steady when it runs, its zone is whole, its clock does not claim that all
// memberships have expired, and it had the time that bounds.ts allows to get over the last of these.
import type { Millis } from '../../../src/core/env.ts'
import type { Bounds } from './bounds.ts'

interface State {
  members: number
  alive: boolean
  run: number
  steadyAt: Millis
  /** The same without the time that a healed partition is given. */
  settledAt: Millis
  /** Since when its clock claims that everything has expired. */
  lyingSince: Millis | undefined
  /** Partitions that cut its zone, with their beginnings. */
  cutSince: Millis[]
  /** When it last had no link at all. */
  isolatedAt: Millis
}

export class Steadiness {
  readonly #bounds: Bounds
  readonly #states = new Map<number, State>()

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** `members`: nodes of its zone. */
  add(node: number, members: number): void {
    const never = Number.NEGATIVE_INFINITY
    this.#states.set(node, {
      members,
      alive: false,
      run: 0,
      steadyAt: 0,
      settledAt: 0,
      lyingSince: undefined,
      cutSince: [],
      isolatedAt: never,
    })
  }

  started(node: number, now: Millis): void {
    const state = this.#state(node)
    state.alive = true
    state.run++
    this.#settle(state, now + this.#bounds.start(state.members))
  }

  /** Its disk refused a write: without its incarnation on disk it stays silent until the next try. */
  diskFailed(node: number, now: Millis): void {
    const state = this.#state(node)
    this.#settle(state, now + this.#bounds.start(state.members))
  }

  stopped(node: number): void {
    this.#state(node).alive = false
  }

  cut(node: number, now: Millis): void {
    this.#state(node).cutSince.push(now)
  }

  healed(node: number, now: Millis): void {
    const state = this.#state(node)
    const since = state.cutSince.shift() ?? now
    state.steadyAt = Math.max(state.steadyAt, now + this.#bounds.heal(now - since, state.members))
  }

  clock(node: number, lies: boolean, now: Millis): void {
    const state = this.#state(node)
    if (lies) state.lyingSince ??= now
    else if (state.lyingSince !== undefined) {
      this.#settle(state, now + this.#bounds.heal(now - state.lyingSince, state.members))
      state.lyingSince = undefined
    }
  }

  isolated(node: number, now: Millis): void {
    this.#state(node).isolatedAt = now
  }

  alive(node: number): boolean {
    return this.#state(node).alive
  }

  /** Number of the process: differs after a restart. */
  run(node: number): number {
    return this.#state(node).run
  }

  isolatedSince(node: number, from: Millis): boolean {
    return this.#state(node).isolatedAt >= from
  }

  /** Since when it is steady (maybe a moment to come); undefined while something keeps it from it. */
  since(node: number): Millis | undefined {
    const { alive, lyingSince, cutSince, steadyAt } = this.#state(node)
    return alive && lyingSince === undefined && cutSince.length === 0 ? steadyAt : undefined
  }

  steady(node: number, now: Millis): boolean {
    const since = this.since(node)
    return since !== undefined && since <= now
  }

  /** It would be steady if no partition had been: its zone should know it. */
  settled(node: number, now: Millis): boolean {
    return this.since(node) !== undefined && this.#state(node).settledAt <= now
  }

  #settle(state: State, until: Millis): void {
    state.settledAt = Math.max(state.settledAt, until)
    state.steadyAt = Math.max(state.steadyAt, until)
  }

  #state(node: number): State {
    const state = this.#states.get(node)
    if (state === undefined) throw new Error(`no node ${node} is watched`)
    return state
  }
}
