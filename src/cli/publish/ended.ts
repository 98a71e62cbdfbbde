// The peer ends while a release is published through it: what that means for the release depends only on how far it was.
import { Failure } from '../../core/failure.ts'

interface Ended {
  /** Nothing was handed in yet. */
  before: (cause: unknown) => never
  /** The submission was under way. */
  during: (cause: unknown) => never
}

/** What to throw when the peer of `data` answered before and does not any more: E_NO_DAEMON. All else passes as it is. */
export function peerEnded(data: string): Ended {
  const again = `start it again ("pimesh up --data ${data}", or "pimesh attach --data ${data}" for an operator's folder)`
  const told = (meaning: string) => (cause: unknown) => {
    if (!(cause instanceof Failure && cause.code === 'E_NO_DAEMON')) throw cause
    throw new Failure('E_NO_DAEMON', `the peer of ${data} ${hangs(cause) ? 'hangs' : 'ended'}${meaning}`, { cause })
  }
  const before = told(`, and nothing was announced: ${again}, and publish again`)
  const during = told(
    ` before it answered, so the release may be in force: ${again}; when "pimesh releases" does not list it, publish again`,
  )
  return { before, during: (cause) => (wasReached(cause) ? during(cause) : before(cause)) }
}

function hangs({ cause }: Failure): boolean {
  return cause instanceof Error && ['TimeoutError', 'AbortError'].includes(cause.name)
}

/** Whether it may have read what was sent. */
export function wasReached(error: unknown): boolean {
  const cause = error instanceof Failure ? (error.cause as NodeJS.ErrnoException | undefined) : undefined
  return !['ECONNREFUSED', 'ENOENT', 'EACCES'].includes(cause?.code ?? '')
}
