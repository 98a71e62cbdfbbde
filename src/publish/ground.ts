// The ground on which a document is judged: the roots of a mesh, the targets that hold under them, and what is known of publishers and
// enrol keys. It comes from a mesh folder, or from single files that somebody trusts.

import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { Outbox } from '../core/outbox.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import { KnownBad } from '../core/trust/known-bad.ts'
import { walkRoots } from '../core/trust/roots.ts'
import type { StatementDocument } from '../core/trust/statement.ts'
import { TargetsKeeper } from '../core/trust/targets-keeper.ts'
import { sha256, verifyStrict } from '../keys/ed25519.ts'
import { readDocumentFile } from './document-file.ts'
import type { Mesh } from './mesh.ts'
import { keptDocuments } from './trust-documents.ts'

export interface Ground {
  /** In the middle of a sentence: `the folder /home/me/.pimesh-mesh`. */
  name: string
  /** Hex mesh id. */
  mesh: string
  /** From version 1 on, verified. */
  roots: readonly RootDocument[]
  /** The newest. */
  root: RootDocument
  /** The newest that holds under `root`. */
  targets: TargetsDocument | undefined
  announcements: readonly AnnouncementDocument[]
  statements: readonly StatementDocument[]
}

/** @throws Failure E_STATE: something in the folder is damaged. */
export function groundOfMesh(mesh: Mesh): Ground {
  const { targets, announcements, statements } = keptDocuments(mesh)
  return {
    ...{ name: `the folder ${mesh.dir}`, mesh: mesh.id, roots: mesh.roots, root: mesh.root, targets, statements },
    announcements: announcements.map(({ document }) => document),
  }
}

/**
 * From root documents in any order, which must lead from version 1 to the newest one.
 * @throws Failure as readDocumentFile; E_ROOT_INVALID: they are no roots, or do not hold
 */
export function groundOfRoots(files: readonly string[]): Ground {
  const roots = files.map((file) => {
    const content = readDocumentFile(file)
    if (content.kind === 'root') return content.document
    throw new Failure('E_ROOT_INVALID', `${file} is no root document: give one with --root`)
  })
  const first = roots.find(({ signed }) => signed.version === 1)
  const advice = 'give all from version 1 on, each with --root; the folder "root" of the mesh folder has them'
  if (first === undefined)
    throw new Failure('E_ROOT_INVALID', `root version 1, which names the mesh, is missing: ${advice}`)
  const { root, problem, accepted } = walkRoots(undefined, roots, { mesh: first.hash }, { verifyStrict })
  if (root === undefined || problem !== undefined)
    throw new Failure('E_ROOT_INVALID', `the roots that were given do not hold (${problem}): ${advice}`)
  const name = accepted.length === 1 ? 'the root that was given' : 'the roots that were given'
  return { ...{ name, mesh: first.hash, roots: accepted, root }, targets: undefined, announcements: [], statements: [] }
}

/** The same with these targets. @throws Failure as readDocumentFile; E_DOCUMENT: they are none, or do not hold */
export function withTargetsFile(ground: Ground, file: string): Ground {
  const content = readDocumentFile(file)
  if (content.kind !== 'targets')
    throw new Failure('E_DOCUMENT', `${file} is no targets document: give one with --targets`)
  const code =
    content.document.hash === ground.targets?.hash ? undefined : targetsKeeper(ground).problem(content.document)
  if (code === undefined) return { ...ground, targets: content.document }
  const advice = 'check that file by itself'
  throw new Failure('E_DOCUMENT', `the targets in ${file} do not count under ${ground.name} (${code}): ${advice}`)
}

/** What a node has that holds the ground and nothing else: it judges targets. */
export function targetsKeeper({ root, targets }: Pick<Ground, 'root' | 'targets'>): TargetsKeeper {
  const nobody = () => undefined
  const watch = { knownBad: new KnownBad({ sha256 }), accepted: nobody, refused: nobody, blamed: nobody }
  return new TargetsKeeper({ env: { verifyStrict }, out: new Outbox(), self: { root }, watch }, targets, [])
}

/** It is not earlier than this: what a threshold signed. */
export function boundOf({ roots }: Pick<Ground, 'roots'>): Millis {
  return Math.max(...roots.map(({ signed }) => signed.issued))
}
