// Heads of announcements (clause HEAD): role, order and hash, as gossip carries them and as every hello lists them (clause VECTOR).
import { toHex } from '../core/bytes.ts'
import { limits } from '../core/limits.ts'
import type { Head, VectorEntry } from '../core/trust/announcement.ts'
import { BEACON_ROLE } from '../core/trust/beacon.ts'
import { TOMBSTONE } from '../core/trust/rotations.ts'
import { INTEGER_MAX } from './fields.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'
import { roleNameProblem } from './targets.ts'

const WHAT = 'a head'
const HASH_BYTES = 32
const ROLE_BYTES = 32

/** The body of a message on the announcements' topic. Throws E_PROTOCOL when the hash is no SHA-256. */
export function encodeHead(head: Head): Uint8Array {
  return withRotation(writeHead(head), head).finish()
}

/** Throws E_PROTOCOL. */
export function decodeHead(bytes: Uint8Array): Head {
  const reader = new MessageReader(bytes, WHAT, limits.headBytes)
  const head = readHead(reader)
  const rotation = readRotation(reader)
  reader.end()
  return { ...head, ...rotation }
}

/** One role of a version vector: its head, and the other side of an equivocation. */
export function encodeVectorEntry(entry: VectorEntry): Uint8Array {
  const message = writeHead(entry)
  if (entry.rival !== undefined) message.bytes(5, hexBytes(entry.rival, HASH_BYTES, "rival's hash"))
  return withRotation(message, entry).finish()
}

/** Throws E_PROTOCOL. */
export function decodeVectorEntry(bytes: Uint8Array): VectorEntry {
  const reader = new MessageReader(bytes, WHAT, limits.headBytes)
  const head = readHead(reader)
  if (head.role === BEACON_ROLE) reader.refuse('field 1 is not the name of a role')
  const rivalBytes = reader.optionalBytes(5, HASH_BYTES, HASH_BYTES)
  const rotation = readRotation(reader)
  reader.end()
  const rival = rivalBytes === undefined ? undefined : toHex(rivalBytes)
  if (rival === head.hash) reader.refuse('it is a rival of itself')
  return { ...head, ...rotation, rival }
}

/** Fields are in order of their numbers: this one comes after that of a rival. */
function withRotation(message: MessageWriter, { rotation = 0 }: Head): MessageWriter {
  return rotation === 0 ? message : message.uint(6, rotation)
}

function readRotation(reader: MessageReader): Pick<Head, 'rotation'> {
  const rotation = reader.uint(6, TOMBSTONE)
  return rotation === 0 ? {} : { rotation }
}

function writeHead({ role, epoch, version, hash }: Head): MessageWriter {
  const message = new MessageWriter().text(1, role).uint(2, epoch).uint(3, version)
  return message.bytes(4, hexBytes(hash, HASH_BYTES, "announcement's hash"))
}

function readHead(reader: MessageReader): Head {
  const role = reader.text(1, ROLE_BYTES)
  if (role !== BEACON_ROLE && roleNameProblem(role) !== undefined) reader.refuse('field 1 is not the name of a role')
  const [epoch, version] = [reader.uint(2, INTEGER_MAX), reader.uint(3, INTEGER_MAX)]
  if (epoch === 0 || version === 0) reader.refuse('its epoch or its version is missing')
  return { role, epoch, version, hash: toHex(reader.bytes(4, HASH_BYTES, HASH_BYTES)) }
}
