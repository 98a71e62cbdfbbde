// A beacon: what k of n small online keys vouch for, once a period: at this time, this was the newest that the mesh held (clause BEACON).
// It takes the place of TUF's timestamp and snapshot. Its `signed` part follows from the period's number and from what its signer
// holds, so that holders who agree sign the same bytes without ever talking to each other.
import { concat, toHex, utf8 } from '../bytes.ts'
import type { Env, Millis } from '../env.ts'
import { HOUR } from '../limits.ts'
import { compareVersions, type Head, type VersionVector } from './announcement.ts'
import type { RoleKeys, Root, Signature, Signed } from './documents.ts'

/** The name by which heads speak of beacons; no publisher's role may have it. */
export const BEACON_ROLE = 'beacon'

/** How often beacons are signed when the root does not say. */
export const BEACON_PERIOD: Millis = HOUR

/** What beacons vouch for. */
export type BeaconVector = Pick<VersionVector, 'targetsVersion' | 'targetsHash' | 'heads'>

export interface Beacon {
  /** Hex mesh id. */
  mesh: string
  /** The number of the period since 1970: orders beacons. */
  counter: number
  /** When that period began, wall time in ms. */
  time: Millis
  rootVersion: number
  /** Hex hash of the root's `signed` part. */
  rootHash: string
  vector: BeaconVector
}
export type BeaconDocument = Signed<Beacon>

/** The highest counter that was accepted, and of which keys: nothing lower of theirs ever counts again. */
export interface BeaconFloor {
  counter: number
  /** See `roleId`. */
  role: string
}

/** The beacon role of a root. */
export interface BeaconTerms {
  /** See `roleId`. */
  id: string
  role: RoleKeys
  keys: ReadonlyMap<string, Uint8Array>
  period: Millis
  /** Of the root: no beacon is older, and none goes further than the root itself. */
  issued: Millis
  expires: Millis
}

/** Undefined when the root has no beacon role. */
export function beaconTerms(root: Root, env: Pick<Env, 'sha256'>): BeaconTerms | undefined {
  const role = root.roles.beacon
  if (role === undefined) return undefined
  const period = root.beaconPeriod ?? BEACON_PERIOD
  const { keys, issued, expires } = root
  return { id: roleId(role, period, env), role, keys, period, issued, expires }
}

/** Names keys, threshold and period together: another one begins to count anew, as TUF recovers from a counter run ahead. */
function roleId({ keyIds, threshold }: RoleKeys, period: Millis, env: Pick<Env, 'sha256'>): string {
  return toHex(env.sha256(utf8(`${threshold} ${period} ${[...keyIds].sort().join(' ')}`)))
}

/** One text for each state of the mesh: equal when two beacons vouch for the same. */
export function stateText({
  rootVersion,
  rootHash,
  vector,
}: Pick<Beacon, 'rootVersion' | 'rootHash' | 'vector'>): string {
  const { targetsVersion, targetsHash, heads } = vector
  const roles = heads.map(
    ({ role, epoch, rotation = 0, version, hash, rival }) =>
      `${role} ${epoch} ${rotation} ${version} ${hash} ${rival ?? ''}`,
  )
  return [`${rootVersion} ${rootHash}`, `${targetsVersion} ${targetsHash ?? ''}`, ...roles].join('\n')
}

/**
 * True when what is held is all that the beacon vouches for, or newer. What it names of a role that newer targets do not know any
 * more is not missed.
 */
export function covers(held: { rootVersion: number; vector: BeaconVector }, beacon: Beacon): boolean {
  const { vector } = held
  if (held.rootVersion < beacon.rootVersion || vector.targetsVersion < beacon.vector.targetsVersion) return false
  const isNewer = vector.targetsVersion > beacon.vector.targetsVersion
  return beacon.vector.heads.every((head) => {
    const own = vector.heads.find(({ role }) => role === head.role)
    if (own === undefined) return isNewer
    return compareVersions(own, head) >= 0
  })
}

/** The same beacon with these signatures, in its canonical form (clause DOC 3). */
export function withSignatures(document: BeaconDocument, signatures: readonly Signature[]): BeaconDocument {
  const sorted = [...signatures].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
  const list = sorted.map(({ keyId, signature }) => `{"keyid":"${keyId}","sig":"${toHex(signature)}"}`).join()
  const raw = concat([utf8(`{"signatures":[${list}],"signed":`), document.signedBytes, utf8('}')])
  return { ...document, signatures: sorted, raw }
}

/** The bits of those keys of the role, in its order, that signed. */
export function maskOf(document: BeaconDocument, { keyIds }: RoleKeys): number {
  const by = new Set(document.signatures.map(({ keyId }) => keyId))
  return keyIds.reduce((mask, keyId, bit) => (by.has(keyId) ? mask | (1 << bit) : mask), 0)
}

/** How gossip and hellos name a beacon: the bits of its signers stand for the epoch, its counter for the version. */
export function beaconHead(document: BeaconDocument, role: RoleKeys): Head {
  return { role: BEACON_ROLE, epoch: maskOf(document, role), version: document.signed.counter, hash: document.hash }
}
