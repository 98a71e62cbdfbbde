// The local API's JSON about the whole fleet: what digests and the summary say, and answers to questions about many nodes.
import type { AgeMs, CountsJson } from './api-types.ts'

/** How the values of one metric are spread; each off by at most `error` at that value. */
export interface SpreadJson {
  /** Nodes that have a value. */
  count: number
  p50: number
  p95: number
  max: number
  /** Of `p95`. */
  error: number
}

/** A node that somebody should look at. */
export interface WorstJson {
  node: string
  /** Null: its membership is not known here. */
  name: string | null
  zone: string
  why: string
  /** Seconds without a word for `down` and `late`, percent available for `disk` and `memory`, °C for `temperature`, else 0. */
  value: number
}

export interface FiguresJson {
  /** Leaf zones that these figures are of, and those that are known and silent, with the names of the first 16. */
  zones: number
  dark: number
  darkZones: string[]
  counts: CountsJson
  versions: { version: string; count: number }[]
  /** First 8 bytes of a release's hash -> nodes by install state. */
  releases: { release8: string; states: Record<string, number> }[]
  alerts: Record<string, number>
  /** By the short names of docs/metrics.md; null: no node has a value. */
  measures: Record<string, SpreadJson | null>
  /** At most five, the worst first. */
  worst: WorstJson[]
}

export interface FleetZoneJson {
  zone: string
  /** False: of all zones below it. */
  leaf: boolean
  dark: boolean
  /** Age of the oldest part; null without a digest. */
  ageMs: AgeMs
  /** Who signed it, and what people call it. */
  by: string | null
  name: string | null
  figures: FiguresJson | null
}

/** How complete the zones below inner zones are, whose reporters were asked for them. */
export interface BelowJson {
  /** Inner zones whose reporters were asked. */
  asked: number
  /** Leaf zones that are counted by who speaks for them together, and that nobody told of. */
  missing: number
  /** Inner zones of which only the whole is known: nobody told in time, or this peer may not ask. `/`: the zones beside our own. */
  together: { zone: string; why: 'silent' | 'forbidden' | 'answered' }[]
  /** Inner zones whose zones count other nodes than they do themselves, by more than comes and goes. */
  disagreeing: string[]
  /** Inner zones of which something was told that its signature does not prove. */
  unproven: string[]
  complete: boolean
}

/** GET /v1/fleet?zone=/uk/*: what is known here without asking anybody; with `below=true` reporters of inner zones are asked for the zones below. */
export interface FleetJson {
  schema: 'pimesh.fleet/1'
  /** Null: none was heard yet. */
  summary: { madeMs: number; ageMs: number; by: string; figures: FiguresJson } | null
  /** Of our own zone, from our own view; null on an operator's peer. */
  own: { zone: string; figures: FiguresJson } | null
  reporters: { active: string | null; standby: string | null }
  /** How this node speaks for its zone. */
  part: 'active' | 'standby' | 'none'
  /** Inner zones whose children are heard here, the innermost first. */
  levels: { zone: string; part: 'active' | 'standby' | 'none'; periodMs: number; children: FleetZoneJson[] }[]
  /** Each zone of which something is known here, and that was asked for, in order of name: those that are heard, and our own. */
  zones: FleetZoneJson[]
  /** Units of `measures`. */
  units: Record<string, string>
  /** Of `zones`, with `below=true`. */
  completeness?: BelowJson & {
    zonesAnswered: number
    zonesKnown: number
    /** Nodes of the zones that answered. */
    nodes: CountsJson
    oldestMs: AgeMs
    dark: number
    darkZones: string[]
  }
}

export interface FigureJson {
  /** Null: no node has a value. */
  value: number | null
  /** The true value is within so much of it; 0: it is exact. */
  error: number
}

/** GET /v1/query?q=p95(cpu_temp)%20by%20zone&zone=/uk/**&timeoutMs=5000 */
export interface QuestionJson {
  schema: 'pimesh.query/1'
  /** From the fleet summary, from digests of zones, or from the rows of nodes. */
  way: 'summary' | 'digests' | 'rows'
  by: 'zone' | 'status' | 'version' | 'release' | null
  columns: { text: string; unit: string }[]
  /** One without a group; `dark`: nobody speaks for it, so it has no figures. */
  groups: { group: string | null; nodes: number; ageMs: AgeMs; dark: boolean; figures: FigureJson[] }[]
  completeness: {
    zonesAnswered: number
    zonesKnown: number
    /** Nodes that the answer rests on: of those that match, where there is a condition. */
    nodes: number
    oldestMs: AgeMs
    complete: boolean
    dark: number
    darkZones: string[]
    /** Of rows: zones that were asked for and of which no node is known. */
    unknown?: string[]
    /** Where digests of zones below inner ones were asked for; it counts for `complete`. */
    below?: BelowJson
  }
}
