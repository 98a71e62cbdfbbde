// The next version of the root: signed by the keys of the one before and by its own, so that every node can follow.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY, limits, SECOND } from '../core/limits.ts'
import type { RoleKeys, Root, RootDocument } from '../core/trust/documents.ts'
import { zoneProblem } from '../core/zone.ts'
import { type JsonObject, jsonOf } from '../wire/canonical.ts'
import { dateText } from '../wire/fields.ts'
import { rootJson } from '../wire/root.ts'
import { keyIdOf } from '../wire/signed.ts'
import type { Mesh } from './mesh.ts'
import type { PublicKey } from './role-keys.ts'
import { newestStatement } from './statement.ts'

export interface RootChanges {
  /** Let this key (32 bytes) enrol within a zone, and nowhere else. */
  delegate?: { zone: string; key: Uint8Array } | undefined
  /** Keys and thresholds of these roles, as they will be. */
  roles?: { root?: RoleKeys; targets?: RoleKeys } | undefined
  /** Which keys enrol from now on. */
  enrol?: EnrolChange | undefined
  /** Public halves of keys that come with `roles` and `enrol`. */
  keys?: readonly PublicKey[] | undefined
  /** Statements that a peer holds, canonical JSON: the folder may not have the last ones. */
  statements?: readonly string[] | undefined
  /** Void every membership and invite made so far. */
  raiseEpoch?: boolean | undefined
  /** Let the versions of the targets document begin anew; it has to be signed anew in its new epoch (clause ANN 10). */
  raiseTargetsEpoch?: boolean | undefined
  /** Who signs beacons from now on, with so many signatures, how often (default: as before, or once an hour); `none` ends them. */
  beacon?: BeaconChange | 'none' | undefined
  /** The root has ended, and the clock is right all the same. */
  hasEnded?: boolean | undefined
  /** Days until it expires; default a year. */
  rootLifetimeDays?: number | undefined
}

/** By keyid. */
export interface EnrolChange {
  /** Those that come, each with the zone that it is confined to, if any. */
  add?: readonly { keyId: string; zone: string | undefined }[]
  /** They sign no more, and what they granted stays; their last statements are sealed (clause STATEMENT 3). */
  retire?: readonly string[]
  /** Neither they nor anything that they ever granted or stated counts. */
  void?: readonly string[]
}

/** Public halves of the keys; their secrets stay on the nodes that sign. */
export interface BeaconChange {
  keys: readonly PublicKey[]
  threshold: number
  period?: Millis
}

/**
 * The `signed` part of root version N+1, for its own keys and those of the version before to sign.
 * @param now wall time in ms.
 * @throws Failure E_STATE (the clock or the versions do not allow another one), E_USAGE (lifetime, beacons), E_ZONE and E_KEY (delegate)
 */
export function draftRoot(mesh: Mesh, now: Millis, changes: RootChanges): JsonObject {
  requireChanges(mesh, changes, now)
  return nextRoot(mesh, now, changes)
}

function requireChanges(mesh: Mesh, changes: RootChanges, now: Millis): void {
  requireNextRoot(mesh.root.signed, changes, now)
  const lifetime = lifetimeOf(changes)
  if (!(lifetime >= DAY && lifetime <= limits.lifetimeMax))
    throw new Failure('E_USAGE', `A root must last 1 to ${limits.lifetimeMax / DAY} days.`)
  if (changes.delegate !== undefined) requireDelegable(mesh, changes.delegate)
  requireBeacon(changes.beacon)
}

/**
 * Nodes take `issued` for a time that is over (clause CLOCK 1): one that a wrong clock wrote would end every update for good, and nothing
 * takes it back. What they hold has an end, too.
 * @throws Failure E_STATE
 */
