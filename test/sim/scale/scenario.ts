// A scenario of the simulator at scale: a fleet's shape, what goes wrong and for how long. Data in scenarios/*.json; every field and its
// unit is here, and what a file does not name is the base's.
import { readdirSync, readFileSync } from 'node:fs'
import { limits } from '../../../src/core/limits.ts'

/** One way, in ms: never below `min`, exponential above it. */
export interface Delay {
  min: number
  mean: number
}

export interface Trouble {
  /** Seconds after the start; and, when it is over, or never (0). */
  at: number
  until: number
  /**
   * `kill`: processes end. `powerCut`: machines are off. `cut`: sites have no way out. `off`: all machines of sites lose power. Whoever
   * ended starts again at `until`.
   */
  what: 'kill' | 'powerCut' | 'cut' | 'off'
  /** How many nodes (of `kill`, `powerCut`) or sites (of `cut`, `off`); seconds between one and the next. */
  count: number
  apart: number
  /** Which nodes: any, or those that report for their zone: the active one, or the standby as well. */
  whom: 'any' | 'active' | 'both'
}

export interface Starving {
  /** Nodes without CPU: all that comes to them waits for the end of a pause. */
  nodes: number
  /** Seconds of a pause, and between two. */
  pause: { min: number; max: number }
  run: { min: number; max: number }
}

export interface ScaleScenario {
  name: string
  /** Regions at the top, sites in each, nodes in each site. */
  regions: number
  sites: number
  nodesPerSite: number
  /** Cells that each site is cut into; 1 leaves it whole. */
  cells: number
  /** Sites of a single node, beside those. */
  lonely: number
  /** Virtual minutes before anything is counted, and while it is. */
  warmMinutes: number
  minutes: number
  /** Share of transmissions that are lost: copies of gossip, questions, answers, pulses. */
  loss: number
  lan: Delay
  wan: Delay
  troubles: readonly Trouble[]
  starving: Starving
  /** Whether nodes doubt themselves when their own timers come late. */
  localHealth: boolean
  /**
   * Whether they come one after the other within a minute and know nobody but the first of them, as boards do that join by it. It relays for
   * whoever wants that, as everybody does by itself who can be dialled. Else all start within seconds and know whom they knew before.
   */
  joining: boolean
  /** Whether all nodes measure the same, as daemons that share a machine do; else each is a Pi of its own. */
  oneMachine: boolean
}

const BASE: ScaleScenario = {
  name: 'base',
  regions: 2,
  sites: 2,
  nodesPerSite: 25,
  cells: 1,
  lonely: 0,
  warmMinutes: 4,
  minutes: 4,
  loss: 0,
  lan: { min: 1, mean: 4 },
  wan: { min: 10, mean: 40 },
  troubles: [],
  starving: { nodes: 0, pause: { min: 0.5, max: 30 }, run: { min: 0.5, max: 8 } },
  localHealth: true,
  joining: false,
  oneMachine: false,
}

const TROUBLE: Trouble = { at: 0, until: 0, what: 'kill', count: 1, apart: 0, whom: 'any' }
const WHAT: readonly string[] = ['kill', 'powerCut', 'cut', 'off']
const WHOM: readonly string[] = ['any', 'active', 'both']
const FOLDER = new URL('scenarios/', import.meta.url)
export const NODES_MAX = 20_000
const DAYS_MAX = 1_000

export function nodesOf({ regions, sites, nodesPerSite, lonely }: ScaleScenario): number {
  return regions * sites * nodesPerSite + lonely
}

/** The scenario of a JSON object. Throws an Error with one sentence. */
export function parseScaleScenario(json: unknown, source: string): ScaleScenario {
  const scenario = merge(BASE, json, `scenario ${source}`) as unknown as ScaleScenario
  const troubles = scenario.troubles.map((one) => merge(TROUBLE, one, `scenario ${source}: a trouble`)) as never
  const whole = { ...scenario, troubles }
  const problem = shapeProblem(whole) ?? timeProblem(whole) ?? troubleProblem(whole)
  if (problem !== undefined) throw new Error(`scenario ${source}: ${problem}`)
  return whole
}

