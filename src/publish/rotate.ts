// The next version of the root: signed by the keys of the one before and by its own, so that every node can follow.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY, limits, SECOND } from '../core/limits.ts'
import type { RoleKeys, Root, RootDocument } from '../core/trust/documents.ts'
import { walkRoots } from '../core/trust/roots.ts'
import { zoneProblem } from '../core/zone.ts'
import { writeAtomic } from '../keys/atomic-file.ts'
import { newSecret, type RandomBytes, verifyStrict } from '../keys/ed25519.ts'
import { type KeyFile, writeKeyFile } from '../keys/key-file.ts'
import { type JsonObject, jsonOf } from '../wire/canonical.ts'
import { parseRoot, rootJson } from '../wire/root.ts'
import { encodeSigned, keyIdOf } from '../wire/signed.ts'
import { type Mesh, type MeshKey, meshKey, meshKeys, rootPath, writing } from './mesh.ts'
import { newestStatement } from './statement.ts'

export interface RootChanges {
  /** Replace all root keys by one new key. */
  newRootKey?: boolean | undefined
  /**
   * Replace all enrol keys of the whole mesh by one new key; those confined to a zone stay. The old ones are retired: memberships made
   * with them stay valid, and their last statements are sealed (clause STATEMENT 3).
   */
  newEnrolKey?: boolean | undefined
  /** Let this key (32 bytes) enrol within a zone, and nowhere else. */
  delegate?: { zone: string; key: Uint8Array } | undefined
  /** Statements that a peer holds, canonical JSON: the folder may not have the last ones. */
  statements?: readonly string[] | undefined
  /** Void every membership and invite made so far. */
  raiseEpoch?: boolean | undefined
  /** Who signs beacons from now on, with so many signatures, how often (default: as before, or once an hour); `none` ends them. */
  beacon?: BeaconChange | 'none' | undefined
  /** Days until it expires; default a year. */
  rootLifetimeDays?: number | undefined
  /** Encrypts the files of new keys; they are plain without it. */
  passphrase?: string | undefined
  /** What `rootSigners` chose, unlocked; default: the same, when none of them is locked. */
  signers?: readonly MeshKey[] | undefined
}

/** Public halves of the keys; their secrets stay on the nodes that sign. */
export interface BeaconChange {
  keys: readonly Pick<MeshKey, 'keyId' | 'publicKey'>[]
  threshold: number
  period?: Millis
}

type Fresh = { root: MeshKey | undefined; enrol: MeshKey | undefined }

/**
 * Makes and stores root version N+1. New keys reach the disk before the document that names them; the old ones stay.
 * @param now wall time in ms.
 * @throws Failure E_STATE (too few root keys in the folder), E_USAGE (lifetime, beacons), E_ZONE and E_KEY (delegate), E_PASSPHRASE (a key
 *   is locked), E_DATA_WRITE. The mesh is to be opened again.
 */
