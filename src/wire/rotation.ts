// A rotation as it stands in an announcement (clause ROTATION): a signed statement of its own, bound to mesh, role, epoch and place.
import { limits } from '../core/limits.ts'
import {
  isTombstone,
  type Rotation,
  type RotationDocument,
  rotationNumber,
  type Signers,
} from '../core/trust/rotations.ts'
import { documentFailure, type Json, type JsonObject } from './canonical.ts'
import { Fields } from './fields.ts'
import { keysJson, parseKeys, parseRole, parseSigned, roleJson } from './signed.ts'

const WHAT = 'announcement (rotation)'
const FIELDS = ['_type', 'mesh', 'role', 'epoch', 'number', 'keys', 'keyids', 'threshold']

/** The chain of an announcement, and what it comes to in the order of announcements; says nothing about signatures. @throws Failure E_DOCUMENT */
export function readRotations(
  fields: Fields,
  of: Pick<Rotation, 'mesh' | 'role' | 'epoch'>,
): { rotations?: readonly RotationDocument[]; rotation?: number } {
  if (!fields.has('rotations')) return {}
  const rotations = fields
    .list('rotations', limits.rotations)
    .map((json, at) => readOne(json, { ...of, number: at + 1 }))
  if (rotations.length === 0) fields.fail('rotations', 'left out when there are none')
  if (rotations.slice(0, -1).some(({ signed }) => isTombstone(signed)))
    throw documentFailure(WHAT, 'there is one after the one without keys')
  return { rotations, rotation: rotationNumber(rotations) }
}

function readOne(json: Json, wanted: Omit<Rotation, keyof Signers>): RotationDocument {
  const document = parseSigned(json, WHAT, readRotation)
  const { mesh, role, epoch, number, ...signers } = document.signed
  if (mesh !== wanted.mesh || role !== wanted.role || epoch !== wanted.epoch)
    throw documentFailure(WHAT, 'it is of another mesh, role or epoch than the announcement')
  if (number !== wanted.number) throw documentFailure(WHAT, `it is number ${number} in place ${wanted.number}`)
  if (isTombstone(signers) && document.signatures.length > 0)
    throw documentFailure(WHAT, 'one without keys has no signatures: those of the announcement count for it')
  return document
}

function readRotation(json: Json): Rotation {
  const fields = new Fields(json, WHAT, { required: FIELDS })
  fields.literal('_type', 'rotation')
  const keys = parseKeys(fields)
  const common = {
    mesh: fields.hex('mesh', 32),
    role: fields.text('role', 32),
    epoch: fields.integer('epoch'),
    number: fields.integer('number', 1, limits.rotations),
    keys,
  }
  if (fields.json('threshold') === 0 && keys.size === 0) {
    fields.texts('keyids', 0, () => false, 'keyids')
    return { ...common, keyIds: [], threshold: 0 }
  }
  const role = parseRole(fields, keys)
  if (keys.size !== role.keyIds.length) fields.fail('keys', 'the keys of "keyids" and no others')
  return { ...common, ...role }
}

/** The `signed` part of a rotation. */
export function rotationJson({ mesh, role, epoch, number, keys, ...signers }: Rotation): JsonObject {
  return { _type: 'rotation', mesh, role, epoch, number, keys: keysJson(keys), ...roleJson(signers) }
}

/** A rotation that nobody has signed yet, or, as a tombstone, that nobody has to. */
export function unsignedRotation(rotation: Rotation): RotationDocument {
  const json = { signed: rotationJson(rotation), signatures: [] }
  return parseSigned(json, WHAT, () => rotation)
}
