// How far one release has come, in numbers: of the fleet, of each zone and of each node. It is what `pimesh rollout -o json` prints,
// and what its table is drawn from.
import type { InstallHereJson, InstallJson, ReleaseJson, ReleasesJson } from '../../daemon/api-types.ts'
import { amountOf, type FleetRates, oldestOf } from '../format/release-progress.ts'
import { STAGES, type Stage, stagesOf } from '../format/stages.ts'

/** How far some nodes are together. */
export interface FarJson extends Record<Stage, number> {
  nodes: number
  /** Of what travels; `percent` is rounded down. */
  bytes: number
  totalBytes: number
  percent: number
  /** Of the last minute; null for who asks once. */
  bytesPerSecond: number | null
  /** Until those that are on their way have all of it; null while nothing moves. */
  leftMs: number | null
  /** Of the bytes that came to those that say so, the part over LANs or from others than the publisher, 0..100; null when none does. */
  peersPercent: number | null
  /** How many bytes fewer than the whole what they take or took has, all together; null when nobody says. */
  savedBytes: number | null
  /** How many of them by a patch. */
  patched: number
}

export interface ZoneFarJson extends FarJson {
  zone: string
  /** Of the oldest record in it. */
  oldestMs: number | null
}

export type NodeFarJson = InstallJson &
  Pick<FarJson, 'bytes' | 'totalBytes' | 'bytesPerSecond' | 'leftMs' | 'savedBytes'> & { peersPercent: number | null }

/** `-o json`, version 1: fields are only added. */
export interface RolloutJson {
  schema: 'pimesh.rollout/1'
  /** What was asked for. */
  name: string
  /** Null while nothing is announced by that name, which only --watch waits for. */
  release: Omit<ReleaseJson, 'nodes' | 'here' | 'unsaid'> | null
  fleet: FarJson
  /** Nodes at each state, in the order of the way that a release takes. */
  states: { state: string; nodes: number }[]
  /** What keeps nodes from having it (docs/protocol.md, INSTALL), and how many; the most frequent first. */
  reasons: { reason: string; nodes: number }[]
  /** Those that have furthest to go first. */
  zones: ZoneFarJson[]
  nodes: NodeFarJson[]
  /** Nodes whose records have no room for it. */
  unsaid: number
  here: InstallHereJson | null
  /** How each zone answered. */
  asked: NonNullable<ReleasesJson['zones']>
  freshness?: string
  completeness: ReleasesJson['completeness']
}

/** `rates`: of somebody who watches. */
export function rolloutOf(
  name: string,
  answer: ReleasesJson,
  release: ReleaseJson | undefined,
  rates?: FleetRates,
): RolloutJson {
  const { zones: asked = [], freshness, completeness } = answer
  const about = { asked, ...(freshness !== undefined && { freshness }), completeness }
  if (release === undefined) return { schema: 'pimesh.rollout/1', name, release: null, ...NOBODY, ...about }
  const { nodes, here, unsaid, ...rest } = release
  return {
    ...{ schema: 'pimesh.rollout/1', name, release: rest },
    fleet: farOf(release, nodes, rates),
    states: statesOf(nodes),
    reasons: reasonsOf(nodes),
    zones: zonesOf(release, rates),
    nodes: nodes.map((node) => {
      const { bytes, totalBytes, bytesPerSecond, leftMs, savedBytes } = farOf(release, [node], rates)
      const { peersPercent = null } = node
      return { ...node, bytes, totalBytes, bytesPerSecond, leftMs, savedBytes, peersPercent }
    }),
    ...{ unsaid, here, ...about },
  }
}

function statesOf(nodes: readonly InstallJson[]): RolloutJson['states'] {
  const states = [...Map.groupBy(nodes, ({ state }) => state)].map(([state, all]) => ({ state, nodes: all.length }))
  return states.sort((a, b) => WAY.indexOf(a.state) - WAY.indexOf(b.state))
}

const WAY = Object.keys(STAGES)

function reasonsOf(nodes: readonly InstallJson[]): RolloutJson['reasons'] {
  const held = Map.groupBy(nodes, ({ reason }) => reason)
  const reasons = [...held].flatMap(([reason, all]) => (reason === null ? [] : [{ reason, nodes: all.length }]))
  return reasons.sort((a, b) => b.nodes - a.nodes || (a.reason < b.reason ? -1 : 1))
}

function zonesOf(release: ReleaseJson, rates: FleetRates | undefined): ZoneFarJson[] {
  const zones = [...Map.groupBy(release.nodes, ({ zone }) => zone)]
  return zones
    .map(([zone, nodes]) => ({ zone, ...farOf(release, nodes, rates), oldestMs: oldestOf(nodes) }))
    .sort((a, b) => a.percent - b.percent || (a.zone < b.zone ? -1 : 1))
}

function farOf(release: ReleaseJson, nodes: readonly InstallJson[], rates: FleetRates | undefined): FarJson {
  const { done, total } = amountOf(release, nodes)
  const moving = nodes.filter(isOnItsWay)
  const rate = rates?.rateOf(release, moving) ?? 0
  const way = amountOf(release, moving)
  const left = way.total - way.done
  return {
    nodes: nodes.length,
    ...stagesOf(nodes),
    bytes: done,
    totalBytes: total,
    percent: total === 0 ? 0 : Math.floor((100 * done) / total),
    bytesPerSecond: rates === undefined ? null : Math.round(rate),
    leftMs: rate > 0 && left > 0 ? Math.ceil((1_000 * left) / rate) : null,
    peersPercent: peersOf(release, nodes),
    ...savedOf(nodes),
  }
}

/** Each counts for what it has. */
function peersOf(release: ReleaseJson, nodes: readonly InstallJson[]): number | null {
  let [peers, all] = [0, 0]
  for (const node of nodes) {
    if (node.peersPercent == null) continue
    const { done } = amountOf(release, [node])
    peers += node.peersPercent * done
    all += done
  }
  return all === 0 ? null : Math.floor(peers / all)
}

function savedOf(nodes: readonly InstallJson[]): Pick<FarJson, 'savedBytes' | 'patched'> {
  const forms = nodes.flatMap(({ form }) => form ?? [])
  const patched = forms.filter(({ savedBytes }) => savedBytes > 0)
  const saved = patched.reduce((sum, { savedBytes }) => sum + savedBytes, 0)
  return { savedBytes: forms.length === 0 ? null : saved, patched: patched.length }
}

const NOTHING: FarJson = {
  ...{ nodes: 0, announced: 0, fetching: 0, installed: 0, failed: 0 },
  ...{ bytes: 0, totalBytes: 0, percent: 0, bytesPerSecond: null, leftMs: null },
  ...{ peersPercent: null, savedBytes: null, patched: 0 },
}
const NOBODY = { fleet: NOTHING, states: [], reasons: [], zones: [], nodes: [], unsaid: 0, here: null }

/** What waits for a person, for its hours, or is gone, is not waited for. */
function isOnItsWay({ state, reason, status }: InstallJson): boolean {
  const stage = STAGES[state] ?? 'fetching'
  return (stage === 'fetching' || stage === 'announced') && reason === null && (status === 'up' || status === 'late')
}
