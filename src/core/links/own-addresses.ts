// Own addresses: what we tell others of where to dial us, within the bound of a contact. Each kind has its share, so that a machine
// with many interfaces still names its relays, and one with relays still names its LAN.
import { limits } from '../limits.ts'

export interface Ways {
  /** Where this machine listens, loopback last. */
  listening: readonly string[]
  /** What our owner says that others can dial. */
  announced: readonly string[]
  /** Where members can dial us from outside. */
  reachable: readonly string[]
  /** Through each relay that takes in for us. */
  relayed: readonly (readonly string[])[]
}

export function ownAddresses({ listening, announced, reachable, relayed }: Ways): string[] {
  const open = [...new Set(reachable)]
  const through = [...relayed.map(([first]) => first), ...relayed.flatMap((addresses) => addresses.slice(1))].filter(
    (address) => address !== undefined,
  )
  const near = listening.filter((address) => !open.includes(address))
  const said = announced.filter((address) => !open.includes(address) && !near.includes(address))
  const promised = [...[...open, ...said].slice(0, limits.openAddresses), ...through.slice(0, limits.relaysWanted)]
  const wished = [...promised, ...near, ...open, ...said, ...through]
  const chosen = new Set([...new Set(wished)].slice(0, limits.addressesPerContact))
  return [...open, ...near, ...said, ...through].filter((address) => chosen.has(address))
}
