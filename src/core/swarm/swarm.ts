// The swarm: fetches what this node wants from its peers, and gives them what it has. Composed of the machines beside it, and
// the only one of them that the node knows.
// Invariants: every wanted encoding that an honest peer within reach holds is completed, whatever the others do (T06, T11, T17,
// T18); no piece that was kept is asked for again; nothing is kept whose hash is not in the piece list; a sender is asked
// nothing after its second bad piece; bytes in flight stay within limits.requestBytes; every table is bounded.
import { earliest } from '../earliest.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import type { MetricValues } from '../fleet/metrics.ts'
import type { View } from '../fleet/view.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { SavedArtifacts } from '../machines.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Encoding } from '../trust/announcement.ts'
import type { Refusals } from '../trust/refusals.ts'
import { Bans } from './bans.ts'
import { type Allowance, type BudgetSnapshot, Budgets } from './budgets.ts'
import { Cache, type CacheBudgets } from './cache.ts'
import type { Directory } from './directory.ts'
import { Download, type Wanted } from './download.ts'
import { Downloads } from './downloads.ts'
import { Exchange } from './exchange.ts'
import { Fetching } from './fetching.ts'
import { Forwards } from './forwards.ts'
import type { Holding } from './holding.ts'
import { Library } from './library.ts'
import type { ArtifactProblem, PieceArrival } from './messages.ts'
import type { Usage } from './month.ts'
import { PieceLists } from './piece-lists.ts'
import { pieceBytes } from './pieces.ts'
import type { FetchProblem, Progress } from './progress.ts'
import { Providers } from './providers.ts'
import { Reception } from './reception.ts'
import { Serving } from './serving.ts'
import { Sharing } from './sharing.ts'
import { Spare } from './spare.ts'
import { Streams } from './streams.ts'

