// The view: what this node knows of its zone, one entry a node, ordered by (incarnation, counter) and aged by its own clock.
// Invariant: an entry's record never gets older; only a newer record of the node itself brings it back from `down` or `left`.
import type { Millis, NodeId } from '../env.ts'
import type { Change } from '../events.ts'
import { DAY, limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import { type Held, outgrown, type Straggler, suspicious, weigh } from './clones.ts'
import { type Heard, isMissed, nextChangeAt, statusAt } from './liveness.ts'
import type { Missing, StatusEvent } from './news.ts'
import { type Rates, ratesOf } from './rates.ts'
import { compareRecords, FLAG, type HealthRecord, type RecordOrder } from './record.ts'
import type { Envelope, Row, Status, StatusCounts } from './rows.ts'

interface Entry {
  node: NodeId
  record: HealthRecord
  envelope: Envelope
  heard: Millis
  /** False when the age rests on a wall clock of an earlier run that says nothing. */
  ageKnown: boolean
  status: Status
  /** Of one that is down by votes: the last record that they name, and until when that may still be on its way to us. It revives nobody. */
  named: { last: RecordOrder; until: Millis } | undefined
  /** Its witnesses were told that it is silent. */
  missed: boolean
  straggler: Straggler | undefined
  /** Records that its author may still send now; see limits.recordsPerPromise. */
  allowance: number
  allowedAt: Millis
  /** Said goodbye long ago: kept only so that an old record cannot bring it back. */
  hidden: boolean
  /** What its counters grew by between its last two records. */
  rates: Rates | undefined
}

/** A node as figures are made of it. */
export type Member = Readonly<Pick<Entry, 'node' | 'record' | 'status' | 'heard' | 'rates'>>

/** How a record stands to what is held; 'suspect' is not newer, but may prove a clone once its signature is checked. */
export type Standing = 'newer' | 'old' | 'suspect' | 'tooOften' | 'full'

export class View {
  readonly #self: NodeId
  readonly #tell: (event: StatusEvent, now: Millis) => void
  readonly #entries = new Map<NodeId, Entry>()
  readonly #dirty = new Set<NodeId>()
  /** Handed out by flush and not on disk yet. */
  readonly #writing = new Set<NodeId>()
  #patience = 1
  #nextCheck: Millis | undefined
  #listing: readonly Entry[] | undefined
  #shifts = 0
  /** Missed their promise by half, and nobody was told yet. */
  #missed = new Set<NodeId>()

  /** @param tell what becomes of a change of status: an event, unless another is said */
  constructor(
    self: NodeId,
    out: Outbox,
    tell: (event: StatusEvent, now: Millis) => void = (event) => out.event(event),
  ) {
    this.#self = self
    this.#tell = tell
  }

  /** Puts back what an earlier run wrote. A node that was `up` then is `late` now: it is owed the rest of its promises. */
  restore(
    row: { node: NodeId; envelope: Envelope; record: HealthRecord; status: Status; heardWall: Millis },
    now: Millis,
    wall: Millis | undefined,
  ): void {
    if (row.node === this.#self || this.#entries.size >= limits.viewNodes) return
    const final = row.status === 'down' || row.status === 'left'
    // A clock that is far ahead at the start must not have us forget who is gone: an old record would bring it back (T29, T38).
    const told = wall === undefined || wall < row.heardWall ? undefined : wall - row.heardWall
    const age = told === undefined ? undefined : Math.min(told, limits.goneKeptFor - DAY)
    const owed = limits.lateAfterPromises * row.record.promise
    const heard = final ? now - Math.max(age ?? 0, limits.downAfterPromises * row.record.promise) : now - owed
    const { node, envelope, record } = row
    const status = final ? row.status : 'late'
    this.#entries.set(node, {
      node,
      record,
      envelope,
      heard,
      ageKnown: final && age !== undefined,
      status,
      named: undefined,
      missed: !final,
      straggler: undefined,
      allowance: limits.recordBurst,
      allowedAt: now,
      hidden: false,
      rates: undefined,
    })
    this.#listing = undefined
    this.#schedule(now)
  }

  /** Cheap: decides whether the signature is worth checking at all. */
  standing(node: NodeId, record: HealthRecord, body: Uint8Array, now: Millis): Standing {
    const entry = this.#entries.get(node)
    if (entry === undefined)
      return this.#entries.size < limits.viewNodes || this.#evictable() !== undefined ? 'newer' : 'full'
    if (compareRecords(record, entry.record) > 0) return this.#allowance(entry, now) < 1 ? 'tooOften' : 'newer'
    return suspicious(heldOf(entry), record, body) ? 'suspect' : 'old'
  }

  /**
   * Takes a newer record whose signature was checked. `age`: how long ago another member heard it (0: we heard it now).
   * @returns true when the node was up and is, and nothing but its figures changed
   */
  accept(node: NodeId, record: HealthRecord, envelope: Envelope, now: Millis, age: Millis = 0): boolean {
    const before = this.#entries.get(node)
    if (before === undefined && this.#entries.size >= limits.viewNodes) this.#forget(this.#evictable())
    const heard = now - age
    const allowance = (before === undefined ? limits.recordBurst : this.#allowance(before, now)) - 1
    const said = before?.named
    const named = said && now <= said.until && compareRecords(record, said.last) <= 0 ? said : undefined
    const judged = node === this.#self ? 'up' : statusAt(toJudge(heard, record), now, this.#patienceWith(record))
    const status = named === undefined ? judged : 'down'
    const straggler = before && outgrown(heldOf(before), record, now)
    const kept = { straggler, allowance, allowedAt: now, hidden: false, missed: false, rates: ratesOf(record, before) }
    const entry: Entry = { node, record, envelope, heard, ageKnown: true, status, named, ...kept }
    this.#entries.set(node, entry)
    if (before === undefined) this.#listing = undefined
    this.#dirty.add(node)
    if (before?.status !== status) this.#changed({ node, from: before?.status, to: status }, now)
    this.#wake(this.#nextOf(entry, now))
    const calm = before?.status === 'up' && status === 'up' && saysSame(before.record, record)
    if (!calm) this.#shifts++
    return calm
  }

  /** Tokens of the author's bucket: full at first, refilled with its promise. */
  #allowance(entry: Entry, now: Millis): number {
    const refill = ((now - entry.allowedAt) / entry.record.promise) * limits.recordsPerPromise
    return Math.min(limits.recordBurst, entry.allowance + refill)
  }

  /** Takes a suspect record whose signature was checked; true when it proves a second writer under the node's key. */
  suspect(node: NodeId, record: HealthRecord, now: Millis): boolean {
    const entry = this.#entries.get(node)
    if (entry === undefined) return false
    const { straggler, proven } = weigh(heldOf(entry), record, now)
    entry.straggler = straggler
    return proven
  }

  /** Applies what silence says by now; emits an event for each change of status. */
  check(now: Millis): void {
    if (this.#nextCheck === undefined || now < this.#nextCheck) return
    for (const entry of this.#entries.values()) this.#age(entry, now)
    this.#schedule(now)
  }

  /**
   * All of its witnesses that could say so found it gone, and `by` did: so it is, until it speaks again.
   * @param last the newest record that they have heard: we may have missed it, and it may come late
   */
  votedDown(node: NodeId, by: readonly NodeId[], last: RecordOrder, now: Millis): void {
    const entry = this.#entries.get(node)
    if (entry === undefined || (entry.status !== 'up' && entry.status !== 'late')) return
    const before = entry.status
    entry.status = 'down'
    entry.named = { last, until: now + entry.record.promise }
    this.#dirty.add(node)
    this.#changed({ node, from: before, to: 'down', ...(by.length > 0 && { by }) }, now)
    this.#wake(this.#nextOf(entry, now))
  }

  /** How much longer than usual this node waits for others: it has no link, or doubts itself, before it accuses them. */
  setPatience(patience: number, now: Millis): void {
    if (patience === this.#patience) return
    this.#patience = patience
    this.#schedule(now)
  }

  /** Nodes that missed their promise by half since the last call. */
  takeMissed(): ReadonlySet<NodeId> {
    const missed = this.#missed
    if (missed.size > 0) this.#missed = new Set()
    return missed
  }

  /** This process slept for `gap`: nobody is to blame for a silence that nobody could hear. */
  forgive(gap: Millis, now: Millis): void {
    for (const entry of this.#entries.values()) if (entry.status === 'up' || entry.status === 'late') entry.heard += gap
    this.#schedule(now)
  }

  deadline(): Millis | undefined {
    return this.#nextCheck
  }

  record(node: NodeId): HealthRecord | undefined {
    return this.#entries.get(node)?.record
  }

  /** Undefined for a node that is not known, or that is not shown any more. */
  status(node: NodeId): Status | undefined {
    const entry = this.#entries.get(node)
    return entry?.hidden === true ? undefined : entry?.status
  }

  /** Since its newest record was heard; undefined for a node that is not known. */
  silence(node: NodeId, now: Millis): Millis | undefined {
    const entry = this.#entries.get(node)
    return entry && now - entry.heard
  }

  /** Nodes that are up, this one included. */
  *present(): Generator<{ node: NodeId; record: HealthRecord; heard: Millis }> {
    for (const entry of this.#entries.values()) if (entry.status === 'up') yield entry
  }

  /** How many members are not heard as they promised, those who went within the last few promises included. */
  missing(now: Millis): Missing {
    const counted = { missing: 0, members: 0 }
    for (const { node, status, record, heard } of this.#entries.values()) {
      const [silence, isGone] = [now - heard, status === 'down']
      if (status === 'left' || (isGone && silence > limits.goneLately * record.promise)) continue
      counted.members += 1
      if (node !== this.#self && (isGone || silence > record.promise)) counted.missing += 1
    }
    return counted
  }

  /** True for a node that missed its promise by half, or is gone. */
  isMissed(node: NodeId, now: Millis): boolean {
    const entry = this.#entries.get(node)
    if (entry === undefined || entry.status === 'down' || entry.status === 'left') return true
    return node !== this.#self && isMissed(toJudge(entry.heard, entry.record), now, this.#patienceWith(entry.record))
  }

  has(node: NodeId): boolean {
    return this.#entries.has(node)
  }

  get size(): number {
    return this.#entries.size
  }

  /** Nodes that count for the rate budget: all but those that are gone. */
  members(): number {
    const { up, late } = this.counts()
    return up + late
  }

  /** All that are shown, in no order. */
  *shown(): Generator<Member> {
    for (const entry of this.#entries.values()) if (!entry.hidden) yield entry
  }

  counts(): StatusCounts {
    const counts = { up: 0, late: 0, down: 0, left: 0 }
    for (const entry of this.#entries.values()) if (!entry.hidden) counts[entry.status] += 1
    return counts
  }

  /** Rows in order of node id, from after `after`, at most `limit`. */
  rows(now: Millis, after: NodeId | undefined, limit: number): Row[] {
    this.#listing ??= [...this.#entries.values()].sort((a, b) => (a.node < b.node ? -1 : 1))
    const rows: Row[] = []
    for (const { node } of this.#listing) {
      if (rows.length === limit) break
      const entry = this.#entries.get(node) as Entry
      if ((after === undefined || node > after) && !entry.hidden) rows.push(this.#row(entry, now))
    }
    return rows
  }

  /**
   * What changed since the last call, to be written in one batch. Our own record is not kept: the next run writes anew. Until
   * written() or writeFailed() says how it went, the batch counts as under way.
   */
  flush(now: Millis, wall: Millis): Change[] {
    const changes: Change[] = []
    for (const node of this.#dirty) {
      const entry = this.#entries.get(node)
      if (entry === undefined) changes.push({ type: 'forgetRow', node })
      else if (node !== this.#self) {
        const { envelope, status } = entry
        changes.push({ type: 'row', node, envelope, status, heardWall: wall - (now - entry.heard) })
      }
    }
    for (const node of this.#dirty) this.#writing.add(node)
    this.#dirty.clear()
    return changes
  }

  /** The last batch is on disk. */
  written(): void {
    this.#writing.clear()
  }

  /** The last batch is not: what it held is due again. */
  writeFailed(): void {
    for (const node of this.#writing) this.#dirty.add(node)
    this.#writing.clear()
  }

  /** A node that does not belong here any more: its row goes, whatever it says. */
  expel(node: NodeId): void {
    if (this.#entries.has(node)) this.#forget(node)
  }

  #row(entry: Entry, now: Millis): Row {
    const { node, envelope, record, status } = entry
    const age = node === this.#self || entry.ageKnown ? Math.max(0, now - entry.heard) : null
    return { node, envelope, record, status, age, alerts: [] }
  }

  #age(entry: Entry, now: Millis): void {
    if (entry.node === this.#self) return
    const silence = now - entry.heard
    const [judged, patience] = [toJudge(entry.heard, entry.record), this.#patienceWith(entry.record)]
    const status = entry.status === 'down' ? 'down' : statusAt(judged, now, patience)
    if (!entry.missed && status !== 'down' && isMissed(judged, now, patience)) {
      entry.missed = true
      this.#missed.add(entry.node)
    }
    const gone = status === 'left' || status === 'down'
    entry.hidden = status === 'left' && silence > limits.leftShownFor
    if (gone && silence > limits.goneKeptFor) this.#forget(entry.node)
    else if (status !== entry.status) {
      const before = entry.status
      entry.status = status
      this.#dirty.add(entry.node)
      this.#changed({ node: entry.node, from: before, to: status }, now)
    }
  }

  /** Grows whenever a node comes, goes, changes its status or says other flags: what only follows from these holds until then. */
  get shifts(): number {
    return this.#shifts
  }

  #changed(change: Omit<StatusEvent, 'type'>, now: Millis): void {
    this.#shifts++
    if (change.node !== this.#self) this.#tell({ type: 'status', ...change }, now)
  }

  /** Who says that it is slow is waited for. */
  #patienceWith({ flags }: HealthRecord): number {
    return (flags & FLAG.slow) === 0 ? this.#patience : Math.max(this.#patience, limits.slowPatience)
  }

  #forget(node: NodeId | undefined): void {
    if (node === undefined) return
    this.#shifts++
    this.#entries.delete(node)
    this.#missed.delete(node)
    this.#dirty.add(node)
    this.#listing = undefined
  }

  /** The node longest gone, to make room for one that lives. */
  #evictable(): NodeId | undefined {
    let oldest: Entry | undefined
    for (const entry of this.#entries.values()) {
      const gone = entry.status === 'down' || entry.status === 'left'
      if (gone && (oldest === undefined || entry.heard < oldest.heard)) oldest = entry
    }
    return oldest?.node
  }

  #wake(at: Millis | undefined): void {
    if (at !== undefined && (this.#nextCheck === undefined || at < this.#nextCheck)) this.#nextCheck = at
  }

  #schedule(now: Millis): void {
    this.#nextCheck = undefined
    for (const entry of this.#entries.values()) this.#wake(this.#nextOf(entry, now))
  }

  #nextOf(entry: Entry, now: Millis): Millis | undefined {
    if (entry.node === this.#self) return undefined
    if (entry.status === 'left' && !entry.hidden) return entry.heard + limits.leftShownFor + 1
    if (entry.status === 'down' || entry.status === 'left') return entry.heard + limits.goneKeptFor + 1
    const patience = this.#patienceWith(entry.record)
    return nextChangeAt(toJudge(entry.heard, entry.record), now, patience, !entry.missed) ?? now
  }
}

function toJudge(heard: Millis, { promise, flags }: HealthRecord): Heard {
  return { heard, promise, leaving: (flags & FLAG.leaving) !== 0 }
}

function heldOf({ record, envelope, straggler }: Entry): Held {
  return { record, body: envelope.body, straggler }
}

function saysSame(before: HealthRecord, after: HealthRecord): boolean {
  const { incarnation, promise, flags } = before
  const same = incarnation === after.incarnation && promise === after.promise && flags === after.flags
  const isSettled = before.counter >= Math.max(limits.witnessSettled, limits.reporterSettled)
  return same && isSettled && before.installs.length === 0 && after.installs.length === 0
}
