// Shared words: ten thousand address books in one process tell of the same nodes. What a hello says in words is kept once for all who heard it:
// on real nodes each has its own copy, and here they would be two thirds of the memory.
import type { AnyRequest, AnyResponse } from '../../../src/core/events.ts'
import type { Contact, Hello } from '../../../src/core/protocols.ts'

const words = new Map<string, string>()
const lists = new Map<string, readonly string[]>()

/** The same message; a hello's words are those that were seen first. */
export function withSharedWords<M extends AnyRequest | AnyResponse>(message: M): M {
  if (message.protocol !== 'hello') return message
  const { addresses, contacts } = message.body
  const body: Hello = { ...message.body, addresses: list(addresses), contacts: contacts.map(contactOf) }
  return { ...message, body }
}

function contactOf(contact: Contact): Contact {
  const zone = contact.zone === undefined ? undefined : word(contact.zone)
  return { ...contact, node: word(contact.node), zone, addresses: list(contact.addresses) }
}

function word(text: string): string {
  const known = words.get(text)
  if (known === undefined) words.set(text, text)
  return known ?? text
}

function list(texts: readonly string[]): readonly string[] {
  const key = texts.join('\n')
  const known = lists.get(key)
  if (known === undefined) lists.set(key, texts)
  return known ?? texts
}