function requireNextRoot({ version, issued, expires }: Root, { hasEnded }: RootChanges, now: Millis): void {
  const refused = (problem: string) => new Failure('E_STATE', problem)
  if (version >= limits.rootVersions)
    throw refused(`the root has version ${version}, and nodes hold no more than so many: make the mesh anew`)
  const clock = `the clock of this machine says ${dateText(now)}`
  if (now < issued)
    throw refused(`${clock}, and version ${version} of the root was issued later (${dateText(issued)}): set the clock`)
  if (now > expires && !hasEnded)
    throw refused(
      `${clock}, and version ${version} of the root ended before (${dateText(expires)}): set the clock, or, when it is right, "pimesh trust renew root --expired"`,
    )
}

function lifetimeOf({ rootLifetimeDays }: RootChanges): Millis {
  return (rootLifetimeDays ?? limits.rootLifetime / DAY) * DAY
}

function requireDelegable({ root }: Mesh, { zone, key }: NonNullable<RootChanges['delegate']>): void {
  const wrong = zone.includes('~') ? '"~" is reserved for cells' : zoneProblem(zone)
  if (wrong !== undefined) throw new Failure('E_ZONE', `"${zone}" is not a zone: ${wrong}`)
  if (zone === '/')
    throw new Failure('E_ZONE', 'a key for the zone "/" would reach the whole mesh: name the zone of a site')
  const { keys, enrolment } = root.signed
  const keyId = keyIdOf(key)
  const reach = enrolment.zones.get(keyId)
  if (reach !== undefined)
    throw new Failure('E_KEY', `this key enrols in ${reach} already: each zone needs a key of its own`)
  if (keys.has(keyId)) throw new Failure('E_KEY', 'this key has another task in this mesh already: use a new one')
  if (keys.size >= limits.documentKeys)
    throw new Failure('E_KEY', `the root has ${keys.size} keys and no room for more: remove some that nobody needs`)
}

function nextRoot(mesh: Mesh, now: Millis, changes: RootChanges): JsonObject {
  const held = mesh.root
  const old = held.signed
  const { keyIds, enrolment } = nextEnrolment(mesh, changes)
  const roles = { ...old.roles, ...changes.roles, enrol: { keyIds, threshold: 1 }, ...beaconRole(changes.beacon) }
  const next: Root = {
    version: old.version + 1,
    issued: now,
    expires: now + lifetimeOf(changes),
    keys: new Map(),
    roles,
    ...beaconPeriod(changes.beacon),
    ...targetsEpoch(old, changes),
    enrolment,
  }
  if (changes.beacon === 'none') delete next.roles.beacon
  const keys = nextKeys(held, next, comingKeys(changes))
  return keepUnknown(jsonOf(held.signedBytes), rootJson({ ...next, keys }), changes.beacon === 'none')
}

/** Who enrols in the next root, and what becomes of those who did. */
function nextEnrolment(mesh: Mesh, changes: RootChanges): { keyIds: string[]; enrolment: Root['enrolment'] } {
  const { roles, enrolment } = mesh.root.signed
  const { delegate, statements = [] } = changes
  const { add = [], retire = [], void: voided = [] } = changes.enrol ?? {}
  const coming = [...add, ...(delegate ? [{ keyId: keyIdOf(delegate.key), zone: delegate.zone }] : [])]
  const counts = (keyId: string) => !voided.includes(keyId)
  const kept = roles.enrol.keyIds.filter((keyId) => counts(keyId) && !retire.includes(keyId))
  const zones = coming.flatMap(({ keyId, zone }) => (zone === undefined ? [] : [[keyId, zone] as const]))
  return {
    keyIds: [...kept, ...coming.map(({ keyId }) => keyId)],
    enrolment: {
      epoch: enrolment.epoch + (changes.raiseEpoch ? 1 : 0),
      retired: [...enrolment.retired, ...retire].filter(counts),
      zones: new Map([...enrolment.zones, ...zones].filter(([keyId]) => counts(keyId))),
      sealed: sealedWith(mesh, retire, { statements, counts }),
    },
  }
}

