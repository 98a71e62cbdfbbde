// The swarm: fetches what this node wants from its peers, and gives them what it has. Composed of the machines beside it, and
// the only one of them that the node knows.
// Invariants: every wanted encoding that an honest peer within reach holds is completed, whatever the others do (T06, T11, T17,
// T18); no piece that was kept is asked for again; nothing is kept whose hash is not in the piece list; a sender is asked
// nothing after its second bad piece; bytes in flight stay within limits.requestBytes; every table is bounded.
import { earliest } from '../earliest.ts'
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import type { MetricValues } from '../fleet/metrics.ts'
import { limits } from '../limits.ts'
import type { SavedArtifacts } from '../machines.ts'
import type { Encoding } from '../trust/announcement.ts'
import type { Bans } from './bans.ts'
import type { BudgetSnapshot, Budgets } from './budgets.ts'
import { compose, type SwarmParts } from './composition.ts'
import type { DiskReports } from './disk-reports.ts'
import { Download, type Wanted } from './download.ts'
import type { Downloads } from './downloads.ts'
import type { Exchange } from './exchange.ts'
import type { Fetching } from './fetching.ts'
import type { Holding } from './holding.ts'
import type { Library } from './library.ts'
import type { ArtifactProblem, PieceArrival } from './messages.ts'
import type { Nursing } from './nursing.ts'
import type { FetchProblem, Progress } from './progress.ts'
import type { Reception } from './reception.ts'
import type { Serving } from './serving.ts'
import type { Spare, SpareActs } from './spare.ts'
import type { Streams } from './streams.ts'

export class Swarm {
  /** What is here for others alone. */
  readonly spare: Spare
  readonly #parts: SwarmParts
  readonly #library: Library
  readonly #bans: Bans
  readonly #downloads: Downloads
  readonly #serving: Serving
  readonly #streams: Streams
  readonly #exchange: Exchange
  readonly #fetching: Fetching
  readonly #reception: Reception
  readonly #nursing: Nursing
  readonly #disk: DiskReports
  readonly #budgets: Budgets
  #now: Millis = 0
  #alarm: Millis | undefined

