// Taking signed root and targets documents into the mesh's folder, and handing them to the peer on this machine. The folder comes first,
// so that nothing that is in force is missing there; what the peer refuses leaves it again.
import { rmSync } from 'node:fs'
import { Failure } from '../../core/failure.ts'
import type { ApiClient } from '../../daemon/api-client.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { SigningRequest } from '../../publish/signing-request.ts'
import { wasReached } from '../publish/ended.ts'
import { text } from '../publish/report.ts'
import type { Peer } from './catch-up.ts'

/** What to do about a root that was signed apart from the one in force. */
export const FORKED =
  'move that one and those that follow it out of its folder "root", and those in force come from the peer'

/** What a peer took, and how many members it can tell now. */
export interface HandedIn {
  /** Versions that are in force there now, if they were handed in. */
  root: number | undefined
  targets: number | undefined
  linked: number
}

/**
 * Both, for whole requests in their order. On a failure the folder is as it was, but for what is in force or may be.
 * @param again what to do when somebody else was faster; default: what others signed is prepared again.
 * @returns undefined without a peer.
 * @throws Failure as completeRequest; E_PROTOCOL (an older daemon), E_ROOT_INVALID, E_TARGETS (refused), E_NO_DAEMON (it ended meanwhile)
 */
export async function takeIn(
  dir: string,
  requests: readonly SigningRequest[],
  peer: Peer | undefined,
  again?: string,
): Promise<HandedIn | undefined> {
  const { openMesh } = await import('../../publish/mesh.ts')
  const { completeRequest, isComplete, requireFollowing } = await import('../../publish/complete-request.ts')
  if (peer !== undefined) {
    requireAble(peer)
    const { targets } = await peer.client.publishers()
    for (const request of requests) requireFollowing(request, targets, again)
  }
  const written: { kind: SigningRequest['kind']; path: string }[] = []
  const done: Partial<HandedIn> = {}
  try {
    for (const request of requests) {
      const mesh = openMesh(dir)
      if (!isComplete(mesh, request)) written.push({ kind: request.kind, path: completeRequest(mesh, request, again) })
    }
    return peer === undefined ? undefined : await handIn(openMesh(dir), peer, done)
  } catch (error) {
    if (isUnsure(error)) throw unsure(error, dir, peer)
    for (const { kind, path } of written) if (kind !== 'root' || done.root === undefined) rmSync(path, { force: true })
    throw done.root === undefined ? error : halfDone(error, done.root)
  }
}

/**
 * Hands a peer what the folder has and the peer lacks: roots, then targets.
 * @param done is filled as the peer takes them.
 * @throws Failure E_PROTOCOL: its daemon is too old for that, found out before it has taken anything.
 */
export async function handIn(mesh: Mesh, peer: Peer, done: Partial<HandedIn> = {}): Promise<HandedIn> {
  requireAble(peer)
  const { client } = peer
  const { isTargets, newestKnown } = await import('../../publish/delegations.ts')
  const { requireSameRoot } = await import('../../publish/same-root.ts')
  const { root: inForce, rootVersion, linked } = await client.enrolment()
  // Somebody else's may have come into force while this one was being signed.
  requireSameRoot({ roots: mesh.roots, name: mesh.dir, advice: FORKED }, inForce)
  const root = await giveRoots(client, mesh.roots, rootVersion)
  if (root !== undefined) done.root = root
  const own = newestKnown(mesh, null)
  const held = (await client.publishers()).targets
  const isNews = own !== undefined && newestKnown(mesh, held)?.hash === own.hash && text(own.raw) !== held
  if (isNews && isTargets(own, mesh)) done.targets = (await client.delegate(text(own.raw))).version
  return { root: undefined, targets: undefined, ...done, linked }
}

/** Hands in the roots that a peer lacks. @returns the version that is in force; undefined when it lacks none. @throws Failure E_ROOT_INVALID */
export async function giveRoots(client: ApiClient, roots: Mesh['roots'], held: number): Promise<number | undefined> {
  const { rootsLacking } = await import('../../publish/same-root.ts')
  const offered = rootsLacking(roots, held)
  return offered.length === 0 ? undefined : (await client.root(offered.map(({ raw }) => text(raw)))).version
}

/** A daemon that tells no root takes roots, and knows nothing of targets: half of a change would be in force. @throws Failure E_PROTOCOL */
function requireAble({ held, data }: Peer): void {
  if (held.root !== undefined) return
  throw new Failure(
    'E_PROTOCOL',
    `the daemon of ${data} is older than this command, and nothing has changed: start the new one`,
  )
}

/** The root is in force and stays so, whatever the peer says of the targets that came after it. */
function halfDone(error: unknown, version: number): unknown {
  if (!(error instanceof Failure && error.code === 'E_TARGETS')) return error
  const problem = error.message.replace(/; nothing has changed$/, '')
  const next =
    '"pimesh trust show" tells what is in force, and "pimesh trust renew targets" signs the targets under this root'
  return new Failure('E_TARGETS', `version ${version} of the root is in force, and ${problem}: ${next}`, {
    cause: error,
  })
}

/** It may be in force: no whole answer came. What a peer refuses it says with a code of its own. */
function isUnsure(error: unknown): error is Failure {
  if (!(error instanceof Failure)) return false
  return error.code === 'E_NO_DAEMON' ? wasReached(error) : error.code === 'E_PROTOCOL' || error.code === 'E_INTERNAL'
}

function unsure(cause: Failure, dir: string, peer: Peer | undefined): Failure {
  const advice = '"pimesh trust submit" hands it in when the peer runs again'
  return new Failure(
    cause.code,
    `the peer of ${peer?.data} ${cause.code === 'E_NO_DAEMON' ? 'ended before it answered' : 'gave no whole answer, so it may be in force'}: what was signed is in ${dir}, and ${advice}`,
    { cause },
  )
}
