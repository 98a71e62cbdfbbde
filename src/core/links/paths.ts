// Paths: how a link gets to its peer, and what an address says of that. An address is text, as the mesh writes it.
import type { NodeId } from '../env.ts'

/**
 * `lan`: both ends are on one network. `direct`: somebody's port is open to the world. `punched`: through the NATs of both ends.
 * `relayed`: a member forwards it (clause RELAY).
 */
export const ROUTES = ['lan', 'direct', 'punched', 'relayed'] as const
export type Route = (typeof ROUTES)[number]

export interface Path {
  /** Where the other end is, as this end sees it, without the trailing /p2p/ID. */
  address: string
  /** Who dialled. */
  direction: 'inbound' | 'outbound'
  route: Route
}

/**
 * What a node's NAT does with its outbound TCP connections. `none`: there is none. `plain`: one local port looks the same to
 * everybody, so a hole can be punched. `random`: each destination sees another port. `unknown`: fewer than two members told.
 */
export const NAT_KINDS = ['none', 'plain', 'random', 'unknown'] as const
export type NatKind = (typeof NAT_KINDS)[number]

const CIRCUIT = /\/p2p\/([1-9A-HJ-NP-Za-km-z]+)\/p2p-circuit$/

/** The member that forwards what is sent to this address; undefined when it is no relayed one. */
export function relayOf(address: string): NodeId | undefined {
  return CIRCUIT.exec(address)?.[1]
}

/** Host of an address, in the form that the mesh writes it: to tell two machines apart, not to dial. */
export function hostOf(address: string): string {
  return address.split('/')[2] ?? ''
}

/** The /24 or /64 that an address is in, as most LANs are that or several of them; of another kind its host. */
export function networkOf(address: string): string {
  const [, kind, host = ''] = address.split('/')
  if (kind === 'ip4') return host.slice(0, host.lastIndexOf('.'))
  if (kind !== 'ip6') return host
  const [front = '', back] = host.split('::')
  const groups = front === '' ? [] : front.split(':')
  const tail = back === undefined || back === '' ? [] : back.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - tail.length) }, () => '0')
  return [...groups, ...zeros, ...tail].slice(0, 4).join(':')
}

/** True for an address that means this machine on each machine. */
export function isLoopback(address: string): boolean {
  const [, kind, host = ''] = address.split('/')
  return kind === 'ip4' ? host.startsWith('127.') : kind === 'ip6' && host === '::1'
}

/** TCP port of the host of an address; of a relayed one that of its relay. */
export function portOf(address: string): string {
  const parts = address.split('/')
  return parts[3] === 'tcp' ? (parts[4] ?? '') : ''
}
