// Beside: who is on our own LAN, by the links that there were over it. Whoever looks for a way out need not dial them: the link would
// be one more over the same LAN, and too many by the rules of its other end, for ever. Which network this machine is in decides, so
// all is forgotten when that changes.
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Entry } from './book.ts'
import { networkOf, type Path, relayOf } from './paths.ts'

export class Beside {
  /** Networks of addresses that were linked over the LAN, and members that were; the last ones. */
  readonly #networks = new Set<string>()
  readonly #met = new Set<NodeId>()

  get size(): number {
    return Math.max(this.#networks.size, this.#met.size)
  }

  /** A link opened, or goes on over another path. */
  linked(peer: NodeId, { route, address }: Pick<Path, 'route' | 'address'>): void {
    if (route !== 'lan') return
    keep(this.#networks, networkOf(address), limits.besideNetworks)
    keep(this.#met, peer, limits.besideMembers)
  }

  /**
   * True for a contact that is found on our LAN. Networks of private addresses are alike at many sites: who has other addresses as well
   * has to have been linked here, and to be there still by what it says.
   */
  has({ node, addresses }: Pick<Entry, 'node' | 'addresses'>): boolean {
    const here = addresses.filter(
      (address) => relayOf(address) === undefined && this.#networks.has(networkOf(address)),
    ).length
    return here > 0 && (here === addresses.length || this.#met.has(node))
  }

  clear(): void {
    this.#networks.clear()
    this.#met.clear()
  }
}

/** Adds to the newest `bound` of a set. */
function keep<T>(set: Set<T>, item: T, bound: number): void {
  set.delete(item)
  set.add(item)
  if (set.size > bound) set.delete(set.values().next().value as T)
}
