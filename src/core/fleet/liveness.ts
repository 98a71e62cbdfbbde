// Liveness: what a record's promise says about its author after some silence (clause HEALTH 3). One formula, no state.
// Source of the patience factor: Lifeguard (Dadgar, Phillips, Currey 2018): a node in doubt about itself accuses more slowly.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Status } from './rows.ts'

export interface Heard {
  /** When its newest record was heard (monotonic time of the observer). */
  heard: Millis
  promise: Millis
  /** It said goodbye with that record. */
  leaving: boolean
}

/**
 * The status of a node `now`, by the record that was heard last.
 * @param patience 1, or more for an observer that doubts itself, or of a node that says it is slow.
 */
export function statusAt(node: Heard, now: Millis, patience: number): Status {
  if (node.leaving) return 'left'
  const silence = now - node.heard
  if (silence >= limits.downAfterPromises * node.promise * patience) return 'down'
  return silence >= limits.lateAfterPromises * node.promise * patience ? 'late' : 'up'
}

/** True when a node missed its promise by so much that its witnesses look for it. */
export function isMissed({ heard, promise, leaving }: Heard, now: Millis, patience: number): boolean {
  return !leaving && now - heard >= limits.suspectAfterPromises * promise * patience
}

/**
 * When the status changes next if nothing more is heard; undefined when it is final.
 * @param watched it matters, too, when isMissed becomes true
 */
export function nextChangeAt(node: Heard, now: Millis, patience: number, watched = false): Millis | undefined {
  const status = statusAt(node, now, patience)
  if (status === 'left' || status === 'down') return undefined
  if (watched && !isMissed(node, now, patience))
    return node.heard + limits.suspectAfterPromises * node.promise * patience
  const promises = status === 'up' ? limits.lateAfterPromises : limits.downAfterPromises
  return node.heard + promises * node.promise * patience
}

/** The promise of a record in a zone of `members` nodes: T = max(minimum, members x 0.5 s), the rate budget of a leaf topic. */
export function promiseFor(members: number, minimum: Millis): Millis {
  return Math.min(limits.recordPeriodMax, Math.max(minimum, members * limits.recordPeriodPerMember))
}
