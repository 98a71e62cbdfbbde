// What goes wrong with networks: cables that are pulled, addresses that change, machines that are carried away, lines that slow down.
import type { Network } from './network.ts'
import { type Cable, INTERNET, SWITCH, wanAddress } from './plan.ts'
import { ip } from './shell.ts'
import { internetLines, nodeAddressLines, wanLines } from './wiring.ts'

/** Pulls a node's cable, or a site's to the internet: whose it is sees no carrier. */
export async function pull(network: Network, name: string): Promise<void> {
  const { far } = cableOf(network, name)
  await ip([`link set ${far.name} down`], network.namespace(far.at))
}

/** Puts it in again. */
export async function plug(network: Network, name: string): Promise<void> {
  const { far } = cableOf(network, name)
  const lines = far.at === INTERNET ? internetLines(network.plan, far.name) : [`link set ${far.name} up`]
  await ip(lines, network.namespace(far.at))
}

/** Gives a site behind a NAT another public address; what is open through the old one is dead, and nobody is told. */
export async function changeWanAddress(network: Network, name: string): Promise<string> {
  const site = network.site(name)
  const { wire } = site
  if (wire === undefined || site.kind === 'ipv6' || site.kind === 'routed')
    throw new Error(`${name} has no NAT whose address could change`)
  const old = `${wanAddress(site)}/32`
  site.generation++
  // The kernel forgets the translations of an address that goes.
  await ip([`addr del ${old} dev ${wire.name}`, ...wanLines(site)], network.namespace(wire.at))
  const lines = [`route del ${old} dev ${wire.far.name}`, ...internetLines(network.plan, wire.far.name)]
  await ip(lines, network.namespace(INTERNET))
  return wanAddress(site)
}

/** Carries a node to another LAN, where it gets another address. Its program runs on. */
export async function move(network: Network, name: string, to: string): Promise<void> {
  const node = network.node(name)
  const site = network.site(to)
  if (site.kind === 'open' || network.site(node.site).kind === 'open')
    throw new Error(`${name} cannot move to ${to}: there is no LAN in an open site`)
  node.site = to
  const port = node.cable.far.name
  await ip([`link set ${port} down`, `link set ${port} master b${site.index}`], network.namespace(SWITCH))
  await ip(['addr flush dev eth0 scope global', ...nodeAddressLines(site, node)], network.namespace(name))
  await network.applyMulticast()
  await ip([`link set ${port} up`], network.namespace(SWITCH))
}

/** Changes what a site's wire to the internet carries, in Mbit/s; undefined: as much as this machine does. */
export async function setRates(
  network: Network,
  name: string,
  { up, down }: { up: number | undefined; down: number | undefined },
): Promise<void> {
  const site = network.site(name)
  delete site.up
  delete site.down
  Object.assign(site, up !== undefined && { up }, down !== undefined && { down })
  await network.applyRates(site)
}

export async function setMulticast(network: Network, name: string, multicast: boolean): Promise<void> {
  network.site(name).multicast = multicast
  await network.applyMulticast()
}

function cableOf(network: Network, name: string): Cable {
  const site = network.plan.sites.find((each) => each.name === name)
  if (site === undefined) return network.node(name).cable
  if (site.wire === undefined) throw new Error(`${name} is an open site: name one of its nodes`)
  return site.wire
}
