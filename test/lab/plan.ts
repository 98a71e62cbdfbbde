// From a description to namespaces, wires and addresses. Two namespaces hold all wires together: `internet` routes between the sites,
// and `switch` has the bridge of every LAN, so that every cable can be pulled and counted in one place.
//
//   node eth0 --- p1 [switch: bridge b1] r1 --- lan [router] wan --- w1 [internet]        double: router wan --- lan [carrier] wan
//
// All addresses of the internet look public: libp2p takes documentation ranges for private ones.
import type { Description, Kind, Site } from './description.ts'

export const INTERNET = 'internet'
export const SWITCH = 'switch'
/** The internet's own address: the next hop of everybody, on every wire. */
export const GATEWAY = '45.0.0.1'
export const GATEWAY6 = 'fe80::1'
/** The other end of a wire, for routes of the internet to networks behind it. */
export const FAR6 = 'fe80::2'

/** One end of a cable between two namespaces; both ends are named from the side of who uses it. */
export interface Cable {
  /** Where the equipment is, and its interface there. */
  at: string
  name: string
  /** The internet's, the switch's or the carrier's end. */
  far: { at: string; name: string }
}

export interface NodePlan {
  name: string
  /** Of all nodes, from 0: the last byte of its addresses comes of it, so that it can move anywhere. */
  index: number
  site: string
  cable: Cable
}

export interface SitePlan extends Site {
  /** From 1. */
  index: number
  /** The router that has the LAN, then the carrier's; none in an open site. */
  routers: string[]
  /** To the internet; absent in an open site, where every node has one of its own. */
  wire?: Cable
  /** Grows with every new WAN address. */
  generation: number
}

export interface Plan {
  sites: SitePlan[]
  nodes: NodePlan[]
  namespaces: string[]
  cables: Cable[]
}

export function planOf({ sites }: Description): Plan {
  const plan: Plan = { sites: [], nodes: [], namespaces: [INTERNET, SWITCH], cables: [] }
  for (const [at, site] of sites.entries()) addSite(plan, site, at + 1)
  return plan
}

function addSite(plan: Plan, site: Site, index: number): void {
  const routers = routersOf(site.kind).map((role) => `${site.name}-${role}`)
  const [router, carrier] = routers
  const placed: SitePlan = { ...site, index, routers, generation: 0 }
  if (router !== undefined) {
    plan.cables.push({ at: router, name: 'lan', far: { at: SWITCH, name: `r${index}` } })
    if (carrier !== undefined) plan.cables.push({ at: router, name: 'wan', far: { at: carrier, name: 'lan' } })
    placed.wire = { at: carrier ?? router, name: 'wan', far: { at: INTERNET, name: `w${index}` } }
    plan.cables.push(placed.wire)
  }
  plan.namespaces.push(...routers)
  plan.sites.push(placed)
  for (let number = 1; number <= site.nodes; number++) addNode(plan, placed, `${site.name}-${number}`)
}

function addNode(plan: Plan, site: SitePlan, name: string): void {
  const index = plan.nodes.length
  const far = site.kind === 'open' ? { at: INTERNET, name: `o${index}` } : { at: SWITCH, name: `p${index}` }
  const cable = { at: name, name: 'eth0', far }
  plan.nodes.push({ name, index, site: site.name, cable })
  plan.cables.push(cable)
  plan.namespaces.push(name)
}

function routersOf(kind: Kind): string[] {
  if (kind === 'open') return []
  return kind === 'double' ? ['router', 'carrier'] : ['router']
}

/** Host part of a node's address on whatever network it is. */
function host({ index }: NodePlan): number {
  return 10 + index
}

/** Where others find a node: on the internet for one that is open, on its LAN for any other. */
export function addressOf(site: SitePlan, node: NodePlan): string {
  if (site.kind === 'open') return `44.0.0.${host(node)}`
  return site.kind === 'ipv6' ? publicV6(site, host(node)) : `${lanV4(site)}.${host(node)}`
}

/** A LAN's /24 without its last number: one that others have, too, or the site's own. */
export function lanV4({ kind, lan, index }: SitePlan): string {
  return kind === 'routed' ? `46.${index}.0` : `192.168.${lan}`
}

/** Of an open node, which has both families. */
export function openV6(node: NodePlan): string {
  return `2a10:1::${host(node).toString(16)}`
}

/** What the internet sees of a site behind a NAT. */
export function wanAddress({ index, generation }: SitePlan): string {
  return `45.${index}.${generation}.2`
}

/** A site's /64 without its last four groups. */
export function prefixV6({ index }: SitePlan): string {
  return `2a10:2:0:${index.toString(16)}`
}

function publicV6(site: SitePlan, last: number): string {
  return `${prefixV6(site)}::${last.toString(16)}`
}
