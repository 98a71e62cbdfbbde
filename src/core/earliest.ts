// The earliest of several times, each of which may be none: what a deadline is made of. Asked for after every step, so it makes no list.
import type { Millis } from './env.ts'

/** The lowest of these; undefined when none of them is a time. */
export function earliest(...times: readonly (Millis | undefined)[]): Millis | undefined {
  let first: Millis | undefined
  for (const at of times) if (at !== undefined && (first === undefined || at < first)) first = at
  return first
}