  constructor(parts: SwarmParts, saved: SavedArtifacts, now: Millis = 0) {
    this.#parts = parts
    const made = compose(parts, saved, { ...this.#acts(), wake: (at) => this.#wake(at) }, now)
    this.spare = made.spare
    this.#library = made.library
    this.#bans = made.bans
    this.#downloads = made.downloads
    this.#serving = made.serving
    this.#streams = made.streams
    this.#exchange = made.exchange
    this.#fetching = made.fetching
    this.#reception = made.reception
    this.#nursing = made.nursing
    this.#disk = made.disk
    this.#budgets = made.budgets
  }

  /** Fetches an encoding, in turn with the others. May be called at every step. */
  want(wanted: Wanted, now: Millis): void {
    const holding = this.#know(wanted.encoding, now, (other) => !other.isComplete && !this.#isFetched(other))
    if (holding === undefined) return
    this.spare.needed(holding)
    if (holding.isComplete) return
    const known = this.#downloads.get(wanted.encoding.hash)
    if (known === undefined) this.#fetch(holding, wanted, now)
    else known.wanted = wanted
  }

  /** Fetches it no longer, until it is wanted again: what is here of it stays, and is served. May be called at every step. */
  unwant(hash: string, now: Millis): void {
    const download = this.#downloads.get(hash)
    if (download !== undefined && !this.spare.isForwarding(hash)) this.#stop(download, now)
  }

  /**
   * All encodings, by hash, that current releases name. What else there is goes, from the disk too, unless the cache has room for it;
   * so it is called first when all that earlier runs accepted is in force.
   * @param offered what may be fetched for others
   */
  keep(encodings: ReadonlyMap<string, Encoding>, now: Millis, offered: readonly Wanted[] = []): void {
    this.spare.offer(offered)
    if (!this.#library.keep(encodings, (holding) => this.#leave(holding, now), now)) return
    this.#exchange.learnt((hash) => this.#library.get(hash))
    this.#wake(now)
  }

  /** The whole file was put on the disk by this machine. A release has to name it soon. */
  imported(encoding: Encoding, pieceList: Uint8Array, now: Millis): void {
    const holding =
      this.#know(encoding, now, (other) => other.count === 0 && !this.#isFetched(other)) ??
      this.#know(encoding, now, () => true)
    if (holding === undefined) return
    this.#fetching.ended(encoding.hash, holding.keepingBytes, now)
    this.#downloads.remove(encoding.hash)
    this.#library.imported(holding, pieceList, now)
    this.#parts.directory.has(encoding.hash, true, now)
    this.#exchange.announce(holding, now)
    this.#wake(now)
  }

  /** All of it is here, was hashed, and would survive a power cut. */
  isComplete(hash: string): boolean {
    return this.#library.get(hash)?.isComplete === true
  }

  /** How far an encoding has come; undefined when no current release names it. */
  progress(hash: string): Progress | undefined {
    const holding = this.#library.get(hash)
    if (holding === undefined) return undefined
    const download = this.#downloads.get(hash)
    return {
      pieces: holding.pieces,
      have: holding.count,
      bytes: holding.bytes,
      totalBytes: holding.encoding.length,
      bytesPerSecond: download?.meter.rate(this.#now) ?? 0,
      providers: this.#exchange.providers(hash),
      copies: this.#exchange.copies(hash),
      most: this.#exchange.most(hash),
      came: holding.came,
      problem: holding.problem ?? (holding.isFull ? undefined : this.#lack(download)),
    }
  }

  /** What the swarm may take of this machine, and takes. */
  budgets(now: Millis): BudgetSnapshot {
    return this.#budgets.snapshot(now)
  }

  /** The board was looked at. */
  sampled(metrics: MetricValues, now: Millis): void {
    this.#budgets.sampled(metrics, now)
    this.timeChanged(now)
  }

  /** The clock was read, or more is known of it: hours and months go by it. */
  timeChanged(now: Millis): void {
    if (this.#budgets.check(now)) this.#turned(now)
  }

  /** The node is about to stop: what is counted of the month is written. */
  save(now: Millis): void {
    this.#budgets.save(now)
  }

  /** True while pieces travel between this node and the peer: its link is of use. */
  isUsing(node: NodeId): boolean {
    const peer = this.#streams.open(node)
    return peer !== undefined && this.#reception.isBusy(peer)
  }

  linked(node: NodeId, now: Millis): void {
    this.#reception.linked(node, now)
  }

  unlinked(node: NodeId, now: Millis): void {
    this.#reception.unlinked(node, now)
  }

  /** The link goes on over another path: its stream ends, and the next one is opened at once. */
  moved(node: NodeId, now: Millis): void {
    this.#reception.moved(node, now)
  }

  /** There is a stream with this peer, whoever opened it. */
  opened(node: NodeId, now: Millis): void {
    this.#reception.opened(node, now)
  }

  /** There is no stream with this peer any more, or none could be opened. */
  closed(node: NodeId, now: Millis): void {
    this.#reception.closed(node, now)
  }

  message(node: NodeId, message: PieceArrival | undefined, now: Millis): void {
    this.#now = now
    this.#reception.message(node, message, now)
    if (message?.type === 'bitfield' && this.spare.isOn) this.#wake(now)
  }

  /** The disk told which pieces there are. */
  prepared(ticket: Ticket, have: Uint8Array, now: Millis): void {
    this.#disk.prepared(ticket, have, now)
  }

  /** Preparing, keeping or syncing failed. */
  failed(ticket: Ticket, problem: ArtifactProblem, now: Millis): void {
    this.#disk.failed(ticket, problem, now)
  }

  /** A piece was written at its place. */
  kept(ticket: Ticket, now: Millis): void {
    this.#disk.kept(ticket, now)
  }

  /** A piece was handed to its stream, or could not be. */
  served(ticket: Ticket, problem: ArtifactProblem | undefined, now: Millis): void {
    this.#disk.served(ticket, problem, now)
  }

  /** It could not be unpacked on this machine, and a disk is to blame: it is complete again when its file was hashed again. */
  doubted(hash: string, detail: string, now: Millis): void {
    this.#disk.doubted(hash, detail, now)
  }

  synced(ticket: Ticket, now: Millis): void {
    this.#disk.synced(ticket, now)
  }

  persisted(ticket: Ticket, now: Millis): void {
    this.#disk.persisted(ticket, now)
  }

  persistFailed(ticket: Ticket, now: Millis): void {
    this.#disk.persistFailed(ticket, now)
  }

  /** A piece list that we hold, by its hex SHA-256. */
  pieceList(hash: string): Uint8Array | undefined {
    return this.#library.pieceList(hash)
  }

  /** A peer answered when it was asked for a piece list. */
  listArrived(ticket: Ticket, node: NodeId, list: Uint8Array | undefined, now: Millis): void {
    if (this.#nursing.answered(ticket, node, list, now)) this.#wake(now)
  }

  /** @returns false when the ticket is none of ours */
  askFailed(ticket: Ticket, now: Millis): boolean {
    const ours = this.#nursing.answered(ticket, undefined, undefined, now)
    if (ours) this.#wake(now)
    return ours
  }

  /** This machine slept so long: nobody is to blame that nothing came in that time. */
  forgive(gap: Millis): void {
    this.#fetching.forgive(gap)
    this.#serving.forgive(gap)
  }

  /** When check() is next needed. */
  deadline(): Millis | undefined {
    const [fetching, serving] = [this.#fetching.deadline(), this.#serving.deadline()]
    return earliest(fetching, this.#downloads.deadline(), serving, this.#budgets.deadline(), this.#alarm)
  }

  /** Does what is due by now. */
  check(now: Millis): void {
    this.#now = now
    const due = this.deadline()
    if (due === undefined || now < due) return
    this.#alarm = undefined
    this.timeChanged(now)
    for (const node of this.#serving.check(now)) this.#reception.close(this.#streams.open(node), now)
    for (const peer of this.#streams.overdue(now)) this.#reception.lose(peer, now)
    for (const holding of this.#library.all()) holding.check(now)
    this.spare.check(now)
    for (const download of this.#downloads.turn(now)) this.#begin(download, now)
    this.#library.checkNext((hash) => this.#downloads.get(hash)?.active === true, now)
    for (const download of this.#downloads.active()) this.#nursing.check(download, now)
    const fetches = !this.#downloads.active().next().done
    if (fetches) this.#streams.openAll((node) => !this.#bans.isBanned(node, now), now)
    for (const peer of this.#fetching.check(now)) this.#reception.close(peer, now)
    this.#schedule(fetches, now)
  }

  /** The directory named somebody for an encoding: who is named is dialled at once. */
  named(hash: string, now: Millis): void {
    const download = this.#downloads.get(hash)
    if (download === undefined || download.hasProvider) return
    download.searchAt = now
    this.#wake(now)
  }

  /** Sizes of what could grow, for invariant checks. */
  sizes() {
    return {
      holdings: this.#library.size,
      downloads: this.#downloads.size,
      tickets: this.#library.tickets,
      peers: this.#streams.peers.size,
      streams: this.#streams.count,
      requestBytes: this.#fetching.bytes,
      serving: this.#serving.size,
      bans: this.#bans.size,
      tried: this.#nursing.tried,
    }
  }

  #acts(): SpareActs {
    return {
      fetch: (holding, wanted, now) => this.#fetch(holding, wanted, now),
      stop: (download, now) => this.#stop(download, now),
      leave: (holding, isNamed, now) => this.#leave(holding, now, isNamed),
      empty: (holding, now) => this.#exchange.announce(holding, now),
    }
  }

  #fetch(holding: Holding, wanted: Wanted, now: Millis): void {
    const download = new Download(holding, wanted, () => this.#parts.env.random())
    this.#downloads.add(download)
    this.#exchange.joined(download)
    download.settle()
    this.#wake(now)
  }

  #stop({ hash, holding }: Download, now: Millis): void {
    // What is being written will be reported.
    this.#fetching.ended(hash, 0, now)
    this.#downloads.remove(hash)
    this.#parts.directory.over(hash)
    this.#exchange.unwanted(holding)
    this.#wake(now)
  }

  /** No release names it any more, or nothing of it is here any more. */
  #leave(holding: Holding, now: Millis, isNamed = false): void {
    const { hash } = holding.encoding
    this.#fetching.ended(hash, holding.keepingBytes, now)
    this.#downloads.remove(hash)
    for (const piece of this.#serving.ended(hash)) this.#reception.refuse(piece.node, piece)
    this.#parts.directory.lost(hash)
    if (!isNamed) this.#exchange.forget(hash)
  }

  #begin(download: Download, now: Millis): void {
    if (download.holding.isReady || download.holding.list === undefined) this.#exchange.announce(download.holding, now)
    this.#fetching.soon(now)
  }

  /** Something was paused, or goes on: what waited for it hears of it, and what we have is told anew. */
  #turned(now: Millis): void {
    const isPaused = (node: NodeId) => this.#budgets.paused(this.#streams.peers.get(node)?.near === true) !== undefined
    for (const piece of this.#serving.paused(isPaused)) this.#reception.refuse(piece.node, piece)
    for (const holding of this.#library.all()) this.#exchange.announce(holding, now)
    this.#fetching.soon(now)
    this.#wake(now)
  }

  /** Why nothing comes of a download; undefined while something does, or did just before. */
  #lack(download: Download | undefined): FetchProblem | undefined {
    if (download === undefined || this.#now < download.movedAt + limits.providerSearchPeriod) return undefined
    const pause = this.#budgets.paused(false)
    if (pause !== undefined) return { code: 'paused', pause }
    return download.hasProvider ? undefined : 'noProvider'
  }

  /** The holding of an encoding. When there are too many, the least important that `mayGo` gives way. */
  #know(encoding: Encoding, now: Millis, mayGo: (holding: Holding) => boolean): Holding | undefined {
    const known = this.#library.get(encoding.hash)
    if (known !== undefined) return known
    this.#library.makeRoom(mayGo, (holding) => this.#leave(holding, now))
    this.#library.know(encoding)
    this.#exchange.learnt((hash) => this.#library.get(hash))
    return this.#library.get(encoding.hash)
  }

  #isFetched({ encoding }: Holding): boolean {
    return this.#downloads.get(encoding.hash) !== undefined
  }

  #schedule(fetches: boolean, now: Millis): void {
    this.#wake(this.#library.deadline(now))
    this.#wake(this.spare.deadline())
    this.#wake(this.#nursing.deadline(now))
    this.#wake(this.#streams.deadline(fetches, now))
  }

  #wake(at: Millis | undefined): void {
    this.#alarm = earliest(this.#alarm, at)
  }
}
