// After the announcement: waiting until the publisher's machine is not needed any more.
import { Failure } from '../../core/failure.ts'
import type { ApiClient } from '../../daemon/api-client.ts'
import type { ReleaseJson } from '../../daemon/api-types.ts'
import { pausedText } from '../format/budgets.ts'
import { counted, percent } from '../format/quantity.ts'
import type { ProgressLine } from '../frame/progress.ts'
import { plain, type Terminal } from '../frame/terminal.ts'
import { wait } from '../frame/wait.ts'

/** How often the peer is asked, in ms: it answers from memory. */
const LOOK = 500
/** How often the fleet is, in ms: its records say who has what, also of those that never asked this peer for a piece. */
const ASK = 3_000
const ASK_TIMEOUT = 2_000
/** When nobody wants it for so long, in ms, a person may have chosen the wrong nodes. */
const QUIET = 30_000
/** States of a node that has every byte. */
const WHOLE = ['verified', 'staged', 'switched', 'healthy', 'committed']

interface Ends {
  client: Pick<ApiClient, 'releases' | 'status'>
  terminal: Terminal
  signal: AbortSignal
  progress: ProgressLine
}

/**
 * Waits until a member other than this peer has all pieces, showing how far they are.
 * @returns how many have; 0 when a person did not want to wait for it, or a newer announcement took its place.
 * @throws Failure E_NO_DAEMON: the peer ended.
 */
export async function waitForCopy(
  ends: Ends,
  { hash, encodings }: { hash: string; encodings: readonly { base?: string }[] },
): Promise<number> {
  const { client, signal, progress } = ends
  try {
    const { node, budgets } = await client.status()
    if (budgets?.paused) said(ends, `this peer is paused ${pausedText(budgets.paused)}`, 0)
    let quietUntil = performance.now() + QUIET
    let askAt = 0
    let known: ReleaseJson['nodes'] = []
    for (;;) {
      const asks = performance.now() >= askAt
      const { releases } = await client.releases(asks ? { timeoutMs: ASK_TIMEOUT } : { local: true })
      const found = releases.find((one) => one.hash === hash)
      if (asks) {
        askAt = performance.now() + ASK
        known = found?.nodes ?? []
      }
      const release = found && { ...found, nodes: known }
      if (release === undefined) return said(ends, 'a newer announcement has taken its place meanwhile', 0)
      const { count, who } = copiesOf(release, node)
      if (count > 0) {
        const has = `${who} ${count === 1 ? 'has' : 'have'}`
        const byPatch = encodings.some(({ base }) => base !== undefined) && !release.here?.copies
        return said(ends, byPatch ? `${has} it by a patch: ${OTHERS_NEED}` : `${has} all of it: ${MAY_STOP}`, count)
      }
      if (signal.aborted) return said(ends, CONTINUES, 0)
      const quiet = interest(release, node) === 0 && performance.now() > quietUntil
      if (quiet || interest(release, node) > 0) quietUntil = Number.POSITIVE_INFINITY
      if (quiet) said(ends, NOBODY, 0)
      progress.say(waitingText(release, node))
      await wait(LOOK, signal)
    }
  } catch (error) {
    throw error instanceof Failure ? gone(error) : error
  } finally {
    progress.end()
  }
}

const CONTINUES =
  'no other member has all of it yet: it is announced and goes on by itself while this peer runs, so do not stop that now; "pimesh releases" shows how far it is'
const MAY_STOP = 'you may stop this peer now'
const OTHERS_NEED =
  'nodes that cannot use that one need this peer until another member has all of it, so do not stop it before these have'
const NOBODY =
  'no member fetches it yet: perhaps the selector names no node that is up; it stays announced, and Ctrl-C is safe'

/** Says something where the progress stands. */
function said({ terminal, progress }: Ends, text: string, count: number): number {
  progress.end()
  terminal.notice(text)
  return count
}

function gone(error: Failure): Failure {
  return new Failure(
    error.code,
    `it is announced, but whether another member has all of it is not known: ${error.message}`,
  )
}

function others({ nodes }: ReleaseJson, own: string): ReleaseJson['nodes'] {
  return nodes.filter((node) => node.node !== own)
}

function copiesOf(release: ReleaseJson, own: string): { count: number; who: string } {
  const whole = others(release, own).filter(({ state }) => WHOLE.includes(state))
  const count = Math.max(whole.length, release.here?.copies ?? 0)
  if (count === 1) return { count, who: plain(whole[0]?.name ?? 'another member') }
  return { count, who: counted(count, 'other member') }
}

/** Members that have some of it, or say that they will. */
function interest(release: ReleaseJson, own: string): number {
  return Math.max(others(release, own).length, release.here?.providers ?? 0)
}

function waitingText(release: ReleaseJson, own: string): string {
  const best = Math.max(release.here?.best ?? 0, ...others(release, own).map((node) => node.percent))
  const count = interest(release, own)
  const far = count === 0 ? 'none has begun' : `${counted(count, 'member')} at it, the first at ${percent(best / 100)}`
  return `waiting until another member has all of it: ${far} (Ctrl-C is safe)`
}
