// A holding: what this node has of one encoding, from making room for it to the last sync. The disk is the judge: `bits` are what
// was written in this run or hashed again at its start; what earlier runs wrote down only says which files are worth a look.
// Invariant: a piece whose bit is set was hashed against the piece list, and is there until the disk fails. After a failure
// nothing is written or served until the whole file was hashed again.
import type { Millis } from '../env.ts'
import type { Change, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Encoding } from '../trust/announcement.ts'
import { countBits, emptyBits, fullBits, hasBit, isBitfield, setBit } from './bitfield.ts'
import type { ArtifactProblem } from './messages.ts'
import { pieceBytes, pieceCount } from './pieces.ts'
import type { Sources } from './progress.ts'

/** idle: nobody asked the disk yet; failed: it is asked again at `retryAt`. */
type Phase = 'idle' | 'preparing' | 'ready' | 'failed'

export class Holding {
  readonly encoding: Encoding
  readonly pieces: number
  /** Never given away: it changes in place. */
  bits: Uint8Array
  /** Bits that are set. */
  count = 0
  phase: Phase = 'idle'
  problem: ArtifactProblem | undefined
  retryAt: Millis = Number.NEGATIVE_INFINITY
  readonly came: Sources = { site: 0, members: 0, publisher: 0 }
  readonly #out: Outbox
  /** Who is told how an effect went; shared by all holdings. */
  readonly #tickets: Map<Ticket, Holding>
  #list: Uint8Array | undefined
  #preparedAt: Millis = Number.NEGATIVE_INFINITY
  /** The effects under way. */
  #preparing: Ticket | undefined
  #syncing: Ticket | undefined
  #saving: Ticket | undefined
  readonly #keeping = new Map<Ticket, number>()
  readonly #kept = new Set<number>()
  /** Bytes written since the last sync began, and since when there are any. */
  #unsynced = 0
  #unsyncedSince: Millis = 0
  #synced = false
  #listSaved: boolean
  /** Bits or list are to be saved, not before `#saveAt`. */
  #unsaved = false
  #saveAt: Millis = Number.NEGATIVE_INFINITY

  /** @param list as an earlier run saved it; undefined when it has to be fetched */
  constructor(out: Outbox, tickets: Map<Ticket, Holding>, encoding: Encoding, list: Uint8Array | undefined) {
    this.#out = out
    this.#tickets = tickets
    this.encoding = encoding
    this.pieces = pieceCount(encoding.length, encoding.pieceLength)
    this.bits = emptyBits(this.pieces)
    this.#list = list?.length === this.pieces * 32 ? list : undefined
    this.#listSaved = this.#list !== undefined
  }

  get list(): Uint8Array | undefined {
    return this.#list
  }

  get isReady(): boolean {
    return this.phase === 'ready'
  }

  get isFull(): boolean {
    return this.count === this.pieces
  }

  /** Everything is there, and would be after a power cut. */
  get isComplete(): boolean {
    return this.isReady && this.isFull && this.#synced
  }

  /** Bytes of the pieces that are there. */
  get bytes(): number {
    const last = this.pieces - 1
    const short = hasBit(this.bits, last) ? this.encoding.pieceLength - pieceBytes(this.encoding, last) : 0
    return this.count * this.encoding.pieceLength - short
  }

