// The words for `ip` and `tc` that make a plan real, one namespace at a time. Pure text.
//
// Wires to the internet are links between two machines without a common network, so that no public member takes another one for a
// neighbour, and carry single packets (gso_max_segs), so that their counters and rates are those of a real wire.
import {
  addressOf,
  type Cable,
  FAR6,
  GATEWAY,
  GATEWAY6,
  INTERNET,
  lanV4,
  type NodePlan,
  openV6,
  type Plan,
  prefixV6,
  type SitePlan,
  SWITCH,
  wanAddress,
} from './plan.ts'

const CARRIER = '100.64.0.1'
const BEHIND_CARRIER = '100.64.0.2'
/** How long a router keeps a packet that its rate does not let out yet. */
const QUEUE = '200ms'

/** Name of a namespace, as `ip` knows it. */
export type Named = (namespace: string) => string

export function cableLines(plan: Plan, named: Named): string[] {
  return [
    ...plan.namespaces.map((namespace) => `netns add ${named(namespace)}`),
    ...plan.cables.map(
      ({ at, name, far }) =>
        `link add name ${name} netns ${named(at)} type veth peer name ${far.name} netns ${named(far.at)}`,
    ),
  ]
}

/** Lines for each namespace, once all cables are there. */
export function namespaceLines(plan: Plan): Map<string, string[]> {
  const lines = new Map(plan.namespaces.map((namespace) => [namespace, ['link set lo up']]))
  const add = (namespace: string, more: readonly string[]) => lines.get(namespace)?.push(...more)
  add(INTERNET, [`addr add ${GATEWAY}/32 dev lo`, 'route add blackhole 0.0.0.0/0', 'route add blackhole ::/0'])
  for (const site of plan.sites) {
    if (site.wire !== undefined) add(INTERNET, internetLines(plan, site.wire.far.name))
    if (site.routers.length > 0) add(SWITCH, bridgeLines(site))
    for (const [at, router] of site.routers.entries()) add(router, routerLines(site, at))
  }
  for (const node of plan.nodes) {
    const site = siteOf(plan, node.site)
    if (site.kind === 'open') add(INTERNET, internetLines(plan, node.cable.far.name))
    else add(SWITCH, [...portLines(node.cable.far.name), `link set ${node.cable.far.name} master b${site.index}`])
    add(node.name, [...nodeCableLines(site), ...nodeAddressLines(site, node)])
  }
  return lines
}

export function siteOf(plan: Plan, name: string): SitePlan {
  const site = plan.sites.find((each) => each.name === name)
  if (site === undefined) throw new Error(`the laboratory has no site "${name}"`)
  return site
}

/** The internet's end of a wire: also after it was down, which loses addresses and routes. */
export function internetLines(plan: Plan, name: string): string[] {
  const behind = [
    ...plan.sites.filter(({ wire }) => wire?.far.name === name).map(routesToSite),
    ...plan.nodes.filter(({ cable }) => cable.far.name === name).map((node) => routesToOpen(plan, node)),
  ].flat()
  return [
    `link set ${name} addrgenmode none gso_max_segs 1`,
    `link set ${name} up`,
    `addr replace ${GATEWAY6}/64 dev ${name} nodad`,
    ...behind.map((route) => `route replace ${route} dev ${name}`),
  ]
}

function routesToSite(site: SitePlan): string[] {
  if (site.kind === 'ipv6') return [`${prefixV6(site)}::/64 via ${FAR6}`]
  const router = `${wanAddress(site)}/32`
  return site.kind === 'routed' ? [router, `${lanV4(site)}.0/24 via ${wanAddress(site)}`] : [router]
}

function routesToOpen(plan: Plan, node: NodePlan): string[] {
  return [`${addressOf(siteOf(plan, node.site), node)}/32`, `${openV6(node)}/128 via ${FAR6}`]
}

function bridgeLines({ index }: SitePlan): string[] {
  return [
    `link add b${index} type bridge mcast_snooping 0`,
    `link set b${index} addrgenmode none up`,
    ...portLines(`r${index}`),
    `link set r${index} master b${index}`,
  ]
}

/** The switch itself says nothing on its ports. */
function portLines(port: string): string[] {
  return [`link set ${port} addrgenmode none up`]
}

/** The router with the LAN (0), or the carrier's (1). */
function routerLines(site: SitePlan, at: number): string[] {
  const up = ['link set lan addrgenmode none up', 'link set wan addrgenmode none up']
  if (at === 1) return [...up, `addr add ${CARRIER}/30 dev lan`, ...wanLines(site)]
  if (site.kind === 'ipv6')
    return [
      ...up,
      `addr add ${GATEWAY6}/64 dev lan nodad`,
      `route add ${prefixV6(site)}::/64 dev lan`,
      'link set wan gso_max_segs 1',
      ...outV6('wan'),
    ]
  const lan = `addr add ${lanV4(site)}.1/24 dev lan`
  if (site.kind !== 'double') return [...up, lan, ...wanLines(site)]
  return [...up, lan, `addr add ${BEHIND_CARRIER}/30 dev wan`, `route add default via ${CARRIER}`]
}

/** The side of a NAT that faces the internet; the same again after its address has changed. */
export function wanLines(site: SitePlan): string[] {
  return ['link set wan gso_max_segs 1', ...outV4('wan', wanAddress(site))]
}

function outV4(name: string, address: string): string[] {
  return [
    `addr replace ${address}/32 dev ${name}`,
    `route replace ${GATEWAY}/32 dev ${name} scope link`,
    `route replace default via ${GATEWAY} dev ${name}`,
  ]
}

function outV6(name: string): string[] {
  return [`addr replace ${FAR6}/64 dev ${name} nodad`, `route replace ::/0 via ${GATEWAY6} dev ${name}`]
}

function nodeCableLines(site: SitePlan): string[] {
  return [...(site.kind === 'open' ? ['link set eth0 addrgenmode none gso_max_segs 1'] : []), 'link set eth0 up']
}

/** What a node gets where it is plugged in, as from DHCP or a router's advertisement. */
export function nodeAddressLines(site: SitePlan, node: NodePlan): string[] {
  const address = addressOf(site, node)
  if (site.kind === 'open')
    return [...outV4('eth0', address), ...outV6('eth0'), `addr replace ${openV6(node)}/128 dev eth0 nodad`]
  if (site.kind === 'ipv6')
    return [`addr replace ${address}/64 dev eth0 nodad`, `route replace ::/0 via ${GATEWAY6} dev eth0`]
  return [`addr replace ${address}/24 dev eth0`, `route replace default via ${lanV4(site)}.1`]
}

/** A bucket of 20 ms, but at least two packets; without a rate, none. */
export function rateLine(name: string, mbits: number | undefined): string {
  if (mbits === undefined) return `qdisc replace dev ${name} root pfifo`
  const burst = Math.max(3_100, Math.round(mbits * 2_500))
  return `qdisc replace dev ${name} root tbf rate ${Math.round(mbits * 1e6)}bit burst ${burst} latency ${QUEUE}`
}

/** The wires of a site to the internet: that of its router, or one of each node in an open site. */
export function wiresOf(plan: Plan, site: SitePlan): Cable[] {
  if (site.wire !== undefined) return [site.wire]
  return plan.nodes.filter((node) => node.site === site.name).map(({ cable }) => cable)
}
