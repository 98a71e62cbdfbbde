// Heartbeat: this node's own records. Invariants: no record leaves before its incarnation is on disk; (incarnation, counter)
// of the records sent strictly increases, over restarts too; the next record comes within the promise of the last.
import type { Env, Millis } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { InstallReport } from '../rollout/states.ts'
import type { RefusedSummary } from '../trust/audit.ts'
import { promiseFor } from './liveness.ts'
import type { MetricValues } from './metrics.ts'
import { compareRecords, type HealthRecord } from './record.ts'

type Phase = 'starting' | 'idle' | 'sampling'

export interface HeartbeatTerms {
  /** Shortest promise of a record. */
  minimum: Millis
  /** What a record says of releases, asked when it is sent; at most limits.recordInstalls. */
  installs: () => readonly InstallReport[]
  /** What this node refused of the publishers in this run. */
  refused: () => RefusedSummary | undefined
  /** Of this pimesh. */
  version?: string | undefined
}

export class Heartbeat {
  readonly #env: Env
  readonly #out: Outbox
  readonly #topic: string
  readonly #minimum: Millis
  readonly #installs: () => readonly InstallReport[]
  readonly #refused: HeartbeatTerms['refused']
  readonly #version: string | undefined
  #phase: Phase = 'starting'
  #incarnation: number
  #counter = 0
  #ticket: Ticket | undefined
  #metrics: MetricValues = []
  #jumps = 0
  /** When the next record is due, or when sampling is given up. */
  #due: Millis | undefined
  #sent: Millis | undefined
  #extraAllowed = true

  constructor(env: Env, out: Outbox, topic: string, saved: { incarnation: number }, terms: HeartbeatTerms) {
    this.#env = env
    this.#out = out
    this.#topic = topic
    this.#minimum = terms.minimum
    this.#installs = terms.installs
    this.#refused = terms.refused
    this.#version = terms.version
    this.#incarnation = saved.incarnation
  }

  get incarnation(): number {
    return this.#incarnation
  }

  get counter(): number {
    return this.#counter
  }

  get started(): boolean {
    return this.#phase !== 'starting'
  }

  /** Takes the next incarnation; the first record follows once it is on disk. */
  start(): void {
    this.#take(this.#incarnation + 1, 'start')
  }

  persisted(ticket: Ticket, now: Millis): void {
    if (ticket !== this.#ticket) return
    this.#ticket = undefined
    this.#phase = 'idle'
    this.#counter = 0
    this.#due = now
  }

  /** The disk refused the incarnation: without it on disk a restart would repeat it, so nothing is sent until it is written. */
  persistFailed(ticket: Ticket, now: Millis): void {
    if (ticket !== this.#ticket) return
    this.#ticket = undefined
    this.#due = now + this.#minimum
  }

  /** Asks for a sample when a record is due, and sends without it when the probe takes too long. */
  check(now: Millis, flags: number, members: number): void {
    if (this.#due === undefined || now < this.#due) return
    if (this.#phase === 'starting') this.#take(this.#incarnation, 'start')
    else if (this.#phase === 'idle') this.#sample(now)
    else this.#send(now, flags, members)
  }

  sampled(metrics: MetricValues, now: Millis, flags: number, members: number): void {
    this.#metrics = metrics
    if (this.#phase === 'sampling') this.#send(now, flags, members)
  }

  /** A neighbour appeared that knows nothing of us: at most one extra record per promise, jittered. */
  hurry(now: Millis): void {
    if (this.#phase !== 'idle' || !this.#extraAllowed || this.#due === undefined) return
    const at = now + limits.extraRecordDelay * (1 + this.#env.random())
    if (at >= this.#due) return
    this.#due = at
    this.#extraAllowed = false
  }

  /** Others say that we are gone: a record at once shows that we are not, within the same budget. */
  refute(now: Millis): void {
    if (this.#phase !== 'idle' || !this.#extraAllowed || this.#due === undefined) return
    this.#due = Math.min(this.#due, now)
    this.#extraAllowed = false
  }

  /** Sends the goodbye at once, with the last values. */
  goodbye(now: Millis, flags: number, members: number): void {
    if (this.#phase === 'starting') return
    this.#send(now, flags, members)
    this.#due = undefined
  }

  /**
   * A record of ours that we did not write in this run was heard, and its signature is right.
   * A card that was restored from an old image starts with an incarnation that it had before: it jumps above that, too.
   * @returns true when it cannot be explained by a lost disk any more: somebody else writes under our key.
   */
  heardOwn(record: HealthRecord): boolean {
    const mine = { incarnation: this.#incarnation, counter: this.#counter }
    if (compareRecords(record, mine) <= 0) return false
    const next = record.incarnation + 1
    if (this.#jumps >= limits.incarnationJumps || next > limits.incarnationMax) return true
    this.#jumps += 1
    this.#take(next, 'heardHigher')
    return false
  }

  deadline(): Millis | undefined {
    return this.#due
  }

  #take(incarnation: number, reason: 'start' | 'heardHigher'): void {
    this.#incarnation = incarnation
    this.#phase = 'starting'
    this.#due = undefined
    this.#ticket = this.#out.persist([{ type: 'incarnation', incarnation }], true)
    this.#out.event({ type: 'incarnation', incarnation, reason })
  }

  #sample(now: Millis): void {
    this.#phase = 'sampling'
    this.#due = now + limits.sampleShare * this.#minimum
    this.#out.emit({ type: 'sample' })
  }

  #send(now: Millis, flags: number, members: number): void {
    const promise = promiseFor(members, this.#minimum)
    this.#counter += 1
    const { incarnation, counter } = { incarnation: this.#incarnation, counter: this.#counter }
    this.#out.emit({
      type: 'publish',
      topic: this.#topic,
      record: {
        ...{ incarnation, counter, promise, flags, metrics: this.#metrics },
        ...{ installs: this.#installs(), refused: this.#refused(), version: this.#version },
      },
    })
    if (this.#sent === undefined) this.#out.event({ type: 'firstHeartbeat' })
    this.#sent = now
    this.#extraAllowed = true
    this.#phase = 'idle'
    // Sampling takes its share before the record goes out; the jitter keeps a site's nodes from speaking in chorus.
    const interval = promise * limits.recordSendShare - limits.sampleShare * this.#minimum
    this.#due = now + interval * (1 - 0.05 * this.#env.random())
  }
}