/** The scenario of a file. Throws an Error with one sentence. */
export function readScaleScenario(file: string): ScaleScenario {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new Error(`scenario ${file} cannot be read: ${(cause as Error).message}`)
  }
  return parseScaleScenario(json, file)
}

/** A scenario of this repository. Throws an Error with one sentence that has their names. */
export function namedScaleScenario(name: string): ScaleScenario {
  const names = scaleScenarios()
  if (!names.includes(name))
    throw new Error(`there is no scenario "${name}" of the scale; there are ${names.join(', ')}`)
  return readScaleScenario(new URL(`${name}.json`, FOLDER).pathname)
}

export function scaleScenarios(): string[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))
  return files.map((file) => file.slice(0, -'.json'.length)).sort()
}

/** `base` with the fields of `json`; a field that the base lacks, or of another type, is refused. */
function merge(base: object, json: unknown, path: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error(`${path} is not a JSON object`)
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(json)) {
    const known = merged[key]
    if (known === undefined) throw new Error(`${path} has an unknown key "${key}"`)
    if (Array.isArray(known) !== Array.isArray(value) || typeof known !== typeof value)
      throw new Error(`${path}: "${key}" must be ${Array.isArray(known) ? 'a list' : `a ${typeof known}`}`)
    const isObject = typeof known === 'object' && !Array.isArray(known)
    merged[key] = isObject ? merge(known as object, value, `${path}: "${key}"`) : value
  }
  return merged
}

function shapeProblem(scenario: ScaleScenario): string | undefined {
  const { regions, sites, nodesPerSite, cells, lonely } = scenario
  const isCount = (value: number, from: number) => Number.isInteger(value) && value >= from
  if (!isCount(regions, 0) || !isCount(sites, 0) || !isCount(nodesPerSite, 0) || !isCount(lonely, 0))
    return '"regions", "sites", "nodesPerSite" and "lonely" must be whole numbers from 0 on'
  const nodes = nodesOf(scenario)
  if (nodes < 2 || nodes > NODES_MAX) return `the fleet has ${nodes} nodes, and must have 2 to ${NODES_MAX}`
  if (!isCount(cells, 1) || cells > limits.cells) return `"cells" must be a whole number from 1 to ${limits.cells}`
  if (nodesPerSite / cells > limits.viewNodes)
    return `a zone of ${Math.ceil(nodesPerSite / cells)} nodes does not fit a view of ${limits.viewNodes}: more "cells" are needed`
  return undefined
}

function timeProblem({ loss, warmMinutes, minutes, lan, wan, starving }: ScaleScenario): string | undefined {
  if (!(loss >= 0 && loss < 1)) return '"loss" must be at least 0 and below 1'
  if (!(warmMinutes >= 0 && minutes > 0 && warmMinutes + minutes <= DAYS_MAX * 1_440))
    return `"warmMinutes" must be 0 or more and "minutes" more than 0, together at most ${DAYS_MAX} days`
  for (const [name, { min, mean }] of Object.entries({ lan, wan }))
    if (!(min >= 0 && mean >= min)) return `"${name}" needs 0 <= min <= mean`
  for (const [name, { min, max }] of Object.entries({ pause: starving.pause, run: starving.run }))
    if (!(min > 0 && max >= min)) return `"starving": "${name}" needs 0 < min <= max`
  return Number.isInteger(starving.nodes) && starving.nodes >= 0
    ? undefined
    : '"starving": "nodes" must be a whole number'
}

function troubleProblem({ troubles }: ScaleScenario): string | undefined {
  for (const { at, until, what, count, apart, whom } of troubles) {
    if (!WHAT.includes(what)) return `a trouble's "what" is one of ${WHAT.join(', ')}, not "${what}"`
    if (!WHOM.includes(whom)) return `a trouble's "whom" is one of ${WHOM.join(', ')}, not "${whom}"`
    if (!(at >= 0 && (until === 0 || until > at))) return 'a trouble needs "at" < "until" (seconds), or no "until"'
    if (!Number.isInteger(count) || count < 1 || !(apart >= 0))
      return 'a trouble needs "count" from 1 on and "apart" from 0 on'
  }
  return undefined
}
