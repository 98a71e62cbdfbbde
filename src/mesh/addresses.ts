// Addresses: the multiaddrs that this mesh uses (TCP over IP or a host name, or a relay that is reached so), as text without the
// trailing /p2p/ID.
import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { limits } from '../core/limits.ts'
import { relayOf } from '../core/links/paths.ts'

const HOSTS = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])
const RELAYED = 'p2p/p2p-circuit'

/** Networks whose addresses mean something else elsewhere. Not 100.64/10: whoever has such an address on a VPN is reached at it. */
const PRIVATE = networks([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['fc00::', 7],
])

/** IPv4 in the form of IPv6: it would pass by what is said of the IPv4 address. */
const WRAPPED = '::ffff:'

const BEHIND_PROVIDER = networks([['100.64.0.0', 10]])

/** No other machine is there: this one (connecting to 0.0.0.0 reaches whoever listens on loopback), all of them, or one wire only. */
const NOBODY = networks([
  ['0.0.0.0', 8],
  ['224.0.0.0', 3],
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
])

/**
 * The address of one TCP port, or one relayed by whoever is there; undefined when the text is anything else, too long, or means
 * no other machine, or only one interface.
 */
export function parseAddress(text: string): Multiaddr | undefined {
  if (text.length > limits.addressLength) return undefined
  try {
    const address = multiaddr(text)
    return isUsable(address) ? address : undefined
  } catch {
    return undefined
  }
}

/** An address as core knows it: without the id of the peer. */
export function bareAddress(address: Multiaddr): string {
  return address.toString().replace(/\/p2p\/[^/]+$/, '')
}

/** Of what this machine listens on: no loopback where its owner announces something else, as that is of use to nobody but this machine. */
export function told(listening: readonly Multiaddr[], announce: readonly string[]): Multiaddr[] {
  return listening.filter((address) => announce.length === 0 || !isLoopback(address.toString()))
}

/** What somebody says of its own addresses, as far as it can be used: bare, each once, loopback last, bounded. */
export function tidyAddresses(addresses: readonly Multiaddr[]): string[] {
  const usable = new Set(addresses.map(bareAddress).filter((text) => parseAddress(text) !== undefined))
  const [far, own] = [[...usable].filter((text) => !isLoopback(text)), [...usable].filter(isLoopback)]
  return [...far, ...own].slice(0, limits.addressesPerContact)
}

/**
 * What to dial, in this order: networks of this machine, the world, relays. Loopback is this machine, and private addresses of other
 * networks are somebody else's here; they are left out unless there is nothing else: the mesh may be on one machine, and a campus
 * may route them. `routed`: false leaves them out in any case.
 */
export function dialOrder(addresses: readonly Multiaddr[], routed = true): Multiaddr[] {
  const own = ownNetworks()
  const ranked = addresses.map((address) => ({ address, rank: rankOf(address, own) }))
  const known = ranked.filter(({ rank }) => rank !== Rank.foreign && rank !== Rank.self)
  const others = routed ? ranked : ranked.filter(({ rank }) => rank === Rank.self)
  return (known.length > 0 ? known : others).sort((a, b) => a.rank - b.rank).map(({ address }) => address)
}

/** True for what goes by another member. */
export function isRelayed(address: Multiaddr): boolean {
  return relayOf(bareAddress(address)) !== undefined
}

/** True where many networks have the same address, a provider's own behind its NAT included: nobody is reached at it from anywhere. */
export function isShared(address: Multiaddr): boolean {
  return isWithin(address, PRIVATE) || isWithin(address, BEHIND_PROVIDER)
}

/** True for an address that may be dialled from anywhere, as far as its form says. */
export function isPublic(address: Multiaddr): boolean {
  return rankOf(address, new BlockList()) === Rank.world
}

/** False for a host name, which leads wherever whoever owns it likes. */
export function isIpAddress(address: Multiaddr): boolean {
  return isIP(hostOf(address)) !== 0
}

/** True for this machine itself, as it is seen from itself. */
export function isLoopbackAddress(address: Multiaddr): boolean {
  return isLoopback(address.toString())
}

/** True for this machine itself and for the networks it is on; a host name counts as far. */
export function isNear(address: Multiaddr): boolean {
  return !isRelayed(address) && (isLoopback(address.toString()) || isWithin(address, ownNetworks()))
}

const Rank = { near: 0, world: 1, self: 2, foreign: 3, relayed: 4 } as const

function rankOf(address: Multiaddr, own: BlockList): number {
  if (isRelayed(address)) return Rank.relayed
  if (isLoopback(address.toString())) return Rank.self
  if (isWithin(address, own)) return Rank.near
  return isWithin(address, PRIVATE) ? Rank.foreign : Rank.world
}

function isWithin(address: Multiaddr, list: BlockList): boolean {
  const host = hostOf(address)
  return isIP(host) !== 0 && list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}

function isUsable(address: Multiaddr): boolean {
  const [host, port, ...rest] = address.getComponents()
  if (host === undefined || !HOSTS.has(host.name) || port?.name !== 'tcp') return false
  if (rest.length > 0 && rest.map(({ name }) => name).join('/') !== RELAYED) return false
  return port.value !== '0' && !isWithin(address, NOBODY) && !hostOf(address).startsWith(WRAPPED)
}

function hostOf(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? ''
}

function isLoopback(text: string): boolean {
  return text.startsWith('/ip4/127.') || text.startsWith('/ip6/::1/')
}

function ownNetworks(): BlockList {
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const own = interfaces.filter(({ internal }) => !internal)
  return networks(own.map(({ address, cidr }) => [address, Number(cidr?.split('/')[1])]))
}

function networks(list: readonly (readonly [string, number])[]): BlockList {
  const all = new BlockList()
  for (const [address, prefix] of list) {
    if (Number.isInteger(prefix)) all.addSubnet(address, prefix, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return all
}
