// Mappings: what members that we dialled from the shared port tell of how they see us. That is where a NAT lets answers in to
// that port, and so where a peer has to knock.
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { limits } from '../core/limits.ts'

interface Mapping {
  family: 'ip4' | 'ip6'
  localPort: number
  seenAs: string
}

export class Mappings {
  /** In the order in which they were told. */
  readonly #told = new Map<Connection, Mapping>()

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

  /** How we are seen from outside, the newest first: an old one may be of a network that we have left. */
  addresses(): string[] {
    const newestFirst = [...this.#told.values()].map(({ seenAs }) => seenAs).reverse()
    return [...new Set(newestFirst)].slice(0, limits.punchAddresses)
  }

  /** From which ports a peer's address can be knocked at: those that were told of in `addresses`, of one family. */
  ports(address: Multiaddr): number[] {
    const offered = new Set(this.addresses())
    const mappings = [...this.#told.values()].filter(({ seenAs }) => offered.has(seenAs))
    const family = familyOf(address)
    return [...new Set(mappings.filter((mapping) => mapping.family === family).map(({ localPort }) => localPort))]
  }
}

/** Undefined when it is not the TCP port of an IP address: a name, or a relayed address. */
export function familyOf(address: Multiaddr): 'ip4' | 'ip6' | undefined {
  const [host, port, ...rest] = address.getComponents()
  if (port?.name !== 'tcp' || rest.length > 0) return undefined
  return host?.name === 'ip4' || host?.name === 'ip6' ? host.name : undefined
}
