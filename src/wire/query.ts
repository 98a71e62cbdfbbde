// Query (protocol clause QUERY): the rows or the counts of one zone as one of its members sees them. A row carries the envelope
// that its node signed, so that the asker can check every figure.
import { ALERT_KINDS, type Row, STATUSES } from '../core/fleet/rows.ts'
import { limits } from '../core/limits.ts'
import type { ChildRow, QueryRefusal, QueryRequest, QueryResponse } from '../core/protocols.ts'
import { NODE_ID_BYTES, readNode, readOptionalNode, readZone, ZONE_BYTES } from './contact.ts'
import { decodeDigest } from './digest.ts'
import { DIGEST_KIND, decodeEnvelope, RECORD_KIND } from './envelope.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'
import { decodeRecord } from './record.ts'
import { decodeSight, encodeSight, SIGHT_BYTES } from './sight.ts'
import { readStatus, statusNumber } from './status.ts'

/** Numbers on the wire are places in these lists, from 1: append only. */
const WANTS = ['rows', 'counts', 'children', 'sight'] as const
const REFUSALS: readonly QueryRefusal[] = ['forbidden', 'otherZone']

const ROW_BYTES = limits.recordBytes + NODE_ID_BYTES + 44
/** A child's name is that of its zone, with a mark behind it. */
const CHILD_KEY_BYTES = ZONE_BYTES + 2
const CHILD_BYTES = limits.digestBytes + ZONE_BYTES + 32
const COUNTS_BYTES = 64
/** Everything of a response but its rows. */
const RESPONSE_FRAME = COUNTS_BYTES + 16

export function encodeQueryRequest(request: QueryRequest): Uint8Array {
  return new MessageWriter()
    .text(1, request.zone)
    .uint(2, WANTS.indexOf(request.want) + 1)
    .text(3, request.after ?? '')
    .text(4, request.afterChild ?? '')
    .text(5, request.about ?? '')
    .finish()
}

/** Throws E_PROTOCOL. */
export function decodeQueryRequest(bytes: Uint8Array): QueryRequest {
  const reader = new MessageReader(bytes, 'a query', limits.questionBytes)
  const zone = readZone(reader, 1) ?? reader.refuse('its zone is missing')
  const want = WANTS[reader.uint(2) - 1] ?? reader.refuse('what it asks for is unknown')
  const after = readOptionalNode(reader, 3)
  const afterChild = reader.text(4, CHILD_KEY_BYTES)
  const about = readOptionalNode(reader, 5)
  reader.end()
  return { zone, want, after, ...(afterChild !== '' && { afterChild }), ...(about && { about }) }
}

/** Rows that do not fit are left out from the end, and `more` is then set. */
export function encodeQueryResponse(response: QueryResponse): Uint8Array {
  const message = new MessageWriter()
  if (response.refused !== undefined) message.uint(1, REFUSALS.indexOf(response.refused) + 1)
  message.bytes(2, encodeCounts(response.counts))
  let [room, sent] = [limits.queryBytes - RESPONSE_FRAME, 0]
  for (const row of response.rows.slice(0, limits.queryRows)) {
    const bytes = encodeRow(row)
    room -= bytes.length + 4
    if (room < 0) break
    message.bytes(3, bytes)
    sent++
  }
  const children = (response.children ?? []).slice(0, limits.queryChildren).map(encodeChild)
  const cut = sent < response.rows.length || children.length < (response.children ?? []).length
  message.bool(4, response.more || cut)
  for (const child of children) message.bytes(5, child)
  if (response.sight !== undefined) message.bytes(6, encodeSight(response.sight))
  return message.finish()
}

