// Query (protocol clause QUERY): the rows or the counts of one zone as one of its members sees them. A row carries the envelope
// that its node signed, so that the asker can check every figure.
import { ALERT_KINDS, type Row, STATUSES, type Status } from '../core/fleet/rows.ts'
import { limits } from '../core/limits.ts'
import type { QueryRefusal, QueryRequest, QueryResponse } from '../core/protocols.ts'
import { NODE_ID_BYTES, readNode, readOptionalNode, readZone } from './contact.ts'
import { decodeEnvelope, RECORD_KIND } from './envelope.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'
import { decodeRecord } from './record.ts'

/** Numbers on the wire are places in these lists, from 1: append only. */
const WANTS = ['rows', 'counts'] as const
const REFUSALS: readonly QueryRefusal[] = ['forbidden', 'otherZone']

const ROW_BYTES = limits.recordBytes + NODE_ID_BYTES + 44
const COUNTS_BYTES = 64
/** Everything of a response but its rows. */
const RESPONSE_FRAME = COUNTS_BYTES + 16

export function encodeQueryRequest(request: QueryRequest): Uint8Array {
  return new MessageWriter()
    .text(1, request.zone)
    .uint(2, WANTS.indexOf(request.want) + 1)
    .text(3, request.after ?? '')
    .finish()
}

/** Throws E_PROTOCOL. */
export function decodeQueryRequest(bytes: Uint8Array): QueryRequest {
  const reader = new MessageReader(bytes, 'a query', limits.questionBytes)
  const zone = readZone(reader, 1) ?? reader.refuse('its zone is missing')
  const want = WANTS[reader.uint(2) - 1] ?? reader.refuse('it asks for neither rows nor counts')
  const after = readOptionalNode(reader, 3)
  reader.end()
  return { zone, want, after }
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
  return message.bool(4, response.more || sent < response.rows.length).finish()
}

/** Throws E_PROTOCOL. Signatures of the envelopes are not checked here. */
export function decodeQueryResponse(bytes: Uint8Array): QueryResponse {
  const reader = new MessageReader(bytes, 'an answer to a query', limits.queryBytes)
  const refusal = reader.uint(1)
  const refused = refusal === 0 ? undefined : (REFUSALS[refusal - 1] ?? reader.refuse('its refusal is unknown'))
  const counts = decodeCounts(reader.bytes(2, 0, COUNTS_BYTES))
  const rows = reader.list(3, limits.queryRows, 1, ROW_BYTES).map(decodeRow)
  const more = reader.bool(4)
  reader.end()
  return { refused, counts, rows, more }
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

/** Place in STATUSES, from 1; also on disk. */
export function statusNumber(status: Status): number {
  return STATUSES.indexOf(status) + 1
}

export function readStatus(reader: MessageReader, field: number): Status {
  return STATUSES[reader.uint(field) - 1] ?? reader.refuse(`field ${field} is not a status`)
}
