// Where @tufjs/models and pimesh differ, and why: each class says of a document whether it belongs there. All but the last are documents
// that pimesh refuses and the other reads: wrong by TUF's specification, by the strict form (clause DOC), or by what pimesh adds.
import { limits } from '../../src/core/limits.ts'
import { zoneProblem } from '../../src/core/zone.ts'
import type { Json, JsonObject } from '../../src/wire/canonical.ts'
import { dateValue, INTEGER_MAX, isHex } from '../../src/wire/fields.ts'
import { keyIdOf } from '../../src/wire/signed.ts'
import type { Kind } from './oracle.ts'

/** Whether a document of a kind belongs to the class. */
export type Belongs = (document: JsonObject, kind: Kind) => boolean

const object = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : [])
const signedOf = (document: JsonObject) => object(document.signed)
const without = (value: Json | undefined, known: readonly string[]) =>
  Object.keys(object(value)).some((key) => !known.includes(key))
const isWhole = (value: Json | undefined, least: number, most: number) =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
const isDate = (value: Json | undefined) => typeof value === 'string' && dateValue(value) !== undefined

function keysOf(document: JsonObject, kind: Kind): JsonObject {
  const signed = signedOf(document)
  return object(kind === 'root' ? signed.keys : object(signed.delegations).keys)
}

function rolesOf(document: JsonObject, kind: Kind): JsonObject[] {
  const signed = signedOf(document)
  const roles = kind === 'root' ? Object.values(object(signed.roles)) : list(object(signed.delegations).roles)
  return roles.map(object)
}

const publicOf = (key: Json | undefined) => object(object(key).keyval).public

function isPlainKey(key: Json): boolean {
  const { keytype, scheme, keyval } = object(key)
  const extra = without(key, ['keytype', 'scheme', 'keyval']) || without(keyval, ['public'])
  return keytype === 'ed25519' && scheme === 'ed25519' && isHex(publicOf(key), 32) && !extra
}

function everyText(value: Json, holds: (text: string) => boolean): boolean {
  if (typeof value === 'string') return holds(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([key, inner]) => holds(key) && everyText(inner, holds))
}

function everyNumber(value: Json): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  return typeof value !== 'object' || value === null || Object.values(value).every(everyNumber)
}

function depthOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

function isPlainEnrolment(document: JsonObject): boolean {
  const { enrol, roles } = signedOf(document)
  const [active, keys] = [list(object(object(roles).enrol).keyids), keysOf(document, 'root')]
  const { epoch, retired, zones } = object(enrol)
  const isRetired = (id: Json) => typeof id === 'string' && id in keys && !active.includes(id)
  const enrols = (id: string) => active.includes(id) || list(retired).includes(id)
  const isZone = ([id, zone]: [string, Json]) =>
    enrols(id) && typeof zone === 'string' && zoneProblem(zone) === undefined
  const isList = Array.isArray(retired) && retired.every(isRetired) && new Set(retired).size === retired.length
  const isMap =
    typeof zones === 'object' && zones !== null && !Array.isArray(zones) && Object.entries(zones).every(isZone)
  return isWhole(epoch, 1, INTEGER_MAX) && isList && isMap && object(object(roles).enrol).threshold === 1
}

