// Handing in an announcement that was just signed here, with the targets that its peer may lack. The folder keeps it before the peer
// hears of it: whatever happens in between, no other announcement is ever signed as the same version.
import type { ApiClient } from '../../daemon/api-client.ts'
import type { SubmittedJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { peerEnded } from './ended.ts'
import { text } from './report.ts'

interface Signed {
  document: Parameters<typeof import('../../publish/delegations.ts')['keepAnnouncement']>[1]
  newTargets: { raw: Uint8Array } | undefined
}

/** Resolves to what the peer says of it when it is in force. @throws Failure: refused, E_DATA_WRITE, or as `ended` has it */
export async function handInSigned(
  { mesh, client, ended }: { mesh: Mesh; client: ApiClient; ended: ReturnType<typeof peerEnded> },
  { document, newTargets }: Signed,
): Promise<SubmittedJson> {
  const { keepAnnouncement } = await import('../../publish/delegations.ts')
  keepAnnouncement(mesh, document, 'pending')
  const targets = newTargets === undefined ? null : text(newTargets.raw)
  const submitted = await client.submit({ announcement: text(document.raw), targets }).catch(ended.during)
  keepAnnouncement(mesh, document, 'accepted')
  return submitted
}
