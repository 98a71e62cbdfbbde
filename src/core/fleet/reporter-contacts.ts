// Where the reporters of a zone are found, as their digests say: active and standby, each with two ways to it.
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import { relayOf } from '../links/paths.ts'
import { farAddresses } from '../links/told-addresses.ts'
import type { ReporterContact } from './digest.ts'
import type { Pair } from './reporters.ts'

/** Ourselves, and who else reports for our zone. */
export function reporterContacts(
  self: { node: NodeId; addresses: readonly string[] },
  pair: Pair,
  book: Pick<Book, 'get'>,
): ReporterContact[] {
  const other = pair.active === self.node ? pair.standby : pair.active
  const known = other === undefined ? undefined : book.get(other)
  const own = { node: self.node, addresses: twoWays(self.addresses) }
  return known === undefined ? [own] : [own, { node: known.node, addresses: twoWays(known.addresses) }]
}

/** Where these members are found, as far as the address book knows. */
export function contactsOf(nodes: readonly NodeId[], book: Pick<Book, 'get'>): ReporterContact[] {
  return nodes.flatMap((node) => {
    const addresses = twoWays(book.get(node)?.addresses ?? [])
    return addresses.length === 0 ? [] : [{ node, addresses }]
  })
}

/** One direct address and one through a relay, or two direct ones. */
function twoWays(addresses: readonly string[]): string[] {
  const far = farAddresses(addresses)
  const relayed = far.filter((address) => relayOf(address) !== undefined)
  const direct = far.filter((address) => relayOf(address) === undefined)
  return [...direct.slice(0, 1), ...relayed.slice(0, 1), ...direct.slice(1)].slice(0, limits.digestAddresses)
}
