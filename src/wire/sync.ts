// Sync (protocol clause SYNC): memberships by id and root versions from a number on, carried as the exact bytes that were signed.
import { toHex } from '../core/bytes.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { SyncRequest, SyncResponse } from '../core/protocols.ts'
import { parseMembership } from './membership.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'
import { parseRoot } from './root.ts'

const ID_BYTES = 16

/** Throws E_PROTOCOL for more ids than one question may hold. */
export function encodeSyncRequest(request: SyncRequest): Uint8Array {
  const message = new MessageWriter()
  if (request.type === 'roots') return message.uint(2, request.from).finish()
  if (request.ids.length > limits.syncMemberships)
    throw new Failure('E_PROTOCOL', `a sync asks for at most ${limits.syncMemberships} memberships at once`)
  for (const id of request.ids) message.bytes(1, hexBytes(id, ID_BYTES, 'membership id'))
  return message.finish()
}

/** Throws E_PROTOCOL. */
export function decodeSyncRequest(bytes: Uint8Array): SyncRequest {
  const reader = new MessageReader(bytes, 'a sync request', limits.questionBytes)
  const ids = reader.list(1, limits.syncMemberships, ID_BYTES, ID_BYTES).map(toHex)
  const from = reader.uint(2, 2 ** 31 - 1)
  reader.end()
  if (ids.length > 0 === from > 0) reader.refuse('it must ask either for memberships or for roots')
  return from > 0 ? { type: 'roots', from } : { type: 'memberships', ids }
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
  return message.finish()
}

/** Parses, and judges nothing. Throws E_PROTOCOL, or E_DOCUMENT for a document in it that is not well formed. */
export function decodeSyncResponse(bytes: Uint8Array): SyncResponse {
  const reader = new MessageReader(bytes, 'a sync response', limits.syncBytes)
  const memberships = reader.list(1, limits.syncMemberships, 1, limits.membershipBytes)
  const roots = reader.list(2, limits.rootVersions, 1, limits.rootBytes)
  reader.end()
  return {
    memberships: memberships.map((raw) => parseMembership(raw)),
    roots: roots.map((raw) => parseRoot(raw)),
  }
}