/** @throws Failure E_USAGE */
function requireBeacon(beacon: RootChanges['beacon']): void {
  if (beacon === undefined || beacon === 'none') return
  const { keys, threshold, period = limits.beaconPeriodMin } = beacon
  const different = new Set(keys.map(({ keyId }) => keyId)).size
  if (different !== keys.length || different < 1 || different > limits.beaconKeys)
    throw new Failure('E_USAGE', `Beacons need 1 to ${limits.beaconKeys} different keys.`)
  if (!(Number.isInteger(threshold) && threshold >= 1 && threshold <= different))
    throw new Failure('E_USAGE', `The threshold of ${different} beacon keys must be from 1 to ${different}.`)
  if (!(period % SECOND === 0 && period >= limits.beaconPeriodMin && period <= limits.beaconPeriodMax)) {
    const [from, to] = [limits.beaconPeriodMin / SECOND, limits.beaconPeriodMax / SECOND]
    throw new Failure('E_USAGE', `Beacons must come every ${from} to ${to} seconds.`)
  }
}

function beaconRole(beacon: RootChanges['beacon']): { beacon?: RoleKeys } {
  if (beacon === undefined || beacon === 'none') return {}
  return { beacon: { keyIds: beacon.keys.map(({ keyId }) => keyId), threshold: beacon.threshold } }
}

function beaconPeriod(beacon: RootChanges['beacon']): { beaconPeriod?: Millis } {
  return beacon === undefined || beacon === 'none' || beacon.period === undefined ? {} : { beaconPeriod: beacon.period }
}

function targetsEpoch({ targetsEpoch = 1 }: Root, { raiseTargetsEpoch }: RootChanges): { targetsEpoch?: number } {
  return raiseTargetsEpoch ? { targetsEpoch: targetsEpoch + 1 } : {}
}

/** What was sealed before, and the last statements of the keys that are being retired. */
function sealedWith(
  mesh: Mesh,
  retiring: readonly string[],
  { statements, counts }: { statements: readonly string[]; counts: (keyId: string) => boolean },
): ReadonlyMap<string, string> | undefined {
  const last = retiring.flatMap((keyId) => {
    const statement = newestStatement(mesh, keyId, statements)
    return statement === undefined ? [] : [[keyId, statement.hash] as const]
  })
  const before = mesh.root.signed.enrolment.sealed
  const sealed = new Map([...(before ?? []), ...last].filter(([keyId]) => counts(keyId)))
  return sealed.size === 0 && before === undefined ? undefined : sealed
}

/** Public halves of all keys that are new. */
function comingKeys({ beacon, delegate, keys = [] }: RootChanges): PublicKey[] {
  const signers = beacon === undefined || beacon === 'none' ? [] : beacon.keys
  const owner = delegate === undefined ? [] : [{ keyId: keyIdOf(delegate.key), publicKey: delegate.key }]
  return [...keys, ...signers, ...owner]
}

/** The old keys and the new ones, without those that lost the last role that they had. */
function nextKeys(held: RootDocument, next: Root, coming: readonly PublicKey[]): Map<string, Uint8Array> {
  const ours = rootJson(next).roles as Record<string, { keyids: string[] }>
  const before = jsonOf(held.signedBytes).roles as Record<string, { keyids: string[] }>
  const idsOf = (roles: Record<string, { keyids: string[] }>, retired: readonly string[]) =>
    new Set([...Object.values(roles).flatMap(({ keyids }) => keyids), ...retired])
  const { beacon: _, ...others } = before
  const used = idsOf({ ...others, ...ours }, next.enrolment.retired)
  const wasUsed = idsOf(before, held.signed.enrolment.retired)
  const all = new Map([...held.signed.keys, ...coming.map(({ keyId, publicKey }) => [keyId, publicKey] as const)])
  return new Map([...all].filter(([keyId]) => used.has(keyId) || !wasUsed.has(keyId)))
}

/** What a newer pimesh put into the root, beyond what this one knows, stays there. */
function keepUnknown(old: JsonObject, next: JsonObject, endsBeacons: boolean): JsonObject {
  const merge = (key: string) => ({ ...(old[key] as JsonObject), ...(next[key] as JsonObject) })
  const roles = merge('roles')
  if (endsBeacons) delete roles.beacon
  return { ...old, ...next, roles, enrol: merge('enrol') }
}
