// Hosts: how many inbound handshakes of one host are under way. All hosts together have limits.handshakesAtOnce places, and a
// silent socket holds one for the whole of gateTimeout: without a bound for each, one stranger would keep everybody out.
import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface'
import { limits } from '../core/limits.ts'

const BY_RELAY = 'relay '
/** A relay stands for all that it forwards; in front of it, each of them has shown a membership. */
const RELAY = /\/p2p\/([^/]+)\/p2p-circuit\//

/** IPv6 hands out whole /64 networks: their first four groups are the host. */
const NETWORK_GROUPS = 4

export class Hosts {
  readonly #most: number
  readonly #underway = new Map<string, Set<MultiaddrConnection>>()

  constructor(most: number) {
    this.#most = most
  }

  /** The gater with this bound on top: what it watches, it watches still, refused connections included. */
  guard(gater: ConnectionGater): ConnectionGater {
    return {
      ...gater,
      denyInboundConnection: async (connection) =>
        (await gater.denyInboundConnection?.(connection)) === true || !this.#enter(connection),
      denyInboundUpgradedConnection: async (peer, connection) => {
        this.#leave(connection)
        return (await gater.denyInboundUpgradedConnection?.(peer, connection)) === true
      },
    }
  }

  /** False when the host has all its places taken; the dialler comes again after its back-off. */
  #enter(connection: MultiaddrConnection): boolean {
    const host = hostOf(connection.remoteAddr.toString())
    const underway = this.#underway.get(host) ?? new Set()
    if (underway.size >= (host.startsWith(BY_RELAY) ? limits.handshakesPerRelay : this.#most)) return false
    this.#underway.set(host, underway.add(connection))
    connection.addEventListener('close', () => this.#leave(connection))
    return true
  }

  #leave(connection: MultiaddrConnection): void {
    const host = hostOf(connection.remoteAddr.toString())
    const underway = this.#underway.get(host)
    if (underway?.delete(connection) && underway.size === 0) this.#underway.delete(host)
  }
}

/** Who is behind a multiaddr: its IPv4 address, also where IPv6 wraps one, or its IPv6 network; the relay, of one relayed. */
export function hostOf(address: string): string {
  const relay = RELAY.exec(address)?.[1]
  if (relay !== undefined) return BY_RELAY + relay
  const [, family, ip = ''] = /^\/(ip[46])\/([^/%]+)/.exec(address) ?? []
  if (family !== 'ip6') return ip === '' ? address : ip
  const wrapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  return wrapped ?? groupsOf(ip).slice(0, NETWORK_GROUPS).join(':')
}

/** The groups of an IPv6 address; `::` stands for as many zeros as are missing. */
function groupsOf(ip: string): string[] {
  const [head = [], tail] = ip.split('::').map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16).toString(16))
}
