// What commands that change root and targets build on: the mesh's folder, and what the peer on this machine holds, when there is one.
import { Failure } from '../../core/failure.ts'
import { type ApiClient, apiClient } from '../../daemon/api-client.ts'
import type { EnrolmentJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { TrustBase } from '../../publish/trust-change.ts'
import type { Context } from '../frame/command.ts'
import { dataFolder, meshFolder } from '../frame/folders.ts'
import { requireSameMesh } from './state.ts'
import { FORKED } from './take-in.ts'

/** A peer of the mesh that runs on this machine. */
export interface Peer {
  client: ApiClient
  data: string
  held: EnrolmentJson
}

export interface Known extends TrustBase {
  peer: Peer | undefined
}

/** @throws Failure E_NO_MESH, E_ROOT_INVALID, E_ROOT_OLD (the peer holds a newer root, or another one), E_STATE */
export async function knownTrust(context: Context): Promise<Known> {
  const { openMesh } = await import('../../publish/mesh.ts')
  const { announcementsKnown, newestKnown } = await import('../../publish/delegations.ts')
  const { requireSameRoot } = await import('../../publish/same-root.ts')
  const mesh = openMesh(meshFolder(context))
  const peer = await peerHere(context)
  if (peer !== undefined) {
    requireSameMesh(mesh, peer.held.mesh, peer.data)
    requireNewestRoot(mesh, peer.held.rootVersion, peer.data)
    requireSameRoot({ roots: mesh.roots, name: mesh.dir, advice: FORKED }, peer.held.root)
  }
  const { targets: offered, roles } = (await peer?.client.publishers()) ?? { targets: null, roles: [] }
  const targets = newestKnown(mesh, offered)
  return { mesh, peer, targets, announced: announcementsKnown(mesh, targets, roles), statements: peer?.held.statements }
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

/** A root that is signed on top of an old one splits the mesh. @throws Failure E_ROOT_OLD */
export function requireNewestRoot(mesh: Mesh, version: number, data: string): void {
  const own = mesh.root.signed.version
  if (own >= version) return
  const advice = 'get the newer ones from where they were signed'
  throw new Failure(
    'E_ROOT_OLD',
    `${mesh.dir} has root version ${own}, and the peer of ${data} has ${version}: ${advice}`,
  )
}
