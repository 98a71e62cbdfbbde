// What commands that change root and targets build on: the mesh's folder, and what the peer on this machine holds, when there is one.
import type { Failure } from '../../core/failure.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { TrustBase } from '../../publish/trust-change.ts'
import type { Context } from '../frame/command.ts'
import { meshFolder } from '../frame/folders.ts'
import { caughtUp, isBehind, type Peer, peerHere } from './catch-up.ts'
import { requireSameMesh } from './state.ts'
import { FORKED } from './take-in.ts'

export interface Known extends TrustBase {
  peer: Peer | undefined
}

/** @throws Failure E_NO_MESH, E_ROOT_INVALID, E_ROOT_OLD (the peer holds another root, or a newer one that does not follow), E_STATE */
export async function knownTrust(context: Context): Promise<Known> {
  const { known, wrong } = await trustHere(context)
  if (wrong !== undefined) throw wrong
  return known
}

/** The same also with a folder that nothing can be built on, and why: what it calls by which name is known all the same. */
export async function trustHere(context: Context): Promise<{ known: Known; wrong: Failure | undefined }> {
  const { openMesh } = await import('../../publish/mesh.ts')
  const { announcementsKnown, newestKnown } = await import('../../publish/delegations.ts')
  const own = openMesh(meshFolder(context))
  const peer = await peerHere(context)
  const { mesh, wrong } = peer === undefined ? { mesh: own, wrong: undefined } : await beside(context, own, peer)
  const { targets: offered, roles, targetsFloor } = (await peer?.client.publishers()) ?? { targets: null, roles: [] }
  const targets = newestKnown(mesh, offered)
  const announced = announcementsKnown(mesh, targets, roles)
  return { known: { mesh, peer, targets, targetsFloor, announced, statements: peer?.held.statements }, wrong }
}

/** The folder with the roots that are in force. @throws Failure E_NO_MESH */
async function beside(context: Context, own: Mesh, peer: Peer): Promise<{ mesh: Mesh; wrong: Failure | undefined }> {
  requireSameMesh(own, peer.held.mesh, peer.data)
  const { requireSameRoot } = await import('../../publish/same-root.ts')
  try {
    const mesh = await caughtUp(context, own, peer)
    requireSameRoot({ roots: mesh.roots, name: mesh.dir, advice: FORKED }, peer.held.root)
    return { mesh, wrong: undefined }
  } catch (error) {
    if (!isBehind(error)) throw error
    return { mesh: own, wrong: error }
  }
}
