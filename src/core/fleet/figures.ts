// Figures: what is counted of any number of nodes, a zone's or the whole fleet's. All of it is sums, sets and firsts of an order, so the
// figures of many zones are made of theirs, as a function of that set: which of them came first plays no part (protocol clause DIGEST).
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import { INSTALL_STATES, type InstallState } from '../rollout/states.ts'
import { ALERT_KINDS, type AlertKind, type StatusCounts } from './rows.ts'
import { EMPTY_SKETCH, mergeSketches, SKETCHED, type Sketch } from './sketch.ts'

/** Why a node is among the worst; numbers on the wire are places in this list, from 1: append only. The earlier, the worse. */
export const WORST_REASONS = ['down', 'readonly', 'installFailed', 'disk', 'memory', 'temperature', 'late'] as const
export type WorstReason = (typeof WORST_REASONS)[number]

export interface Worst {
  node: NodeId
  /** Its leaf zone. */
  zone: string
  why: WorstReason
  /** Whole: seconds without a word for `down` and `late`, percent available for `disk` and `memory`, degC for `temperature`, else 0. */
  value: number
}

/** How many nodes are at which state of one release. */
export interface ReleaseCounts {
  /** First 8 bytes of the release's hash, hex. */
  release8: string
  states: Readonly<Partial<Record<InstallState, number>>>
}

export interface VersionCount {
  version: string
  count: number
}

export interface Figures {
  /** Leaf zones that these figures are of: those that answer. */
  zones: number
  /** Leaf zones that are known and silent; their nodes are in no count. */
  dark: number
  /** Names of silent zones, in order, the first limits.darkNames; an inner zone stands for all below it. */
  darkZones: readonly string[]
  counts: StatusCounts
  /** The most frequent ones, at most limits.digestReleases; nodes count once for each release that they name. */
  releases: readonly ReleaseCounts[]
  /** Reports of releases that are not listed. */
  otherReleases: number
  /** Versions of pimesh, the most frequent first, at most limits.digestVersions. */
  versions: readonly VersionCount[]
  /** Nodes with a version that is not listed. */
  otherVersions: number
  alerts: Readonly<Partial<Record<AlertKind, number>>>
  /** By place in SKETCHED; of nodes that are `up` or `late`. */
  sketches: readonly Sketch[]
  /** At most limits.worstNodes, the worst first. */
  worst: readonly Worst[]
}

export const NO_FIGURES: Figures = {
  zones: 0,
  dark: 0,
  darkZones: [],
  counts: { up: 0, late: 0, down: 0, left: 0 },
  releases: [],
  otherReleases: 0,
  versions: [],
  otherVersions: 0,
  alerts: {},
  sketches: SKETCHED.map(() => EMPTY_SKETCH),
  worst: [],
}

/** Nodes that are in any count. */
export function membersOf({ up, late, down, left }: StatusCounts): number {
  return up + late + down + left
}

/** The figures of all of them together. */
export function mergeFigures(all: readonly Figures[]): Figures {
  const sum = (of: (figures: Figures) => number) => all.reduce((total, figures) => total + of(figures), 0)
  const names = new Set(all.flatMap(({ darkZones }) => darkZones))
  return {
    zones: sum(({ zones }) => zones),
    dark: sum(({ dark }) => dark),
    darkZones: [...names].sort().slice(0, limits.darkNames),
    counts: {
      up: sum(({ counts }) => counts.up),
      late: sum(({ counts }) => counts.late),
      down: sum(({ counts }) => counts.down),
      left: sum(({ counts }) => counts.left),
    },
    ...mostReleases(
      all.flatMap(({ releases }) => releases),
      sum(({ otherReleases }) => otherReleases),
    ),
    ...mostVersions(
      all.flatMap(({ versions }) => versions),
      sum(({ otherVersions }) => otherVersions),
    ),
    alerts: sumsBy(
      ALERT_KINDS,
      all.map(({ alerts }) => alerts),
    ),
    sketches: SKETCHED.map((_, at) => mergeSketches(all.map(({ sketches }) => sketches[at] ?? EMPTY_SKETCH))),
    worst: worstOf(all.flatMap(({ worst }) => worst)),
  }
}

/**
 * The first limits.worstNodes of an order in which no two are equal, so that parts may be cut before they meet. Each node once: one that
 * moved is gone in its old zone for a month, and whoever reports may name anybody.
 */
export function worstOf(nodes: readonly Worst[]): Worst[] {
  const seen = new Set<NodeId>()
  const first = [...nodes].sort(compareWorst).filter(({ node }) => !seen.has(node) && seen.add(node))
  return first.slice(0, limits.worstNodes)
}

/** At most `most` releases, those that most nodes name; the rest becomes a number. */
export function mostReleases(
  counts: readonly ReleaseCounts[],
  others: number,
  most: number = limits.digestReleases,
): Pick<Figures, 'releases' | 'otherReleases'> {
  const names = [...new Set(counts.map(({ release8 }) => release8))]
  const all = names.map((release8) => {
    const states = counts.filter((one) => one.release8 === release8).map((one) => one.states)
    return { release8, states: sumsBy(INSTALL_STATES, states) }
  })
  const ordered = all.sort((a, b) => reportsOf(b) - reportsOf(a) || (a.release8 < b.release8 ? -1 : 1))
  const rest = ordered.slice(most).reduce((sum, counts) => sum + reportsOf(counts), others)
  return { releases: ordered.slice(0, most), otherReleases: rest }
}

/** At most `most` versions, those that most nodes run; the rest becomes a number. */
export function mostVersions(
  counts: readonly VersionCount[],
  others: number,
  most: number = limits.digestVersions,
): Pick<Figures, 'versions' | 'otherVersions'> {
  const sums = new Map<string, number>()
  for (const { version, count } of counts) sums.set(version, (sums.get(version) ?? 0) + count)
  const all = [...sums].map(([version, count]) => ({ version, count }))
  const ordered = all.sort((a, b) => b.count - a.count || (a.version < b.version ? -1 : 1))
  const rest = ordered.slice(most).reduce((sum, { count }) => sum + count, others)
  return { versions: ordered.slice(0, most), otherVersions: rest }
}

/** Nodes that name a release. */
export function reportsOf({ states }: ReleaseCounts): number {
  return Object.values(states).reduce((sum, count) => sum + count, 0)
}

/** More of what runs out is better; of all else less is. */
function compareWorst(a: Worst, b: Worst): number {
  const reason = WORST_REASONS.indexOf(a.why) - WORST_REASONS.indexOf(b.why)
  if (reason !== 0) return reason
  const scarce = a.why === 'disk' || a.why === 'memory'
  return (scarce ? a.value - b.value : b.value - a.value) || inOrder(a.node, b.node) || inOrder(a.zone, b.zone)
}

function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function sumsBy<K extends string>(
  keys: readonly K[],
  all: readonly Readonly<Partial<Record<K, number>>>[],
): Partial<Record<K, number>> {
  const sums: Partial<Record<K, number>> = {}
  for (const key of keys) {
    const sum = all.reduce((total, counts) => total + (counts[key] ?? 0), 0)
    if (sum > 0) sums[key] = sum
  }
  return sums
}
