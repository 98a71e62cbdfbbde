// Addresses: the multiaddrs that this mesh uses (TCP over IP or a host name), as text without the trailing /p2p/ID.
import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { limits } from '../core/limits.ts'

const HOSTS = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])

/** The address of one TCP port, or undefined when the text is anything else, too long, or only valid on one interface. */
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
  return address.decapsulateCode(421).toString()
}

/** What somebody says of its own addresses, as far as it can be used: bare, each once, loopback last, bounded. */
export function tidyAddresses(addresses: readonly Multiaddr[]): string[] {
  const usable = new Set(addresses.map(bareAddress).filter((text) => parseAddress(text) !== undefined))
  const [far, own] = [[...usable].filter((text) => !isLoopback(text)), [...usable].filter(isLoopback)]
  return [...far, ...own].slice(0, limits.addressesPerContact)
}

/** The same addresses, those on a network of this machine first and loopback last: a LAN before a way around the world. */
export function nearestFirst(addresses: readonly Multiaddr[]): Multiaddr[] {
  const networks = ownNetworks()
  const rank = (address: Multiaddr) => {
    if (isLoopback(address.toString())) return 2
    return isOnLink(address, networks) ? 0 : 1
  }
  return [...addresses].sort((a, b) => rank(a) - rank(b))
}

/** True for this machine itself and for the networks it is on; a host name counts as far. */
export function isNear(address: Multiaddr): boolean {
  return isLoopback(address.toString()) || isOnLink(address, ownNetworks())
}

function isOnLink(address: Multiaddr, networks: BlockList): boolean {
  const host = hostOf(address)
  return isIP(host) !== 0 && networks.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}

function isUsable(address: Multiaddr): boolean {
  const [host, port, ...rest] = address.getComponents()
  if (host === undefined || !HOSTS.has(host.name) || port?.name !== 'tcp' || rest.length > 0) return false
  return !(host.value ?? '').toLowerCase().startsWith('fe80:')
}

function hostOf(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? ''
}

function isLoopback(text: string): boolean {
  return text.startsWith('/ip4/127.') || text.startsWith('/ip6/::1/')
}

function ownNetworks(): BlockList {
  const networks = new BlockList()
  for (const { address, cidr, family, internal } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    const prefix = Number(cidr?.split('/')[1])
    if (!internal && Number.isInteger(prefix)) networks.addSubnet(address, prefix, family === 'IPv6' ? 'ipv6' : 'ipv4')
  }
  return networks
}
