// Taking a signed root or targets document into the mesh's folder, from where invites and publishers take it.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../core/failure.ts'
import { writeAtomic } from '../keys/atomic-file.ts'
import { meshTargets } from './delegations.ts'
import { type Mesh, rootPath, writing } from './mesh.ts'
import { requireComplete, type SigningRequest } from './signing-request.ts'

const MODE = 0o644

/**
 * Writes what was signed as the newest version in the folder. A mesh whose root changed is to be opened again.
 * @returns the path of the file.
 * @throws Failure E_SIGNATURES, E_REQUEST (for another mesh, an announcement, or overtaken in the folder), E_DATA_WRITE
 */
export function completeRequest(mesh: Mesh, request: SigningRequest): string {
  requireComplete(request, 'the request')
  const { kind, document, root } = request
  if (request.mesh !== mesh.id) throw refused(`it is for another mesh than the one in ${mesh.dir}`)
  if (kind === 'announcement') throw refused('it is for a release: hand it in with "pimesh publish --submit"')
  if (root.hash !== mesh.root.hash)
    throw refused(`the root in ${mesh.dir} is another than the one it was prepared under: prepare it again`)
  const { version } = document.signed
  if (kind === 'targets') requireNewest(mesh, version, request.previous?.hash)
  const path = kind === 'root' ? rootPath(mesh.dir, version) : join(mesh.dir, 'targets', `${version}.json`)
  writing(mesh.dir, () => {
    mkdirSync(join(mesh.dir, kind), { recursive: true })
    writeAtomic(path, document.raw, MODE)
  })
  return path
}

/** Targets follow the version that they were compared with, or somebody's change in between would be undone. */
function requireNewest(mesh: Mesh, version: number, previous: string | undefined): void {
  const held = existsSync(join(mesh.dir, 'targets')) ? meshTargets(mesh) : undefined
  if (held === undefined || held.hash === previous) return
  const what = `version ${held.signed.version} of the targets document is in ${mesh.dir}`
  throw refused(`it is version ${version} and does not follow what is there (${what}): prepare it again`)
}

const refused = (problem: string) => new Failure('E_REQUEST', `the request cannot be taken into the folder: ${problem}`)
