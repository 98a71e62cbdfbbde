// The swarm on thin wires, beside what people would use instead: sites of some nodes behind NATs, a publisher with a thin wire of its
// own, one file of random bytes for all nodes. Entries take turns, each time in a laboratory of its own, and everything is measured
// from outside them: moments by events, copies by the kernel's counters of whole frames, CPU and memory from /proc.
import { appendFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { between, type WireCount, wireCounts } from '../lab/counters.ts'
import { describe } from '../lab/description.ts'
import { Network } from '../lab/network.ts'
import { aria2 } from '../lab/opponents/aria2.ts'
import { curl } from '../lab/opponents/curl.ts'
import type { Delivery, Entry, Field } from '../lab/opponents/entry.ts'
import { libtorrent } from '../lab/opponents/libtorrent.ts'
import { transmission } from '../lab/opponents/transmission.ts'
import { webtorrent } from '../lab/opponents/webtorrent.ts'
import { whyNot } from '../lab/shell.ts'
import { makeArtifact, sha256 } from './artifact.ts'
import type { Report } from './main.ts'
import { NodeWatch } from './node-watch.ts'
import { boundSeconds, PUBLISHER_NODE, patience, RATES, type Size, siteNames, sitesOf } from './swarm-field.ts'
import { pimesh } from './swarm-pimesh.ts'
import { type Run, summaryOf, tableOf } from './swarm-report.ts'

export interface SwarmSettings {
  size: Size
  runs: number
  /** Names of entries. */
  only: readonly string[]
  /** Where the trace of each run of pimesh is appended to, a line each. */
  trace: string | undefined
}

/** Every entry there is, by its name. */
const ENTRIES: Record<string, (settings: SwarmSettings, run: number) => Entry> = {
  pimesh: ({ trace, size }, run) =>
    pimesh(trace === undefined ? undefined : (json) => void appendTrace(trace, { run, ...size, ...json })),
  transmission: () => transmission,
  aria2: () => aria2,
  curl: () => curl,
  webtorrent: () => webtorrent('sequential'),
  'webtorrent-rarest': () => webtorrent('rarest'),
  libtorrent: () => libtorrent('own'),
  'libtorrent-tcp': () => libtorrent('tcp'),
  'libtorrent-utp': () => libtorrent('utp'),
}
export const SWARM_ENTRIES: readonly string[] = Object.keys(ENTRIES)
/** What runs unless somebody asks for more: all of them take an hour. */
export const USUAL_ENTRIES: readonly string[] = ['pimesh', 'transmission', 'aria2']

export async function benchSwarm(say: (line: string) => void, settings: SwarmSettings): Promise<Report> {
  const { size, runs: rounds, only } = settings
  const reason = whyNot()
  if (reason !== undefined) return { json: { bench: 'swarm', impossible: reason }, table: [reason], ok: false }
  const skipped: Record<string, string> = {}
  for (const name of only) {
    const why = await entryOf(name, settings, 0).missing()
    if (why === undefined) continue
    skipped[name] = why
    say(`${name} is left out: ${why}`)
  }
  const names = only.filter((name) => !(name in skipped))
  const runs: Run[] = []
  for (let run = 1; run <= rounds; run++)
    for (const name of names) runs.push(await compete({ name, run, settings, say }))
  // Who is named twice runs twice as often.
  const entries = [...new Set(names)].map((name) => summaryOf(name, runs))
  const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? null }
  const bound = boundSeconds(size)
  const json = { bench: 'swarm', ...machine, ...size, rates: RATES, boundSeconds: bound, entries, skipped, runs }
  return { json, table: tableOf({ size, entries, skipped }), ok: runs.every(({ failure }) => failure === null) }
}

function entryOf(name: string, settings: SwarmSettings, run: number): Entry {
  return (ENTRIES[name] as (typeof ENTRIES)[string])(settings, run)
}

interface Turn {
  name: string
  run: number
  settings: SwarmSettings
  say: (line: string) => void
}

