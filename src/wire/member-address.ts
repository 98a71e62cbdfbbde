// The address of a member as a person writes it: a host and a port, or a relay that forwards to it, and the id of who answers there.
import { limits } from '../core/limits.ts'
import { nodeKey } from './node-id.ts'

const HOST = /^\/(ip4|ip6|dns[46]?)\/([^/]+)\/tcp\/(\d+)$/
const NODE = /^\/p2p\/(\w+)$/
const RELAYED = /^(.*?)(?:\/p2p\/(\w+))?\/p2p-circuit(.*)$/
/** `/p2p/` and a node id. */
const ID_TEXT = 57

/** Of what form one is, for a sentence. */
export const MEMBER_ADDRESS = '/ip4/192.168.1.5/tcp/31415/p2p/12D3KooW...'
export const RELAYED_ADDRESS = '/ip4/1.2.3.4/tcp/31415/p2p/RELAY/p2p-circuit/p2p/MEMBER'

/** What is wrong with it, as the end of a sentence that begins with the address; undefined when nothing is. */
export function memberAddressProblem(address: string): string | undefined {
  if (address.length > limits.addressLength + ID_TEXT) return 'is too long'
  const [, before, relay, after] = RELAYED.exec(address) ?? []
  if (before === undefined || after === undefined) return directProblem(address)
  if (!HOST.test(before)) return `is not the address of a relay; one looks like ${RELAYED_ADDRESS}`
  if (hostProblem(before) !== undefined) return hostProblem(before)
  if (relay === undefined)
    return `is a relay's address without the relay's own id: write ${RELAYED_ADDRESS}, with /p2p/RELAY before /p2p-circuit`
  if (!isNode(relay)) return `names a relay by "${relay}", which is no node id`
  if (after === '')
    return "is a relay's address that does not say who is behind the relay: add /p2p/MEMBER after /p2p-circuit"
  const member = NODE.exec(after)?.[1]
  if (member === undefined || !isNode(member))
    return `does not end in the id of a member behind the relay (/p2p/12D3KooW...)`
  return relay === member ? 'names one node as the relay and as the member behind it' : undefined
}

/** Why nobody can be dialled at `/ip4/HOST/tcp/PORT` or `/dns4/NAME/tcp/PORT`, as the end of such a sentence. */
export function hostProblem(address: string): string | undefined {
  const [, kind = '', host = '', port] = HOST.exec(address) ?? []
  if (port === undefined) return 'names no TCP port of a host'
  if (Number(port) < 1 || Number(port) > PORTS) return `has ${port} for a port, which must be from 1 to ${PORTS}`
  if (NOWHERE.has(host)) return `has ${host} for a host, which stands for all addresses of a machine: write one of them`
  return IS_HOST[kind]?.(host) === false ? `has "${host}" for a host, which is ${NO_HOST[kind]}` : undefined
}

const PORTS = 65_535
const NOWHERE = new Set(['0.0.0.0', '::'])
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)
const NAME = /^[\w.-]{1,253}$/
const isName = (host: string) => NAME.test(host)
const IS_HOST: Record<string, (host: string) => boolean> = {
  ip4: (host) => IPV4.test(host),
  ip6: (host) => /^[\da-f:.]+$/i.test(host) && URL.canParse(`http://[${host}]/`),
  ...{ dns: isName, dns4: isName, dns6: isName },
}
const NO_HOST: Record<string, string> = {
  ip4: 'no IPv4 address',
  ip6: 'no IPv6 address',
  ...{ dns: 'no host name', dns4: 'no host name', dns6: 'no host name' },
}

function directProblem(address: string): string | undefined {
  const at = address.indexOf('/p2p/')
  const host = at < 0 ? address : address.slice(0, at)
  if (!HOST.test(host)) return `is not a member's address; one looks like ${MEMBER_ADDRESS}`
  if (hostProblem(host) !== undefined) return hostProblem(host)
  if (at < 0) return `is without the id of the member: add /p2p/12D3KooW... ("pimesh status" shows it there)`
  const node = NODE.exec(address.slice(at))?.[1]
  return node !== undefined && isNode(node) ? undefined : `does not end in the id of a member (/p2p/12D3KooW...)`
}

function isNode(text: string): boolean {
  return nodeKey(text) !== undefined
}
