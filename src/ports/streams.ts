// Streams: one request and one response, both bounded, between two linked members.
import type { NodeId } from '../core/env.ts'
import type { ProtocolName } from '../core/protocols.ts'

export type StreamHandler = (peer: NodeId, request: Uint8Array, options: { signal: AbortSignal }) => Promise<Uint8Array>

export interface Streams {
  /** Serves one protocol. A handler that throws closes the stream; the asker gets an error. */
  handle(protocol: ProtocolName, handler: StreamHandler): Promise<void>
  /** Asks a linked peer. Rejects when there is no link, on time-out, and when the answer is longer than `maxBytes`. */
  ask(
    peer: NodeId,
    protocol: ProtocolName,
    request: Uint8Array,
    options: { signal: AbortSignal; maxBytes: number },
  ): Promise<Uint8Array>
}