export interface SwarmParts {
  env: Pick<Env, 'random' | 'sha256'>
  out: Outbox
  self: Pick<Self, 'node' | 'zone'> & Partial<Pick<Self, 'isNode' | 'localAt'>>
  links: Pick<Links, 'all' | 'get' | 'wantFor'>
  book: Pick<Book, 'inZone' | 'outside' | 'get'>
  view: Pick<View, 'rows'>
  refusals: Pick<Refusals, 'count'>
  directory: Pick<Directory, 'search' | 'named' | 'has' | 'lost' | 'over'>
  /** What it may take, and what it took of the month; without, there is no bound. */
  allowance?: Allowance
  usage?: Usage | undefined
  /** What may be here although this node does not need it; nothing unless another is said. */
  cache?: CacheBudgets
  /** Whether members outside can dial this node, which may then fetch for them. */
  isOpen?: () => boolean
}

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
  readonly #lists: PieceLists
  readonly #providers: Providers
  readonly #budgets: Budgets
  #now: Millis = 0
  #alarm: Millis | undefined

  constructor(parts: SwarmParts, saved: SavedArtifacts, now: Millis = 0) {
    this.#parts = parts
    const { env, out, refusals } = parts
    const cache = new Cache(parts.cache ?? { old: 0, forwarded: 0 }, saved.cached ?? [])
    const library = new Library(out, saved, cache)
    const bans = new Bans()
    const downloads = new Downloads()
    const streams = new Streams(parts)
    const { peers } = streams
    const { links, isOpen = () => false } = parts
    const forwards = new Forwards({ cache, library, downloads, links, peers, isOpen })
    this.spare = new Spare({ cache, forwards, library, downloads }, this.#acts())
    const isNear = (node: NodeId) => peers.get(node)?.near === true
    const budgets = budgetsOf(parts, isNear, now)
    const serving = new Serving(out, isNear, budgets)
    const sharing = new Sharing({ env, self: parts.self, out, bans, peers, view: parts.view })
    const exchange = new Exchange({ out, bans, peers, downloads, sharing, budgets })
    const fetching = new Fetching({ out, refusals, bans, peers, downloads, sharing, budgets })
    const all = {
      out,
      refusals,
      bans,
      library,
      spare: this.spare,
      downloads,
      serving,
      streams,
      exchange,
      fetching,
      budgets,
    }
    this.#reception = new Reception(all, (now) => this.#wake(now))
    this.#lists = new PieceLists({ env, out, peers, downloads })
    this.#providers = new Providers(parts)
    this.#library = library
    this.#bans = bans
    this.#downloads = downloads
    this.#serving = serving
    this.#streams = streams
    this.#exchange = exchange
    this.#fetching = fetching
    this.#budgets = budgets
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
    const holding = this.#library.reported(ticket)
    if (!holding?.prepared(ticket, have, now)) return
    this.#library.setUnchecked(holding, false)
    const download = this.#downloads.get(holding.encoding.hash)
    download?.settle()
    if (download !== undefined) this.#fetching.settled(download, now)
    if (download?.active) download.begin(now)
    if (holding.isComplete) this.#parts.directory.has(holding.encoding.hash, false, now)
    this.#exchange.announce(holding, now)
    this.#fetching.soon(now)
    this.#wake(now)
  }

  /** Preparing, keeping or syncing failed: nothing is fetched or served of it until the disk was asked again. */
  failed(ticket: Ticket, problem: ArtifactProblem, now: Millis): void {
    const holding = this.#library.reported(ticket)
    if (holding === undefined) return
    const { hash } = holding.encoding
    const forOthers = this.spare.isForwarding(hash)
    const madeWay = problem.code === 'diskFull' && !forOthers && this.spare.makeSpace(problem.missing, now)
    const index = holding.failed(ticket, problem, now + (madeWay ? limits.cacheFreed : limits.diskRetry))
    if (index !== undefined) this.#fetching.written(pieceBytes(holding.encoding, index), now)
    this.#pause(holding, now)
  }

  /** A piece was written at its place. */
  kept(ticket: Ticket, now: Millis): void {
    const holding = this.#library.reported(ticket)
    const index = holding?.kept(ticket, now)
    if (holding === undefined || index === undefined) return
    const bytes = pieceBytes(holding.encoding, index)
    this.#exchange.gained(holding, index)
    this.#downloads.get(holding.encoding.hash)?.moved(bytes, now)
    this.#fetching.written(bytes, now)
    this.#wake(holding.deadline())
  }

  /** A piece was handed to its stream, or could not be. */
  served(ticket: Ticket, problem: ArtifactProblem | undefined, now: Millis): void {
    const serve = this.#serving.served(ticket, now, problem)
    const holding = serve === undefined ? undefined : this.#library.get(serve.encoding)
    if (serve === undefined || problem === undefined) return
    this.#reception.refuse(serve.node, serve)
    if (holding === undefined) return
    holding.damaged(problem, now)
    this.#pause(holding, now)
  }

  /** It could not be unpacked on this machine, and a disk is to blame: it is complete again when its file was hashed again. */
  doubted(hash: string, detail: string, now: Millis): void {
    const holding = this.#library.get(hash)
    if (holding === undefined) return
    holding.damaged({ code: 'corrupt', detail }, now)
    this.#pause(holding, now)
  }

  synced(ticket: Ticket, now: Millis): void {
    const holding = this.#library.reported(ticket)
    if (holding === undefined) return
    holding.synced(ticket, now)
    if (holding.isComplete) this.#completed(holding, now)
    this.#wake(holding.deadline())
  }

  persisted(ticket: Ticket, now: Millis): void {
    this.#library.reported(ticket)?.persisted(ticket, now)
  }

  persistFailed(ticket: Ticket, now: Millis): void {
    const holding = this.#library.reported(ticket)
    holding?.persistFailed(ticket, now)
    this.#wake(holding?.deadline())
  }

  /** A piece list that we hold, by its hex SHA-256. */
  pieceList(hash: string): Uint8Array | undefined {
    return this.#library.pieceList(hash)
  }

  /** A peer answered when it was asked for a piece list. */
  listArrived(ticket: Ticket, node: NodeId, list: Uint8Array | undefined, now: Millis): void {
    const download = this.#lists.answered(ticket, now)
    if (download !== undefined && list !== undefined && !this.#lists.take(download, list, now))
      this.#badList(node, download.holding, now)
    if (download !== undefined) this.#wake(now)
  }

  /** @returns false when the ticket is none of ours */
  askFailed(ticket: Ticket, now: Millis): boolean {
    const ours = this.#lists.answered(ticket, now) !== undefined
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
    for (const download of this.#downloads.active()) this.#nurse(download, now)
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
      tried: this.#providers.size,
    }
  }

  #acts(): ConstructorParameters<typeof Spare>[1] {
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

  /** What an active download needs besides pieces: room on the disk, its piece list, and somebody to ask. */
  #nurse(download: Download, now: Millis): void {
    const { holding } = download
    if (holding.mayPrepare(now)) holding.prepare(download.wanted.decoded)
    if (holding.list === undefined) this.#lists.ask(download, now)
    const idle = holding.list === undefined || holding.isReady
    if (now < download.searchAt || !idle || holding.isFull) return
    this.#exchange.remind(holding, now)
    this.#search(download, now)
    download.searched(now)
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

  /** Looks for others, of whom something may come while budgets pause the rest. */
  #search({ wanted, hash, searches }: Download, now: Millis): void {
    if (this.#budgets.paused(true) !== undefined) return
    const near = this.#budgets.paused(false) !== undefined
    const { directory } = this.#parts
    const dialled = this.#providers.search(wanted, searches === 0, now, { named: directory.named(hash), near })
    if (!near) directory.search(hash, searches, dialled === 0, now)
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

  #badList(node: NodeId, holding: Holding, now: Millis): void {
    const { hash } = holding.encoding
    this.#parts.refusals.count('badPiece', node, `what it gave is not the piece list of encoding ${hash}`, now)
    if (!this.#bans.add(node, now)) return
    this.#parts.out.event({ type: 'providerBanned', peer: node, encoding: hash })
    this.#reception.close(this.#streams.open(node), now)
  }

  /** The disk failed one encoding: what is asked for is taken back, and what others ask for refused. */
  #pause(holding: Holding, now: Millis): void {
    const { hash } = holding.encoding
    this.#fetching.ended(hash, 0, now)
    for (const piece of this.#serving.ended(hash)) this.#reception.refuse(piece.node, piece)
    this.#parts.directory.lost(hash)
    this.#downloads.get(hash)?.settle()
    this.#library.setUnchecked(holding, true)
    this.#exchange.announce(holding, now)
    this.#wake(now)
  }

  #completed(holding: Holding, now: Millis): void {
    this.#downloads.remove(holding.encoding.hash)
    this.#parts.directory.has(holding.encoding.hash, false, now)
    this.spare.completed(holding.encoding.hash)
    this.#exchange.announce(holding, now)
    this.#wake(now)
  }

  #schedule(fetches: boolean, now: Millis): void {
    this.#wake(this.#library.deadline(now))
    this.#wake(this.spare.deadline())
    for (const { searchAt, listAsks, listAskAt, listAsked, listRetryAt, holding } of this.#downloads.active()) {
      if (searchAt > now && !holding.isFull) this.#wake(searchAt)
      if (listAsks.size > 0 && holding.list === undefined) this.#wake(listAskAt)
      if (listAsked.size > 0 && holding.list === undefined && listRetryAt > now) this.#wake(listRetryAt)
    }
    this.#wake(this.#streams.deadline(fetches, now))
  }

  #wake(at: Millis | undefined): void {
    this.#alarm = earliest(this.#alarm, at)
  }
}

function budgetsOf({ out, self, allowance = {}, usage }: SwarmParts, isNear: (node: NodeId) => boolean, now: Millis) {
  const localAt = (at: Millis) => self.localAt?.(at)
  return new Budgets({ out, isNear, localAt, asksForSamples: self.isNode === false }, allowance, usage, now)
}
