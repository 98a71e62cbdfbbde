// A short contact: a member and two ways to it at most. Part of digests, and of answers that name members for whoever asks from outside
// their zone: its address book has a few of each zone, and need not have these.
import type { ReporterContact } from '../core/fleet/digest.ts'
import { limits } from '../core/limits.ts'
import { readAddresses, sendableAddresses } from './contact.ts'
import { nodeIdOf, nodeKey } from './node-id.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'

const KEY_BYTES = 32
export const SHORT_CONTACT_BYTES = KEY_BYTES + limits.digestAddresses * (limits.addressLength + 3) + 8

export function encodeShortContact({ node, addresses }: ReporterContact): Uint8Array {
  const sent = sendableAddresses(addresses).slice(0, limits.digestAddresses)
  return new MessageWriter()
    .bytes(1, nodeKey(node) as Uint8Array)
    .texts(2, sent)
    .finish()
}

/** Throws E_PROTOCOL. */
export function decodeShortContact(bytes: Uint8Array): ReporterContact {
  const reader = new MessageReader(bytes, 'a short contact', SHORT_CONTACT_BYTES)
  const node = nodeIdOf(reader.bytes(1, KEY_BYTES, KEY_BYTES))
  const addresses = readAddresses(reader, 2)
  reader.end()
  if (addresses.length > limits.digestAddresses) reader.refuse(`it has more than ${limits.digestAddresses} addresses`)
  return { node, addresses }
}
