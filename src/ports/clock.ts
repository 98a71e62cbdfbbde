// Clock: monotonic time to order by, wall time to label with, and the node's one timer.
import type { Millis } from '../core/env.ts'

export interface Clock {
  /** Monotonic; has no meaning outside this process. */
  now(): Millis
  /** Wall time since 1970; may step either way. */
  wall(): Millis
  /** How far local time is ahead of UTC now, in ms. */
  offset(): Millis
  /** Replaces the one timer: calls `wake` once at or after `at` (monotonic). undefined disarms. */
  arm(at: Millis | undefined, wake: () => void): void
}