/** Throws E_PROTOCOL. Signatures of the envelopes are not checked here. */
export function decodeQueryResponse(bytes: Uint8Array): QueryResponse {
  const reader = new MessageReader(bytes, 'an answer to a query', limits.queryBytes)
  const refusal = reader.uint(1)
  const refused = refusal === 0 ? undefined : (REFUSALS[refusal - 1] ?? reader.refuse('its refusal is unknown'))
  const counts = decodeCounts(reader.bytes(2, 0, COUNTS_BYTES))
  const rows = reader.list(3, limits.queryRows, 1, ROW_BYTES).map(decodeRow)
  const more = reader.bool(4)
  const children = reader.list(5, limits.queryChildren, 1, CHILD_BYTES).map(decodeChild)
  const seen = reader.optionalBytes(6, 1, SIGHT_BYTES)
  reader.end()
  const answer = { refused, counts, rows, more, ...(children.length > 0 && { children }) }
  return seen === undefined ? answer : { ...answer, sight: decodeSight(seen) }
}

function encodeChild({ zone, leaf, dark, told }: ChildRow): Uint8Array {
  const message = new MessageWriter().text(1, zone).bool(2, leaf).bool(3, dark)
  if (told !== undefined) message.bytes(4, told.envelope.raw).millis(5, told.age)
  return message.finish()
}

function decodeChild(bytes: Uint8Array): ChildRow {
  const reader = new MessageReader(bytes, 'a child of a zone', CHILD_BYTES)
  const zone = readZone(reader, 1) ?? reader.refuse('its zone is missing')
  const [leaf, dark] = [reader.bool(2), reader.bool(3)]
  const raw = reader.optionalBytes(4, 1, limits.digestBytes)
  const age = reader.uint(5)
  reader.end()
  if (raw === undefined) return { zone, leaf, dark, told: undefined }
  const envelope = decodeEnvelope(raw)
  if (envelope.kind !== DIGEST_KIND) reader.refuse(`its envelope is a "${envelope.kind}", not a digest`)
  const digest = decodeDigest(envelope.body)
  if (digest.zone !== zone || digest.leaf !== leaf) reader.refuse('its digest is of another zone')
  return { zone, leaf, dark, told: { envelope, digest, age } }
}

function encodeCounts(counts: QueryResponse['counts']): Uint8Array {
  const message = new MessageWriter()
  for (const [index, status] of STATUSES.entries()) message.uint(index + 1, counts[status])
  return message.finish()
}

function decodeCounts(bytes: Uint8Array): QueryResponse['counts'] {
  const reader = new MessageReader(bytes, 'an answer to a query', COUNTS_BYTES)
  const counts = { up: 0, late: 0, down: 0, left: 0 }
  for (const [index, status] of STATUSES.entries()) counts[status] = reader.uint(index + 1)
  reader.end()
  return counts
}

function encodeRow(row: Row): Uint8Array {
  const message = new MessageWriter().text(1, row.node).bytes(2, row.envelope.raw).uint(3, statusNumber(row.status))
  // One more than the age, so that 0 stays free for "unknown".
  if (row.age !== null) message.millis(4, Math.max(row.age, 0) + 1)
  return message.uint(5, alertBits(row)).finish()
}

function decodeRow(bytes: Uint8Array): Row {
  const reader = new MessageReader(bytes, 'a row', ROW_BYTES)
  const node = readNode(reader, 1)
  const envelope = decodeEnvelope(reader.bytes(2, 1, limits.recordBytes))
  if (envelope.kind !== RECORD_KIND) reader.refuse(`its envelope is a "${envelope.kind}", not a record`)
  const status = readStatus(reader, 3)
  const age = reader.uint(4)
  const alerts = reader.uint(5, 2 ** 31 - 1)
  reader.end()
  return {
    node,
    envelope,
    record: decodeRecord(envelope.body),
    status,
    age: age === 0 ? null : age - 1,
    alerts: ALERT_KINDS.filter((_, index) => (alerts & (1 << index)) !== 0),
  }
}

function alertBits(row: Row): number {
  return row.alerts.reduce((bits, alert) => bits | (1 << ALERT_KINDS.indexOf(alert)), 0)
}
