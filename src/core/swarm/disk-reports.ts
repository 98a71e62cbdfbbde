// What the disk reports of holdings, and what follows from it: what was found out or written is told to others, and of what failed
// nothing is fetched or served until the disk was asked again.
import type { Millis } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Directory } from './directory.ts'
import type { Downloads } from './downloads.ts'
import type { Exchange } from './exchange.ts'
import type { Fetching } from './fetching.ts'
import type { Holding } from './holding.ts'
import type { Library } from './library.ts'
import type { ArtifactProblem } from './messages.ts'
import { pieceBytes } from './pieces.ts'
import type { Reception } from './reception.ts'
import type { Serving } from './serving.ts'
import type { Spare } from './spare.ts'

interface Parts {
  library: Library
  downloads: Downloads
  spare: Spare
  serving: Serving
  exchange: Exchange
  fetching: Fetching
  reception: Reception
  directory: Pick<Directory, 'has' | 'lost'>
}

export class DiskReports {
  readonly #parts: Parts
  /** The swarm is to look again then. */
  readonly #wake: (at: Millis | undefined) => void

  constructor(parts: Parts, wake: (at: Millis | undefined) => void) {
    this.#parts = parts
    this.#wake = wake
  }

  /** The disk told which pieces there are. */
  prepared(ticket: Ticket, have: Uint8Array, now: Millis): void {
    const { library, downloads, fetching, exchange, directory } = this.#parts
    const holding = library.reported(ticket)
    if (!holding?.prepared(ticket, have, now)) return
    library.setUnchecked(holding, false)
    const download = downloads.get(holding.encoding.hash)
    download?.settle()
    if (download !== undefined) fetching.settled(download, now)
    if (download?.active) download.begin(now)
    if (holding.isComplete) directory.has(holding.encoding.hash, false, now)
    exchange.announce(holding, now)
    fetching.soon(now)
    this.#wake(now)
  }

  /** Preparing, keeping or syncing failed: nothing is fetched or served of it until the disk was asked again. */
  failed(ticket: Ticket, problem: ArtifactProblem, now: Millis): void {
    const { library, spare, fetching } = this.#parts
    const holding = library.reported(ticket)
    if (holding === undefined) return
    const forOthers = spare.isForwarding(holding.encoding.hash)
    const madeWay = problem.code === 'diskFull' && !forOthers && spare.makeSpace(problem.missing, now)
    const index = holding.failed(ticket, problem, now + (madeWay ? limits.cacheFreed : limits.diskRetry))
    if (index !== undefined) fetching.written(pieceBytes(holding.encoding, index), now)
    this.#pause(holding, now)
  }

  /** A piece was written at its place. */
  kept(ticket: Ticket, now: Millis): void {
    const { library, downloads, fetching, exchange } = this.#parts
    const holding = library.reported(ticket)
    const index = holding?.kept(ticket, now)
    if (holding === undefined || index === undefined) return
    const bytes = pieceBytes(holding.encoding, index)
    exchange.gained(holding, index)
    downloads.get(holding.encoding.hash)?.moved(bytes, now)
    fetching.written(bytes, now)
    this.#wake(holding.deadline())
  }

  /** A piece was handed to its stream, or could not be. */
  served(ticket: Ticket, problem: ArtifactProblem | undefined, now: Millis): void {
    const { serving, library, reception } = this.#parts
    const serve = serving.served(ticket, now, problem)
    const holding = serve === undefined ? undefined : library.get(serve.encoding)
    if (serve === undefined || problem === undefined) return
    reception.refuse(serve.node, serve)
    if (holding === undefined) return
    holding.damaged(problem, now)
    this.#pause(holding, now)
  }

  /** It could not be unpacked on this machine, and a disk is to blame: it is complete again when its file was hashed again. */
  doubted(hash: string, detail: string, now: Millis): void {
    const holding = this.#parts.library.get(hash)
    if (holding === undefined) return
    holding.damaged({ code: 'corrupt', detail }, now)
    this.#pause(holding, now)
  }

  synced(ticket: Ticket, now: Millis): void {
    const holding = this.#parts.library.reported(ticket)
    if (holding === undefined) return
    holding.synced(ticket, now)
    if (holding.isComplete) this.#completed(holding, now)
    this.#wake(holding.deadline())
  }

  persisted(ticket: Ticket, now: Millis): void {
    this.#parts.library.reported(ticket)?.persisted(ticket, now)
  }

  persistFailed(ticket: Ticket, now: Millis): void {
    const holding = this.#parts.library.reported(ticket)
    holding?.persistFailed(ticket, now)
    this.#wake(holding?.deadline())
  }

  /** The disk failed one encoding: what is asked for is taken back, and what others ask for refused. */
  #pause(holding: Holding, now: Millis): void {
    const { library, downloads, serving, fetching, exchange, reception, directory } = this.#parts
    const { hash } = holding.encoding
    fetching.ended(hash, 0, now)
    for (const piece of serving.ended(hash)) reception.refuse(piece.node, piece)
    directory.lost(hash)
    downloads.get(hash)?.settle()
    library.setUnchecked(holding, true)
    exchange.announce(holding, now)
    this.#wake(now)
  }

  #completed(holding: Holding, now: Millis): void {
    const { downloads, directory, spare, exchange } = this.#parts
    downloads.remove(holding.encoding.hash)
    directory.has(holding.encoding.hash, false, now)
    spare.completed(holding.encoding.hash)
    exchange.announce(holding, now)
    this.#wake(now)
  }
}
