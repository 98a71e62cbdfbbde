// A race: candidates in order of preference, each given a head start before the next one is tried beside it. So one that hangs
// costs little, and one that fails nothing.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'

export interface Candidate<T> {
  what: T
  /** After those before it were tried for so long. */
  headStart: Millis
}

export interface RaceOptions {
  signal: AbortSignal
  /** For each candidate. */
  timeout: Millis
}

/**
 * The first that works; the others are aborted. Its own signal never is after that: libp2p goes on listening to it.
 * Rejects with an AggregateError of what each failed of, or as `signal` says.
 */
export async function race<T, R>(
  candidates: readonly Candidate<T>[],
  attempt: (what: T, signal: AbortSignal) => Promise<R>,
  { signal, timeout }: RaceOptions,
): Promise<R> {
  const { promise, resolve, reject } = Promise.withResolvers<R>()
  const waiting = [...candidates]
  const underway = new Set<AbortController>()
  const errors: unknown[] = []
  let timer: NodeJS.Timeout | undefined
  const next = (): void => {
    clearTimeout(timer)
    const candidate = waiting.shift()
    if (candidate === undefined) return underway.size === 0 ? reject(new AggregateError(errors)) : undefined
    const own = new AbortController()
    underway.add(own)
    const late = setTimeout(() => own.abort(new Failure('E_NO_MEMBER', 'no answer')), timeout)
    const settled = () => {
      clearTimeout(late)
      underway.delete(own)
    }
    attempt(candidate.what, own.signal).then(
      (result) => {
        settled()
        resolve(result)
      },
      (error: unknown) => {
        settled()
        errors.push(error)
        next()
      },
    )
    if (waiting[0] !== undefined) timer = setTimeout(next, waiting[0].headStart)
  }
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  else next()
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
    waiting.length = 0
    clearTimeout(timer)
    for (const loser of underway) loser.abort(new Failure('E_NO_MEMBER', 'another address was faster, or time is over'))
  }
}
