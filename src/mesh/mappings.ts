// Mappings: what members that we dialled tell of how they see us. That is where a NAT lets answers in to the port that we dialled from,
// and, when it kept the number of that port, tells where it would let them in to another one.
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { limits } from '../core/limits.ts'
import type { Family } from '../core/links/openness.ts'
import { portOf } from '../core/links/paths.ts'

const FAMILIES: readonly Family[] = ['ip4', 'ip6']

/** A port of ours, and how it is seen from outside. */
export interface Opening {
  family: Family
  localPort: number
  /** A multiaddr that ends with its TCP port. */
  seenAs: string
}

interface Sight extends Opening {
  /** Whether that is the port from which everybody is dialled: others were taken for one peer. */
  shared: boolean
}

export class Mappings {
  /** In the order in which they were told. */
  readonly #told = new Map<Connection, Sight>()

  /** The other end of a connection that we dialled from `localPort` sees us there. */
  told(connection: Connection, localPort: number, seenAs: Multiaddr, shared: boolean): void {
    const family = familyOf(seenAs)
    this.#told.delete(connection)
    if (family === undefined || connection.status !== 'open') return
    this.#told.set(connection, { family, localPort, seenAs: seenAs.toString(), shared })
  }

  forget(connection: Connection): void {
    this.#told.delete(connection)
  }

  /** Where a peer can knock, the newest first in each family: an old one may be of a network that we have left. */
  openings(): Opening[] {
    return FAMILIES.flatMap((family) => this.#known(family))
  }

  /**
   * The same from ports that nothing was dialled from lately: no NAT remembers how an attempt from there ended. Nobody sees such a port
   * yet; where the NAT changes numbers it cannot be told in advance, and it is as for `openings`.
   */
  async freshOpenings(freePort: () => Promise<number>): Promise<Opening[]> {
    const fresh = FAMILIES.map(async (family) => {
      const known = this.#known(family)
      const [newest] = known
      if (newest === undefined || portOf(newest.seenAs) !== String(newest.localPort)) return known
      const localPort = await freePort().catch(() => undefined) // for want of descriptors, say
      if (localPort === undefined) return known
      return [{ ...newest, localPort, seenAs: newest.seenAs.replace(/\d+$/, String(localPort)) }]
    })
    return (await Promise.all(fresh)).flat()
  }

  #known(family: Family): Opening[] {
    const sights = [...this.#told.values()].filter((each) => each.family === family).reverse()
    const shared = sights.filter((each) => each.shared)
    const openings = new Map<string, Opening>()
    for (const { localPort, seenAs } of shared.length > 0 ? shared : sights)
      if (!openings.has(seenAs)) openings.set(seenAs, { family, localPort, seenAs })
    return [...openings.values()].slice(0, limits.punchAddresses / FAMILIES.length)
  }
}

/** Undefined when it is not the TCP port of an IP address: a name, or a relayed address. */
export function familyOf(address: Multiaddr): Family | undefined {
  const [host, port, ...rest] = address.getComponents()
  if (port?.name !== 'tcp' || rest.length > 0) return undefined
  return host?.name === 'ip4' || host?.name === 'ip6' ? host.name : undefined
}
