// What a laboratory is, as plain data: sites behind their routers, the nodes in them, and how good their wires are.

/** What stands between a site's LAN and the internet. Unless a line says otherwise, what was not asked for from inside is dropped. */
export const KINDS = {
  open: 'no router: every node is straight on the internet, a public member',
  routed: 'no NAT and no firewall: public IPv4 addresses on a LAN behind a router',
  plain: 'NAT that keeps the port, so that all of the internet sees one mapping',
  random: 'NAT with a random port for each destination',
  double: 'two plain NATs in a row, as in a flat behind a carrier',
  rst: 'plain NAT that answers an uninvited TCP SYN with RST',
  tcp443: 'plain NAT behind a firewall that lets out TCP to port 443 only',
  dark: 'plain NAT behind a firewall that lets nothing out',
  ipv6: 'no NAT and no IPv4: public IPv6 addresses behind a firewall',
} as const

export type Kind = keyof typeof KINDS

export interface Site {
  /** Lower-case letters and digits; its nodes are NAME-1, NAME-2, ... */
  name: string
  kind: Kind
  nodes: number
  /** Mbit/s from the site and to it, on its wire to the internet; absent: as fast as this machine. Of an open site: for each node. */
  up?: number
  down?: number
  /** Whether the LAN carries multicast DNS. */
  multicast: boolean
  /** Third byte of the LAN's 192.168.x.0/24. Sites may have the same, as homes do. */
  lan: number
  /** Where its nodes are enrolled. */
  zone: string
  /** When its daemons start: seconds after those of the open sites, or only when a test says so. */
  starts: number | 'asked'
  /** Lines of pimesh.toml for its nodes; keys without a table first. */
  config: string
}

export interface Description {
  sites: readonly Site[]
}

/** A site as a test writes it. */
export type SiteWords = Pick<Site, 'name' | 'kind'> & Partial<Site>

const NODES_AT_MOST = 200

/** Fills in what is not said. Throws an Error with one sentence about what cannot be. */
export function describe(sites: readonly SiteWords[]): Description {
  const filled = sites.map((site, at) => ({
    nodes: 1,
    multicast: true,
    lan: at + 1,
    zone: `/lab/${site.name}`,
    starts: 0,
    config: '',
    ...site,
  }))
  for (const site of filled) check(site)
  const names = filled.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new Error(`two sites have the name "${twice}"`)
  const nodes = filled.reduce((sum, site) => sum + site.nodes, 0)
  if (nodes === 0 || nodes > NODES_AT_MOST)
    throw new Error(`a laboratory has 1 to ${NODES_AT_MOST} nodes, not ${nodes}`)
  return { sites: filled }
}

function check({ name, kind, nodes, up, down, lan }: Site): void {
  if (!/^[a-z][a-z0-9]{0,11}$/.test(name))
    throw new Error(`"${name}" is no name of a site: up to 12 lower-case letters and digits, a letter first`)
  if (!(kind in KINDS))
    throw new Error(`there is no kind "${kind}" of site; there are ${Object.keys(KINDS).join(', ')}`)
  if (!Number.isInteger(nodes) || nodes < 0) throw new Error(`${name}: "${nodes}" is no number of nodes`)
  if (!Number.isInteger(lan) || lan < 0 || lan > 255)
    throw new Error(`${name}: the LAN 192.168.${lan}.0/24 does not exist`)
  for (const rate of [up, down])
    if (rate !== undefined && !(rate > 0))
      throw new Error(`${name}: a rate is a number of Mbit/s above 0, not "${rate}"`)
}

/**
 * A site in words, as on the command line: `KIND[:NODES][,KEY=VALUE]...` with the keys name, up, down, multicast (on or off), lan, zone
 * and starts. `plain:3,up=2,multicast=off` is three nodes behind a plain NAT.
 */
export function parseSite(text: string): SiteWords {
  const [head = '', ...options] = text.split(',')
  const [kind = '', nodes = '1'] = head.split(':')
  const site: Record<string, unknown> = { name: kind, kind, nodes: Number(nodes) }
  for (const option of options) {
    const [key = '', value = ''] = option.split('=')
    const read = READERS[key]
    if (read === undefined)
      throw new Error(`"${option}" in "${text}" is not known; there are ${Object.keys(READERS).join(', ')}`)
    site[key] = read(value)
  }
  return site as unknown as SiteWords
}

const READERS: Record<string, (value: string) => unknown> = {
  name: String,
  zone: String,
  up: Number,
  down: Number,
  lan: Number,
  multicast: (value) => value !== 'off',
  starts: (value) => (value === 'asked' ? value : Number(value)),
}
