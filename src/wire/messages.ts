// The one entry to the bytes of our stream protocols: a request or response together with its protocol, and how long it may be.
import type { AnyRequest, AnyResponse } from '../core/events.ts'
import { limits } from '../core/limits.ts'
import type { ProtocolName } from '../core/protocols.ts'
import { decodeHello, encodeHello } from './hello.ts'
import { decodeHistoryRequest, decodeHistoryResponse, encodeHistoryRequest, encodeHistoryResponse } from './history.ts'
import { decodeQueryRequest, decodeQueryResponse, encodeQueryRequest, encodeQueryResponse } from './query.ts'
import { decodeSyncRequest, decodeSyncResponse, encodeSyncRequest, encodeSyncResponse } from './sync.ts'

/** Most bytes of a request and of a response: what a stream reads at most before it gives up. */
export const messageBytes: Readonly<Record<ProtocolName, { request: number; response: number }>> = {
  hello: { request: limits.helloBytes, response: limits.helloBytes },
  sync: { request: limits.questionBytes, response: limits.syncBytes },
  query: { request: limits.questionBytes, response: limits.queryBytes },
  history: { request: limits.questionBytes, response: limits.historyBytes },
}

export function encodeRequest(request: AnyRequest): Uint8Array {
  switch (request.protocol) {
    case 'hello':
      return encodeHello(request.body)
    case 'sync':
      return encodeSyncRequest(request.body)
    case 'query':
      return encodeQueryRequest(request.body)
    case 'history':
      return encodeHistoryRequest(request.body)
  }
}

/** Throws Failure E_PROTOCOL. */
export function decodeRequest(protocol: ProtocolName, bytes: Uint8Array): AnyRequest {
  switch (protocol) {
    case 'hello':
      return { protocol, body: decodeHello(bytes) }
    case 'sync':
      return { protocol, body: decodeSyncRequest(bytes) }
    case 'query':
      return { protocol, body: decodeQueryRequest(bytes) }
    case 'history':
      return { protocol, body: decodeHistoryRequest(bytes) }
  }
}

export function encodeResponse(response: AnyResponse): Uint8Array {
  switch (response.protocol) {
    case 'hello':
      return encodeHello(response.body)
    case 'sync':
      return encodeSyncResponse(response.body)
    case 'query':
      return encodeQueryResponse(response.body)
    case 'history':
      return encodeHistoryResponse(response.body)
  }
}

/** Throws Failure E_PROTOCOL, or E_DOCUMENT for a signed document that a sync carried. */
export function decodeResponse(protocol: ProtocolName, bytes: Uint8Array): AnyResponse {
  switch (protocol) {
    case 'hello':
      return { protocol, body: decodeHello(bytes) }
    case 'sync':
      return { protocol, body: decodeSyncResponse(bytes) }
    case 'query':
      return { protocol, body: decodeQueryResponse(bytes) }
    case 'history':
      return { protocol, body: decodeHistoryResponse(bytes) }
  }
}
