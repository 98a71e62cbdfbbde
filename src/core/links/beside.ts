// Beside: who is on our own LAN, by the addresses of this machine and by links. Whoever looks for a way out need not dial them: the link
// would be one more over the same LAN, and too many by the rules of its other end, for ever. What links showed is forgotten when the
// network of this machine changes.
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Entry } from './book-entry.ts'
import { isLoopback, networkOf, type Path, relayOf } from './paths.ts'

export class Beside {
  /** Networks of this machine's own addresses. */
  #own: ReadonlySet<string> = new Set()
  /** Networks in which somebody was linked over the LAN, and those in which somebody was by another way: a LAN may be less than a /24. */
  readonly #near = new Set<string>()
  readonly #parted = new Set<string>()
  /** Members that were linked over the LAN the last time. */
  readonly #met = new Set<NodeId>()

  get size(): number {
    return Math.max(this.#near.size, this.#parted.size, this.#met.size)
  }

  /** Where this machine listens. */
  listening(addresses: readonly string[]): void {
    this.#own = new Set(addresses.filter(isPlain).map(networkOf))
  }

  /** A link opened, or goes on over another path. */
  linked(peer: NodeId, { route, address }: Pick<Path, 'route' | 'address'>): void {
    if (route !== 'lan') {
      this.#met.delete(peer)
      if (isPlain(address)) keep(this.#parted, networkOf(address), limits.besideNetworks)
      return
    }
    keep(this.#near, networkOf(address), limits.besideNetworks)
    keep(this.#met, peer, limits.besideMembers)
  }

  /**
   * True for a contact that is found on our LAN. Networks of private addresses are alike at many sites: who has other addresses as well
   * has to have been linked here, and to be there still by what it says.
   */
  has({ node, addresses }: Pick<Entry, 'node' | 'addresses'>): boolean {
    const told = addresses.filter((address) => !isLoopback(address))
    const here = told.filter((address) => isPlain(address) && this.#isHere(networkOf(address))).length
    return here > 0 && (here === told.length || this.#met.has(node))
  }

  clear(): void {
    for (const set of [this.#near, this.#parted, this.#met]) set.clear()
  }

  #isHere(network: string): boolean {
    return !this.#parted.has(network) && (this.#own.has(network) || this.#near.has(network))
  }
}

/** Of a machine itself, and not of a relay. */
function isPlain(address: string): boolean {
  return relayOf(address) === undefined && !isLoopback(address)
}

/** Adds to the newest `bound` of a set. */
function keep<T>(set: Set<T>, item: T, bound: number): void {
  set.delete(item)
  set.add(item)
  if (set.size > bound) set.delete(set.values().next().value as T)
}
