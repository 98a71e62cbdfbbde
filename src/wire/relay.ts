// Relaying (protocol clause RELAY): what a member asks of a relay, what the relay answers, and how it presents a caller to whom it forwards.
import type { NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import { readAddresses, readNode, readOptionalNode, sendableAddresses } from './contact.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'

/** Take in what arrives for us; or connect us to a member that you take in for. */
export type RelayRequest = { type: 'reserve' } | { type: 'connect'; peer: NodeId }

/** `full`: a budget is used up. `refused`: it does not relay. `absent`: that member has no reservation here, or cannot be reached. */
export type RelayStatus = 'ok' | 'full' | 'refused' | 'absent'

export interface RelayAnswer {
  status: RelayStatus
  /** With a reservation: where the relay can be dialled, as far as it knows. */
  addresses: readonly string[]
}

const STATUSES: readonly RelayStatus[] = ['ok', 'full', 'refused', 'absent']

export function encodeRelayRequest(request: RelayRequest): Uint8Array {
  return new MessageWriter().text(1, request.type === 'connect' ? request.peer : '').finish()
}

/** Throws E_PROTOCOL. */
export function decodeRelayRequest(bytes: Uint8Array): RelayRequest {
  const reader = new MessageReader(bytes, 'a request to relay', limits.relayMessageBytes)
  const peer = readOptionalNode(reader, 1)
  reader.end()
  return peer === undefined ? { type: 'reserve' } : { type: 'connect', peer }
}

export function encodeRelayAnswer({ status, addresses }: RelayAnswer): Uint8Array {
  return new MessageWriter()
    .uint(1, STATUSES.indexOf(status) + 1)
    .texts(2, sendableAddresses(addresses))
    .finish()
}

/** A status of a newer version counts as refused. Throws E_PROTOCOL. */
export function decodeRelayAnswer(bytes: Uint8Array): RelayAnswer {
  const reader = new MessageReader(bytes, 'an answer of a relay', limits.relayMessageBytes)
  const status = reader.uint(1)
  const addresses = readAddresses(reader, 2)
  reader.end()
  if (status === 0) reader.refuse('its status is missing')
  return { status: STATUSES[status - 1] ?? 'refused', addresses }
}

/** Who is at the other end of what follows on the stream. */
export function encodeCaller(peer: NodeId): Uint8Array {
  return new MessageWriter().text(1, peer).finish()
}

/** Throws E_PROTOCOL. */
export function decodeCaller(bytes: Uint8Array): NodeId {
  const reader = new MessageReader(bytes, 'a caller', limits.relayMessageBytes)
  const peer = readNode(reader, 1)
  reader.end()
  return peer
}
