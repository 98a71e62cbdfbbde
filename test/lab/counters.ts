// What went over the wires, by the kernel's own counters: whole frames, counted in one place for all wires of a kind.
import type { Network } from './network.ts'
import { INTERNET, SWITCH } from './plan.ts'
import { HAIRPIN } from './rules.ts'
import { run } from './shell.ts'

export interface Count {
  bytes: number
  packets: number
}

/** From the equipment into the wire, and out of the wire to it. */
export interface WireCount {
  up: Count
  down: Count
}

/** What `ip -json -stats link` says of an interface. */
interface Link {
  ifname: string
  stats64: { rx: Count; tx: Count }
}

/** Of every wire since it was laid: a site's to the internet by the name of the site, a node's own by the name of the node. */
export async function wireCounts(network: Network): Promise<Map<string, WireCount>> {
  const ends = new Map<string, WireCount>()
  for (const at of [INTERNET, SWITCH]) {
    const links = JSON.parse(await run('ip', ['-n', network.namespace(at), '-json', '-stats', 'link'])) as Link[]
    for (const { ifname, stats64 } of links)
      ends.set(`${at} ${ifname}`, { up: only(stats64.rx), down: only(stats64.tx) })
  }
  const { sites, nodes } = network.plan
  const wires = [...sites.map(({ name, wire }) => ({ name, cable: wire })), ...nodes]
  return new Map(
    wires.flatMap(({ name, cable }) => {
      const count = cable && ends.get(`${cable.far.at} ${cable.far.name}`)
      return count === undefined ? [] : [[name, count] as const]
    }),
  )
}

/** What nodes of one LAN sent to each other through their router, or tried to: by its public address, or routed. */
export async function hairpinCount(network: Network, site: string): Promise<Count> {
  const [router] = network.site(site).routers
  if (router === undefined) throw new Error(`${site} has no router`)
  const words = ['netns', 'exec', network.namespace(router), 'nft', '-j', 'list', 'counter', 'inet', 'lab', HAIRPIN]
  const { nftables } = JSON.parse(await run('ip', words)) as { nftables: { counter?: Count }[] }
  const counter = nftables.find((entry) => entry.counter !== undefined)?.counter
  if (counter === undefined) throw new Error(`the router of ${site} counts nothing`)
  return only(counter)
}

/** What has been added between two readings of one wire. */
export function between(before: WireCount, after: WireCount): WireCount {
  const less = (a: Count, b: Count) => ({ bytes: b.bytes - a.bytes, packets: b.packets - a.packets })
  return { up: less(before.up, after.up), down: less(before.down, after.down) }
}

function only({ bytes, packets }: Count): Count {
  return { bytes, packets }
}
