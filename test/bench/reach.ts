// Who reaches whom: for each pair of NAT kinds, two nodes that only two public members are there to introduce. Do they hear each other,
// does a file get across, how does their link go, and what does that cost the public members?
import { cpus } from 'node:os'
import type { Kind } from '../lab/description.ts'
import { Lab } from '../lab/lab.ts'
import type { Report } from './main.ts'
import { BYTES, type Try, tryPair, ZONE } from './reach-try.ts'
import { type Spread, spread } from './spread.ts'

/** Of pairs whose NATs keep the port: the share that is direct so soon after their link opened. Of pairs with a random one: all relayed. */
const BARS = { share: 1, punchable: { directShare: 0.9, withinSeconds: 2 }, random: { directShare: 0 } }
const MIB = 1_048_576

interface Settings {
  kinds: readonly Kind[]
  tries: number
  /** Both sites have 192.168.1.0/24, as homes do. */
  sameLan: boolean
}

interface Cell {
  pair: [Kind, Kind]
  tries: number
  /** In how many tries each heard the other, and in how many the file was installed. */
  gossip: number
  transfer: number
  /** Tries by how the link went at the end; `none` without one. */
  routes: Record<string, number>
  /** Of the relayed, by the name of the relay. */
  relays: Record<string, number>
  direct: number
  directWithinBar: number
  /** From the start of both daemons. */
  gossipSeconds: Spread | null
  /** From when the link opened until it was not relayed. */
  directSeconds: Spread | null
  /** From when the announcement was in force at its publisher. */
  firstByteSeconds: Spread | null
  transferSeconds: Spread | null
  /** What public members sent while the file was transferred. */
  relayBytes: Spread | null
  /** One sentence for each try that failed. */
  failures: string[]
}

export async function benchReach(say: (line: string) => void, settings: Settings): Promise<Report> {
  const { kinds, tries, sameLan } = settings
  const cells: Cell[] = []
  for (const [at, a] of kinds.entries())
    for (const b of kinds.slice(at)) cells.push(await measure([a, b], settings, say))
  const json = {
    bench: 'reach',
    node: process.version,
    cpus: cpus().length,
    model: cpus()[0]?.model ?? null,
    bytes: BYTES,
    tries,
    sameLan,
    bars: BARS,
    cells,
  }
  return { json, table: tableOf(cells) }
}

/** A laboratory for one pair; the second site publishes in every other try. */
async function measure([a, b]: [Kind, Kind], { tries, sameLan }: Settings, say: (line: string) => void): Promise<Cell> {
  const site = (name: string, kind: Kind, lan: number) => ({ name, kind, lan, zone: ZONE, starts: 'asked' as const })
  const lab = await Lab.up([
    { name: 'pub', kind: 'open', nodes: 2, zone: ZONE },
    site('a', a, 1),
    site('b', b, sameLan ? 1 : 2),
  ])
  try {
    const done: Try[] = []
    for (let number = 1; number <= tries; number++) {
      const pair = number % 2 === 1 ? (['a-1', 'b-1'] as const) : (['b-1', 'a-1'] as const)
      const one = await tryPair(lab, pair, number)
      done.push(one)
      say(`${a} and ${b}, try ${number}: ${one.failure ?? `${one.route}, installed after ${text(one.transferMs)}`}`)
    }
    return cellOf([a, b], done)
  } finally {
    await lab.dispose()
  }
}

function cellOf(pair: [Kind, Kind], tries: readonly Try[]): Cell {
  const seconds = (value: (one: Try) => number | null) => {
    const values = tries.map(value).filter((ms) => ms !== null)
    return values.length === 0 ? null : spread(values.map((ms) => ms / 1000))
  }
  const count = (holds: (one: Try) => boolean) => tries.filter(holds).length
  const bytes = tries.map(({ relayBytes }) => relayBytes).filter((value) => value !== null)
  return {
    pair,
    tries: tries.length,
    gossip: count(({ gossipMs }) => gossipMs !== null),
    transfer: count(({ transferMs }) => transferMs !== null),
    routes: tally(tries.map(({ route }) => route)),
    relays: tally(tries.flatMap(({ via }) => via ?? [])),
    direct: count(({ directMs }) => directMs !== null),
    directWithinBar: count(({ directMs }) => directMs !== null && directMs <= BARS.punchable.withinSeconds * 1000),
    gossipSeconds: seconds(({ gossipMs }) => gossipMs),
    directSeconds: seconds(({ directMs }) => directMs),
    firstByteSeconds: seconds(({ firstByteMs }) => firstByteMs),
    transferSeconds: seconds(({ transferMs }) => transferMs),
    relayBytes: bytes.length === 0 ? null : spread(bytes),
    failures: tries.flatMap(({ failure }) => failure ?? []),
  }
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

function tableOf(cells: readonly Cell[]): string[] {
  const worst = (figures: Spread | null) =>
    figures === null ? '-' : `${figures.median.toFixed(2)} / ${figures.max.toFixed(2)}`
  const rows = cells.map((cell) => [
    cell.pair.join('-'),
    `${cell.gossip}/${cell.tries}`,
    `${cell.transfer}/${cell.tries}`,
    `${cell.direct}/${cell.tries}`,
    Object.entries(cell.routes)
      .map(([route, count]) => `${count} ${route}`)
      .join(', '),
    worst(cell.gossipSeconds),
    worst(cell.directSeconds),
    worst(cell.firstByteSeconds),
    cell.relayBytes === null ? '-' : (cell.relayBytes.median / MIB).toFixed(1),
  ])
  const titles = [
    'pair',
    'gossip',
    'transfer',
    'direct',
    'routes',
    'gossip, s',
    'direct, s',
    'first byte, s',
    'relay MiB',
  ]
  const widths = titles.map((title, at) => Math.max(...[titles, ...rows].map((row) => (row[at] ?? title).length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] as number))
      .join('  ')
      .trimEnd()
  return [line(titles), ...rows.map(line), 'seconds are median / worst']
}

function text(ms: number | null): string {
  return ms === null ? 'no time' : `${(ms / 1000).toFixed(2)} s`
}
