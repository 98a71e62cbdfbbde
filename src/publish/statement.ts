// The next statement of an enrol key: what is revoked and prolonged, on top of what it stated before. Invariant: nothing that is
// revoked is left out before the last membership that it concerns has ended.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import {
  type Extension,
  isSigned,
  type Policy,
  type Statement,
  type StatementDocument,
  supersedes,
} from '../core/trust/statement.ts'
import { zoneProblem } from '../core/zone.ts'
import { writeAtomic } from '../keys/atomic-file.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { dateText, dateValue } from '../wire/fields.ts'
import { nodeKey } from '../wire/node-id.ts'
import { encodeSigned } from '../wire/signed.ts'
import { parseStatement, statementJson } from '../wire/statement.ts'
import { enrollerFor } from './invite.ts'
import { type Mesh, writingInto } from './mesh.ts'

/** What is added, each with the wall time in ms when its last membership ends. */
export interface StatementChanges {
  nodes?: ReadonlyMap<NodeId, Millis>
  /** By hex hash. */
  invites?: ReadonlyMap<string, Millis>
  extensions?: readonly Extension[]
  policy?: PolicyChange
}

/** Of one zone; what is left out stays as it is, null takes it away. */
export interface PolicyChange {
  zone: string
  publishers?: readonly string[] | null | undefined
  hours?: Policy['hours'] | null | undefined
  veto?: Policy['vetoes']
  /** Vetoes that are taken back. */
  allow?: Policy['vetoes']
}

export { parseHours } from '../wire/statement.ts'

const DOCUMENT_MODE = 0o644

/** True for the id of a node, whether anybody knows that node or not. */
export function isNodeId(text: string): boolean {
  return nodeKey(text) !== undefined
}

/** All that is decided before an enrol key signs. */
export interface StatementPlan {
  /** Signs it; to be unlocked before. */
  key: KeyFile
  statement: Statement
  previous: StatementDocument | undefined
}

/**
 * The next statement of an enrol key of this folder that reaches `zone`.
 * @param zone undefined when it is not known: any key will do.
 * @param offered statements that the peer on this machine holds, canonical JSON; those of others tell what was prolonged.
 * @param now wall time in ms.
 * @throws Failure E_ZONE, E_STATE (no key here), E_STATEMENT (no room for more)
 */
export function planStatement(
  mesh: Mesh,
  { zone, offered }: { zone: string | undefined; offered: readonly string[] },
  changes: StatementChanges,
  now: Millis,
): StatementPlan {
  const wrong = zone === undefined ? undefined : zoneProblem(zone)
  if (wrong !== undefined) throw new Failure('E_ZONE', `"${zone}" is not a zone: ${wrong}`)
  const key = enrollerFor(mesh, zone)
  const known = countingOf(mesh, offered)
  const own = statementsOf(mesh, key.keyId, known)
  const [previous] = own
  const issued = dateValue(dateText(now)) as Millis
  const extensions = merged([...own.flatMap(({ signed }) => signed.extensions), ...(changes.extensions ?? [])], issued)
  const prolonged = [...known.flatMap(({ signed }) => signed.extensions), ...extensions].map(({ until }) => until)
  // What was prolonged meanwhile ends later than was thought when it was revoked.
  const latest = Math.max(0, ...prolonged)
  const pick = (of: 'nodes' | 'invites') =>
    united([...own.map(({ signed }) => signed[of]), changes[of]], issued, latest)
  const statement: Statement = {
    ...{ mesh: mesh.id, enroller: key.keyId, epoch: mesh.root.signed.enrolment.epoch, issued, extensions },
    version: (previous?.signed.version ?? 0) + 1,
    policies: changedPolicies(previous?.signed.policies ?? [], changes.policy),
    nodes: pick('nodes'),
    invites: pick('invites'),
  }
  requireRoom(statement)
  return { key, statement, previous }
}

/** @throws Failure E_STATEMENT (too long as a whole), E_PASSPHRASE (the key is locked) */
export function signStatement({ key, statement, previous }: StatementPlan): StatementDocument {
  const raw = encodeSigned(statementJson(statement, previous), [key])
  if (raw.length > limits.statementBytes) throw noRoom(`its statement has at most ${limits.statementBytes} bytes`)
  return parseStatement(raw)
}

/** A policy that restricts nothing any more is left out. */
function changedPolicies(before: readonly Policy[], change: PolicyChange | undefined): Policy[] {
  if (change === undefined) return [...before]
  const { zone, veto = [], allow = [] } = change
  const blank: Policy = { zone, publishers: undefined, vetoes: [], hours: undefined }
  const old = before.find((policy) => policy.zone === zone) ?? blank
  const isAmong = (list: Policy['vetoes'], { path, counter }: Policy['vetoes'][number]) =>
    list.some((one) => one.path === path && one.counter === counter)
  const fresh = veto.filter((one) => !isAmong(old.vetoes, one))
  const policy: Policy = {
    zone,
    publishers: change.publishers === undefined ? old.publishers : (change.publishers ?? undefined),
    hours: change.hours === undefined ? old.hours : (change.hours ?? undefined),
    vetoes: [...old.vetoes, ...fresh].filter((one) => !isAmong(allow, one)),
  }
  const isBlank = policy.publishers === undefined && policy.hours === undefined && policy.vetoes.length === 0
  return [...before.filter((one) => one.zone !== zone), ...(isBlank ? [] : [policy])]
}

