// Taking a signed root or targets document into the mesh's folder, from where invites and publishers take it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import { epochOf } from '../core/trust/roots.ts'
import { writeAtomic } from '../keys/atomic-file.ts'
import { parseTargets } from '../wire/targets.ts'
import { newestStored, targetsPath } from './delegations.ts'
import { type Mesh, rootPath, writingInto } from './mesh.ts'
import { requireComplete, type SigningRequest } from './signing-request.ts'

const MODE = 0o644

/** What to do with a request that was overtaken: others sign a new one, or the command that made it does. */
const AGAIN = 'prepare it again, and let it be signed again'

/**
 * Writes what was signed as the newest version in the folder. A mesh whose root changed is to be opened again.
 * @param again what to do when it was overtaken.
 * @returns the path of the file.
 * @throws Failure E_SIGNATURES, E_REQUEST (for another mesh, an announcement, or overtaken in the folder), E_DATA_WRITE
 */
export function completeRequest(mesh: Mesh, request: SigningRequest, again = AGAIN): string {
  requireComplete(request, 'the request')
  const { kind, document, root } = request
  if (request.mesh !== mesh.id) throw refused(`it is for another mesh than the one in ${mesh.dir}`)
  if (kind === 'announcement') throw refused('it is for a release: hand it in with "pimesh publish --submit"')
  requireRoot(mesh, root, again)
  const { version } = document.signed
  if (kind === 'targets') requireNewest(mesh, version, { previous: request.previous, again })
  const path = kind === 'root' ? rootPath(mesh.dir, version) : targetsPath(mesh.dir, document)
  writingInto(mesh, kind, () => writeAtomic(path, document.raw, MODE))
  return path
}

/**
 * Compares a request for targets with those that a peer holds: what somebody changed meanwhile is not undone without a word.
 * @param offered canonical JSON; null: the peer holds none. `again`: what to do when it was overtaken.
 * @throws Failure E_REQUEST: it was overtaken.
 */
export function requireFollowing(request: SigningRequest, offered: string | null, again = AGAIN): void {
  if (request.kind !== 'targets' || offered === null) return
  const held = parseTargets(Buffer.from(offered))
  const [version, before] = [request.document.signed.version, request.previous]
  const isBefore = before !== undefined && held.signed.version === before.signed.version && held.hash >= before.hash
  const follows = isBefore || held.signed.version < (before?.signed.version ?? 0)
  // Of an epoch that is over nothing has to be kept, whatever its version: a thief may have signed it.
  const isOver = epochOf(held.signed) < epochOf(request.document.signed)
  if (follows || isOver || held.hash === request.document.hash) return
  throw new Failure(
    'E_REQUEST',
    `the request was overtaken: version ${held.signed.version} of the targets document is in force, and this is version ${version} of another; ${again}`,
  )
}

/** Whether the folder has it already, as its newest. @throws Failure E_STATE */
export function isComplete(mesh: Mesh, { kind, document }: SigningRequest): boolean {
  if (kind === 'root') return mesh.root.hash === document.hash
  return existsSync(join(mesh.dir, 'targets')) && newestStored(mesh).hash === document.hash
}

function requireRoot(mesh: Mesh, under: RootDocument, again: string): void {
  if (under.hash === mesh.root.hash) return
  const [own, other] = [mesh.root.signed.version, under.signed.version]
  throw refused(
    other > own
      ? `it follows version ${other} of the root, and ${mesh.dir} has version ${own}: take in what lies between first`
      : `the root in ${mesh.dir} is another than the one it was prepared under: ${again}`,
  )
}

/** Targets follow the version that they were compared with, or somebody's change in between would be undone. */
function requireNewest(
  mesh: Mesh,
  version: number,
  { previous, again }: { previous: TargetsDocument | undefined; again: string },
): void {
  const held = existsSync(join(mesh.dir, 'targets')) ? newestStored(mesh) : undefined
  if (held === undefined || held.hash === previous?.hash) return
  // What it follows was signed elsewhere, and is newer than what is here.
  if (previous !== undefined && previous.signed.version > held.signed.version) return
  const what = `version ${held.signed.version} of the targets document is in ${mesh.dir}`
  throw refused(`it is version ${version} and does not follow what is there (${what}): ${again}`)
}

const refused = (problem: string) => new Failure('E_REQUEST', `the request cannot be taken into the folder: ${problem}`)
