// The targets document: which publishers a mesh listens to, for which paths (clause TARGETS).
import { limits } from '../core/limits.ts'
import { BEACON_ROLE } from '../core/trust/beacon.ts'
import type { Delegation, Targets, TargetsDocument, WhenStale } from '../core/trust/documents.ts'
import { documentFailure, type Json, type JsonObject, parseCanonical } from './canonical.ts'
import { dateText, Fields, INTEGER_MAX } from './fields.ts'
import { keysJson, parseKeys, parseRole, parseSigned, requireSpecVersion, roleJson, SPEC_VERSION } from './signed.ts'

const WHAT = 'targets document'
const ROLE_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
const PATH = /^[A-Za-z0-9*?][A-Za-z0-9*?._/-]{0,127}$/

/** Why `name` cannot name a publisher's role, or undefined when it can. */
export function roleNameProblem(name: string): string | undefined {
  if (name === BEACON_ROLE) return 'this name is reserved for beacons'
  return ROLE_NAME.test(name) ? undefined : 'it must be 1 to 32 of a-z, 0-9 and "-", not beginning with "-"'
}

/** What `pimesh trust rotate` and `revoke` mean by these is not a publisher, so none gets such a name; documents of before may have one. */
const TAKEN_NAMES = ['root', 'targets', 'enrol', 'membership']

/** Why no new publisher gets this name, or undefined when one can. */
export function takenNameProblem(name: string): string | undefined {
  return TAKEN_NAMES.includes(name) ? 'it names something else in every mesh, so choose another' : undefined
}

/** Why `pattern` is no path pattern of a role, or undefined when it is one that paths can match. */
export function patternProblem(pattern: string): string | undefined {
  if (!PATH.test(pattern))
    return 'it must be 1 to 128 of A-Z, a-z, 0-9, ".", "_", "-", "/", "*" and "?", beginning with none of "._-/"'
  const bad = pattern.split('/').find((segment) => segment === '' || segment.startsWith('.'))
  return bad === undefined ? undefined : 'each of its parts between "/" must have characters, and not begin with "."'
}

/** Parses a targets document strictly; says nothing about its signatures. @throws Failure E_DOCUMENT */
export function parseTargets(bytes: Uint8Array): TargetsDocument {
  return parseSigned(parseCanonical(bytes, { maxBytes: limits.rootBytes, what: WHAT }), WHAT, readTargets)
}

function readTargets(json: Json): Targets {
  const fields = new Fields(json, WHAT, {
    required: ['_type', 'spec_version', 'version', 'expires', 'targets', 'delegations'],
    optional: ['epoch', 'formerEpoch'],
    open: true,
  })
  fields.literal('_type', 'targets')
  requireSpecVersion(fields)
  fields.entries('targets', 0)
  const delegations = new Fields(fields.json('delegations'), WHAT, { required: ['keys', 'roles'] })
  const keys = parseKeys(delegations)
  const roles = delegations.list('roles', limits.delegatedRoles).map((role) => readDelegation(role, keys))
  if (new Set(roles.map(({ name }) => name)).size !== roles.length)
    throw documentFailure(WHAT, 'two roles have the same name')
  const former = fields.has('formerEpoch') ? { formerEpoch: fields.integer('formerEpoch') } : {}
  const epoch = fields.has('epoch') ? { epoch: fields.integer('epoch') } : {}
  requireRoleEpochs(epoch, [...roles.map((role) => role.epoch), former.formerEpoch ?? 0])
  return { version: fields.integer('version'), expires: fields.date('expires'), keys, roles, ...former, ...epoch }
}

/** The highest epoch that a role can have in this epoch of targets (clause TARGETS 3). */
export function lastRoleEpoch({ epoch = 1 }: Pick<Targets, 'epoch'>): number {
  return Math.min(epoch * limits.roleEpochs, INTEGER_MAX)
}

/** @throws Failure E_DOCUMENT */
function requireRoleEpochs(targets: Pick<Targets, 'epoch'>, epochs: readonly number[]): void {
  const last = lastRoleEpoch(targets)
  if (epochs.some((epoch) => epoch > last)) throw documentFailure(WHAT, `the epoch of a role is above ${last}`)
}

function readDelegation(json: Json, keys: ReadonlyMap<string, Uint8Array>): Delegation {
  const required = ['name', 'keyids', 'threshold', 'paths', 'terminating', 'epoch']
  const fields = new Fields(json, `${WHAT} (role)`, { required, optional: ['whenStale'] })
  const name = fields.text('name', 32)
  if (roleNameProblem(name) !== undefined) fields.fail('name', 'of a-z, 0-9 and "-", and not "beacon"')
  const paths = fields.texts('paths', limits.rolePaths, (path) => PATH.test(path), 'path patterns')
  return {
    name,
    ...parseRole(fields, keys),
    paths,
    terminating: fields.flag('terminating'),
    epoch: fields.integer('epoch'),
    ...(fields.has('whenStale') ? { whenStale: readWhenStale(fields) } : {}),
  }
}

function readWhenStale(fields: Fields): WhenStale {
  const value = fields.text('whenStale', 8)
  return value === 'refuse' || value === 'warn' ? value : fields.fail('whenStale', '"refuse" or "warn"')
}

/** The `signed` part of a targets document. */
export function targetsJson(targets: Targets): JsonObject {
  const roles = targets.roles.map((role) => ({
    ...roleJson(role),
    name: role.name,
    paths: [...role.paths],
    terminating: role.terminating,
    epoch: role.epoch,
    ...(role.whenStale === undefined ? {} : { whenStale: role.whenStale }),
  }))
  return {
    _type: 'targets',
    spec_version: SPEC_VERSION,
    ...(targets.epoch === undefined ? {} : { epoch: targets.epoch }),
    version: targets.version,
    expires: dateText(targets.expires),
    targets: {},
    delegations: { keys: keysJson(targets.keys), roles },
    ...(targets.formerEpoch === undefined ? {} : { formerEpoch: targets.formerEpoch }),
  }
}
