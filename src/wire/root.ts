// The root document: who may change the root, who delegates, who enrols (clause ROOT).
import type { Millis } from '../core/env.ts'
import { limits, SECOND } from '../core/limits.ts'
import type { Enrolment, Root, RootDocument } from '../core/trust/documents.ts'
import { zoneProblem } from '../core/zone.ts'
import { documentFailure, type Json, type JsonObject, parseCanonical } from './canonical.ts'
import { dateText, Fields, isHex } from './fields.ts'
import {
  keysJson,
  parseKeyIds,
  parseKeys,
  parseRole,
  parseSigned,
  requireSpecVersion,
  roleJson,
  SPEC_VERSION,
} from './signed.ts'

const WHAT = 'root document'
const OWN_ROLES = ['root', 'targets', 'enrol'] as const

/** Parses a root document strictly; says nothing about its signatures. @throws Failure E_DOCUMENT */
export function parseRoot(bytes: Uint8Array): RootDocument {
  return rootFromJson(parseCanonical(bytes, { maxBytes: limits.rootBytes, what: WHAT }))
}

/** The same for JSON that came inside another canonical document. */
export function rootFromJson(json: Json): RootDocument {
  const document = parseSigned(json, WHAT, readRoot)
  if (document.raw.length > limits.rootBytes) throw documentFailure(WHAT, `it has more than ${limits.rootBytes} bytes`)
  return document
}

function readRoot(json: Json): Root {
  const fields = new Fields(json, WHAT, {
    required: [
      '_type',
      'spec_version',
      'version',
      'issued',
      'expires',
      'consistent_snapshot',
      'keys',
      'roles',
      'enrol',
    ],
    optional: ['beacon', 'targets'],
    open: true,
  })
  fields.literal('_type', 'root')
  requireSpecVersion(fields)
  fields.literal('consistent_snapshot', false)
  const issued = fields.date('issued')
  const expires = fields.date('expires')
  if (expires <= issued) fields.fail('expires', 'after "issued"')
  const keys = parseKeys(fields)
  const roles = readRoles(fields, keys)
  const enrolment = readEnrolment(fields.json('enrol'), keys, roles.enrol.keyIds)
  const period = fields.has('beacon') ? { beaconPeriod: readBeaconPeriod(fields.json('beacon')) } : {}
  const epoch = fields.has('targets') ? { targetsEpoch: readTargetsEpoch(fields.json('targets')) } : {}
  return { version: fields.integer('version'), issued, expires, keys, roles, enrolment, ...period, ...epoch }
}

function readTargetsEpoch(json: Json): number {
  return new Fields(json, `${WHAT} (targets)`, { required: ['epoch'], open: true }).integer('epoch')
}

/** Milliseconds; seconds in the document. */
function readBeaconPeriod(json: Json): Millis {
  const fields = new Fields(json, `${WHAT} (beacon)`, { required: ['period'], open: true })
  return SECOND * fields.integer('period', limits.beaconPeriodMin / SECOND, limits.beaconPeriodMax / SECOND)
}

/** `beacon` is optional. Roles beyond ours (TUF's snapshot and timestamp, later ones of ours) must be well formed, and are not used. */
function readRoles(fields: Fields, keys: ReadonlyMap<string, Uint8Array>): Root['roles'] {
  const entries = fields.entries('roles', limits.documentKeys)
  const roles = new Map(
    entries.map(([name, json]) => {
      const role = new Fields(json, `${WHAT} (role ${name.slice(0, 32)})`, { required: ['keyids', 'threshold'] })
      return [name, parseRole(role, keys)] as const
    }),
  )
  const [root, targets, enrol] = OWN_ROLES.map((name) => roles.get(name) ?? fields.fail('roles', `one with "${name}"`))
  if (!root || !targets || !enrol) return fields.fail('roles', 'complete')
  if (enrol.threshold !== 1) fields.fail('roles', 'one whose "enrol" has threshold 1: an invite has one signature')
  const beacon = roles.get('beacon')
  if (beacon === undefined) return { root, targets, enrol }
  if (beacon.keyIds.length > limits.beaconKeys)
    fields.fail('roles', `one whose "beacon" has at most ${limits.beaconKeys} keys`)
  return { root, targets, enrol, beacon }
}

function readEnrolment(json: Json, keys: ReadonlyMap<string, Uint8Array>, active: readonly string[]): Enrolment {
  const fields = new Fields(json, `${WHAT} (enrol)`, { required: ['epoch', 'retired', 'zones'], open: true })
  const retired = parseKeyIds(fields, 'retired', keys)
  if (retired.some((keyId) => active.includes(keyId))) fields.fail('retired', 'without keys that still enrol')
  const zones = new Map<string, string>()
  for (const [keyId, zone] of fields.entries('zones', limits.documentKeys)) {
    if (!active.includes(keyId) && !retired.includes(keyId)) fields.fail('zones', 'about keys that enrol')
    if (typeof zone !== 'string' || zoneProblem(zone) !== undefined) return fields.fail('zones', 'keyids with zones')
    zones.set(keyId, zone)
  }
  return { epoch: fields.integer('epoch'), retired, zones, sealed: readSealed(fields, retired) }
}

/** Absent in roots of before there were statements. */
function readSealed(fields: Fields, retired: readonly string[]): ReadonlyMap<string, string> | undefined {
  if (!fields.has('sealed')) return undefined
  const sealed = new Map<string, string>()
  for (const [keyId, hash] of fields.entries('sealed', limits.documentKeys)) {
    if (!retired.includes(keyId) || !isHex(hash, 32)) return fields.fail('sealed', 'retired keyids with hashes')
    sealed.set(keyId, hash)
  }
  return sealed
}

/** The `signed` part of a root document. */
export function rootJson(root: Root): JsonObject {
  const { enrolment, roles } = root
  return {
    _type: 'root',
    spec_version: SPEC_VERSION,
    version: root.version,
    issued: dateText(root.issued),
    expires: dateText(root.expires),
    consistent_snapshot: false,
    keys: keysJson(root.keys),
    roles: {
      ...{ root: roleJson(roles.root), targets: roleJson(roles.targets), enrol: roleJson(roles.enrol) },
      ...(roles.beacon === undefined ? {} : { beacon: roleJson(roles.beacon) }),
    },
    ...(root.targetsEpoch === undefined ? {} : { targets: { epoch: root.targetsEpoch } }),
    ...(root.beaconPeriod === undefined ? {} : { beacon: { period: root.beaconPeriod / SECOND } }),
    enrol: {
      epoch: enrolment.epoch,
      retired: [...enrolment.retired],
      zones: Object.fromEntries(enrolment.zones),
      ...(enrolment.sealed === undefined ? {} : { sealed: Object.fromEntries(enrolment.sealed) }),
    },
  }
}
