// What a fleet cost, in figures: bytes a second of plain nodes and of reporters by kind and way, checks, memory and speed, and whether the
// bars of the design hold.
import type { ScaleFleet } from './fleet.ts'
import { KINDS, type Kind, UPKEEP } from './ledger.ts'
import { nodesOf } from './scenario.ts'

/** Bars of docs/scale.md, in bytes a second of TCP payload that comes in; and of the run itself. */
export const BARS = { plainLan: 4_000, plainWan: 200, reporter: 8_000, ratio: 1.2, speed: 1, memory: 8 * 2 ** 30 }

export interface Spread {
  median: number
  p99: number
  max: number
}

export interface RoleFigures {
  nodes: number
  /** Bytes a second, by way; all that comes in and goes out. */
  lanIn: Spread
  lanOut: Spread
  wanIn: Spread
  wanOut: Spread
  /** Both ways of getting in together. */
  in: Spread
  /** Mean bytes a second, by kind: from the LAN, from the WAN, and out by both. */
  kinds: Record<string, { lanIn: number; wanIn: number; out: number }>
  checksPerSecond: Spread
}

/** The summaries that nodes hold. */
export interface SummaryFigures {
  /** Of the nodes that run, as a share. */
  held: number
  /** Seconds, of the oldest part in it, and since it was made. */
  age: Spread
  made: Spread
  /** Leaf zones that answer and that are dark, and nodes that are counted, in the summary of the median node. */
  zones: number
  dark: number
  darkNames: readonly string[]
  nodes: number
}

/** One run; docs/simulation.md documents every key. */
export interface ScaleRow {
  scenario: string
  nodes: number
  zones: number
  /** Virtual seconds that were counted. */
  seconds: number
  plain: RoleFigures | undefined
  reporters: RoleFigures | undefined
  /** What nodes have of the fleet at the end. */
  view: SummaryFigures
  stepsPerSecond: number
  delivered: number
  copies: number
  links: number
  /** Virtual time over this thread's own time, and over real time; both while it counted. */
  speed: number
  realSpeed: number
  /** Bytes of the process at its largest, by node. */
  memory: number
  memoryPerNode: number
  load: number
}

export function quantiles(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => rounded(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { median: at(0.5), p99: at(0.99), max: at(1) }
}

export const rounded = (value: number): number => Math.round(value * 100) / 100

export function roleFigures(fleet: ScaleFleet, members: readonly number[]): RoleFigures | undefined {
  if (members.length === 0) return undefined
  const { ledger, machines } = fleet
  const seconds = fleet.counted / 1000
  const rates = (read: (node: number) => number) => quantiles(members.map((node) => read(node) / seconds))
  const kinds = KINDS.map((kind) => [kind, kindFigures(fleet, members, [kind])] as const)
  return {
    nodes: members.length,
    lanIn: rates((node) => ledger.total(node, false).in),
    lanOut: rates((node) => ledger.total(node, false).out),
    wanIn: rates((node) => ledger.total(node, true).in),
    wanOut: rates((node) => ledger.total(node, true).out),
    in: rates((node) => ledger.total(node, false).in + ledger.total(node, true).in),
    kinds: { ...Object.fromEntries(kinds), upkeep: kindFigures(fleet, members, UPKEEP) },
    checksPerSecond: rates((node) => machines[node]?.checks ?? 0),
  }
}

function kindFigures(fleet: ScaleFleet, members: readonly number[], kinds: readonly Kind[]) {
  const sum = { lanIn: 0, wanIn: 0, out: 0 }
  for (const node of members) {
    for (const kind of kinds) {
      const [lan, wan] = [fleet.ledger.read(node, kind, false), fleet.ledger.read(node, kind, true)]
      sum.lanIn += lan.in
      sum.wanIn += wan.in
      sum.out += lan.out + wan.out
    }
  }
  const share = members.length * (fleet.counted / 1000)
  return { lanIn: rounded(sum.lanIn / share), wanIn: rounded(sum.wanIn / share), out: rounded(sum.out / share) }
}

function summaryFigures({ machines, queue }: ScaleFleet): SummaryFigures {
  const views = machines.flatMap(({ core }) => (core === undefined ? [] : [core.fleet(queue.now).summary]))
  const held = views.filter((summary) => summary !== undefined).sort((a, b) => a.age - b.age)
  const figures = held[held.length >> 1]?.figures
  const { up, late, down, left } = figures?.counts ?? { up: 0, late: 0, down: 0, left: 0 }
  return {
    held: rounded(held.length / Math.max(1, views.length)),
    age: quantiles(held.map(({ age }) => age / 1000)),
    made: quantiles(held.map(({ made }) => made / 1000)),
    ...{ zones: figures?.zones ?? 0, dark: figures?.dark ?? 0, darkNames: figures?.darkZones ?? [] },
    nodes: up + late + down + left,
  }
}

export function rowOf(fleet: ScaleFleet, memory: number, load: number): ScaleRow {
  const { machines, scenario, topics, wires } = fleet
  const nodes = nodesOf(scenario)
  const seconds = fleet.counted / 1000
  const [reporters, plain] = [new Set(fleet.reporters), [] as number[]]
  for (const { id } of machines) if (!reporters.has(id.index)) plain.push(id.index)
  const steps = machines.reduce((sum, machine) => sum + machine.steps, 0)
  return {
    ...{ scenario: scenario.name, nodes, zones: fleet.enrolment.zones.size, seconds },
    plain: roleFigures(fleet, plain),
    reporters: roleFigures(fleet, [...reporters]),
    view: summaryFigures(fleet),
    stepsPerSecond: Math.round(steps / seconds),
    delivered: topics.delivered,
    copies: topics.copies,
    links: rounded((2 * wires.links()) / nodes),
    speed: rounded(fleet.counted / fleet.countedCpu),
    realSpeed: rounded(fleet.counted / fleet.countedWall),
    ...{ memory, memoryPerNode: Math.round(memory / nodes), load },
  }
}

/** Bars that this run misses, each in words. */
export function missed(row: ScaleRow): string[] {
  const { plain, reporters, nodes, speed, memory } = row
  const wrong: string[] = []
  const check = (what: string, value: number, bar: number, unit: string) => {
    if (value > bar) wrong.push(`${row.scenario}: ${what} is ${value} ${unit}, above ${bar}`)
  }
  check('what a plain node takes in on the LAN (p99)', plain?.lanIn.p99 ?? 0, BARS.plainLan, 'B/s')
  check('what a plain node takes in over the WAN (p99)', plain?.wanIn.p99 ?? 0, BARS.plainWan, 'B/s')
  check('what a reporter takes in (p99)', reporters?.in.p99 ?? 0, BARS.reporter, 'B/s')
  if (nodes < 10_000) return wrong
  if (speed <= BARS.speed) wrong.push(`${row.scenario}: it is ${speed} times as fast as real time, not faster`)
  check('memory', Math.round(memory / 2 ** 20), BARS.memory / 2 ** 20, 'MB')
  return wrong
}

/** A plain node's bytes in, LAN and WAN, in the largest fleet over those in the smallest. */
export function ratioOf(rows: readonly ScaleRow[]): number | undefined {
  const of = (nodes: number) => rows.find((row) => row.nodes === nodes && row.zones * 25 === nodes)?.plain?.in.median
  const [small, large] = [of(100), of(10_000)]
  return small === undefined || large === undefined ? undefined : rounded(large / small)
}
