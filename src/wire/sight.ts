// A sight in the answer to a query (protocol clause QUERY 6).
import type { Sight } from '../core/fleet/sight.ts'
import { limits } from '../core/limits.ts'
import { ROUTES } from '../core/links/paths.ts'
import { NODE_ID_BYTES } from './contact.ts'
import { nodeKey } from './node-id.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'
import { decodeShortContact, encodeShortContact, SHORT_CONTACT_BYTES } from './short-contact.ts'
import { readStatus, statusNumber } from './status.ts'

export const SIGHT_BYTES = 48 + limits.witnesses * (NODE_ID_BYTES + SHORT_CONTACT_BYTES + 8)

export function encodeSight({ status, age, route, roundTrip, witnesses, contacts = [] }: Sight): Uint8Array {
  const message = new MessageWriter().uint(1, statusNumber(status)).millis(2, age)
  message.uint(3, route === undefined ? 0 : ROUTES.indexOf(route) + 1)
  // In microseconds, and one more, so that 0 stays free for "unknown".
  if (roundTrip !== undefined) message.millis(4, Math.max(0, roundTrip) * 1_000 + 1)
  message.texts(5, witnesses.slice(0, limits.witnesses))
  for (const contact of contacts.slice(0, limits.witnesses)) message.bytes(6, encodeShortContact(contact))
  return message.finish()
}

/** A route that this version does not know is none. Throws E_PROTOCOL. */
export function decodeSight(bytes: Uint8Array): Sight {
  const reader = new MessageReader(bytes, 'how a member is seen', SIGHT_BYTES)
  const status = readStatus(reader, 1)
  const age = reader.uint(2)
  const route = ROUTES[reader.uint(3) - 1]
  const time = reader.uint(4)
  const witnesses = reader.texts(5, limits.witnesses, NODE_ID_BYTES)
  const contacts = reader.list(6, limits.witnesses, 1, SHORT_CONTACT_BYTES).map(decodeShortContact)
  reader.end()
  if (witnesses.some((witness) => nodeKey(witness) === undefined)) reader.refuse('field 5 is not a node id')
  const roundTrip = time === 0 ? undefined : (time - 1) / 1_000
  return { status, age, route, roundTrip, witnesses, ...(contacts.length > 0 && { contacts }) }
}
