// Why a dial failed, in a few words that a person can act on; what is not known here is said as the library says it.

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'connection refused'],
  [/ENOTFOUND|EAI_AGAIN/, 'its name cannot be resolved'],
  [/ENETUNREACH|EHOSTUNREACH|ENETDOWN/, 'no route there'],
  [/ETIMEDOUT|TimeoutError|timed? ?out|operation was aborted/i, 'no answer in time'],
  [/ECONNRESET|EPIPE|remote closed|unexpected end/i, 'the connection was cut off'],
  [/NO_RESERVATION/, 'the relay does not hear of it any more'],
  [/RESOURCE_LIMIT_EXCEEDED|RESERVATION_REFUSED/, 'the budget of the relay is used up'],
]

/** `connection refused`, `no answer in time`. */
export function dialProblem(error: unknown): string {
  // libp2p's wait for a stream ends with the event that came instead.
  if (error instanceof Event) return 'the connection was cut off'
  const text = error instanceof Error ? `${error.name} ${error.message}` : String(error)
  const known = WORDS.find(([pattern]) => pattern.test(text))?.[1]
  return known ?? (error instanceof Error ? error.message : text)
}
