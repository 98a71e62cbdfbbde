// What it costs a plain node behind a NAT to be there while nothing happens: bytes a second over its wire to the internet, by kind.
// The daemons run from their sources with count-streams.ts beside them, since from outside all of it is one encrypted stream.
import { readFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FLAGS } from '../fixtures/flags.ts'
import { wireCounts } from '../lab/counters.ts'
import type { SiteWords } from '../lab/description.ts'
import { Lab } from '../lab/lab.ts'
import type { Counts } from './count-streams.ts'
import { whole } from './lab-looks.ts'
import type { Report } from './main.ts'

const SOURCE = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const COUNTER = new URL('count-streams.ts', import.meta.url).href
const WHOLE_BOUND = 90_000
/** First hellos, identify, the search for relays and links for questions are a start, not upkeep. */
const SETTLE = 180_000
/** Of TCP payload that comes in, for a node whose zone-mates are on its LAN. */
const BAR = 100

/** What a node's wire carries. */
interface Figures {
  node: string
  what: string
  /** Links to the outside, and relays that hold a reservation for it. */
  outside: number
  relays: number
  /** Bytes a second: TCP payload by the sockets' counters, and whole frames by the wire's. */
  payloadIn: number
  payloadOut: number
  framesIn: number
  framesOut: number
  /** TCP payload that came in, by kind. */
  kinds: Record<string, number>
  /** And that went out. */
  kindsOut: Record<string, number>
}

const NODES: readonly { node: string; what: string }[] = [
  { node: 'home-1', what: 'alone in its zone, behind a plain NAT' },
  { node: 'lab-1', what: 'alone in its zone, behind a NAT with random ports' },
  { node: 'east-1', what: 'with a zone-mate behind another NAT' },
]

export async function benchUpkeep(say: (line: string) => void, { seconds }: { seconds: number }): Promise<Report> {
  const load = loadavg()[0] as number
  const site = (name: string, kind: SiteWords['kind'], zone = `/lab/${name}`): SiteWords => ({ name, kind, zone })
  say('building the laboratory')
  const program = [...FLAGS, '--import', COUNTER, SOURCE]
  const lab = await Lab.up(
    [
      { name: 'pub', kind: 'open', nodes: 3 },
      site('home', 'plain'),
      site('lab', 'random'),
      site('east', 'plain', '/lab/both'),
      site('west', 'double', '/lab/both'),
    ],
    { program },
  )
  try {
    await whole(lab, lab.nodes(), WHOLE_BOUND)
    say(`whole; ${SETTLE / 1000} s of rest, then a window of ${seconds} s`)
    await pause(SETTLE)
    const rows = await measure(lab, seconds)
    const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? null, load }
    const ok = (rows[0]?.payloadIn ?? Number.POSITIVE_INFINITY) <= BAR
    return { json: { bench: 'upkeep', ...machine, seconds, bar: BAR, nodes: rows, ok }, table: tableOf(rows), ok }
  } finally {
    await lab.dispose()
  }
}

async function measure(lab: Lab, seconds: number): Promise<Figures[]> {
  const before = await readAll(lab)
  await pause(seconds * 1000)
  const after = await readAll(lab)
  return NODES.map(({ node, what }, at) => {
    const [first, last] = [before[at], after[at]] as [Reading, Reading]
    const rate = (of: (reading: Reading) => number) => ((of(last) - of(first)) * 1000) / (last.at - first.at)
    const payload = { in: rate(({ bytesIn }) => bytesIn), out: rate(({ bytesOut }) => bytesOut) }
    const kinds = (way: 'in' | 'out') => {
      const names = Object.keys(last.counts[way])
      const rates = names.map((name) => [name, rate(({ counts }) => counts[way][name] ?? 0)] as const)
      return byKind(Object.fromEntries(rates), payload[way])
    }
    return {
      node,
      what,
      outside: last.outside,
      relays: last.relays,
      payloadIn: payload.in,
      payloadOut: payload.out,
      framesIn: rate(({ wireIn }) => wireIn),
      framesOut: rate(({ wireOut }) => wireOut),
      kinds: kinds('in'),
      kindsOut: kinds('out'),
    }
  })
}

type Reading = Awaited<ReturnType<typeof readOne>>

function readAll(lab: Lab): Promise<Reading[]> {
  return Promise.all(NODES.map(({ node }) => readOne(lab, node)))
}

async function readOne({ daemons, network }: Lab, name: string) {
  const { traffic, links, reach } = await daemons.client(name).status()
  const wire = (await wireCounts(network)).get(network.node(name).site)
  const counts = JSON.parse(await readFile(daemons.path(name, 'streams.json'), 'utf8')) as Counts
  return {
    at: performance.now(),
    ...traffic,
    wireIn: wire?.down.bytes ?? 0,
    wireOut: wire?.up.bytes ?? 0,
    outside: links.filter(({ path }) => path?.route !== 'lan').length,
    relays: reach?.relays.length ?? 0,
    counts,
  }
}

/** A ping is a header of the muxer with its encryption: 12 + 16 bytes, and 2 of Noise's length. */
const PING_BYTES = 30
/** Circuits carry links, whose own streams are counted: as a kind they are what they add. */
const CARRIERS = ['call']
const KINDS: readonly [string, RegExp][] = [
  ['hello', /\/hello\//],
  ['identify', /\/id\//],
  ['relays', /\/relay\/|autonat/],
  ['gossip', /meshsub/],
  ['negotiation of protocols', /^negotiation$/],
  ['questions (sync, query)', /\/(sync|query)\//],
  ['punching', /\/punch\//],
]

/** By kind: what is left of the whole are the frames of the muxer and of encryption, and what they say among themselves. */
function byKind(rates: Record<string, number>, whole: number): Record<string, number> {
  const { pings = 0, records = 0, ...streams } = rates
  const kinds: Record<string, number> = { pulses: pings * PING_BYTES, records }
  let named = 0
  for (const [protocol, rate] of Object.entries(streams)) {
    if (CARRIERS.some((carrier) => protocol.includes(`/${carrier}/`))) continue
    const kind = KINDS.find(([, pattern]) => pattern.test(protocol))?.[0] ?? protocol
    kinds[kind] = (kinds[kind] ?? 0) + rate
    named += rate
  }
  kinds.gossip = (kinds.gossip ?? 0) - records
  kinds['frames and encryption'] = whole - named - pings * PING_BYTES
  return kinds
}

function tableOf(rows: readonly Figures[]): string[] {
  return rows.flatMap(
    ({ node, what, outside, relays, payloadIn, payloadOut, framesIn, framesOut, kinds, kindsOut }) => [
      `${node}, ${what}: ${outside} links to the outside, ${relays} relays`,
      `  TCP payload ${payloadIn.toFixed(1)} B/s in, ${payloadOut.toFixed(1)} B/s out; frames ${framesIn.toFixed(1)} and ${framesOut.toFixed(1)} B/s`,
      ...Object.keys({ ...kinds, ...kindsOut }).map(
        (kind) =>
          `  ${kind.padEnd(28)} ${(kinds[kind] ?? 0).toFixed(1).padStart(7)} in ${(kindsOut[kind] ?? 0).toFixed(1).padStart(7)} out`,
      ),
    ],
  )
}
