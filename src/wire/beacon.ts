// The beacon (clause BEACON): a small document that the same state of the mesh, in the same period, makes byte for byte the same.

import { limits } from '../core/limits.ts'
import type { Head, VectorEntry } from '../core/trust/announcement.ts'
import type { Beacon, BeaconDocument, BeaconVector } from '../core/trust/beacon.ts'
import { TOMBSTONE } from '../core/trust/rotations.ts'
import { documentFailure, type Json, type JsonObject, parseCanonical } from './canonical.ts'
import { dateText, Fields } from './fields.ts'
import { encodeSigned, parseSigned, type Signatory } from './signed.ts'
import { roleNameProblem } from './targets.ts'

const WHAT = 'beacon'
const HASH_BYTES = 32

/** Parses a beacon strictly; says nothing about its signatures. @throws Failure E_DOCUMENT */
export function parseBeacon(bytes: Uint8Array): BeaconDocument {
  return parseSigned(parseCanonical(bytes, { maxBytes: limits.beaconBytes, what: WHAT }), WHAT, readBeacon)
}

/** Signs what a core asks for. */
export function signBeacon(beacon: Beacon, signatory: Signatory): BeaconDocument {
  return parseBeacon(encodeSigned(beaconJson(beacon), [signatory]))
}

function readBeacon(json: Json): Beacon {
  const required = ['_type', 'mesh', 'counter', 'time', 'root', 'heads']
  const fields = new Fields(json, WHAT, { required, optional: ['targets'], open: true })
  fields.literal('_type', 'beacon')
  const root = readVersion(fields.json('root'))
  return {
    mesh: fields.hex('mesh', HASH_BYTES),
    counter: fields.integer('counter'),
    time: fields.date('time'),
    rootVersion: root.version,
    rootHash: root.hash,
    vector: readVector(fields),
  }
}

function readVector(fields: Fields): BeaconVector {
  const targets = fields.has('targets') ? readVersion(fields.json('targets')) : undefined
  const heads = fields.list('heads', limits.delegatedRoles).map(readHead)
  if (new Set(heads.map(({ role }) => role)).size !== heads.length) throw documentFailure(WHAT, 'it names a role twice')
  return { targetsVersion: targets?.version ?? 0, targetsHash: targets?.hash, heads }
}

function readVersion(json: Json): { version: number; hash: string } {
  const fields = new Fields(json, WHAT, { required: ['hash', 'version'] })
  return { version: fields.integer('version'), hash: fields.hex('hash', HASH_BYTES) }
}

function readHead(json: Json): VectorEntry {
  const required = ['role', 'epoch', 'version', 'hash']
  const fields = new Fields(json, `${WHAT} (head)`, { required, optional: ['rival', 'rotation'] })
  const role = fields.text('role', 32)
  if (roleNameProblem(role) !== undefined) fields.fail('role', 'of a-z, 0-9 and "-"')
  const head: Head = {
    role,
    epoch: fields.integer('epoch'),
    ...(fields.has('rotation') ? { rotation: fields.integer('rotation', 1, TOMBSTONE) } : {}),
    version: fields.integer('version'),
    hash: fields.hex('hash', HASH_BYTES),
  }
  return { ...head, rival: fields.has('rival') ? fields.hex('rival', HASH_BYTES) : undefined }
}

/** The `signed` part of a beacon. */
export function beaconJson({ mesh, counter, time, rootVersion, rootHash, vector }: Beacon): JsonObject {
  const { targetsVersion, targetsHash, heads } = vector
  return {
    ...{ _type: 'beacon', mesh, counter, time: dateText(time), root: { hash: rootHash, version: rootVersion } },
    ...(targetsHash === undefined ? {} : { targets: { hash: targetsHash, version: targetsVersion } }),
    heads: heads.map(({ role, epoch, rotation, version, hash, rival }) => ({
      ...{ role, epoch, version, hash },
      ...(rotation === undefined ? {} : { rotation }),
      ...(rival === undefined ? {} : { rival }),
    })),
  }
}
