// Bringing a mesh folder up to date: roots that follow its own, and targets that took the place of its own when their keys changed. A peer
// is not believed: it hands over documents, and the folder takes what the keys that it knows have signed. Targets are taken only where
// those of the folder count no more: who recovers from a stolen targets key begins with what the folder has (clause ROOT 9).
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import { walkRoots } from '../core/trust/roots.ts'
import { writeAtomic } from '../keys/atomic-file.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import { parseRoot } from '../wire/root.ts'
import { isTargets, newestKnown, targetsPath } from './delegations.ts'
import { type Mesh, openMesh, rootPath, writing } from './mesh.ts'

const MODE = 0o644

/**
 * Those of `offered` (canonical JSON) that follow the newest root of the folder, and of which it also has to be one.
 * @throws Failure E_ROOT_OLD: the folder has another one of that version, or they do not follow; E_DOCUMENT: no roots
 */
export function rootsFollowing(mesh: Mesh, offered: readonly string[]): RootDocument[] {
  const roots = offered.map((text) => parseRoot(Buffer.from(text)))
  const { accepted, problem } = walkRoots(mesh.root, roots, { mesh: mesh.id }, { verifyStrict })
  if (problem === undefined) return accepted
  const advice = 'nothing is taken from it; compare both with "pimesh trust show"'
  throw new Failure('E_ROOT_OLD', `the roots of the peer do not follow those of ${mesh.dir} (${problem}): ${advice}`)
}

/** Writes roots that follow into the folder. @returns the folder as it is then. @throws Failure E_DATA_WRITE */
export function withRoots(mesh: Mesh, roots: readonly RootDocument[]): Mesh {
  writing(mesh.dir, () => {
    for (const { signed, raw } of roots) writeAtomic(rootPath(mesh.dir, signed.version), raw, MODE)
  })
  return openMesh(mesh.dir)
}

/**
 * Writes the targets of a peer (canonical JSON) into a folder whose own are not signed by the targets keys of its newest root.
 * @returns them; undefined when nothing was to be taken. @throws Failure E_STATE, E_DATA_WRITE
 */
export function takeTargets(mesh: Mesh, offered: string | null): TargetsDocument | undefined {
  const own = newestKnown(mesh, null)
  if (own === undefined || isTargets(own, mesh)) return undefined
  const newest = newestKnown(mesh, offered)
  if (newest === undefined || newest.hash === own.hash || !isTargets(newest, mesh)) return undefined
  writing(mesh.dir, () => {
    mkdirSync(join(mesh.dir, 'targets'), { recursive: true })
    writeAtomic(targetsPath(mesh.dir, newest), newest.raw, MODE)
  })
  return newest
}
