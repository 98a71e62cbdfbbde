// A track: one tier of one node, as blocks from the oldest to the one that grows. Invariants: rows are in order of (run, second), a
// second has one row at most, and neither the blocks nor their bytes exceed their bounds whatever comes.
import type { Millis } from '../env.ts'
import { limits, SECOND } from '../limits.ts'
import { type Block, type Column, packBlock } from './block.ts'
import { type KeeperClock, placed } from './place.ts'
import type { Row } from './rollup.ts'
import type { Tier } from './tiers.ts'

/** What is known of time when a row is added. */
export interface RowLabel {
  run: number
  wall: Millis
  trusted: boolean
  /** The next row is due within this time. */
  period: Millis
}

/** A block reaches over this part of what is kept at most, so that old rows go although few are added. */
const SPANS = 4

/** Columns of the block that grows, by aggregate and name. */
interface Growing extends Omit<Block, 'payload'> {
  times: number[]
  columns: Map<string, Column & { values: (number | null)[] }>
}

export class Track {
  readonly tier: Tier
  #sealed: Block[] = []
  #growing: Growing | undefined
  /** What the growing block is as a whole one; undefined when it grew since. */
  #packed: Block | undefined
  /** Whole blocks that are not on disk as they are. */
  readonly #unsaved = new Set<Block>()
  /** Blocks that may be on disk and are kept no more. */
  #dropped: Block[] = []
  #growingSaved = true

  /** @param saved what earlier runs wrote, in any order. */
  constructor(tier: Tier, saved: readonly Block[] = []) {
    this.tier = tier
    this.#sealed = [...saved].sort((a, b) => a.run - b.run || a.first - b.first)
  }

  get empty(): boolean {
    return this.#sealed.length === 0 && this.#growing === undefined
  }

  /** Bytes that it holds, about: packed ones, and eight for each value of the block that grows. */
  get bytes(): number {
    const growing = this.#growing === undefined ? 0 : this.#growing.times.length * (this.#growing.columns.size + 1) * 8
    return this.#sealed.reduce((sum, block) => sum + block.payload.length, growing)
  }

  /** Adds the row of this second of the run; not one that has a row, nor an earlier one. */
  add(at: number, row: Row, label: RowLabel): void {
    if (row.length === 0) return
    const last = this.#growing ?? this.#sealed.at(-1)
    if (last !== undefined && (label.run < last.run || (label.run === last.run && at <= last.last))) return
    const growing = this.#blockFor(at, label)
    growing.times.push(at)
    growing.last = at
    growing.period = Math.max(growing.period, label.period)
    // A clock that is vouched for later says when it all began.
    if (label.trusted) {
      growing.wall = label.wall - (at - growing.first) * SECOND
      growing.trusted = true
    }
    for (const { series, aggregate, value } of row) this.#columnOf(growing, series, aggregate).values.push(value)
    for (const { values } of growing.columns.values()) if (values.length < growing.times.length) values.push(null)
    this.#packed = undefined
    this.#growingSaved = false
  }

  /** All blocks in order, the one that grows as it is now. */
  blocks(): readonly Block[] {
    const growing = this.#pack()
    return growing === undefined ? this.#sealed : [...this.#sealed, growing]
  }

  /** Lets go of what is older than the tier keeps. */
  prune(clock: KeeperClock): void {
    const ages = placed(this.blocks(), clock)
    const old = ages.findLastIndex(({ block, base }) => base - block.last * SECOND > this.tier.keep)
    this.#drop(Math.min(old + 1, this.#sealed.length))
  }

  /** Lets go of all blocks. */
  clear(): void {
    this.#seal()
    this.#drop(this.#sealed.length)
  }

  /** What changed since the last call: blocks to write, and blocks to remove. */
  changes(): { write: readonly Block[]; remove: readonly Block[] } {
    const growing = this.#growingSaved ? undefined : this.#pack()
    const write = growing === undefined ? [...this.#unsaved] : [...this.#unsaved, growing]
    const remove = this.#dropped
    this.#unsaved.clear()
    this.#dropped = []
    this.#growingSaved = true
    return { write, remove }
  }

  /** What the last call of `changes` gave did not reach the disk. */
  notWritten(): void {
    for (const block of this.#sealed) this.#unsaved.add(block)
    this.#growingSaved = false
  }

  #blockFor(at: number, { run, wall, trusted, period }: RowLabel): Growing {
    const growing = this.#growing
    const room = growing !== undefined && growing.run === run && growing.times.length < this.tier.rows
    if (room && (at - growing.first) * SECOND < this.tier.keep / SPANS) return growing
    this.#seal()
    const next = { run, first: at, last: at, wall, trusted, period, times: [], columns: new Map() }
    this.#growing = next
    return next
  }

  #seal(): void {
    const block = this.#pack()
    if (block === undefined) return
    this.#sealed.push(block)
    if (!this.#growingSaved) this.#unsaved.add(block)
    this.#growing = undefined
    this.#packed = undefined
    this.#growingSaved = true
    this.#bound()
  }

  #bound(): void {
    let bytes = this.#sealed.reduce((sum, block) => sum + block.payload.length, 0)
    let surplus = Math.max(0, this.#sealed.length - limits.historyBlocks)
    for (const block of this.#sealed.slice(0, surplus)) bytes -= block.payload.length
    while (bytes > limits.historyTierBytes) bytes -= (this.#sealed[surplus++] as Block).payload.length
    this.#drop(surplus)
  }

  #drop(count: number): void {
    const dropped = this.#sealed.splice(0, count)
    for (const block of dropped) this.#unsaved.delete(block)
    this.#dropped.push(...dropped)
  }

  #pack(): Block | undefined {
    if (this.#growing === undefined) return undefined
    const { times, columns, ...head } = this.#growing
    this.#packed ??= { ...head, payload: packBlock(times, [...columns.values()]) }
    return this.#packed
  }

  #columnOf(
    growing: Growing,
    series: Column['series'],
    aggregate: Column['aggregate'],
  ): Column & { values: (number | null)[] } {
    const key = `${aggregate} ${series.name}`
    const known = growing.columns.get(key)
    if (known !== undefined) return known
    const values = growing.times.slice(1).map(() => null)
    const column = { series, aggregate, values }
    growing.columns.set(key, column)
    return column
  }
}
