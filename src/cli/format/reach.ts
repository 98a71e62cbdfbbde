// How a node is reached, in words: for `status`, `doctor` and `nodes -o wide`.
import { type PathJson, type ReachJson, withNode } from '../../daemon/api-reach-types.ts'
import type { LinkJson, StatusJson } from '../../daemon/api-types.ts'
import { bytes, counted, span } from './quantity.ts'

type Reached = Pick<StatusJson, 'reach' | 'links' | 'listening' | 'role' | 'node'>

/** `lan`, `direct`, `punched`, `relayed by north-1`. */
export function pathText({ route, via }: PathJson): string {
  return route === 'relayed' ? `relayed by ${via === null ? 'a member' : nameOf(via)}` : route
}

/** A link that works is measured once a minute. */
const OLD = 90_000

/** `12 ms`, `0.4 ms`; `12 ms (3 min ago)` where it could not be measured since; `-` before the first pulse. */
export function roundTripText({ roundTripMs, roundTripAgeMs }: Omit<PathJson, 'route' | 'via'>): string {
  if (roundTripMs === null) return '-'
  const old = (roundTripAgeMs ?? 0) > OLD ? ` (${span(roundTripAgeMs ?? 0)} ago)` : ''
  return `${roundTripMs < 10 ? roundTripMs.toFixed(1) : Math.round(roundTripMs)} ms${old}`
}

/** Lines of `status`: how others reach this node, what its NAT does, and what it does for others. */
export function reachLines(status: Reached): [string, string][] {
  const { reach } = status
  if (reach === undefined) return []
  return [
    ['reached', reachedText(status, reach)],
    ...throughRelays(status, reach),
    ...triedLines(reach),
    ['NAT', natText(reach, status.links)],
    ...(reach.offers ? [['relays', relayingText(reach)] as [string, string]] : []),
    ...refusedBy(reach),
  ]
}

/** What would make others reach this node better; undefined when nothing would, as far as is known. */
export function reachAdvice(status: Reached): string | undefined {
  const { reach, role } = status
  if (reach === undefined || role === 'operator' || reach.public.length > 0) return undefined
  const port = portOf(status)
  if (reach.searchingMs !== null)
    return 'let this machine reach TCP 31415 or 443 of a member outside, or give "bootstrap" of its configuration a member that it can reach'
  if (port === undefined)
    return 'give "listen" of its configuration an address, so that members on this LAN can dial it'
  if (reach.searchingMs === null && status.links.every(({ path }) => path?.route === 'lan')) return undefined
  // What is seen by IPv6 alone is the machine itself: few networks translate it.
  const untranslated = reach.observed.length > 0 && reach.observed.every((address) => address.startsWith('/ip6/'))
  if (reach.nat === 'none' || untranslated)
    return `let TCP ${port} in through the firewall, and members outside reach this Pi without a relay`
  return `forward TCP ${port} to this Pi in the router (in both, where there are two), and members outside reach it without a relay`
}

/** True for an address by which a relay forwards: nobody listens there on this machine. */
export function isForwarded(address: string): boolean {
  return /\/p2p-circuit(\/p2p\/\w+)?$/.test(address)
}

/** While there is no way out: each member that was tried, how often, since when, and how that failed. */
export function triedTexts({ searchingMs, unreachable }: ReachJson): string[] {
  if (searchingMs === null) return []
  return unreachable.map(({ node, name, reason, tries, ageMs }) => {
    const how = reason.startsWith(node) ? reason.slice(node.length).trimStart() : reason
    return `${nameOf({ node, name })}: ${counted(tries, 'time')} since ${span(ageMs)}: ${how}`
  })
}

function triedLines(reach: ReachJson): [string, string][] {
  return triedTexts(reach).map((text, at) => [at === 0 ? 'tried' : '', text])
}

/** One address through each relay, as `pimesh invite --via` takes it. */
function throughRelays({ node }: Reached, { relays, public: open }: ReachJson): [string, string][] {
  if (open.length > 0) return []
  return relays.flatMap(({ addresses: [first] }) => (first === undefined ? [] : [['', withNode(first, node)]]))
}

