// The mesh folder follows the mesh by itself: what was signed with another copy of it comes from the peer on this machine, and is verified
// from what the folder holds. Without that every other copy could do nothing more after the first change of the root.
import { Failure } from '../../core/failure.ts'
import { type ApiClient, apiClient } from '../../daemon/api-client.ts'
import type { EnrolmentJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { Context } from '../frame/command.ts'
import { dataFolder, meshFolder } from '../frame/folders.ts'

/** A peer of the mesh that runs on this machine. */
export interface Peer {
  client: ApiClient
  data: string
  held: EnrolmentJson
}

/** Undefined when none runs. */
export async function peerHere(context: Context): Promise<Peer | undefined> {
  const data = dataFolder(context)
  const client = apiClient(data)
  try {
    return { client, data, held: await client.enrolment() }
  } catch (error) {
    if (error instanceof Failure && error.code === 'E_NO_DAEMON') return undefined
    throw error
  }
}

/**
 * The mesh folder, brought up to date where a peer of its mesh runs here; where that cannot be, why not is said, and the folder is as it was.
 * @throws Failure E_NO_MESH, E_ROOT_INVALID, E_STATE
 */
export async function currentMesh(context: Context): Promise<Mesh> {
  const { openMesh } = await import('../../publish/mesh.ts')
  const mesh = openMesh(meshFolder(context))
  const peer = await peerHere(context)
  if (peer === undefined || peer.held.mesh !== mesh.id) return mesh
  return await caughtUp(context, mesh, peer).catch((error) => {
    if (!isBehind(error)) throw error
    context.terminal.notice(error.message)
    return mesh
  })
}

/** The folder stays behind the peer. */
export function isBehind(error: unknown): error is Failure {
  return error instanceof Failure && (error.code === 'E_ROOT_OLD' || error.code === 'E_DATA_WRITE')
}

/**
 * Takes the roots that the folder lacks, and the targets under them, and says so.
 * @throws Failure E_ROOT_OLD (the peer holds a newer one that does not follow, or an older daemon does not tell it), E_DATA_WRITE, E_STATE
 */
export async function caughtUp({ terminal, interrupted }: Context, mesh: Mesh, peer: Peer): Promise<Mesh> {
  const { client, held, data } = peer
  if (held.rootVersion <= mesh.root.signed.version) return mesh
  const { takeTargets, withRoots } = await import('../../publish/newer-roots.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  const newer = await newerRoots(mesh, peer)
  const { targets: offered } = await client.publishers()
  const take = async () => {
    const current = withRoots(mesh, newer)
    return { current, targets: takeTargets(current, offered) }
  }
  const { current, targets } = await inTurn(mesh, take, interrupted())
  const versions = newer.length === 1 ? `version ${held.rootVersion}` : `versions up to ${held.rootVersion}`
  const also = targets === undefined ? '' : `, and version ${targets.signed.version} of the targets document`
  terminal.notice(`${mesh.dir} was behind: ${versions} of the root${also} came from the peer of ${data}`)
  return current
}

/** All that follow, page by page. @throws Failure E_ROOT_OLD */
async function newerRoots(mesh: Mesh, { client, held, data }: Peer): Promise<Mesh['roots']> {
  const { rootsFollowing } = await import('../../publish/newer-roots.ts')
  const offered: string[] = []
  let newer: Mesh['roots'] = []
  let { version } = mesh.root.signed
  while (version < held.rootVersion) {
    // The first page begins with the one that both should have.
    const { roots } = await client.roots(newer.length === 0 ? version : version + 1).catch(unknownThere)
    offered.push(...roots)
    newer = rootsFollowing(mesh, offered)
    const reached = newer.at(-1)?.signed.version ?? 0
    if (reached <= version) throw behind(mesh, held.rootVersion, data)
    version = reached
  }
  return newer
}

/** An older daemon tells no roots. */
function unknownThere(error: unknown): { roots: string[] } {
  if (error instanceof Failure && error.code === 'E_PROTOCOL') return { roots: [] }
  throw error
}

/** A root that is signed on top of an old one splits the mesh. */
function behind({ dir, root }: Mesh, version: number, data: string): Failure {
  const advice =
    'its daemon does not hand them over: restart it with this pimesh, or get them from where they were signed'
  return new Failure(
    'E_ROOT_OLD',
    `${dir} has root version ${root.signed.version}, and the peer of ${data} has ${version}; ${advice}`,
  )
}
