// History: what this node keeps of its own values, and of those of the nodes whose witness it is. It answers from memory; the disk
// gets it in the batches of the view, never with a sync of its own, so a power cut costs the minutes since the last one.
import type { Millis, NodeId } from '../env.ts'
import type { Change } from '../events.ts'
import type { ReporterContact } from '../fleet/digest.ts'
import { limits, SECOND } from '../limits.ts'
import type { HistoryRequest, HistoryResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import { type Block, BlockReader } from './block.ts'
import { NodeHistory, type Sample, type SavedBlock } from './node-history.ts'
import { type KeeperClock, type PlacedBlock, placed } from './place.ts'
import { NamedIntake } from './rollup.ts'
import { TIERS, tierOf } from './tiers.ts'

interface Parts {
  self: Self
  /** How long the next record of this node may take. */
  promise: () => Millis
  /** Whose values this node keeps. */
  isKeeperOf: (node: NodeId, now: Millis) => boolean
  /** Who keeps the values of a node of this zone, as far as this node sees: the likeliest first. */
  keepersOf: (node: NodeId, now: Millis) => readonly NodeId[]
  /** Where these are found, as far as is known. */
  contactsOf: (nodes: readonly NodeId[]) => readonly ReporterContact[]
}

interface Kept {
  history: NodeHistory
  heard: Millis
}

const NOTHING: HistoryResponse = {
  refused: undefined,
  own: false,
  tier: 'minutes',
  names: [],
  blocks: [],
  more: false,
  keepers: [],
}
/** What a node answers that keeps none. */
export const NO_HISTORY: HistoryResponse = { ...NOTHING, refused: 'notKept' }
/** What a block takes of an answer beside its payload. */
const BLOCK_FRAME = 64

export class History {
  readonly #p: Parts
  readonly #run: number
  readonly #since: Millis
  readonly #own: NodeHistory
  readonly #kept = new Map<NodeId, Kept>()
  readonly #intake = new NamedIntake()

  /** @param run the number of this run, above that of all before. @param saved what those wrote. */
  constructor(parts: Parts, run: number, saved: readonly SavedBlock[], now: Millis) {
    this.#p = parts
    this.#run = run
    this.#since = now
    const { node } = parts.self
    const earlier = saved.filter(({ block }) => block.run < run)
    this.#own = new NodeHistory(
      TIERS,
      earlier.filter((one) => one.node === node),
    )
    for (const other of new Set(earlier.map((one) => one.node))) {
      if (other === node || this.#kept.size >= limits.historyNodes) continue
      const blocks = earlier.filter((one) => one.node === other)
      this.#kept.set(other, { history: new NodeHistory([tierOf('minutes')], blocks), heard: now })
    }
  }

  /** Bytes of what is kept of this node, and of others and how many. */
  sizes(): { own: number; kept: number; nodes: number; named: number } {
    let kept = 0
    for (const { history } of this.#kept.values()) kept += history.bytes
    return { own: this.#own.bytes, kept, nodes: this.#kept.size, named: this.#intake.size }
  }

  get bytes(): number {
    const { own, kept } = this.sizes()
    return own + kept
  }

  /** A sample of this machine. */
  sampled({ metrics, more = [] }: Sample, now: Millis): void {
    this.#own.take({ metrics, more: this.#intake.admit(more) }, this.#label(this.#p.promise(), now), now)
  }

  /**
   * A record of another node of this zone was taken into the view; `at` is when it was heard. What others heard before this run began,
   * and told us, has no second on its clock.
   */
  heard(node: NodeId, record: { metrics: Sample['metrics']; promise: Millis }, at: Millis, now: Millis): void {
    if (at < this.#since || node === this.#p.self.node || !this.#p.isKeeperOf(node, now)) return
    const kept = this.#kept.get(node) ?? this.#room(node, now)
    if (kept === undefined) return
    kept.heard = now
    kept.history.take({ metrics: record.metrics }, this.#label(record.promise, at), at)
  }

  /** What changed since the last call, to be written in one batch. `last`: nothing more comes in this run. */
  flush(now: Millis, last: boolean): Change[] {
    if (last) this.#own.close()
    const changes = this.#changesOf(this.#p.self.node, this.#own, now)
    for (const [node, { history }] of this.#kept) {
      if (last) history.close()
      changes.push(...this.#changesOf(node, history, now))
      if (history.empty) this.#kept.delete(node)
    }
    return changes
  }

  writeFailed(): void {
    this.#own.notWritten()
    for (const { history } of this.#kept.values()) history.notWritten()
  }

  /**
   * The answer to a question about a node: for its zone-mates and for operators, as rows are.
   * @param asker the checked membership of the peer; undefined: this machine's own operator asks.
   */
  answer(request: HistoryRequest, asker: Membership | 'self' | undefined, now: Millis): HistoryResponse {
    if (!this.#mayAsk(asker)) return { ...NOTHING, refused: 'forbidden' }
    const own = request.node === this.#p.self.node
    const history = own ? this.#own : this.#kept.get(request.node)?.history
    const keepers = own ? [] : this.#p.keepersOf(request.node, now).slice(0, limits.historyAsked)
    const told = { own, keepers, contacts: this.#p.contactsOf(keepers) }
    if (history === undefined || history.empty) return { ...NOTHING, ...told, refused: 'notKept' }
    const { tier, blocks } = history.blocks(request.tier)
    if (request.series.length === 0)
      return {
        ...NOTHING,
        ...told,
        tier: tier.name,
        names: namesOf(placed(newestOf(history), this.#clock(now))),
      }
    const { page, more } = pageOf(placed(blocks, this.#clock(now)), request)
    return { ...NOTHING, ...told, tier: tier.name, blocks: page, more }
  }

  #mayAsk(asker: Membership | 'self' | undefined): boolean {
    if (asker === 'self') return true
    if (asker === undefined) return false
    return asker.claims.zone === this.#p.self.zone || asker.invite.signed.capabilities.includes('operator')
  }

  #changesOf(node: NodeId, history: NodeHistory, now: Millis): Change[] {
    history.prune(this.#clock(now))
    return history
      .changes()
      .flatMap(({ tier, write, remove }): Change[] => [
        ...remove.map(({ run, first }): Change => ({ type: 'forgetHistory', node, tier, run, first })),
        ...write.map((block): Change => ({ type: 'history', saved: { node, tier, block } })),
      ])
  }

  /** A place for one more node: that of whom nothing was heard for longest goes, and its blocks are removed with the next batch. */
  #room(node: NodeId, now: Millis): Kept | undefined {
    if (this.#kept.size >= limits.historyNodes || this.sizes().kept > limits.historyKeptBytes) {
      const [oldest] = [...this.#kept].sort(([, a], [, b]) => a.heard - b.heard)
      if (oldest === undefined) return undefined
      oldest[1].history.forget()
      return undefined
    }
    const kept = { history: new NodeHistory([tierOf('minutes')]), heard: now }
    this.#kept.set(node, kept)
    return kept
  }

  #label(promise: Millis, now: Millis) {
    const { self } = this.#p
    return { run: this.#run, wall: self.wallLabel(now), trusted: self.synchronised, period: promise }
  }

  #clock(now: Millis): KeeperClock {
    const { self } = this.#p
    return { run: this.#run, now, since: this.#since, wall: self.synchronised ? self.wallLabel(now) : undefined }
  }
}

/** Blocks of these series that reach into the time asked for, the newest first, as many as fit one answer. */
function pageOf(
  blocks: ReturnType<typeof placed<Block>>,
  { series, since, before }: HistoryRequest,
): { page: HistoryResponse['blocks']; more: boolean } {
  const names = new Set(series)
  const page: HistoryResponse['blocks'][number][] = []
  let room: number = limits.historyBytes - limits.historyNameBytes
  for (const { block, base, certain } of [...blocks].reverse()) {
    const { run, first, last, period } = block
    if (before !== undefined && (run > before.run || (run === before.run && first >= before.first))) continue
    if (base - last * SECOND > since) break
    const payload = BlockReader.of(block.payload)?.only(names)
    if (payload === undefined) continue
    room -= payload.length + BLOCK_FRAME
    if (room < 0) return { page, more: true }
    page.push({ run, first, age: Math.max(0, base - first * SECOND), certain, period, payload })
  }
  return { page, more: false }
}

/** The finest blocks that there are: a minute's mean of a whole number is none. */
function newestOf(history: NodeHistory): readonly Block[] {
  const { blocks } = history.blocks('samples')
  return blocks.length > 0 ? blocks : history.blocks('minutes').blocks
}

/** Names of the newest blocks' series, each with its newest value and how old that is. */
function namesOf(blocks: readonly PlacedBlock[]): HistoryResponse['names'] {
  const names = new Map<string, HistoryResponse['names'][number]>()
  for (const { block, base } of blocks.slice(-2).reverse()) {
    const reader = BlockReader.of(block.payload)
    const seconds = reader?.seconds(block.first)
    for (const series of reader?.series ?? []) {
      if (names.has(series.name) || names.size >= limits.historyNames) continue
      const values = reader?.values(series.name) ?? []
      const at = values.findLastIndex((one) => one !== null)
      const second = seconds?.[at]
      const age = second === undefined ? undefined : Math.max(0, base - second * SECOND)
      names.set(series.name, { ...series, value: values[at] ?? null, ...(age !== undefined && { age }) })
    }
  }
  return [...names.values()]
}