export const stricter: Record<string, Belongs> = {
  'a date that is none': (document) => !isDate(signedOf(document).expires),
  'a version that is none': (document) => !isWhole(signedOf(document).version, 1, INTEGER_MAX),
  'one key under two ids': (document, kind) => {
    const keys = Object.values(keysOf(document, kind)).map(publicOf)
    return new Set(keys).size < keys.length
  },
  'a keyid that is not the hash of its key': (document, kind) =>
    Object.entries(keysOf(document, kind)).some(([id, key]) => {
      const hex = publicOf(key)
      return isHex(hex, 32) && keyIdOf(Buffer.from(hex, 'hex')) !== id
    }),
  'a key that is not Ed25519 and nothing else': (document, kind) =>
    !Object.values(keysOf(document, kind)).every(isPlainKey),
  'a threshold that cannot be met': (document, kind) =>
    rolesOf(document, kind).some(({ keyids, threshold }) => !isWhole(threshold, 1, list(keyids).length)),
  'a role of keys that the document does not list': (document, kind) =>
    rolesOf(document, kind).some(({ keyids }) => list(keyids).some((id) => !(String(id) in keysOf(document, kind)))),
  'a field that nobody knows': (document, kind) => {
    const known = kind === 'root' ? [] : ['name', 'paths', 'terminating', 'epoch']
    const delegations = kind === 'targets' && without(signedOf(document).delegations, ['keys', 'roles'])
    const frame = without(document, ['signed', 'signatures']) || delegations
    const signature = list(document.signatures).some((one) => without(one, ['keyid', 'sig']))
    return (
      frame || signature || rolesOf(document, kind).some((role) => without(role, ['keyids', 'threshold', ...known]))
    )
  },
  'a signature that is none': (document) =>
    list(document.signatures).some((one) => !isHex(object(one).keyid, 32) || !isHex(object(one).sig, 64)),
  'more than the bounds': (document, kind) =>
    list(document.signatures).length > limits.documentSignatures ||
    Object.keys(keysOf(document, kind)).length > limits.documentKeys ||
    rolesOf(document, kind).length > limits.delegatedRoles ||
    rolesOf(document, kind).some(({ paths }) => list(paths).length > limits.rolePaths) ||
    JSON.stringify(document).length > limits.rootBytes,
  'a version of TUF that is not in full': (document) =>
    !/^1\.\d{1,4}\.\d{1,4}$/.test(String(signedOf(document).spec_version)),
  'consistent snapshots': (document, kind) => kind === 'root' && signedOf(document).consistent_snapshot === true,
  'no enrolment, or one that is none': (document, kind) => kind === 'root' && !isPlainEnrolment(document),
  'no beginning, or one after the end': (document, kind) => {
    const { issued, expires } = signedOf(document)
    return kind === 'root' && !(isDate(issued) && String(issued) < String(expires))
  },
  'targets of its own, or no delegations': (document, kind) => {
    const { targets, delegations } = signedOf(document)
    const isEmpty =
      typeof targets === 'object' && targets !== null && !Array.isArray(targets) && Object.keys(targets).length === 0
    return kind === 'targets' && !(isEmpty && Array.isArray(object(delegations).roles))
  },
  'two roles of one name': (document, kind) => {
    const names = kind === 'targets' ? rolesOf(document, kind).map(({ name }) => name) : []
    return new Set(names).size < names.length
  },
  'a name or a path that is none': (document, kind) =>
    kind === 'targets' &&
    rolesOf(document, kind).some(({ name, paths }) => {
      const isPath = (path: Json) => typeof path === 'string' && /^[A-Za-z0-9*?][A-Za-z0-9*?._/-]{0,127}$/.test(path)
      const isList = Array.isArray(paths) && paths.every(isPath) && new Set(paths).size === paths.length
      return !/^[a-z0-9][a-z0-9-]{0,31}$/.test(String(name)) || !isList
    }),
  'a delegation without an epoch that it can have': (document, kind) =>
    kind === 'targets' && rolesOf(document, kind).some(({ epoch }) => !isWhole(epoch, 1, limits.roleEpochs)),
  'what canonical JSON cannot hold': (document) =>
    !everyNumber(document) ||
    depthOf(document) > limits.jsonDepth ||
    !everyText(document, (text) => text.isWellFormed() && !/[\u0000-\u001f]/.test(text)),
}

/** What pimesh reads and the other refuses: it has no snapshot and no timestamp, and a publisher may have the name of a role of TUF. */
export const wider: Record<string, Belongs> = {
  'a root without snapshot and timestamp': (document, kind) => {
    const roles = object(signedOf(document).roles)
    return kind === 'root' && !('snapshot' in roles && 'timestamp' in roles)
  },
  "a publisher with the name of one of TUF's roles": (document, kind) =>
    kind === 'targets' &&
    rolesOf(document, kind).some(({ name }) => ['root', 'targets', 'snapshot', 'timestamp'].includes(String(name))),
}

/** The classes of a list to which the document belongs. */
export function classesOf(classes: Record<string, Belongs>, document: Json, kind: Kind): string[] {
  return Object.keys(classes).filter((name) => classes[name]?.(object(document), kind))
}
