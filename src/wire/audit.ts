// An entry of the audit log as bytes on disk (clause AUDIT): what was accepted or refused, of whom, when, how often and why.
import { toHex } from '../core/bytes.ts'
import type { RefusalCode } from '../core/events.ts'
import { limits } from '../core/limits.ts'
import { type AuditEntry, ringOf } from '../core/trust/audit.ts'
import { INTEGER_MAX } from './fields.ts'
import { nodeKey } from './node-id.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'
import { roleNameProblem } from './targets.ts'

const KINDS: readonly AuditEntry['kind'][] = ['announcement', 'targets', 'root']
const HASH_BYTES = 32
const [ROLE_BYTES, NODE_BYTES, CODE_BYTES] = [32, 52, 32]
/** Six numbers, a role, a hash, a node, a code and their tags. */
const ENTRY_BYTES = 7 * 9 + ROLE_BYTES + HASH_BYTES + NODE_BYTES + CODE_BYTES + 32

/** `accepted/7`: its place in the log; an entry takes the place of an older one. */
export function auditName({ outcome, slot }: Pick<AuditEntry, 'outcome' | 'slot'>): string {
  return `${ringOf(outcome)}/${slot}`
}

export function encodeAuditEntry(entry: AuditEntry): Uint8Array {
  const message = new MessageWriter()
    .uint(1, entry.seq)
    .uint(2, entry.incarnation)
    .millis(3, entry.since)
    .millis(4, entry.wall)
    .uint(5, entry.count)
    .uint(6, KINDS.indexOf(entry.kind) + 1)
  if (entry.role !== undefined) message.text(7, entry.role)
  message.uint(8, entry.epoch ?? 0).uint(9, entry.version ?? 0)
  if (entry.hash !== undefined) message.bytes(10, hexBytes(entry.hash, HASH_BYTES, "document's hash"))
  if (entry.peer !== undefined) message.text(11, entry.peer)
  return message.text(12, entry.outcome).finish()
}

/** Throws E_PROTOCOL for a value, or a name, that is none. */
export function decodeAuditEntry(bytes: Uint8Array, name: string): AuditEntry {
  const reader = new MessageReader(bytes, 'an audited judgement', ENTRY_BYTES)
  const [seq, incarnation] = [reader.uint(1), reader.uint(2, limits.incarnationMax)]
  const [since, wall, count] = [reader.uint(3), reader.uint(4), reader.uint(5)]
  const kind = KINDS[reader.uint(6) - 1]
  const role = reader.text(7, ROLE_BYTES) || undefined
  const [epoch, version] = [reader.uint(8, INTEGER_MAX) || undefined, reader.uint(9, INTEGER_MAX) || undefined]
  const hash = reader.optionalBytes(10, HASH_BYTES, HASH_BYTES)
  const peer = reader.text(11, NODE_BYTES) || undefined
  const outcome = reader.text(12, CODE_BYTES)
  reader.end()
  const slot = slotOf(name)
  if (kind === undefined || seq === 0 || count === 0)
    return reader.refuse('its kind, its number or its count is missing')
  if (role !== undefined && roleNameProblem(role) !== undefined) reader.refuse('field 7 is not the name of a role')
  if (peer !== undefined && nodeKey(peer) === undefined) reader.refuse('field 11 is not a node')
  if (!/^[a-zA-Z]+$/.test(outcome)) reader.refuse('field 12 is not a code')
  const subject = { kind, role, epoch, version, hash: hash && toHex(hash) }
  // A code of a newer version is only shown.
  const entry = { ...subject, seq, slot, outcome: outcome as RefusalCode, peer, incarnation, since, wall, count }
  return auditName(entry) === name ? entry : reader.refuse("it is in another entry's place")
}

function slotOf(name: string): number {
  const slot = Number(/\d{1,3}$/.exec(name)?.[0] ?? Number.NaN)
  return slot < Math.min(limits.auditAccepted, limits.auditRefused) ? slot : Number.NaN
}
