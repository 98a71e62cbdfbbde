// Nursing: what an active download needs besides pieces: room on the disk, its piece list, and somebody to ask.
import { earliest } from '../earliest.ts'
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import type { Outbox } from '../outbox.ts'
import type { Refusals } from '../trust/refusals.ts'
import type { Bans } from './bans.ts'
import type { Budgets } from './budgets.ts'
import type { Directory } from './directory.ts'
import type { Download } from './download.ts'
import type { Downloads } from './downloads.ts'
import type { Exchange } from './exchange.ts'
import type { Holding } from './holding.ts'
import type { PieceLists } from './piece-lists.ts'
import type { Providers } from './providers.ts'

interface Parts {
  out: Outbox
  refusals: Pick<Refusals, 'count'>
  bans: Bans
  downloads: Downloads
  exchange: Exchange
  budgets: Pick<Budgets, 'paused'>
  lists: PieceLists
  providers: Providers
  directory: Pick<Directory, 'named' | 'search'>
}

export class Nursing {
  readonly #parts: Parts
  /** Cuts off who gave one bad piece list too many. */
  readonly #close: (node: NodeId, now: Millis) => void

  constructor(parts: Parts, close: (node: NodeId, now: Millis) => void) {
    this.#parts = parts
    this.#close = close
  }

  /** Members remembered as dialled for pieces. */
  get tried(): number {
    return this.#parts.providers.size
  }

  /** Looks at one download. */
  check(download: Download, now: Millis): void {
    const { holding } = download
    if (holding.mayPrepare(now)) holding.prepare(download.wanted.decoded)
    if (holding.list === undefined) this.#parts.lists.ask(download, now)
    const idle = holding.list === undefined || holding.isReady
    if (now < download.searchAt || !idle || holding.isFull) return
    this.#parts.exchange.remind(holding, now)
    this.#search(download, now)
    download.searched(now)
  }

  /** When the next one is to be looked at. */
  deadline(now: Millis): Millis | undefined {
    let at: Millis | undefined
    for (const { searchAt, listAsks, listAskAt, listAsked, listRetryAt, holding } of this.#parts.downloads.active()) {
      if (searchAt > now && !holding.isFull) at = earliest(at, searchAt)
      if (listAsks.size > 0 && holding.list === undefined) at = earliest(at, listAskAt)
      if (listAsked.size > 0 && holding.list === undefined && listRetryAt > now) at = earliest(at, listRetryAt)
    }
    return at
  }

  /** A peer answered when it was asked for a piece list; undefined: it gave none. @returns false when the ticket is none of ours */
  answered(ticket: Ticket, node: NodeId | undefined, list: Uint8Array | undefined, now: Millis): boolean {
    const { lists } = this.#parts
    const download = lists.answered(ticket, now)
    if (download === undefined) return false
    if (node !== undefined && list !== undefined && !lists.take(download, list, now))
      this.#badList(node, download.holding, now)
    return true
  }

  /** Looks for others, of whom something may come while budgets pause the rest. */
  #search({ wanted, hash, searches }: Download, now: Millis): void {
    const { budgets, directory, providers } = this.#parts
    if (budgets.paused(true) !== undefined) return
    const near = budgets.paused(false) !== undefined
    const dialled = providers.search(wanted, searches === 0, now, { named: directory.named(hash), near })
    if (!near) directory.search(hash, searches, dialled === 0, now)
  }

  #badList(node: NodeId, holding: Holding, now: Millis): void {
    const { refusals, bans, out } = this.#parts
    const { hash } = holding.encoding
    refusals.count('badPiece', node, `what it gave is not the piece list of encoding ${hash}`, now)
    if (!bans.add(node, now)) return
    out.event({ type: 'providerBanned', peer: node, encoding: hash })
    this.#close(node, now)
  }
}
