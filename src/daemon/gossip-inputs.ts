// What gossip brings, as inputs of the core: bytes that do not parse bring none.
import type { NodeId } from '../core/env.ts'
import type { Input, Ticket } from '../core/events.ts'
import { decodeDigest } from '../wire/digest.ts'
import { DIGEST_KIND, decodeEnvelope, RECORD_KIND, SUMMARY_KIND, VOTE_KIND } from '../wire/envelope.ts'
import { decodeHead } from '../wire/head.ts'
import { decodeRecord } from '../wire/record.ts'
import { decodeSummary } from '../wire/summary.ts'
import { decodeVote } from '../wire/vote.ts'

/** Throws Failure E_PROTOCOL. */
export function headInput(from: NodeId, topic: string, bytes: Uint8Array): (ticket: Ticket) => Input {
  const head = decodeHead(bytes)
  return (ticket) => ({ type: 'headHeard', ticket, from, topic, head })
}

/** Throws Failure E_PROTOCOL. */
export function envelopeInput(from: NodeId, topic: string, bytes: Uint8Array): (ticket: Ticket) => Input {
  const envelope = decodeEnvelope(bytes)
  const { kind, body } = envelope
  if (kind === DIGEST_KIND) {
    const digest = attempt(() => decodeDigest(body))
    return (ticket) => ({ type: 'digestHeard', ticket, from, topic, envelope, digest })
  }
  if (kind === SUMMARY_KIND) {
    const summary = attempt(() => decodeSummary(body))
    return (ticket) => ({ type: 'summaryHeard', ticket, from, topic, envelope, summary })
  }
  const record = kind === RECORD_KIND ? attempt(() => decodeRecord(body)) : undefined
  const vote = kind === VOTE_KIND ? attempt(() => decodeVote(body)) : undefined
  return (ticket) => ({ type: 'gossip', ticket, from, topic, envelope, record, vote })
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}