/** The newest statement of a key that the folder or a peer has. @throws Failure E_STATE when the folder's copy is damaged */
export function newestStatement(
  mesh: Mesh,
  enroller: string,
  offered: readonly string[],
): StatementDocument | undefined {
  return statementsOf(mesh, enroller, countingOf(mesh, offered))[0]
}

/** Those of a key that are known here, the newest first. */
function statementsOf(mesh: Mesh, enroller: string, known: readonly StatementDocument[]): StatementDocument[] {
  const kept = keptStatement(mesh, enroller)
  const own = [...known, ...(kept === undefined ? [] : [kept])].filter(({ signed }) => signed.enroller === enroller)
  return own.sort((a, b) => (supersedes(a, b) ? -1 : supersedes(b, a) ? 1 : 0))
}

function countingOf(mesh: Mesh, offered: readonly string[]): StatementDocument[] {
  return offered.flatMap((text) => tryParse(Buffer.from(text)) ?? []).filter((one) => counts(one, mesh))
}

/** Keeps a copy of what is in force, for the next one. @throws Failure E_DATA_WRITE */
export function keepStatement(mesh: Mesh, document: StatementDocument): void {
  const path = keptPath(mesh, document.signed.enroller)
  writingInto(mesh, 'statements', () => writeAtomic(path, document.raw, DOCUMENT_MODE))
}

/** The copy of a key's newest statement, if it counts in this mesh. @throws Failure E_STATE when the file is damaged */
export function keptStatement(mesh: Mesh, enroller: string): StatementDocument | undefined {
  const path = keptPath(mesh, enroller)
  if (!existsSync(path)) return undefined
  const document = tryRead(path)
  if (document === undefined) throw new Failure('E_STATE', `${path} is damaged; restore it from your backup.`)
  return counts(document, mesh) ? document : undefined
}

function counts(document: StatementDocument, mesh: Mesh): boolean {
  return document.signed.mesh === mesh.id && isSigned(document, mesh.root.signed, { verifyStrict })
}

/** All entries with the latest time of each, but for those that are over. Nothing ends before `latest`. */
function united(
  parts: readonly (ReadonlyMap<string, Millis> | undefined)[],
  now: Millis,
  latest: Millis,
): Map<string, Millis> {
  const all = new Map<string, Millis>()
  for (const [name, until] of parts.flatMap((part) => [...(part ?? [])]))
    all.set(name, Math.max(until, latest, all.get(name) ?? 0))
  return new Map([...all].filter(([, until]) => until > now))
}

/** One extension for each zone and invite: the longest. */
function merged(extensions: readonly Extension[], now: Millis): Extension[] {
  const longest = new Map<string, Extension>()
  for (const one of extensions) {
    const scope = one.zone ?? `invite ${one.invite}`
    if (one.until > now && one.until > (longest.get(scope)?.until ?? 0)) longest.set(scope, one)
  }
  return [...longest.values()]
}

function requireRoom({ nodes, invites, extensions, policies }: Statement): void {
  const full =
    nodes.size > limits.revokedNodes
      ? `${limits.revokedNodes} nodes are revoked`
      : invites.size > limits.revokedInvites
        ? `${limits.revokedInvites} invites are revoked`
        : extensions.length > limits.extensions
          ? `${limits.extensions} zones and invites are prolonged`
          : undefined
  if (full !== undefined) throw noRoom(full)
  const lists = policies.flatMap(({ publishers = [], vetoes }) => [publishers.length, vetoes.length])
  if (policies.length <= limits.policies && Math.max(0, ...lists) <= limits.policyNames) return
  const most = `${limits.policies} zones, with ${limits.policyNames} publishers and as many vetoes each`
  throw new Failure('E_STATEMENT', `An enrol key states policies for at most ${most}: take back what is superseded.`)
}

function noRoom(full: string): Failure {
  const advice =
    'raise the enrolment epoch ("pimesh trust rotate enrol --raise-epoch"), which voids every membership, and enrol anew whom you trust'
  return new Failure('E_STATEMENT', `This enrol key has no room for more (${full}): ${advice}.`)
}

function keptPath(mesh: Mesh, enroller: string): string {
  return join(mesh.dir, 'statements', `${enroller}.json`)
}

function tryRead(path: string): StatementDocument | undefined {
  try {
    return tryParse(readFileSync(path))
  } catch {
    return undefined
  }
}

function tryParse(bytes: Uint8Array): StatementDocument | undefined {
  try {
    return parseStatement(bytes)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}
