// What our NAT does, from how members see us. Links to the outside are dialled from one port, so that what two members see can be compared.
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import { hostOf, type NatKind } from './paths.ts'

interface Sight {
  /** Host of the member that looks: two machines behind one address are one observer. */
  from: string
  address: string
}

export class Nat {
  /** By member, the newest last. */
  readonly #sights = new Map<NodeId, Sight>()

  /** `peer`, at the host `from`, sees us at `address`. */
  observed(peer: NodeId, from: string, address: string): void {
    this.#sights.delete(peer)
    this.#sights.set(peer, { from, address })
    for (const oldest of this.#sights.keys()) if (this.#sights.size > limits.natSights) this.#sights.delete(oldest)
  }

  /** The link with this member is gone: what it saw may be over. */
  forget(peer: NodeId): void {
    this.#sights.delete(peer)
  }

  clear(): void {
    this.#sights.clear()
  }

  /** Where members see us now. */
  get addresses(): string[] {
    return [...new Set(this.#current().map(({ address }) => address))]
  }

  /** @param own where this machine listens */
  kind(own: readonly string[]): NatKind {
    const current = this.#current()
    const hosts = new Set(own.map(hostOf))
    if (current.some(({ address }) => hosts.has(hostOf(address)))) return 'none'
    if (new Set(current.map(({ from }) => from)).size < 2) return 'unknown'
    return new Set(current.map(({ address }) => address)).size === 1 ? 'plain' : 'random'
  }

  /**
   * What goes with the newest sight. IPv4 where there is any: IPv6 rarely has a NAT. Only of one host: after a change of the WAN
   * address those who have not seen the new one yet say nothing of the NAT.
   */
  #current(): Sight[] {
    const all = [...this.#sights.values()]
    const fourth = all.filter(({ address }) => address.startsWith('/ip4/'))
    const family = fourth.length > 0 ? fourth : all
    const newest = family.at(-1)
    return newest === undefined ? [] : family.filter(({ address }) => hostOf(address) === hostOf(newest.address))
  }
}
