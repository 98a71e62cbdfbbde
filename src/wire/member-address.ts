// The address of a member as a person writes it: a host and a port, or a relay that forwards to it, and the id of who answers there.
import { limits } from '../core/limits.ts'
import { nodeKey } from './node-id.ts'

const HOST = /^\/(?:ip[46]|dns[46]?)\/[^/]+\/tcp\/\d+$/
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

function directProblem(address: string): string | undefined {
  const at = address.indexOf('/p2p/')
  const host = at < 0 ? address : address.slice(0, at)
  if (!HOST.test(host)) return `is not a member's address; one looks like ${MEMBER_ADDRESS}`
  if (at < 0) return `is without the id of the member: add /p2p/12D3KooW... ("pimesh status" shows it there)`
  const node = NODE.exec(address.slice(at))?.[1]
  return node !== undefined && isNode(node) ? undefined : `does not end in the id of a member (/p2p/12D3KooW...)`
}

function isNode(text: string): boolean {
  return nodeKey(text) !== undefined
}
