// Punch (protocol clause PUNCH): what two linked members tell each other before a better path takes the place of their link.

import { limits } from '../core/limits.ts'
import { readAddresses, sendableAddresses } from './contact.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'

const KINDS = ['offer', 'answer', 'go', 'dial', 'ready', 'busy'] as const

export type PunchKind = (typeof KINDS)[number]

export interface PunchMessage {
  kind: PunchKind
  /** How the sender is seen from outside; only in an offer and an answer. */
  addresses: readonly string[]
}

/** Addresses that do not fit are left out. */
export function encodePunch({ kind, addresses }: PunchMessage): Uint8Array {
  const message = new MessageWriter().uint(1, KINDS.indexOf(kind) + 1)
  return message.texts(2, sendableAddresses(addresses).slice(0, limits.punchAddresses)).finish()
}

/** Throws E_PROTOCOL. */
export function decodePunch(bytes: Uint8Array): PunchMessage {
  const reader = new MessageReader(bytes, 'a message about a path', limits.punchBytes)
  const kind = KINDS[reader.uint(1, KINDS.length) - 1] ?? reader.refuse('its kind is missing')
  const addresses = readAddresses(reader, 2)
  reader.end()
  const tells = kind === 'offer' || kind === 'answer'
  if (addresses.length > (tells ? limits.punchAddresses : 0))
    reader.refuse(`its kind has no ${addresses.length} addresses`)
  return { kind, addresses }
}
