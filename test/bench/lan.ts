// A zone of twelve behind one NAT: do all of them go over their LAN, with multicast and without, while a file spreads among them?
import { cpus, loadavg } from 'node:os'
import { between, hairpinCount, wireCounts } from '../lab/counters.ts'
import { Lab } from '../lab/lab.ts'
import { arrives, send } from './lab-file.ts'
import { whole } from './lab-looks.ts'
import type { Report } from './main.ts'

const NODES = 12
const BYTES = 16 * 2 ** 20
const ZONE = '/lab/home'
const WHOLE_BOUND = 120_000
const TRANSFER_BOUND = 300_000
/** Of the file: what its announcement, and the nodes' own upkeep meanwhile, may cost on the wire to the internet. One copy would be 1. */
const WIRE_SHARE = 0.1
const MIB = 2 ** 20

interface Result {
  multicast: boolean
  /** From the start of the daemons until everybody had heard everybody. */
  wholeSeconds: number
  /** Links between two of the zone, and those of them that are not on the LAN. */
  links: number
  elsewhere: string[]
  /** From the announcement until the last of the others had it in use. */
  spreadSeconds: number
  /** Between them by their router, all the time. */
  hairpinBytes: number
  /** On the site's wire and through the relays, while the file spread. */
  wireBytes: number
  relayedBytes: number
  met: boolean
}

export async function benchLan(say: (line: string) => void): Promise<Report> {
  const load = loadavg()[0] as number
  const results: Result[] = []
  for (const multicast of [true, false]) results.push(await measure(multicast, say))
  const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? null, load }
  const ok = results.every(({ met }) => met)
  return { json: { bench: 'lan', ...machine, nodes: NODES, bytes: BYTES, results }, table: results.map(line), ok }
}

async function measure(multicast: boolean, say: (line: string) => void): Promise<Result> {
  say(`multicast ${multicast ? 'on' : 'off'}: building the laboratory`)
  const lab = await Lab.up([
    { name: 'pub', kind: 'open', nodes: 2 },
    { name: 'home', kind: 'plain', nodes: NODES, zone: ZONE, multicast, starts: 'asked' },
  ])
  try {
    const began = performance.now()
    const homes = lab.nodes('home')
    for (const name of homes) await lab.daemons.start(name)
    await whole(lab, homes, WHOLE_BOUND)
    const wholeSeconds = (performance.now() - began) / 1000
    say(`whole after ${wholeSeconds.toFixed(1)} s`)
    const before = await counted(lab)
    const [first, ...others] = homes as [string, ...string[]]
    const sent = await send(lab, { from: first, to: `zone == "${ZONE}"`, name: 'lan@1', bytes: BYTES })
    await Promise.all(others.map((name) => arrives(lab, name, sent, TRANSFER_BOUND)))
    const spreadSeconds = (performance.now() - sent.began) / 1000
    const after = await counted(lab)
    const { up, down } = between(before.wire, after.wire)
    const { links, elsewhere } = await linksOf(lab, homes)
    const { bytes: hairpinBytes } = await hairpinCount(lab.network, 'home')
    const wireBytes = up.bytes + down.bytes
    const relayedBytes = after.relayed - before.relayed
    const met = hairpinBytes === 0 && relayedBytes === 0 && elsewhere.length === 0 && wireBytes <= WIRE_SHARE * BYTES
    return { multicast, wholeSeconds, links, elsewhere, spreadSeconds, hairpinBytes, wireBytes, relayedBytes, met }
  } finally {
    await lab.dispose()
  }
}

async function counted({ network, daemons }: Lab) {
  const wire = (await wireCounts(network)).get('home')
  if (wire === undefined) throw new Error('the wire of the home is not counted')
  const publics = network.plan.nodes.filter(({ site }) => site === 'pub')
  const statuses = await Promise.all(publics.map(({ name }) => daemons.client(name).status()))
  return { wire, relayed: statuses.reduce((sum, { reach }) => sum + (reach?.relaying.bytes ?? 0), 0) }
}

async function linksOf({ daemons }: Lab, homes: readonly string[]): Promise<{ links: number; elsewhere: string[] }> {
  const all = await Promise.all(
    homes.map(async (name) => {
      const { links } = await daemons.client(name).status()
      return links.filter(({ zone }) => zone === ZONE).map((link) => ({ from: name, ...link }))
    }),
  )
  const links = all.flat()
  const away = links.filter(({ address }) => !address.startsWith('/ip4/192.168.') && !address.startsWith('/ip6/fe80'))
  return { links: links.length / 2, elsewhere: away.map(({ from, name, address }) => `${from} - ${name}: ${address}`) }
}

function line({
  multicast,
  wholeSeconds,
  links,
  elsewhere,
  spreadSeconds,
  hairpinBytes,
  wireBytes,
  relayedBytes,
  met,
}: Result) {
  return [
    `multicast ${multicast ? 'on ' : 'off'}  whole after ${wholeSeconds.toFixed(1)} s, ${links} links, ${elsewhere.length} not on the LAN;`,
    `${BYTES / MIB} MiB at all others after ${spreadSeconds.toFixed(1)} s: ${hairpinBytes} B by the router,`,
    `${(wireBytes / MIB).toFixed(2)} MiB on the wire, ${relayedBytes} B relayed (${met ? 'met' : 'missed'})`,
  ].join(' ')
}
