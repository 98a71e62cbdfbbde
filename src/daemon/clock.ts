// The clock of a real node: monotonic time from the process, wall time as the machine shows it, one timer.
import { MINUTE } from '../core/limits.ts'
import type { Clock } from '../ports/clock.ts'

/** setTimeout takes 32 bits; a later deadline is reached in several naps, each ending in a harmless early wake. */
const LONGEST_NAP = 2 ** 31 - 1

export function systemClock(): Clock {
  let timer: NodeJS.Timeout | undefined
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    offset: () => -new Date().getTimezoneOffset() * MINUTE,
    arm(at, wake) {
      clearTimeout(timer)
      timer = undefined
      if (at === undefined) return
      const nap = Math.min(LONGEST_NAP, Math.max(0, Math.ceil(at - performance.now())))
      timer = setTimeout(wake, nap)
    },
  }
}
