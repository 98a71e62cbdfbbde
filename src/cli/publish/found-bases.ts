// Which versions of a path the fleet has in use, and what patches can be made from by themselves: those that were announced from this
// folder or that the peer on this machine holds.
import { limits } from '../../core/limits.ts'
import type { ApiClient } from '../../daemon/api-client.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { PatchBase } from '../../publish/patch-bases.ts'
import type { ReleaseDraft } from '../../publish/release.ts'
import { stagesOf } from '../format/stages.ts'

/** How long the fleet is asked, in ms. */
const ASK_TIMEOUT = 5_000
/** Releases are known in records by so many digits of their hash. */
const RELEASE8 = 16

interface Asked {
  client: Pick<ApiClient, 'releases'>
  mesh: Mesh
  /** What is announced next, without patches. */
  draft: ReleaseDraft
  /** Where the peer on this machine keeps encodings. */
  artifacts: string
}

/** Those that most nodes have in use, at most limits.patchBasesFound. What the fleet does not say is not there. */
export async function foundBases({ client, mesh, draft, artifacts }: Asked): Promise<PatchBase[]> {
  const { publishedOf } = await import('../../publish/published.ts')
  const { heldBase } = await import('../../publish/patch-bases.ts')
  const { roomForPatches } = await import('../../publish/release.ts')
  const { path } = draft.request
  const announced = draft.previous?.signed.releases.find((release) => release.path === path)
  const held = announced && heldBase(announced, artifacts)
  const known = await publishedOf(mesh, path)
  if (known.length === 0 && held === undefined) return []
  const counts = await fleetHas(client)
  const nodesOf = (hash: string) => counts.get(hash.slice(0, RELEASE8)) ?? 0
  const found = new Map<string, Found>()
  // Published elsewhere, or under another hash before it was withdrawn: the peer on this machine may hold it all the same.
  if (held !== undefined) found.set(announced?.artifact.hash ?? '', { ...held, nodes: nodesOf(announced?.hash ?? '') })
  for (const { version, file, encoding, artifact, hash } of known) {
    const twin = found.get(artifact.hash)
    const base = { name: `${path}@${version}`, file, packed: { encoding, artifact } }
    found.set(artifact.hash, { ...base, ...twin, nodes: Math.max(nodesOf(hash), twin?.nodes ?? 0) })
  }
  const most = [...found.values()].filter(({ nodes }) => nodes > 0).sort((a, b) => b.nodes - a.nodes)
  return most.slice(0, roomForPatches(draft, limits.patchBasesFound))
}

type Found = PatchBase & { nodes: number }

/** How many nodes have each release in use, by the beginning of its hash. */
async function fleetHas(client: Asked['client']): Promise<Map<string, number>> {
  const { releases, earlier = [] } = await client.releases({ timeoutMs: ASK_TIMEOUT })
  const counts = new Map(earlier.map(({ release8, nodes }) => [release8, nodes]))
  for (const { hash, nodes } of releases) counts.set(hash.slice(0, RELEASE8), stagesOf(nodes).installed)
  return counts
}
