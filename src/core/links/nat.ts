// What our NAT does, from how members see us. Links to the outside are dialled from one port, so that what two members see can be compared.
// Any of them may lie, so the word of two on different hosts stands against that of one; and what two told stays while one is left.
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
  /** What two members told last, and at which host they saw us. */
  #told: { kind: NatKind; host: string } | undefined

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
    this.#told = undefined
  }

  /** Where members see us now. */
  get addresses(): string[] {
    return [...new Set(this.#current().map(({ address }) => address))]
  }

  /** @param own where this machine listens */
  kind(own: readonly string[]): NatKind {
    const current = this.#current()
    const [first] = current
    if (first === undefined) return 'unknown'
    const host = hostOf(first.address)
    const observers = observersOf(current)
    if (own.some((address) => hostOf(address) === host)) return 'none'
    if (observers < 2) return this.#told?.host === host ? this.#told.kind : 'unknown'
    this.#told = { kind: isAgreed(current) ? 'plain' : 'random', host }
    return this.#told.kind
  }

  /**
   * The sights of one of our hosts: that which most members see, and among equals the newest, as after a change of the WAN address
   * those who have not seen the new one yet say nothing of the NAT. IPv4 where there is any: IPv6 rarely has a NAT.
   */
  #current(): Sight[] {
    const all = [...this.#sights.values()]
    const fourth = all.filter(({ address }) => address.startsWith('/ip4/'))
    const family = fourth.length > 0 ? fourth : all
    const hosts = [...new Set(family.map(({ address }) => hostOf(address)).reverse())]
    const groups = hosts.map((host) => family.filter(({ address }) => hostOf(address) === host))
    return groups.sort((a, b) => observersOf(b) - observersOf(a))[0] ?? []
  }
}

function observersOf(sights: readonly Sight[]): number {
  return new Set(sights.map(({ from }) => from)).size
}

/** Two members on different hosts see one port of ours: no NAT gives two destinations the same by chance. */
function isAgreed(sights: readonly Sight[]): boolean {
  return sights.some(({ address }) => observersOf(sights.filter((sight) => sight.address === address)) >= 2)
}