  /** Bytes that are being written. */
  get keepingBytes(): number {
    return [...this.#keeping.values()].reduce((sum, index) => sum + pieceBytes(this.encoding, index), 0)
  }

  has(index: number): boolean {
    return hasBit(this.bits, index)
  }

  /** There, or being written. */
  hasOrKeeps(index: number): boolean {
    return this.has(index) || this.#kept.has(index)
  }

  /** The piece list, whose hash was checked, came. What was begun is saved, so that the next run looks at the file. */
  listed(list: Uint8Array, now: Millis): void {
    this.#list = list
    this.#save(now)
  }

  /** True when the disk may be asked what there is. */
  mayPrepare(now: Millis): boolean {
    const idle = this.phase === 'idle' || (this.phase === 'failed' && now >= this.retryAt)
    return idle && this.#list !== undefined && this.#keeping.size === 0
  }

  /** @param decoded bytes that unpacking will need beside it */
  prepare(decoded: number): void {
    if (this.#list === undefined) return
    this.phase = 'preparing'
    const ticket = this.#ticket()
    this.#preparing = ticket
    this.#out.emit({ type: 'artifactPrepare', ticket, encoding: this.encoding, pieceList: this.#list, decoded })
  }

  /** The disk told which pieces are there. False when nobody asked. */
  prepared(ticket: Ticket, have: Uint8Array, now: Millis): boolean {
    if (ticket !== this.#preparing) return false
    this.#preparing = undefined
    this.#preparedAt = now
    this.phase = 'ready'
    this.problem = undefined
    this.bits = isBitfield(have, this.pieces) ? have.slice() : emptyBits(this.pieces)
    this.count = countBits(this.bits)
    // The file may have been written by a run that was killed: what was not synced then is now.
    this.#synced = false
    this.#unsynced = 0
    this.#save(now)
    this.check(now)
    return true
  }

  /** The whole file was put there by this machine. */
  imported(list: Uint8Array, now: Millis): void {
    this.#drop()
    this.#list = list
    this.phase = 'ready'
    this.problem = undefined
    this.bits = fullBits(this.pieces)
    this.count = this.pieces
    this.#synced = true
    this.#preparedAt = now
    this.#save(now, true)
  }

  /** True when the piece list gives this piece that hash, in hex. */
  isRight(index: number, hash: string): boolean {
    if (this.#list === undefined || index >= this.pieces) return false
    for (let i = 0; i < 32; i++) {
      if (Number.parseInt(hash.slice(2 * i, 2 * i + 2), 16) !== this.#list[index * 32 + i]) return false
    }
    return true
  }

  /** Writes the bytes of an arrival, which were checked. */
  keep(arrival: Ticket, index: number): void {
    const ticket = this.#ticket()
    this.#keeping.set(ticket, index)
    this.#kept.add(index)
    this.#out.emit({ type: 'pieceKeep', ticket, arrival, encoding: this.encoding.hash, index })
  }

  /** A piece was written. Returns which. */
  kept(ticket: Ticket, now: Millis): number | undefined {
    const index = this.#keptWas(ticket)
    if (index === undefined) return undefined
    setBit(this.bits, index)
    this.count += 1
    if (this.#unsynced === 0) this.#unsyncedSince = now
    this.#unsynced += pieceBytes(this.encoding, index)
    this.#synced = false
    this.check(now)
    return index
  }

  /** Preparing, keeping or syncing failed. Returns the piece that could not be kept, if it was one. */
  failed(ticket: Ticket, problem: ArtifactProblem, retryAt: Millis): number | undefined {
    const index = this.#keptWas(ticket)
    if (ticket === this.#preparing) this.#preparing = undefined
    if (ticket === this.#syncing) this.#syncing = undefined
    this.#fail(problem, retryAt)
    return index
  }

  /** The piece list, which is the one that the publisher signed, cannot be that of the encoding. */
  unusable(now: Millis): void {
    const detail = `the piece list of encoding ${this.encoding.hash} does not fit its length`
    this.#fail({ code: 'corrupt', detail }, now + limits.diskRetry)
  }

  /** A piece could not be read: what there is has to be found out again. A disk that lies is not asked all the time. */
  damaged(problem: ArtifactProblem, now: Millis): void {
    if (this.isReady) this.#fail(problem, Math.max(now, this.#preparedAt + limits.diskRetry))
  }

  synced(ticket: Ticket, now: Millis): void {
    if (ticket !== this.#syncing) return
    this.#syncing = undefined
    this.#synced = this.#unsynced === 0
    this.#save(now)
    this.check(now)
  }

  persisted(ticket: Ticket, now: Millis): void {
    if (ticket !== this.#saving) return
    this.#saving = undefined
    this.#listSaved = true
    if (this.#unsaved) this.#save(now)
  }

  persistFailed(ticket: Ticket, now: Millis): void {
    if (ticket !== this.#saving) return
    this.#saving = undefined
    this.#unsaved = true
    this.#saveAt = now + limits.diskRetry
  }

  /** Syncs and saves what is due. */
  check(now: Millis): void {
    if (this.#unsaved && this.#saving === undefined && now >= this.#saveAt) this.#save(now)
    if (!this.isReady || this.#syncing !== undefined || !this.#syncIsDue(now)) return
    this.#unsynced = 0
    const ticket = this.#ticket()
    this.#syncing = ticket
    this.#out.emit({ type: 'artifactSync', ticket, encoding: this.encoding.hash })
  }

  /** When check() is next needed. */
  deadline(): Millis | undefined {
    const save = this.#unsaved && this.#saving === undefined ? this.#saveAt : Number.POSITIVE_INFINITY
    const syncs = this.isReady && this.#syncing === undefined && this.#unsynced > 0
    const at = Math.min(save, syncs ? this.#unsyncedSince + limits.syncPeriod : Number.POSITIVE_INFINITY)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  /** Removes it from the disk and from the journal. */
  forget(): void {
    this.#drop()
    this.#out.emit({ type: 'artifactForget', encoding: this.encoding.hash })
  }

  #syncIsDue(now: Millis): boolean {
    if (this.isFull) return !this.#synced
    const late = this.#unsynced > 0 && now >= this.#unsyncedSince + limits.syncPeriod
    return late || this.#unsynced >= limits.syncBytesWritten
  }

  #fail(problem: ArtifactProblem, retryAt: Millis): void {
    this.problem = problem
    this.phase = 'failed'
    this.retryAt = retryAt
    this.#synced = false
  }

  /** `sync`: what is saved reaches the disk. */
  #save(now: Millis, sync = false): void {
    this.#unsaved = this.#saving !== undefined
    if (this.#saving !== undefined || this.#list === undefined) return
    const holding: Change = { type: 'holding', encoding: this.encoding.hash, bits: this.bits.slice() }
    const list: Change = { type: 'pieceList', hash: this.encoding.pieceList, list: this.#list }
    this.#saving = this.#out.persist(this.#listSaved ? [holding] : [list, holding], sync)
    this.#tickets.set(this.#saving, this)
    this.#saveAt = now
  }

  #keptWas(ticket: Ticket): number | undefined {
    const index = this.#keeping.get(ticket)
    this.#keeping.delete(ticket)
    if (index !== undefined) this.#kept.delete(index)
    return index
  }

  #ticket(): Ticket {
    const ticket = this.#out.ticket()
    this.#tickets.set(ticket, this)
    return ticket
  }

  /** What is under way concerns nobody any more. */
  #drop(): void {
    for (const [ticket, holding] of this.#tickets) if (holding === this) this.#tickets.delete(ticket)
    this.#keeping.clear()
    this.#kept.clear()
    this.#preparing = undefined
    this.#syncing = undefined
    this.#saving = undefined
    this.#unsynced = 0
  }
}
