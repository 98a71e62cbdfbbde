// Hours of a day, in local time. Windows may run over midnight, and overlap; none at all means always.
import type { Millis } from '../env.ts'
import { DAY, MINUTE } from '../limits.ts'

/** Minutes after midnight: `from` is in, `to` is out. A window whose end is not after its beginning runs over midnight. */
export interface Window {
  from: number
  to: number
}

/** @param local ms since the beginning of 1970 there */
export function isOpen(windows: readonly Window[], local: Millis): boolean {
  const minute = Math.floor(timeOfDay(local) / MINUTE)
  return windows.length === 0 || windows.some((window) => contains(window, minute))
}

/** How long it stays as it is, and what minute of the day it is then; undefined when it never changes. */
export function turn(windows: readonly Window[], local: Millis): { after: Millis; minute: number } | undefined {
  const open = isOpen(windows, local)
  const time = timeOfDay(local)
  let first: { after: Millis; minute: number } | undefined
  for (const border of windows.flatMap(({ from, to }) => [from, to])) {
    const minute = border % (DAY / MINUTE)
    const after = (minute * MINUTE - time + DAY) % DAY || DAY
    if (isOpen(windows, minute * MINUTE) !== open && (first === undefined || after < first.after))
      first = { after, minute }
  }
  return first
}

function contains({ from, to }: Window, minute: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to
}

function timeOfDay(local: Millis): Millis {
  return ((local % DAY) + DAY) % DAY
}
