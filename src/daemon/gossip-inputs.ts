// What gossip brings, as inputs of the core: bytes that do not parse bring none.
import type { NodeId } from '../core/env.ts'
import type { Input, Ticket } from '../core/events.ts'
import { decodeEnvelope, RECORD_KIND } from '../wire/envelope.ts'
import { decodeHead } from '../wire/head.ts'
import { decodeRecord } from '../wire/record.ts'

/** Throws Failure E_PROTOCOL. */
export function headInput(from: NodeId, topic: string, bytes: Uint8Array): (ticket: Ticket) => Input {
  const head = decodeHead(bytes)
  return (ticket) => ({ type: 'headHeard', ticket, from, topic, head })
}

/** Throws Failure E_PROTOCOL. */
export function envelopeInput(from: NodeId, topic: string, bytes: Uint8Array): (ticket: Ticket) => Input {
  const envelope = decodeEnvelope(bytes)
  const record = envelope.kind === RECORD_KIND ? tryDecodeRecord(envelope.body) : undefined
  return (ticket) => ({ type: 'gossip', ticket, from, topic, envelope, record })
}

function tryDecodeRecord(body: Uint8Array): ReturnType<typeof decodeRecord> | undefined {
  try {
    return decodeRecord(body)
  } catch {
    return undefined
  }
}
