// Where the members can be dialled that the directory speaks of. It is the peer store of kad-dht, apart from libp2p's own, which keeps
// the linked ones alone. What strangers say of addresses is believed as far as they can know: who is on this machine may name
// addresses of this machine, who is on a network of ours those of our networks, everybody else public ones and relays at public ones.
// A host name may lead anywhere, so none is believed.
import type { PeerId } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import { bareAddress, isIpAddress, isLoopbackAddress, isPublic, isRelayed, parseAddress } from './addresses.ts'

export interface DirectoryPeersParts {
  self: PeerId
  /** The address at the other end of the link with this peer; undefined when there is none. */
  linkedAt: (peer: NodeId) => Multiaddr | undefined
  /** Whether an address is on a network of this machine. */
  near: (address: Multiaddr) => boolean
}

export class DirectoryPeers {
  readonly #parts: DirectoryPeersParts
  /** In the order of when they were last told. */
  readonly #addresses = new Map<NodeId, readonly string[]>()
  /** Our own, as we tell them. */
  own: readonly string[] = []

  constructor(parts: DirectoryPeersParts) {
    this.#parts = parts
  }

  addressesOf(node: NodeId): readonly string[] {
    return this.#addresses.get(node) ?? []
  }

  learn(node: NodeId, addresses: readonly string[]): void {
    if (addresses.length === 0) return
    this.#addresses.delete(node)
    this.#addresses.set(node, addresses)
    for (const oldest of this.#addresses.keys()) {
      if (this.#addresses.size <= limits.directoryPeers) return
      this.#addresses.delete(oldest)
    }
  }

  /** What is believed of the addresses that a linked peer names: bare, each once, bounded. */
  believed(from: NodeId, addresses: readonly Multiaddr[]): string[] {
    const at = this.#parts.linkedAt(from)
    if (at === undefined) return []
    const tellsOwn = isLoopbackAddress(at)
    const tellsNear = tellsOwn || (!isRelayed(at) && this.#parts.near(at))
    const named = new Set(addresses.slice(0, 4 * limits.addressesPerContact).map(bareAddress))
    return [...named]
      .filter((text) => {
        const address = parseAddress(text)
        if (address === undefined || !isIpAddress(address)) return false
        const base = isRelayed(address) ? multiaddr(text.slice(0, text.indexOf('/p2p/'))) : address
        if (isLoopbackAddress(base)) return tellsOwn
        return isPublic(base) || (tellsNear && this.#parts.near(base))
      })
      .slice(0, limits.addressesPerContact)
  }

  /** Of whom nothing is known it says so in a form that kad-dht passes over: it would give no answer at all for one missing peer. */
  async get(id: PeerId): Promise<{ id: PeerId; addresses: { multiaddr: Multiaddr }[]; protocols: string[] }> {
    const { multiaddrs } = await this.getInfo(id)
    return { id, addresses: multiaddrs.map((each) => ({ multiaddr: each })), protocols: [] }
  }

  async getInfo(id: PeerId): Promise<{ id: PeerId; multiaddrs: Multiaddr[] }> {
    const addresses = id.equals(this.#parts.self) ? this.own : this.addressesOf(id.toString())
    return { id, multiaddrs: addresses.map((text) => multiaddr(text)) }
  }

  /** A provider told of itself over its link. Tags are of no use here. */
  async merge(id: PeerId, { multiaddrs = [] }: { multiaddrs?: readonly Multiaddr[] }): Promise<void> {
    const node = id.toString()
    this.learn(node, this.believed(node, multiaddrs))
  }

  /** None that an earlier run left. */
  async all(): Promise<never[]> {
    return []
  }
}
