// The real half of the reality check: whole daemons on real libp2p in a laboratory of as many LANs as there are zones, all addresses
// public, so that a mate's link is one of the LAN and any other goes over a router, as in the simulator. What each node takes in is told
// apart by kind from the inside (count-frames.ts), and its whole is what its sockets counted.
import { readFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FLAGS } from '../fixtures/flags.ts'
import type { SiteWords } from '../lab/description.ts'
import { Lab } from '../lab/lab.ts'
import { FRAMES_FILE, type FrameCounts } from './frame-counts.ts'
import { processReading } from './processes.ts'

const SOURCE = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const COUNTER = new URL('count-frames.ts', import.meta.url).href
/** What a fleet takes to come up here: a second of CPU for each daemon. */
const WHOLE_BOUND = 300_000
/** The view is written every ten minutes, nothing is found by multicast (which is not TCP), and nobody needs a relay. */
const CONFIG = '[discovery]\nmdns = false\n'

/** One node at one moment: counts since its start. */
export interface NodeReading {
  at: number
  zone: string
  cpuMs: number
  bytesIn: number
  links: number
  /** Records that the others of its zone have sent, by their own counters as it knows them. */
  mateRecords: number
  counts: FrameCounts
}

/** Two readings of every node, and of the machine between them the share of its CPU that was busy and the load. */
export interface Real {
  pairs: readonly (readonly [NodeReading, NodeReading])[]
  busy: number
  load: number
}

export interface RealOptions {
  zones: readonly string[]
  nodesPerZone: number
  /** Between the moment when everybody sees everybody and the window: first hellos, dials and digests are a start. */
  settleSeconds: number
  seconds: number
  /** Whether to wait until everybody has a summary of everybody. */
  summary: boolean
}

export async function measureReal(say: (line: string) => void, options: RealOptions): Promise<Real> {
  const { zones, nodesPerZone, settleSeconds, seconds, summary } = options
  say(`starting ${zones.length * nodesPerZone} daemons in ${zones.length} zones`)
  const sites = zones.map(
    (zone, at): SiteWords => ({
      ...{ name: `z${at}`, kind: 'routed', nodes: nodesPerZone, zone, multicast: false, config: CONFIG },
    }),
  )
  const lab = await Lab.up(sites, { program: [...FLAGS, '--import', COUNTER, SOURCE] })
  try {
    await seen(lab, nodesPerZone)
    if (summary) await summarised(lab, nodesPerZone * zones.length)
    say(`whole; ${settleSeconds} s of rest, then a window of ${seconds} s`)
    await pause(settleSeconds * 1000)
    const [first, busyBefore] = [await readAll(lab), busyTime()]
    await pause(seconds * 1000)
    const [last, busyAfter] = [await readAll(lab), busyTime()]
    const busy = (busyAfter.busy - busyBefore.busy) / (busyAfter.all - busyBefore.all)
    return {
      pairs: first.map((one, at) => [one, last[at] as NodeReading] as const),
      busy,
      load: loadavg()[0] as number,
    }
  } finally {
    await lab.dispose()
  }
}

/** Every node sees all of its zone up. Nobody is asked for rows of others: that would make links that no idle fleet has. */
async function seen(lab: Lab, count: number): Promise<void> {
  const holds = async (name: string) => (await lab.daemons.client(name).status()).counts.up === count
  for (const name of lab.nodes())
    await lab.daemons.until(`${name} sees all of its zone`, WHOLE_BOUND, () => holds(name))
}

/** Every node holds a summary that counts all of them. */
async function summarised(lab: Lab, count: number): Promise<void> {
  const holds = async (name: string) => {
    const counts = (await lab.daemons.client(name).fleet()).summary?.figures.counts
    return counts !== undefined && counts.up === count
  }
  for (const name of lab.nodes()) await lab.daemons.until(`${name} has the summary`, WHOLE_BOUND, () => holds(name))
}

/** One after the other: sixty questions at once are work that no idle fleet has. */
async function readAll(lab: Lab): Promise<NodeReading[]> {
  const readings: NodeReading[] = []
  for (const name of lab.nodes()) readings.push(await readOne(lab, name))
  return readings
}

/** Other zones are not asked: that would make links, with their hellos, that no idle fleet has. */
async function readOne({ daemons, network }: Lab, name: string): Promise<NodeReading> {
  const { zone } = network.site(network.node(name).site)
  const { traffic, links, node } = await daemons.client(name).status()
  const { nodes } = await daemons.client(name).nodes({ zones: [zone] })
  const mateRecords = nodes.reduce((sum, row) => sum + (row.node === node ? 0 : row.counter), 0)
  const counts = JSON.parse(await readFile(daemons.path(name, FRAMES_FILE), 'utf8')) as FrameCounts
  const { cpuMs } = processReading(daemons.pid(name))
  return { at: performance.now(), zone, cpuMs, bytesIn: traffic.bytesIn, links: links.length, mateRecords, counts }
}

function busyTime(): { busy: number; all: number } {
  const sums = cpus().map(({ times }) => ({ idle: times.idle, all: Object.values(times).reduce((a, b) => a + b, 0) }))
  const [idle, all] = [sums.reduce((sum, one) => sum + one.idle, 0), sums.reduce((sum, one) => sum + one.all, 0)]
  return { busy: all - idle, all }
}
