// The next targets document: one publisher's role more, less or changed, all others as they were. Invariants: no two roles may announce
// one path, unless they could before; and an epoch that a role had is not used again by another role of its name, nor after its keys
// changed so that what it announced does not count any more.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { nearest } from '../core/nearest.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { Delegation, Targets, TargetsDocument, WhenStale } from '../core/trust/documents.ts'
import { overlaps } from '../core/trust/paths.ts'
import { epochOf } from '../core/trust/roots.ts'
import { announcementHolds } from '../core/trust/rotations.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import { type JsonObject, jsonOf } from '../wire/canonical.ts'
import { INTEGER_MAX } from '../wire/fields.ts'
import { lastRoleEpoch, patternProblem, roleNameProblem, takenNameProblem, targetsJson } from '../wire/targets.ts'
import { changedKeys, couldSign, type KeysChange, type PublicKey } from './role-keys.ts'

/** A publisher that comes. */
export interface NewPublisher {
  name: string
  keys: readonly PublicKey[]
  threshold: number
  paths: readonly string[]
  whenStale?: WhenStale | undefined
}

/** What changes about a publisher. */
export interface PublisherChange extends KeysChange {
  whenStale?: WhenStale | undefined
  raiseEpoch?: boolean | undefined
}

/** With one role more, behind the others. @throws Failure E_USAGE (its name), E_ROLE, E_KEY, E_PATH */
export function withPublisher(targets: Targets, { name, keys, threshold, paths, whenStale }: NewPublisher): Targets {
  const taken = takenNameProblem(name)
  if (taken !== undefined) throw new Failure('E_ROLE', `"${name}" cannot name a publisher: ${taken}`)
  const wrong = roleNameProblem(name)
  if (wrong !== undefined) throw new Failure('E_USAGE', `"${name}" cannot name a publisher: ${wrong}`)
  if (targets.roles.some((role) => role.name === name))
    throw new Failure(
      'E_ROLE',
      `there is a publisher "${name}" already: "pimesh trust rotate ${name}" changes its keys, "pimesh trust revoke ${name}" ends it`,
    )
  if (targets.roles.length >= limits.delegatedRoles)
    throw new Failure('E_ROLE', `this mesh has ${limits.delegatedRoles} publishers, and no room for more: revoke one`)
  requirePaths(targets, paths)
  const role = changedKeys(name, { keyIds: [], threshold }, { out: [], in: keys, threshold })
  const epoch = usable(targets, (targets.formerEpoch ?? 0) + 1)
  const stale = whenStale === undefined ? {} : { whenStale }
  const added: Delegation = { name, ...role, paths, terminating: true, epoch, ...stale }
  return pruned({ ...targets, roles: [...targets.roles, added] }, keys)
}

/** Without the role. @throws Failure E_ROLE: there is none */
export function withoutPublisher(targets: Targets, name: string): Targets {
  const { epoch } = publisherNamed(targets, name)
  const roles = targets.roles.filter((role) => role.name !== name)
  return pruned({ ...targets, roles, formerEpoch: Math.max(epoch, targets.formerEpoch ?? 0) }, [])
}

/**
 * With other keys, threshold or behaviour of a role. Its epoch is raised when that is asked for, when what is `announced` of it would not
 * count any more, and when the keys that go could have signed by themselves: versions and counters begin anew then, whatever a thief has
 * used up.
 * @param announced what is known to be in force of the role.
 * @throws Failure E_ROLE, E_KEY
 */
export function withChanged(
  targets: Targets,
  name: string,
  change: PublisherChange,
  announced: readonly AnnouncementDocument[],
): Targets {
  const before = publisherNamed(targets, name)
  const keys = changedKeys(name, before, change)
  const next = pruned(
    { ...targets, roles: targets.roles.map((role) => (role === before ? { ...role, ...keys } : role)) },
    change.in,
  )
  const voids = !stillCounts(before, keys, { keys: next.keys, change, announced })
  const { whenStale = before.whenStale } = change
  const epoch = usable(targets, before.epoch + (change.raiseEpoch || voids ? 1 : 0))
  const changed: Delegation = { ...before, ...keys, epoch, ...(whenStale === undefined ? {} : { whenStale }) }
  return { ...next, roles: targets.roles.map((role) => (role === before ? changed : role)) }
}

/**
 * Whether what is announced goes on. Not when those who go were enough to sign alone: what a thief of their keys announced, perhaps with
 * the highest version, need not be known here, and is in force elsewhere. Of what is not known otherwise, whether it has to: enough of
 * those who signed it are left.
 */