export function rotateRoot(mesh: Mesh, now: Millis, changes: RootChanges, random?: RandomBytes): RootDocument {
  const lifetime = (changes.rootLifetimeDays ?? limits.rootLifetime / DAY) * DAY
  if (!(lifetime >= DAY && lifetime <= limits.lifetimeMax))
    throw new Failure('E_USAGE', `A root must last 1 to ${limits.lifetimeMax / DAY} days.`)
  if (changes.delegate !== undefined) requireDelegable(mesh, changes.delegate)
  requireBeacon(changes.beacon)
  const version = mesh.root.signed.version + 1
  const secrets = { root: changes.newRootKey, enrol: changes.newEnrolKey }
  const made = Object.entries(secrets).flatMap(([name, wanted]) => (wanted ? [[name, newSecret(random)] as const] : []))
  const fresh = Object.fromEntries(made.map(([name, seed]) => [name, meshKey(seed)])) as Fresh
  const signers = [...(changes.signers ?? rootSigners(mesh)), ...(fresh.root === undefined ? [] : [fresh.root])]
  const document = signNext(mesh, nextRoot(mesh, { version, now, lifetime, changes }, fresh), signers)
  writing(mesh.dir, () => {
    mkdirSync(join(mesh.dir, 'keys'), { recursive: true, mode: 0o700 })
    const { passphrase } = changes
    for (const [name, seed] of made)
      writeKeyFile(join(mesh.dir, 'keys', `${name}-${version}.key`), seed, { passphrase })
    writeAtomic(rootPath(mesh.dir, version), document.raw, 0o644)
  })
  return document
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

function nextRoot(
  mesh: Mesh,
  terms: { version: number; now: Millis; lifetime: Millis; changes: RootChanges },
  fresh: Fresh,
): JsonObject {
  const held = mesh.root
  const old = held.signed
  const { enrolment } = old
  const [confined, replaced] = split(old.roles.enrol.keyIds, (keyId) => enrolment.zones.has(keyId))
  const { delegate } = terms.changes
  const delegated = delegate && ([keyIdOf(delegate.key), delegate.zone] as const)
  const kept = fresh.enrol ? [...confined, fresh.enrol.keyId] : old.roles.enrol.keyIds
  const enrol = { keyIds: [...kept, ...(delegated ? [delegated[0]] : [])], threshold: 1 }
  const retiring = fresh.enrol ? replaced : []
  const next: Root = {
    version: terms.version,
    issued: terms.now,
    expires: terms.now + terms.lifetime,
    keys: nextKeys(held, fresh, terms.changes),
    roles: { ...old.roles, root: only(fresh.root) ?? old.roles.root, enrol, ...beaconRole(terms.changes.beacon) },
    ...beaconPeriod(terms.changes.beacon),
    enrolment: {
      epoch: enrolment.epoch + (terms.changes.raiseEpoch ? 1 : 0),
      retired: [...enrolment.retired, ...retiring],
      zones: new Map([...enrolment.zones, ...(delegated ? [delegated] : [])]),
      sealed: sealedWith(mesh, retiring, terms.changes.statements ?? []),
    },
  }
  return keepUnknown(jsonOf(held.signedBytes), rootJson(next), terms.changes.beacon === 'none')
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

/** What was sealed before, and the last statements of the keys that are being retired. */
function sealedWith(
  mesh: Mesh,
  retiring: readonly string[],
  offered: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const last = retiring.flatMap((keyId) => {
    const statement = newestStatement(mesh, keyId, offered)
    return statement === undefined ? [] : [[keyId, statement.hash] as const]
  })
  const sealed = new Map([...(mesh.root.signed.enrolment.sealed ?? []), ...last])
  return sealed.size === 0 ? undefined : sealed
}

function split<T>(all: readonly T[], goes: (one: T) => boolean): [T[], T[]] {
  return [all.filter(goes), all.filter((one) => !goes(one))]
}

/** The old keys without root keys that nothing else uses, and the new ones. */
function nextKeys(held: RootDocument, fresh: Fresh, { beacon, delegate }: RootChanges): Map<string, Uint8Array> {
  const roles = jsonOf(held.signedBytes).roles as Record<string, { keyids: string[] }>
  const others = Object.entries(roles).flatMap(([name, role]) => (name === 'root' ? [] : role.keyids))
  const kept = new Set([...others, ...held.signed.enrolment.retired])
  const keys = new Map([...held.signed.keys].filter(([keyId]) => fresh.root === undefined || kept.has(keyId)))
  const signers = beacon === undefined || beacon === 'none' ? [] : beacon.keys
  for (const key of [fresh.root, fresh.enrol, ...signers]) if (key !== undefined) keys.set(key.keyId, key.publicKey)
  if (delegate !== undefined) keys.set(keyIdOf(delegate.key), delegate.key)
  return keys
}

/** What a newer pimesh put into the root, beyond what this one knows, stays there. */
function keepUnknown(old: JsonObject, next: JsonObject, endsBeacons: boolean): JsonObject {
  const merge = (key: string) => ({ ...(old[key] as JsonObject), ...(next[key] as JsonObject) })
  const roles = merge('roles')
  if (endsBeacons) delete roles.beacon
  return { ...old, ...next, roles, enrol: merge('enrol') }
}

function only(key: MeshKey | undefined): RoleKeys | undefined {
  return key && { keyIds: [key.keyId], threshold: 1 }
}

/** The key files of the folder that sign the next root, no more than its threshold needs: plain ones first. @throws Failure as meshKeys */
export function rootSigners(mesh: Mesh): KeyFile[] {
  const keys = meshKeys(mesh)
  const { keyIds, threshold } = mesh.root.signed.roles.root
  const held = keyIds.flatMap((keyId) => keys.get(keyId) ?? [])
  return held.sort((a, b) => Number(a.encrypted) - Number(b.encrypted)).slice(0, threshold)
}

function signNext(mesh: Mesh, signed: JsonObject, signers: readonly MeshKey[]): RootDocument {
  const document = parseRoot(encodeSigned(signed, signers))
  const { problem } = walkRoots(mesh.root, [document], { mesh: mesh.id }, { verifyStrict })
  if (problem === undefined) return document
  throw new Failure('E_STATE', `Too few root keys of this mesh are in ${mesh.dir}/keys: ${problem}.`)
}
