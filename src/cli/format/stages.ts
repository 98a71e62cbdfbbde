// Stages: what the states of a node come to for a person who counts how far a release is.
import type { InstallJson } from '../../daemon/api-types.ts'
import type { Colour } from '../frame/terminal.ts'

export type Stage = 'announced' | 'fetching' | 'installed' | 'failed'

/** By state; one that this version does not know counts as on its way. */
export const STAGES: Readonly<Record<string, Stage>> = {
  announced: 'announced',
  fetching: 'fetching',
  verified: 'fetching',
  staged: 'fetching',
  switched: 'installed',
  healthy: 'installed',
  committed: 'installed',
  rolledBack: 'failed',
  failed: 'failed',
}
export const STAGE_NAMES: readonly Stage[] = ['announced', 'fetching', 'installed', 'failed']
export const STAGE_COLOURS: Readonly<Record<Stage, Colour>> = {
  announced: 'grey',
  fetching: 'yellow',
  installed: 'green',
  failed: 'red',
}

/** What a node cannot get past by itself; it goes on when somebody has mended that. */
const STUCK = ['diskFull', 'notWritable', 'ioError']

/** How many nodes are at each stage. */
export function stagesOf(nodes: readonly Pick<InstallJson, 'state' | 'reason'>[]): Record<Stage, number> {
  const counts = { announced: 0, fetching: 0, installed: 0, failed: 0 }
  for (const { state, reason } of nodes) {
    const stage = STAGES[state] ?? 'fetching'
    counts[stage !== 'installed' && reason !== null && STUCK.includes(reason) ? 'failed' : stage] += 1
  }
  return counts
}
