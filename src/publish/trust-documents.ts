// The documents that say who may do what: from a mesh folder, verified as it is opened, or from what a peer on this machine tells.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import type { TargetsDocument } from '../core/trust/documents.ts'
import { parseAnnouncement } from '../wire/announcement.ts'
import { parseRoot } from '../wire/root.ts'
import { parseStatement } from '../wire/statement.ts'
import { parseTargets } from '../wire/targets.ts'
import { isTargets, keptAnnouncement, meshTargets, newestPath } from './delegations.ts'
import type { Mesh } from './mesh.ts'
import { keptStatement } from './statement.ts'
import type { TrustDocuments } from './trust-view.ts'

/** What a peer tells, canonical JSON as text. */
export interface ToldDocuments {
  mesh: string
  root: string
  /** In force or not. */
  targets: string | null
  announcements: readonly { announcement: string; frozen: boolean }[]
  statements: readonly string[]
  /** Nothing is earlier than this, wall time in ms. */
  bound: Millis
}

/** @throws Failure E_PROTOCOL: it tells what this version cannot read. */
export function toldDocuments(told: ToldDocuments): TrustDocuments {
  const read = <T>(text: string, parse: (bytes: Uint8Array) => T) => parse(Buffer.from(text))
  try {
    const root = read(told.root, parseRoot)
    const targets = told.targets === null ? undefined : read(told.targets, parseTargets)
    return {
      ...{ mesh: told.mesh, root, bound: Math.max(told.bound, root.signed.issued) },
      targets: targets !== undefined && isTargets(targets, { root }) ? targets : undefined,
      announcements: told.announcements.map(({ announcement, frozen }) => ({
        document: read(announcement, parseAnnouncement),
        frozen,
      })),
      statements: told.statements.map((text) => read(text, parseStatement)),
    }
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause
    const advice = 'use the pimesh that its daemon is of'
    throw new Failure('E_PROTOCOL', `the peer holds a document that this version cannot read: ${advice}`, { cause })
  }
}

/** Those of a mesh folder; `problem`: why the targets document there does not count. */
export interface KeptDocuments extends TrustDocuments {
  problem: string | undefined
  /** When one of them was last written, wall time in ms. */
  written: Millis
}

/** @throws Failure E_STATE: an announcement or a statement in the folder is damaged. */
export function keptDocuments(mesh: Mesh): KeptDocuments {
  const { targets, problem } = targetsOf(mesh)
  const roles = targets?.signed.roles ?? []
  const { enrolment, roles: own } = mesh.root.signed
  const kept = roles.flatMap((role) => {
    const document = targets && keptAnnouncement('accepted', { mesh, targets, role })
    return document === undefined ? [] : [{ document, frozen: false }]
  })
  return {
    ...{ mesh: mesh.id, root: mesh.root, targets, problem, announcements: kept },
    statements: [...own.enrol.keyIds, ...enrolment.retired].flatMap((key) => keptStatement(mesh, key) ?? []),
    bound: Math.max(...mesh.roots.map(({ signed }) => signed.issued)),
    written: lastWritten(mesh.dir),
  }
}

/** After the targets keys were rotated the document waits for its new signature: that is said, and nothing is wrong with the rest. */
function targetsOf(mesh: Mesh): { targets: TargetsDocument | undefined; problem: string | undefined } {
  if (newestPath(mesh) === undefined) return { targets: undefined, problem: undefined }
  try {
    return { targets: meshTargets(mesh), problem: undefined }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { targets: undefined, problem: error.message }
  }
}

function lastWritten(dir: string): Millis {
  const times = ['root', 'targets', 'announcements', 'statements'].flatMap((name) => {
    const folder = join(dir, name)
    const files = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : []
    return files.filter((file) => file.endsWith('.json')).map((file) => join(folder, file))
  })
  return Math.max(0, ...times.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0))
}
