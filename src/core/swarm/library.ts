// The library: all encodings that current releases name, whether we have them or not, and what is cached (cache.ts). What earlier
// runs wrote down is looked at on the disk one file after the other; what no release names any more is cached when it is whole and
// there is room for it, and else removed from disk and journal.
import type { Millis } from '../env.ts'
import type { Change, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { SavedArtifacts } from '../machines.ts'
import type { Outbox } from '../outbox.ts'
import type { Encoding } from '../trust/announcement.ts'
import type { Cache } from './cache.ts'
import { Holding } from './holding.ts'

/** Of an import that a release names: it goes when none does any more. */
const NAMED = Number.NEGATIVE_INFINITY

export class Library {
  readonly #out: Outbox
  readonly #cache: Cache
  /** By hash of the encoding; the most important first. */
  readonly #holdings = new Map<string, Holding>()
  /** The same, by the hash of their piece list. */
  readonly #byList = new Map<string, Set<Holding>>()
  readonly #tickets = new Map<Ticket, Holding>()
  /** What earlier runs had, until it is known whether a release still names it. */
  readonly #savedHoldings: Set<string>
  readonly #savedLists: Map<string, Uint8Array>
  /** To be looked at on the disk even though nobody waits for it: we serve it. */
  readonly #unchecked = new Set<Holding>()
  /** What this machine brought in lately, and until when a release has to name it. Others may have nothing of it yet. */
  readonly #imported = new Map<string, Millis>()

  constructor(out: Outbox, saved: SavedArtifacts, cache: Cache) {
    this.#out = out
    this.#cache = cache
    this.#savedHoldings = new Set(saved.holdings.map(({ encoding }) => encoding))
    this.#savedLists = new Map(saved.pieceLists.map(({ hash, list }) => [hash, list]))
  }

  get size(): number {
    return this.#holdings.size
  }

  /** Effects under way. */
  get tickets(): number {
    return this.#tickets.size
  }

  get(hash: string): Holding | undefined {
    return this.#holdings.get(hash)
  }

  all(): IterableIterator<Holding> {
    return this.#holdings.values()
  }

  /** The holding of an encoding, which is new perhaps; undefined when there are too many. */
  know(encoding: Encoding): Holding | undefined {
    const known = this.#holdings.get(encoding.hash)
    if (known !== undefined || this.#holdings.size >= limits.encodingsKept) return known
    const list = this.#savedLists.get(encoding.pieceList)
    const holding = new Holding(this.#out, this.#tickets, encoding, list)
    this.#holdings.set(encoding.hash, holding)
    this.#byList.set(encoding.pieceList, (this.#byList.get(encoding.pieceList) ?? new Set()).add(holding))
    if (this.#savedHoldings.delete(encoding.hash) && holding.list !== undefined) this.#unchecked.add(holding)
    return holding
  }

  /** What was to be done is reported on: whose it was. */
  reported(ticket: Ticket): Holding | undefined {
    const holding = this.#tickets.get(ticket)
    this.#tickets.delete(ticket)
    return holding
  }

  /** A piece list that we hold, by its hex SHA-256. */
  pieceList(hash: string): Uint8Array | undefined {
    for (const { list } of this.#byList.get(hash) ?? []) if (list !== undefined) return list
    return undefined
  }

  /** This machine put the whole file there. A release has to name it soon. */
  imported(holding: Holding, list: Uint8Array, now: Millis): void {
    this.#unchecked.delete(holding)
    this.#imported.delete(holding.encoding.hash)
    this.#imported.set(holding.encoding.hash, now + limits.importNamed)
    for (const oldest of this.#imported.keys())
      if (this.#imported.size > limits.importsWaiting) this.#imported.delete(oldest)
    holding.imported(list, now)
  }

  /** Its disk failed, or it was looked at: `check` says whether it has to be looked at (again). */
  setUnchecked(holding: Holding, check: boolean): void {
    if (check) this.#unchecked.add(holding)
    else this.#unchecked.delete(holding)
  }

  /**
   * These are all that releases name, the most important first: of too many the last ones go. May be called at every step.
   * @param leaving told of each that goes, while it is still known
   * @returns true when anything changed
   */
  keep(encodings: ReadonlyMap<string, Encoding>, leaving: (holding: Holding) => void, now: Millis): boolean {
    const kept = this.#chosen(encodings, now)
    const changes: Change[] = []
    const go = (holding: Holding | undefined) => {
      if (holding === undefined) return
      leaving(holding)
      this.#forget(holding, changes)
    }
    // What a release names again is no old one any more.
    for (const hash of kept.keys()) if (this.#cache.kindOf(hash) === 'old') changes.push(...this.#cache.drop(hash))
    for (const [hash, holding] of this.#holdings)
      if (!kept.has(hash) && !this.#caches(holding, changes, go)) go(holding)
    for (const { hash } of this.#cache.all('old'))
      if (this.#cache.all('old').length > limits.encodingsKept - kept.size) go(this.#holdings.get(hash))
    const before = this.#holdings.size
    for (const encoding of kept.values()) this.#toBack(this.know(encoding))
    this.#recall(changes)
    this.#forgetSaved(kept, changes)
    if (changes.length > 0) this.#out.persist([...changes, ...this.#cache.moved()], false)
    return changes.length > 0 || this.#holdings.size > before
  }

  /**
   * When all places are taken: lets something cached go, else the least important holding that may go.
   * @param leaving as for keep()
   */
  makeRoom(mayGo: (holding: Holding) => boolean, leaving: (holding: Holding) => void): void {
    if (this.#holdings.size < limits.encodingsKept) return
    const [old] = this.#cache.all('old')
    const may = (holding: Holding) => !this.#unchecked.has(holding) && mayGo(holding)
    const last = (old && this.#holdings.get(old.hash)) ?? [...this.#holdings.values()].findLast(may)
    if (last === undefined) return
    leaving(last)
    const changes: Change[] = []
    this.#forget(last, changes)
    this.#out.persist(changes, false)
  }

  /** It is fetched for others, or not (any more): it is needed here. */
  setForwarded({ encoding }: Holding, forwarded: boolean): void {
    const isForwarded = this.#cache.kindOf(encoding.hash) === 'forwarded'
    if (isForwarded === forwarded) return
    const changes = forwarded ? [this.#cache.add(encoding, 'forwarded')] : this.#cache.drop(encoding.hash)
    this.#out.persist(changes, false)
  }

  /**
   * Removes what is cached. What a release names is known from then on as something of which nothing is here.
   * @param leaving told of each that goes; `emptied` of what is known anew
   */
  uncache(
    hashes: readonly string[],
    leaving: (holding: Holding, isNamed: boolean) => void,
    emptied: (holding: Holding) => void,
  ): void {
    const changes: Change[] = []
    for (const hash of hashes) {
      const holding = this.#holdings.get(hash)
      if (holding === undefined) continue
      const isNamed = this.#cache.kindOf(hash) === 'forwarded'
      leaving(holding, isNamed)
      this.#forget(holding, changes)
      const anew = isNamed ? this.know(holding.encoding) : undefined
      if (anew !== undefined) emptied(anew)
    }
    if (changes.length > 0) this.#out.persist(changes, false)
  }

  /** Looks at the next file. One at a time: hashing is work for a Pi. @param active a download looks at its own */
  checkNext(active: (hash: string) => boolean, now: Millis): void {
    for (const holding of this.#unchecked) if (holding.phase === 'preparing') return
    for (const holding of this.#unchecked) {
      if (active(holding.encoding.hash) || !holding.mayPrepare(now)) continue
      return holding.prepare(0)
    }
  }

  /** When something of it is due. */
  deadline(now: Millis): Millis | undefined {
    let at: Millis = Number.POSITIVE_INFINITY
    for (const holding of this.#holdings.values()) at = Math.min(at, holding.deadline() ?? at)
    for (const { phase, retryAt } of this.#unchecked)
      if (phase === 'failed' && retryAt > now) at = Math.min(at, retryAt)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  /** What of `encodings` there is room for, behind what this machine brought in. */
  #chosen(encodings: ReadonlyMap<string, Encoding>, now: Millis): Map<string, Encoding> {
    const chosen = new Map<string, Encoding>()
    for (const [hash, until] of this.#imported) {
      const encoding = encodings.get(hash) ?? (now < until ? this.#holdings.get(hash)?.encoding : undefined)
      if (encoding !== undefined) chosen.set(hash, encoding)
      if (encodings.has(hash)) this.#imported.set(hash, NAMED)
    }
    for (const [hash, encoding] of encodings) {
      if (chosen.size >= limits.encodingsKept) break
      chosen.set(hash, encoding)
    }
    return chosen
  }

  /** Keeps what no release names any more, if it is whole and was named, and lets others go for it. */
  #caches({ encoding, isComplete }: Holding, changes: Change[], go: (holding: Holding | undefined) => void): boolean {
    const { hash, length } = encoding
    const kind = this.#cache.kindOf(hash)
    if (kind === 'old') return true
    const named = this.#imported.get(hash) ?? NAMED
    const going = this.#cache.roomFor('old', length, () => true)
    if (kind === 'forwarded' || !isComplete || named !== NAMED || going === undefined) return false
    for (const other of going) go(this.#holdings.get(other))
    this.#imported.delete(hash)
    changes.push(this.#cache.add(encoding, 'old'))
    return true
  }

  /** What earlier runs cached comes after what releases name, the last to go first; what is not there any more is no longer cached. */
  #recall(changes: Change[]): void {
    const over = this.#cache.roomFor('old', 0, () => true) ?? []
    for (const encoding of this.#cache.all('old').reverse()) {
      const { hash, pieceList } = encoding
      const isHere = this.#holdings.has(hash) || (this.#savedHoldings.has(hash) && this.#savedLists.has(pieceList))
      const holding = isHere && !over.includes(hash) ? this.know({ ...encoding, type: 'identity' }) : undefined
      if (holding === undefined) changes.push(...this.#cache.drop(hash))
      else this.#toBack(holding)
    }
    for (const { hash } of this.#cache.all('forwarded'))
      if (!this.#holdings.has(hash)) changes.push(...this.#cache.drop(hash))
  }

  #toBack(holding: Holding | undefined): void {
    if (holding === undefined) return
    this.#holdings.delete(holding.encoding.hash)
    this.#holdings.set(holding.encoding.hash, holding)
  }

  #forget(holding: Holding, changes: Change[]): void {
    const { hash, pieceList } = holding.encoding
    this.#unchecked.delete(holding)
    this.#imported.delete(hash)
    this.#holdings.delete(hash)
    const sharing = this.#byList.get(pieceList)
    sharing?.delete(holding)
    if (sharing?.size === 0) this.#byList.delete(pieceList)
    holding.forget()
    changes.push({ type: 'forgetHolding', encoding: hash }, ...this.#cache.drop(hash))
    if (this.pieceList(pieceList) === undefined) changes.push({ type: 'forgetPieceList', hash: pieceList })
  }

  /** What earlier runs had of releases that are no more. */
  #forgetSaved(encodings: ReadonlyMap<string, Encoding>, changes: Change[]): void {
    if (this.#savedHoldings.size === 0 && this.#savedLists.size === 0) return
    for (const encoding of this.#savedHoldings) {
      this.#out.emit({ type: 'artifactForget', encoding })
      changes.push({ type: 'forgetHolding', encoding })
    }
    const named = new Set([...encodings.values(), ...this.#cache.all('old')].map(({ pieceList }) => pieceList))
    for (const hash of this.#savedLists.keys()) if (!named.has(hash)) changes.push({ type: 'forgetPieceList', hash })
    this.#savedHoldings.clear()
    this.#savedLists.clear()
  }
}