/** One run of one entry, from an empty laboratory to an empty machine. */
async function compete({ name, run, settings, say }: Turn): Promise<Run> {
  const { size } = settings
  const load = loadavg()[0] as number
  const blank: Run = { entry: name, run, load, failure: null, figures: null }
  const network = await Network.build(describe(sitesOf(size)))
  try {
    const path = join(network.folder, 'artifact')
    const file = { path, hash: await makeArtifact(path, size.bytes), bytes: size.bytes }
    const nodes = network.plan.nodes.map((node) => node.name).filter((node) => node !== PUBLISHER_NODE)
    const field = { network, publisher: PUBLISHER_NODE, nodes, file }
    const figures = await measure(field, entryOf(name, settings, run), size)
    say(`run ${run}, ${name}: ${figures.seconds.toFixed(1)} s, ${figures.copiesIntoSite.toFixed(2)} copies into a site`)
    return { ...blank, figures }
  } catch (error) {
    const failure = (error as Error).message
    say(`run ${run}, ${name}: ${failure}`)
    return { ...blank, failure }
  } finally {
    await network.dispose()
  }
}

async function measure(field: Field, entry: Entry, size: Size): Promise<NonNullable<Run['figures']>> {
  const { network, file } = field
  const stand = await entry.prepare(field)
  const before = await wireCounts(network)
  const watch = new NodeWatch(stand.processes)
  let delivery: Delivery
  let after: Map<string, WireCount>
  try {
    delivery = await stand.deliver(patience(size))
    after = await wireCounts(network)
  } finally {
    watch.stop()
  }
  for (const [node, { path }] of delivery.arrivals)
    if ((await sha256(path)) !== file.hash) throw new Error(`${node} has another file than was published`)
  return figuresOf(field, { delivery, watch, size, wires: { before, after } })
}

interface Measured {
  delivery: Delivery
  watch: NodeWatch
  size: Size
  wires: { before: Map<string, WireCount>; after: Map<string, WireCount> }
}

function figuresOf({ nodes, network, file }: Field, measured: Measured): NonNullable<Run['figures']> {
  const { delivery, watch, size, wires } = measured
  const { began, arrivals, payload } = delivery
  const sites = siteNames(size.sites)
  const seconds = (moments: number[]) => (Math.max(...moments) - began) / 1000
  const all = [...arrivals.values()]
  const wire = (name: string) => between(wires.before.get(name) as WireCount, wires.after.get(name) as WireCount)
  const copies = (bytes: number) => bytes / file.bytes
  const of = (site: string) => nodes.filter((node) => network.node(node).site === site)
  const into = (site: string) => of(site).reduce((sum, node) => sum + (payload?.into.get(node) ?? 0), 0)
  const cpu = nodes.map((node) => watch.cpuMsSince(node, began) / 1000)
  const rss = nodes.map((node) => watch.peakRssBytes(node))
  const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length
  const inUse = all.flatMap(({ inUseAt }) => inUseAt ?? [])
  return {
    seconds: seconds(all.map(({ at }) => at)),
    inUseSeconds: inUse.length === all.length ? seconds(inUse) : null,
    firstNodeSeconds: (Math.min(...all.map(({ at }) => at)) - began) / 1000,
    copiesIntoSite: Math.max(...sites.map((site) => copies(wire(site).down.bytes))),
    copiesOutOfSite: Math.max(...sites.map((site) => copies(wire(site).up.bytes))),
    copiesOutOfPublisher: copies(wire(PUBLISHER_NODE).up.bytes),
    payloadIntoSite: payload === undefined ? null : Math.max(...sites.map((site) => copies(into(site)))),
    payloadOutOfPublisher: payload === undefined ? null : copies(payload.out),
    cpuSecondsPerNode: mean(cpu),
    cpuSecondsWorst: Math.max(...cpu),
    peakRssBytesPerNode: mean(rss),
    peakRssBytesWorst: Math.max(...rss),
    nodeSeconds: Object.fromEntries([...arrivals].map(([node, { at }]) => [node, (at - began) / 1000])),
  }
}

async function appendTrace(path: string, trace: object): Promise<void> {
  await appendFile(path, `${JSON.stringify(trace)}\n`)
}
