// The signed envelope of everything that is gossiped (protocol clause ENV): who says it, in which mesh, and the proof.
// What was received is what is checked and passed on; nothing is ever encoded again.
import { concat, toHex, utf8 } from '../core/bytes.ts'
import { Failure } from '../core/failure.ts'
import type { Envelope } from '../core/fleet/rows.ts'
import { limits } from '../core/limits.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'

const KIND = /^[a-z]{1,8}$/
/** Separates our signatures from all others that the same key makes (libp2p's, memberships). */
const DOMAIN = 'pimesh/1/'

/** Kind of an envelope whose body is a health record. */
export const RECORD_KIND = 'rec'
/** One whose body is a vote that a node is gone. */
export const VOTE_KIND = 'dwn'

/** Kinds of those whose bodies are a digest and a summary. */
export const DIGEST_KIND = 'dig'
export const SUMMARY_KIND = 'sum'

const MOST_BYTES: Readonly<Record<string, number>> = {
  [RECORD_KIND]: limits.recordBytes,
  [DIGEST_KIND]: limits.digestBytes,
  [SUMMARY_KIND]: limits.summaryBytes,
  [VOTE_KIND]: limits.voteBytes,
}

/** Most bytes of a whole envelope of this kind: the rate budgets count on them. */
function mostBytes(kind: string): number {
  return MOST_BYTES[kind] ?? limits.gossipMessageBytes
}

/**
 * Makes an envelope. `mesh8` is 16 and `membership` 32 hex characters; `sign` makes the 64-byte Ed25519 signature of what it is
 * given. Throws E_PROTOCOL when one of them has another length or the envelope would be larger than its kind may be.
 */
export function sealEnvelope(
  envelope: Pick<Envelope, 'kind' | 'mesh8' | 'membership' | 'body'>,
  sign: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  const { kind, body } = envelope
  const mesh8 = hexBytes(envelope.mesh8, 8, 'mesh id')
  const membership = hexBytes(envelope.membership, 16, 'membership id')
  const fields = new MessageWriter().bytes(2, mesh8).bytes(3, membership).bytes(4, body).finish()
  const signature = sign(concat([utf8(DOMAIN + kind), fields]))
  const sealed = concat([
    new MessageWriter().text(1, kind).finish(),
    fields,
    new MessageWriter().bytes(5, signature).finish(),
  ])
  if (signature.length !== 64) throw new Failure('E_PROTOCOL', 'the signature of an envelope must have 64 bytes')
  if (!KIND.test(kind) || sealed.length > mostBytes(kind))
    throw new Failure('E_PROTOCOL', `an envelope "${kind}" of ${sealed.length} bytes is more than the mesh carries`)
  return sealed
}

/**
 * Parses an envelope; its signature is not checked here. The result owns its bytes: an envelope is kept for hours, the buffer that
 * it arrived in must not be. Throws E_PROTOCOL.
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const sized = new MessageReader(bytes, 'an envelope', limits.gossipMessageBytes)
  const raw = new Uint8Array(bytes)
  const reader = new MessageReader(raw, 'an envelope', limits.gossipMessageBytes)
  const kind = reader.text(1, 8)
  if (!KIND.test(kind)) reader.refuse('its kind is not 1 to 8 letters a-z')
  if (raw.length > mostBytes(kind)) sized.refuse(`as "${kind}" it may have ${mostBytes(kind)} bytes, not ${raw.length}`)
  const start = reader.position
  const mesh8 = toHex(reader.bytes(2, 8, 8))
  const membership = toHex(reader.bytes(3, 16, 16))
  const body = reader.bytes(4, 0, limits.gossipMessageBytes)
  const signedBytes = concat([utf8(DOMAIN + kind), raw.subarray(start, reader.position)])
  const signature = reader.bytes(5, 64, 64)
  reader.end()
  return { kind, mesh8, membership, body, signature, signedBytes, raw }
}
