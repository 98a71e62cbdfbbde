// The history of one node in several tiers: every sample goes into each, and becomes a row when the tick that it belongs to is over.
import type { Millis } from '../env.ts'
import type { MetricValues } from '../fleet/metrics.ts'
import type { NamedValue } from '../fleet/named-values.ts'
import { SECOND } from '../limits.ts'
import { type Block, packBlock } from './block.ts'
import type { KeeperClock } from './place.ts'
import { Rollup, type Row } from './rollup.ts'
import type { Tier, TierName } from './tiers.ts'
import { type RowLabel, Track } from './track.ts'

/** A block as the store has it. */
export interface SavedBlock {
  node: string
  tier: TierName
  block: Block
}

export interface Sample {
  metrics: MetricValues
  more?: readonly NamedValue[]
}

interface Level {
  tier: Tier
  track: Track
  rollup: Rollup
  /** The tick that goes on, the second of its last sample, and what was known of time then. */
  open: { tick: number; at: number; label: RowLabel } | undefined
}

export class NodeHistory {
  readonly #levels: readonly Level[]

  constructor(tiers: readonly Tier[], saved: readonly SavedBlock[] = []) {
    this.#levels = tiers.map((tier) => {
      const blocks = saved.filter((one) => one.tier === tier.name).map(({ block }) => block)
      return { tier, track: new Track(tier, blocks), rollup: new Rollup(tier.extremes), open: undefined }
    })
  }

  get empty(): boolean {
    return this.#levels.every(({ track, open }) => track.empty && open === undefined)
  }

  get bytes(): number {
    return this.#levels.reduce((sum, { track }) => sum + track.bytes, 0)
  }

  /** Takes a sample of this moment; one that is older than the tick that goes on is too late for it. */
  take(sample: Sample, label: RowLabel, now: Millis): void {
    for (const level of this.#levels) {
      const tick = Math.floor(now / level.tier.tick)
      if (level.open !== undefined && tick < level.open.tick) continue
      if (level.open !== undefined && tick > level.open.tick) close(level)
      level.rollup.take(sample.metrics, sample.more)
      const period = Math.max(label.period, level.tier.tick)
      level.open = { tick, at: Math.floor(now / SECOND), label: { ...label, period } }
    }
  }

  /** Ends the ticks that go on: nothing more comes in this run. */
  close(): void {
    for (const level of this.#levels) close(level)
  }

  /** Blocks of a tier in order, with the tick that goes on as one of its own; those of the only tier where there is no such. */
  blocks(name: TierName): { tier: Tier; blocks: readonly Block[] } {
    const level = this.#levels.find(({ tier }) => tier.name === name) ?? (this.#levels[0] as Level)
    const current = currentOf(level)
    const blocks = level.track.blocks()
    return { tier: level.tier, blocks: current === undefined ? blocks : [...blocks, current] }
  }

  prune(clock: KeeperClock): void {
    for (const { track } of this.#levels) track.prune(clock)
  }

  changes(): { tier: TierName; write: readonly Block[]; remove: readonly Block[] }[] {
    return this.#levels.map(({ tier, track }) => ({ tier: tier.name, ...track.changes() }))
  }

  notWritten(): void {
    for (const { track } of this.#levels) track.notWritten()
  }

  /** Lets go of everything: what is on disk is removed with the next changes. */
  forget(): void {
    for (const level of this.#levels) {
      close(level)
      level.track.clear()
    }
  }
}

function close(level: Level): void {
  if (level.open === undefined) return
  level.track.add(level.open.at, level.rollup.close(), level.open.label)
  level.open = undefined
}

function currentOf({ rollup, open }: Level): Block | undefined {
  const row = rollup.row()
  if (open === undefined || row.length === 0) return undefined
  const { at } = open
  return { ...open.label, first: at, last: at, payload: packBlock([at], columnsOf(row)) }
}

function columnsOf(row: Row) {
  return row.map(({ series, aggregate, value }) => ({ series, aggregate, values: [value] }))
}