/** Whether others can reach this node at all, in one clause. */
export function reachedText({ links, role }: Reached, reach: ReachJson): string {
  const lan = links.filter(({ path }) => path?.route === 'lan').length
  const near = lan === 0 ? '' : `by ${counted(lan, 'member')} on the LAN; `
  if (reach.public.length > 0) return `${near}from outside directly, at ${reach.public.map(hostAndPort).join(' and ')}`
  if (reach.relays.length > 0) return `${near}from outside through ${listOf(reach.relays.map(nameOf))}`
  if (reach.searchingMs !== null)
    return `${near}not from outside: it has found no way out since ${span(reach.searchingMs)} and keeps trying${triedText(reach)}`
  if (links.length === lan)
    return lan === 0 ? 'no other member is linked yet' : `${near}nobody outside the LAN is linked`
  if (role === 'operator') return `${near}only over the links that it has dialled itself`
  return `${near}from outside only over the links that it has dialled itself: no member relays for it yet`
}

/** The word of `reach.nat` as a sentence, with what that means for links to other sites. */
function natText({ nat, observed }: ReachJson, links: readonly LinkJson[]): string {
  const seen = observed.length === 0 ? '' : ` (seen as ${observed.map(hostAndPort).join(', ')})`
  switch (nat) {
    case 'none':
      return `none${seen}`
    case 'plain':
      return `one port for all destinations${seen}: a hole can be punched to other sites${punched(links)}`
    case 'random':
      return `another port for each destination${seen}: links to other sites behind a NAT stay on relays`
    case 'unknown':
      return `not known yet${seen}: it takes two members outside that this node has dialled`
  }
}

function punched(links: readonly LinkJson[]): string {
  const far = links.filter(({ path }) => path?.route === 'punched' || path?.route === 'relayed')
  if (far.length === 0) return ''
  const through = far.filter(({ path }) => path?.route === 'punched').length
  return ` (${through} of ${counted(far.length, 'link')} there)`
}

function relayingText({ relaying }: ReachJson): string {
  const { reservations, circuits, refused } = relaying
  const turned = refused === 0 ? '' : `, ${counted(refused, 'time')} refused as the budget was used up`
  return `for ${counted(reservations, 'node')}, ${counted(circuits, 'circuit')} open, ${bytes(relaying.bytes)} forwarded${turned}`
}

const WHY = {
  full: 'its budget is used up',
  refused: 'it does not relay',
  lost: 'the reservation was lost',
} as const

function refusedBy({ refusals }: ReachJson): [string, string][] {
  return refusals.map((refusal, at) => [
    at === 0 ? 'not through' : '',
    `${nameOf(refusal)}: ${WHY[refusal.why]}, since ${span(refusal.ageMs)}`,
  ])
}

function triedText({ unreachable }: ReachJson): string {
  if (unreachable.length === 0) return ''
  const tries = unreachable.reduce((sum, { tries }) => sum + tries, 0)
  return ` (${counted(unreachable.length, 'member')} tried, ${counted(tries, 'time')})`
}

function portOf({ listening }: Reached): string | undefined {
  const [, port] =
    /^\/ip[46]\/[^/]+\/tcp\/(\d+)$/.exec(listening.find((address) => /\/tcp\/\d+$/.test(address)) ?? '') ?? []
  return port
}

/** `/ip4/1.2.3.4/tcp/31415` as `1.2.3.4:31415`; anything else as it is. */
function hostAndPort(address: string): string {
  const [, family, host, port] = /^\/(ip4|ip6|dns4?|dns6)\/([^/]+)\/tcp\/(\d+)$/.exec(address) ?? []
  if (host === undefined) return address
  return family === 'ip6' ? `[${host}]:${port}` : `${host}:${port}`
}

function nameOf({ node, name }: { node: string; name: string | null }): string {
  return name ?? node.slice(0, 16)
}

function listOf(names: readonly string[]): string {
  const relays = names.length === 1 ? 'the relay' : 'the relays'
  return `${relays} ${names.join(' and ')}`
}
