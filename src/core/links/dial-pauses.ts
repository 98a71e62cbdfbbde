// Pauses between dials: how long each contact is left alone, since dials to it failed or its link was not wanted.
// Invariant: bounded; those in the address book, and those that are linked, keep theirs.
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'

export interface Trouble {
  failures: number
  until: Millis
  /** When it last began. */
  since: Millis
  /** Who looks for any way out may dial it from then on: at once when nothing answered, later who was there. */
  seekFrom: Millis
}

export class DialPauses {
  readonly #env: Pick<Env, 'random'>
  readonly #trouble = new Map<NodeId, Trouble>()

  constructor(env: Pick<Env, 'random'>) {
    this.#env = env
  }

  get size(): number {
    return this.#trouble.size
  }

  of(peer: NodeId): Trouble | undefined {
    return this.#trouble.get(peer)
  }

  /** What it had before is as if nothing had happened since. */
  restore(peer: NodeId, before: Trouble | undefined): void {
    if (before === undefined) this.#trouble.delete(peer)
    else this.#trouble.set(peer, before)
  }

  /** Doubles the pause after each failure, jittered by half, so that a returning site does not dial in chorus. */
  failed(peer: NodeId, now: Millis, brief: Millis): void {
    const before = this.#trouble.get(peer)
    const failures = (before?.failures ?? 0) + 1
    const pause = Math.min(limits.dialBackoffMax, limits.dialBackoffMin * 2 ** (failures - 1))
    const until = Math.max(now + pause * (0.5 + this.#env.random()), before?.until ?? 0)
    const seekFrom = Math.max(Math.min(until, now + brief), before?.seekFrom ?? 0)
    this.#trouble.set(peer, { failures, until, since: now, seekFrom })
  }

  /** Leaves a contact alone until then. */
  avoid(peer: NodeId, until: Millis): void {
    const { failures = 0, since = 0 } = this.#trouble.get(peer) ?? {}
    this.#trouble.set(peer, { failures, until, since, seekFrom: until })
  }

  /** It refused us at its gate. */
  turnedAway(peer: NodeId): void {
    const trouble = this.#trouble.get(peer)
    if (trouble !== undefined) trouble.seekFrom = trouble.until
  }

  /** Dials that failed since then failed because of our own network: those contacts may be dialled again soon. */
  lift(since: Millis, now: Millis): void {
    for (const trouble of this.#trouble.values()) {
      if (trouble.seekFrom > now || trouble.since < since || trouble.until <= now) continue
      trouble.failures = Math.min(1, trouble.failures)
      trouble.until = Math.min(trouble.until, now + limits.dialBackoffMin * this.#env.random())
    }
  }

  /** Keeps those that `isKept`, and of others, who may be told of again, as many as there is room for. */
  forget(isKept: (peer: NodeId) => boolean): void {
    if (this.#trouble.size <= limits.dialPauses) return
    const gone = [...this.#trouble].filter(([peer]) => !isKept(peer))
    gone.sort(([, a], [, b]) => a.until - b.until)
    for (const [peer] of gone.slice(0, this.#trouble.size - limits.dialPauses)) this.#trouble.delete(peer)
  }
}

/** At this age of a link its other end sends somebody away: machines with one key do so at once (trust/rivals.ts); who has links enough does when the grace is over. */
export function isSentAway(age: Millis): boolean {
  return age < limits.addressDialTimeout || (age >= limits.surplusGrace && age < limits.linkProven)
}
