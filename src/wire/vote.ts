// A vote as the body of an envelope (protocol clause VOTE): who is gone, the order of its record that the voter heard last, and the
// voter's own incarnation.
import type { Vote } from '../core/fleet/vote.ts'
import { limits } from '../core/limits.ts'
import { readNode } from './contact.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'

/** Throws E_PROTOCOL when a number is no integer in its range. */
export function encodeVote({ node, incarnation, counter, voter, met }: Vote): Uint8Array {
  const message = new MessageWriter().text(1, node).uint(2, incarnation).uint(3, counter)
  return message.uint(4, voter).bool(5, met).finish()
}

/** Throws E_PROTOCOL. */
export function decodeVote(body: Uint8Array): Vote {
  const reader = new MessageReader(body, 'a vote', limits.voteBytes)
  const node = readNode(reader, 1)
  const [incarnation, counter] = [reader.uint(2, limits.incarnationMax), reader.uint(3)]
  const voter = reader.uint(4, limits.incarnationMax)
  const met = reader.bool(5)
  reader.end()
  if (incarnation === 0 || counter === 0 || voter === 0) reader.refuse('an incarnation or a counter is missing')
  return { node, incarnation, counter, voter, met }
}
