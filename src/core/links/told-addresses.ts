// Told addresses: where others hear that a member can be dialled. They pay for each a minute and link, so nothing is told that is
// of no use to them: loopback is another machine there, and a relay is named once, at the port that strict firewalls let out.
import { hostOf, portOf, relayOf } from './paths.ts'

const WEB = '443'

/** All but loopback, which is told only when there is nothing else: then the mesh is on one machine. */
export function farAddresses(addresses: readonly string[]): readonly string[] {
  const far = addresses.filter((address) => !isLoopback(address))
  return far.length > 0 ? far : addresses
}

/** What a third party is told; the linked ones hear all of it from the member itself. */
export function toldAddresses(addresses: readonly string[]): string[] {
  const chosen = new Map<string, string>()
  for (const address of farAddresses(addresses)) {
    const key = relayOf(address) ?? address
    const first = chosen.get(key) ?? address
    // On the same host only: what a relay says of itself beyond where it was dialled may be anybody's.
    const better = portOf(address) === WEB && hostOf(address) === hostOf(first)
    chosen.set(key, better ? address : first)
  }
  return [...chosen.values()]
}

function isLoopback(address: string): boolean {
  return address.startsWith('/ip4/127.') || address.startsWith('/ip6/::1/')
}