function stillCounts(
  before: Delegation,
  next: Pick<Delegation, 'keyIds' | 'threshold'>,
  {
    keys,
    change,
    announced,
  }: { keys: Targets['keys']; change: KeysChange; announced: readonly AnnouncementDocument[] },
): boolean {
  if (couldSign(before, next)) return false
  const isUnchanged = change.out.length + change.in.length === 0 && next.threshold === before.threshold
  const own = announced.filter(({ signed }) => signed.role === before.name && signed.epoch === before.epoch)
  // A chain of rotations would go on deciding who signs, whatever the delegation says.
  if (own.some(({ signed }) => signed.rotations !== undefined)) return isUnchanged
  if (own.length > 0) return own.every((document) => announcementHolds(document, { ...next, keys }, { verifyStrict }))
  return before.threshold - change.out.length >= next.threshold
}

/** @throws Failure E_ROLE */
export function publisherNamed({ roles }: Targets, name: string): Delegation {
  const role = roles.find((one) => one.name === name)
  if (role !== undefined) return role
  const names = roles.map((one) => one.name)
  const close = nearest(name, [...names, 'root', 'targets', 'enrol', 'beacon'])
  const hint = close === undefined ? `it has ${names.join(', ') || 'none'}` : `did you mean "${close}"?`
  throw new Failure('E_ROLE', `this mesh has no publisher "${name}"; ${hint}`)
}

function requirePaths({ roles }: Targets, paths: readonly string[]): void {
  if (paths.length > limits.rolePaths)
    throw new Failure('E_PATH', `a publisher has at most ${limits.rolePaths} patterns, not ${paths.length}`)
  for (const [at, pattern] of paths.entries()) {
    const wrong = patternProblem(pattern)
    if (wrong !== undefined) throw new Failure('E_PATH', `"${pattern}" is no pattern of paths: ${wrong}`)
    if (paths.indexOf(pattern) < at) throw new Failure('E_PATH', `the pattern "${pattern}" is given twice`)
    for (const role of roles) {
      const other = role.paths.find((one) => overlaps(one, pattern))
      if (other !== undefined)
        throw new Failure(
          'E_PATH',
          `"${pattern}" overlaps "${other}", which the publisher "${role.name}" may announce: choose paths of its own`,
        )
    }
  }
}

/** The keys that roles use, and no others. */
function pruned(targets: Targets, added: readonly PublicKey[]): Targets {
  const all = new Map([...targets.keys, ...added.map(({ keyId, publicKey }) => [keyId, publicKey] as const)])
  const used = new Set(targets.roles.flatMap(({ keyIds }) => keyIds))
  if (used.size > limits.documentKeys)
    throw new Failure(
      'E_ROLE',
      `the publishers would have ${used.size} keys together, more than ${limits.documentKeys}`,
    )
  return { ...targets, keys: new Map([...all].filter(([keyId]) => used.has(keyId))) }
}

/** @throws Failure E_ROLE: somebody used up the epochs of roles, who has the targets keys. */
function usable(targets: Targets, epoch: number): number {
  if (epoch <= lastRoleEpoch(targets)) return epoch
  throw new Failure('E_ROLE', `the epochs of publishers are used up: ${ANEW}`)
}

const ANEW =
  '"pimesh trust rotate targets --raise-epoch" begins new ones, and gives it other keys when somebody has the old ones'

/**
 * The `signed` part that follows `previous`; what a newer pimesh wrote there, beyond what this one knows, stays. In a new epoch of targets
 * the versions begin anew, and every role has an epoch above all that were ever possible before (clause TARGETS 3).
 * @throws Failure E_TARGETS: no version is left.
 */
export function nextTargets(previous: TargetsDocument, next: Targets, expires: Millis): JsonObject {
  const isNew = epochOf(next) > epochOf(previous.signed)
  const version = isNew ? 1 : previous.signed.version + 1
  if (version > INTEGER_MAX)
    throw new Failure(
      'E_TARGETS',
      `the targets document has used up its versions, which a thief of its keys does: ${ANEW}`,
    )
  const json = targetsJson({ ...(isNew ? begun(next) : next), version, expires })
  return { ...jsonOf(previous.signedBytes), ...json }
}

function begun(targets: Targets): Targets {
  const before = lastRoleEpoch({ epoch: epochOf(targets) - 1 })
  const roles = targets.roles.map((role) => ({ ...role, epoch: Math.max(role.epoch, before + 1) }))
  return { ...targets, roles, formerEpoch: Math.max(targets.formerEpoch ?? 0, before) }
}
