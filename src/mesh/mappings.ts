// Mappings: what members that we dialled from the shared port tell of how they see us. That is where a NAT lets answers in to
// that port, and so where a peer has to knock.
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { limits } from '../core/limits.ts'

/** A port of ours, and how it is seen from outside. */
export interface Opening {
  family: 'ip4' | 'ip6'
  localPort: number
  /** A multiaddr that ends with its TCP port. */
  seenAs: string
}

export class Mappings {
  /** In the order in which they were told. */
  readonly #told = new Map<Connection, Opening>()

  /** The other end of a connection that we dialled from `localPort` sees us there. */
  told(connection: Connection, localPort: number, seenAs: Multiaddr): void {
    const family = familyOf(seenAs)
    this.#told.delete(connection)
    if (family === undefined || connection.status !== 'open') return
    this.#told.set(connection, { family, localPort, seenAs: seenAs.toString() })
  }

  forget(connection: Connection): void {
    this.#told.delete(connection)
  }

  /**
   * Where a peer can knock for one attempt, the newest first: an old one may be of a network that we have left. Where the NAT kept
   * the number of our port a port that was never used comes before: no NAT remembers of that how an attempt before this one ended.
   * Rejects when `freePort` does.
   */
  async openings(freePort: () => Promise<number>): Promise<Opening[]> {
    const newestFirst = [...this.#told.values()].reverse()
    const known = [...new Map(newestFirst.map((each) => [each.seenAs, each])).values()]
    const fresh = (['ip4', 'ip6'] as const).map(async (family) => {
      const kept = known.find((each) => each.family === family && portOf(each.seenAs) === each.localPort)
      if (kept === undefined) return []
      const localPort = await freePort()
      return [{ family, localPort, seenAs: kept.seenAs.replace(/\d+$/, String(localPort)) }]
    })
    return [...(await Promise.all(fresh)).flat(), ...known].slice(0, limits.punchAddresses)
  }
}

function portOf(address: string): number {
  return Number(address.split('/').at(-1))
}

/** Undefined when it is not the TCP port of an IP address: a name, or a relayed address. */
export function familyOf(address: Multiaddr): 'ip4' | 'ip6' | undefined {
  const [host, port, ...rest] = address.getComponents()
  if (port?.name !== 'tcp' || rest.length > 0) return undefined
  return host?.name === 'ip4' || host?.name === 'ip6' ? host.name : undefined
}
