// One check of the self-test.
import type { Failure } from '../../core/failure.ts'

export type CheckState = 'ok' | 'warn' | 'fail'

export interface Check {
  name: string
  state: CheckState
  /** What was found. */
  text: string
  /** What to do about it; where it is ok, what would make it better. */
  advice?: string
}

export function ok(name: string, text: string): Check {
  return { name, state: 'ok', text }
}

export function warn(name: string, text: string, advice: string): Check {
  return { name, state: 'warn', text, advice }
}

/** What a sentence that ends with advice (`what is wrong: what to do`) says, as a check. */
export function failed(name: string, { message }: Failure, fallback: string): Check {
  const end = message.indexOf(': ')
  return end < 0 ? fail(name, message, fallback) : fail(name, message.slice(0, end), message.slice(end + 2))
}

export function fail(name: string, text: string, advice: string): Check {
  return { name, state: 'fail', text, advice }
}
