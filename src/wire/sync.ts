// Sync (protocol clause SYNC): memberships, roots, targets, announcements, piece lists and statements, as the exact bytes that were signed or hashed.
import { toHex } from '../core/bytes.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { SyncRequest, SyncResponse } from '../core/protocols.ts'
import { parseAnnouncement } from './announcement.ts'
import { parseBeacon } from './beacon.ts'
import { decodeEnvelope, SUMMARY_KIND } from './envelope.ts'
import { INTEGER_MAX } from './fields.ts'
import { parseMembership } from './membership.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'
import { parseRoot } from './root.ts'
import { parseStatement } from './statement.ts'
import { decodeSummary } from './summary.ts'
import { parseTargets } from './targets.ts'

const ID_BYTES = 16
const HASH_BYTES = 32
/** Beginning of a hash: enough to tell the statements of one mesh apart. */
const SHORT_BYTES = 8

/** Throws E_PROTOCOL for more ids or hashes than one question may hold. */
export function encodeSyncRequest(request: SyncRequest): Uint8Array {
  const message = new MessageWriter()
  switch (request.type) {
    case 'memberships':
      requireFew(request.ids, limits.syncMemberships, 'memberships')
      for (const id of request.ids) message.bytes(1, hexBytes(id, ID_BYTES, 'membership id'))
      return message.finish()
    case 'roots':
      return message.uint(2, request.from).finish()
    case 'targets':
      return message.bool(3, true).finish()
    case 'announcements':
      requireFew(request.hashes, limits.syncAnnouncements, 'announcements')
      for (const hash of request.hashes) message.bytes(4, hexBytes(hash, HASH_BYTES, "announcement's hash"))
      return message.finish()
    case 'pieceList':
      return message.bytes(5, hexBytes(request.hash, HASH_BYTES, "piece list's hash")).finish()
    case 'statements':
      message.bool(6, true)
      for (const held of request.held.slice(0, limits.documentKeys))
        message.bytes(7, hexBytes(held, SHORT_BYTES, "beginning of a statement's hash"))
      return message.finish()
    case 'beacons':
      return message.bool(8, true).finish()
    case 'summary':
      return message.bool(9, true).finish()
  }
}

function requireFew(list: readonly string[], most: number, what: string): void {
  if (list.length > most) throw new Failure('E_PROTOCOL', `a sync asks for at most ${most} ${what} at once`)
}

/** Throws E_PROTOCOL. */
export function decodeSyncRequest(bytes: Uint8Array): SyncRequest {
  const reader = new MessageReader(bytes, 'a sync request', limits.questionBytes)
  const requests: SyncRequest[] = []
  const ids = reader.list(1, limits.syncMemberships, ID_BYTES, ID_BYTES).map(toHex)
  if (ids.length > 0) requests.push({ type: 'memberships', ids })
  const from = reader.uint(2, INTEGER_MAX)
  if (from > 0) requests.push({ type: 'roots', from })
  if (reader.bool(3)) requests.push({ type: 'targets' })
  const hashes = reader.list(4, limits.syncAnnouncements, HASH_BYTES, HASH_BYTES).map(toHex)
  if (hashes.length > 0) requests.push({ type: 'announcements', hashes })
  const list = reader.optionalBytes(5, HASH_BYTES, HASH_BYTES)
  if (list !== undefined) requests.push({ type: 'pieceList', hash: toHex(list) })
  if (reader.bool(6)) requests.push({ type: 'statements', held: readHeld(reader) })
  if (reader.bool(8)) requests.push({ type: 'beacons' })
  if (reader.bool(9)) requests.push({ type: 'summary' })
  reader.end()
  const [request, ...others] = requests
  return request === undefined || others.length > 0 ? reader.refuse('it must ask for one kind of thing') : request
}

function readHeld(reader: MessageReader): string[] {
  return reader.list(7, limits.documentKeys, SHORT_BYTES, SHORT_BYTES).map(toHex)
}

/** What does not fit is left out from the end; who asked asks again for the rest. */
export function encodeSyncResponse(response: SyncResponse): Uint8Array {
  const message = new MessageWriter()
  let room: number = limits.syncBytes
  const append = (field: number, documents: readonly { raw: Uint8Array }[], most: number) => {
    for (const { raw } of documents.slice(0, most)) {
      room -= raw.length + 4
      if (room < 0) return
      message.bytes(field, raw)
    }
  }
  append(1, response.memberships, limits.syncMemberships)
  append(2, response.roots, limits.rootVersions)
  append(3, response.targets === undefined ? [] : [response.targets], 1)
  append(4, response.announcements, limits.syncAnnouncements)
  append(5, response.pieceList === undefined ? [] : [{ raw: response.pieceList }], 1)
  append(6, response.statements, limits.documentKeys)
  append(7, response.beacons ?? [], limits.beaconKeys + 1)
  if (response.summary !== undefined) message.bytes(8, response.summary.envelope.raw).millis(9, response.summary.held)
  return message.finish()
}

/** Parses, and judges nothing. Throws E_PROTOCOL, or E_DOCUMENT for a document in it that is not well formed. */
export function decodeSyncResponse(bytes: Uint8Array): SyncResponse {
  const reader = new MessageReader(bytes, 'a sync response', limits.syncBytes)
  const memberships = reader.list(1, limits.syncMemberships, 1, limits.membershipBytes)
  const roots = reader.list(2, limits.rootVersions, 1, limits.rootBytes)
  const targets = reader.optionalBytes(3, 1, limits.rootBytes)
  const announcements = reader.list(4, limits.syncAnnouncements, 1, limits.announcementBytes)
  const pieceList = reader.optionalBytes(5, HASH_BYTES, limits.pieces * HASH_BYTES)
  const statements = reader.list(6, limits.documentKeys, 1, limits.statementBytes)
  const beacons = reader.list(7, limits.beaconKeys + 1, 1, limits.beaconBytes)
  const summary = reader.optionalBytes(8, 1, limits.summaryBytes)
  const held = reader.uint(9)
  reader.end()
  if ((pieceList?.length ?? 0) % HASH_BYTES !== 0) reader.refuse('its piece list is cut off')
  return {
    memberships: memberships.map((raw) => parseMembership(raw)),
    roots: roots.map((raw) => parseRoot(raw)),
    targets: targets === undefined ? undefined : parseTargets(targets),
    announcements: announcements.map((raw) => parseAnnouncement(raw)),
    // In memory of its own: it is kept for as long as the encoding, the answer that it came in is not.
    pieceList: pieceList === undefined ? undefined : new Uint8Array(pieceList),
    statements: statements.map((raw) => parseStatement(raw)),
    ...(beacons.length === 0 ? {} : { beacons: beacons.map((raw) => parseBeacon(raw)) }),
    ...(summary === undefined ? {} : { summary: { ...summaryIn(summary), held } }),
  }
}

/** Throws E_PROTOCOL for an envelope of something else. */
function summaryIn(raw: Uint8Array): Pick<NonNullable<SyncResponse['summary']>, 'envelope' | 'summary'> {
  const envelope = decodeEnvelope(raw)
  if (envelope.kind !== SUMMARY_KIND)
    throw new Failure('E_PROTOCOL', `a sync response from a peer is not well formed: "${envelope.kind}" is no summary`)
  return { envelope, summary: decodeSummary(envelope.body) }
}
