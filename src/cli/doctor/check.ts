// One check of the self-test.

export type CheckState = 'ok' | 'warn' | 'fail'

export interface Check {
  name: string
  state: CheckState
  /** What was found. */
  text: string
  /** What to do, unless it is ok. */
  advice?: string
}

export function ok(name: string, text: string): Check {
  return { name, state: 'ok', text }
}

export function warn(name: string, text: string, advice: string): Check {
  return { name, state: 'warn', text, advice }
}

export function fail(name: string, text: string, advice: string): Check {
  return { name, state: 'fail', text, advice }
}
