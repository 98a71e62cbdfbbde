// A machine of the simulator at scale: the real NodeCore, and as little around it as performs its effects. No disk, no clock of its own, no
// trace: what is kept beside the core is one timer, open questions and, while it is starved of CPU, what waits for it.
import type { Env, Millis, NodeId } from '../../../src/core/env.ts'
import type { Effect, Input, Verdict } from '../../../src/core/events.ts'
import type { Envelope } from '../../../src/core/fleet/rows.ts'
import { limits } from '../../../src/core/limits.ts'
import { NodeCore } from '../../../src/core/node.ts'
import type { NodeEvent } from '../../../src/core/node-events.ts'
import type { NodeSetup } from '../../../src/core/setup.ts'
import { decodeDigest, encodeDigest } from '../../../src/wire/digest.ts'
import {
  DIGEST_KIND,
  decodeEnvelope,
  RECORD_KIND,
  SUMMARY_KIND,
  sealEnvelope,
  VOTE_KIND,
} from '../../../src/wire/envelope.ts'
import { decodeRecord, encodeRecord } from '../../../src/wire/record.ts'
import { decodeSummary, encodeSummary } from '../../../src/wire/summary.ts'
import { decodeVote, encodeVote } from '../../../src/wire/vote.ts'
import { EPOCH } from '../clock.ts'
import type { Prng } from '../prng.ts'
import type { EventQueue } from '../queue.ts'
import { Tickets } from '../tickets.ts'
import { Exchanges } from './exchanges.ts'
import { countingEnv, type Enrolment, type ScaleIdentity } from './identity.ts'
import type { Kind, Ledger } from './ledger.ts'
import { piSample, sharedSample } from './sensors.ts'
import type { Content, Message, Topics } from './topics.ts'
import type { Wires } from './wires.ts'

/** A write to a card, and a look at the sensors; ms. */
const DISK = 20
const PROBE = 30
/** What stands for a signature: nobody checks it, but it has its length. */
const SIGNATURE = new Uint8Array(64)
const FACTS = { model: null, os: null, kernel: null, arch: null, cpus: 4 }
const NO_PUBLISHERS = { targets: undefined, targetsFloor: 0, announcements: [], roleFloors: [], pathFloors: [] }

export interface Around {
  queue: EventQueue
  wires: Wires
  topics: Topics
  ledger: Ledger
  enrolment: Enrolment
  /** Injected into every core, but for checks and chance. */
  env: Env
  loss: number
  localHealth: boolean
  /** Whether all measure the same, as daemons that share a machine do. */
  oneMachine: boolean
  /** Whether everybody comes anew, and relays if it can. */
  joining: boolean
  prng: Prng
  machine(index: number): ScaleMachine
  told(machine: ScaleMachine, event: NodeEvent): void
}

export class ScaleMachine {
  readonly id: ScaleIdentity
  readonly #a: Around
  readonly #prng: Prng
  readonly #tickets = new Tickets()
  readonly exchanges: Exchanges
  #core: NodeCore | undefined
  #run = 0
  #incarnation = 0
  #started: Millis = 0
  /** When its one timer goes off. */
  #armed = Number.POSITIVE_INFINITY
  /** Since and until when it has no CPU, and what waits. */
  #pausedSince: Millis = 0
  #pausedUntil: Millis = 0
  readonly #waiting: Input[] = []
  steps = 0
  checks = 0

  constructor(around: Around, id: ScaleIdentity, prng: Prng) {
    this.#a = around
    this.id = id
    this.#prng = prng
    this.exchanges = new Exchanges(around, this, this.#tickets)
  }

  get core(): NodeCore | undefined {
    return this.#core
  }

  get node(): NodeId {
    return this.id.membership.claims.node
  }

  /** Counts starts and ends: what was under way in one run means nothing to the next. */
  get run(): number {
    return this.#run
  }

  /** Inputs that wait while it is starved. */
  get backlog(): number {
    return this.#waiting.length
  }

  start(): void {
    if (this.#core !== undefined) return
    const { queue, wires, env } = this.#a
    this.#run++
    this.#started = queue.now
    wires.set(this.id.index, 'running')
    const counting = countingEnv(
      env,
      () => void this.checks++,
      () => this.#prng.real(),
    )
    this.#core = new NodeCore(counting, this.#setup(), this.#now)
    this.feed({ type: 'wall', wall: EPOCH + queue.now })
    this.feed({ type: 'listening', addresses: [this.id.address] })
    this.feed({ type: 'reachable', addresses: [this.id.address] })
    this.feed({ type: 'woken' })
  }

  /** Ends without a word. `silent`: the machine has no power, so its peers hear nothing either. */
  stop(silent: boolean): void {
    if (this.#core === undefined) return
    const { wires, topics, queue } = this.#a
    const { index } = this.id
    this.#core = undefined
    this.#run++
    this.#armed = Number.POSITIVE_INFINITY
    this.#waiting.length = 0
    this.#pausedUntil = 0
    this.#tickets.clear()
    wires.set(index, silent ? 'silent' : 'ended')
    topics.leave(index)
    for (const peer of wires.closeAll(index)) {
      if (!silent) queue.after(wires.delay(index, peer), () => this.#a.machine(peer).lost(index))
    }
  }

  /** Takes its CPU away until then. */
  pause(until: Millis): void {
    const { queue } = this.#a
    if (until <= this.#pausedUntil) return
    if (this.#pausedUntil <= queue.now) this.#pausedSince = queue.now
    this.#pausedUntil = until
    queue.at(until, () => {
      if (queue.now >= this.#pausedUntil) this.#goOn()
    })
  }

  /** For how long it has had no CPU; 0 while it has. */
  get stoodStill(): Millis {
    const { now } = this.#a.queue
    return this.#pausedUntil > now ? now - this.#pausedSince : 0
  }

  /** When it does something about what comes now. */
  get free(): Millis {
    return Math.max(this.#pausedUntil, this.#a.queue.now)
  }

  feed(input: Input): void {
    if (this.#core === undefined) return
    if (this.#pausedUntil > this.#a.queue.now) this.#waiting.push(input)
    else this.#step(input, this.#core)
  }

  /** Takes a message of gossip and says what becomes of it. */
  hear(message: Message, from: number, judge: (verdict: Verdict) => void): void {
    if (this.#core === undefined) return
    const ticket = this.#tickets.expect('verdict', ({ verdict }) => judge(verdict))
    this.feed({ ...message.content, ticket, from: this.#a.machine(from).node, topic: message.topic })
  }

  /** The link with `peer` is gone, as this end sees it. */
  lost(peer: number): void {
    if (this.#a.wires.close(this.id.index, peer)) {
      this.#a.topics.relinked(this.id.index, peer)
      this.feed({ type: 'disconnected', peer: this.#a.machine(peer).node })
    }
  }

  /** Runs this later, unless the process ended by then. */
  later(delay: Millis, run: () => void): void {
    const started = this.#run
    this.#a.queue.after(delay, () => {
      if (this.#run === started) run()
    })
  }

  /** Monotonic time as a driver has it: whole milliseconds. */
  get #now(): Millis {
    return Math.floor(this.#a.queue.now)
  }

  #goOn(): void {
    const waiting = this.#waiting.splice(0)
    for (const input of waiting) this.feed(input)
  }

  #step(input: Input, core: NodeCore): void {
    this.steps++
    for (const effect of core.step(input, this.#now)) this.#perform(effect)
    if (this.#core === core) this.#arm(core)
  }

  #perform(effect: Effect): void {
    const { topics, queue } = this.#a
    switch (effect.type) {
      case 'sample':
        return this.later(PROBE, () => this.#sampled())
      case 'publish':
        return this.#publish(effect)
      case 'vote':
        return this.#vote(effect)
      case 'publishDigest':
        return this.#publishDigest(effect)
      case 'publishSummary':
        return this.#publishSummary(effect)
      case 'subscribe':
        return topics.subscribe(this.id.index, effect.topic)
      case 'unsubscribe':
        return topics.unsubscribe(this.id.index, effect.topic)
      case 'verdict':
      case 'admit':
      case 'reply':
        return this.#tickets.answer(effect)
      case 'persist':
        for (const change of effect.changes) if (change.type === 'incarnation') this.#incarnation = change.incarnation
        return this.later(DISK, () => this.feed({ type: 'persisted', ticket: effect.ticket }))
      case 'dial':
      case 'close':
      case 'ask':
      case 'pulse':
        return this.exchanges.perform(effect)
      case 'event':
        return this.#a.told(this, effect.event)
      case 'credential':
      case 'offerRelay':
      case 'directoryServe':
      case 'directoryServers':
        return
      default:
        throw new Error(`the simulator at scale does not know the effect "${effect.type}" at ${queue.now}`)
    }
  }

  #sampled(): void {
    const { now } = this.#a.queue
    this.feed({ type: 'wall', wall: EPOCH + now })
    const run = now - this.#started
    const metrics = this.#a.oneMachine ? sharedSample(now, run) : piSample(this.#prng, run)
    this.feed({ type: 'sampled', metrics, clockTrusted: true })
  }

  #publish({ topic, record }: Extract<Effect, { type: 'publish' }>): void {
    const { envelope, bytes } = this.#seal(RECORD_KIND, encodeRecord(record))
    const sent = decodeRecord(envelope.body)
    this.#gossip('record', topic, bytes, { type: 'gossip', envelope, record: sent })
    this.later(0, () => this.feed({ type: 'published', envelope, record: sent }))
  }

  #publishDigest({ topic, digest }: Extract<Effect, { type: 'publishDigest' }>): void {
    const { envelope, bytes } = this.#seal(DIGEST_KIND, encodeDigest(digest))
    const sent = decodeDigest(envelope.body)
    this.#gossip('digest', topic, bytes, { type: 'digestHeard', envelope, digest: sent })
    this.later(0, () => this.feed({ type: 'digestPublished', envelope, digest: sent }))
  }

  #publishSummary({ topic, summary }: Extract<Effect, { type: 'publishSummary' }>): void {
    const { envelope, bytes } = this.#seal(SUMMARY_KIND, encodeSummary(summary))
    const sent = decodeSummary(envelope.body)
    this.#gossip('summary', topic, bytes, { type: 'summaryHeard', envelope, summary: sent })
    this.later(0, () => this.feed({ type: 'summaryPublished', envelope, summary: sent }))
  }

  #vote({ topic, vote }: Extract<Effect, { type: 'vote' }>): void {
    const { envelope, bytes } = this.#seal(VOTE_KIND, encodeVote(vote))
    const content = { type: 'gossip' as const, envelope, record: undefined, vote: decodeVote(envelope.body) }
    this.#gossip('vote', topic, bytes, content)
  }

  #seal(kind: string, body: Uint8Array): { envelope: Envelope; bytes: number } {
    const mesh8 = this.#a.enrolment.mesh.id.slice(0, 16)
    const bytes = sealEnvelope({ kind, mesh8, membership: this.id.membership.id, body }, () => SIGNATURE)
    return { envelope: decodeEnvelope(bytes), bytes: bytes.length }
  }

  #gossip(kind: Kind, topic: string, bytes: number, content: Content): void {
    this.#a.topics.publish(this.id.index, { kind, topic, bytes, content })
  }

  /** A timer that was set for earlier than is wanted now sets itself anew: most steps move the deadline, and few are the first to come. */
  #arm(core: NodeCore): void {
    const deadline = core.deadline()
    if (deadline === undefined || deadline >= this.#armed) return
    const { queue } = this.#a
    const at = Math.max(queue.now, Math.ceil(deadline))
    this.#armed = at
    const run = this.#run
    queue.at(at, () => {
      if (this.#run === run && this.#armed === at) this.#ring()
    })
  }

  #ring(): void {
    this.#armed = Number.POSITIVE_INFINITY
    const core = this.#core as NodeCore
    const deadline = core.deadline()
    if (deadline !== undefined && deadline <= this.#now) this.feed({ type: 'woken' })
    else this.#arm(core)
  }

  #setup(): NodeSetup {
    const { enrolment, queue, joining } = this.#a
    const { mesh } = enrolment
    const mates = joining ? [this.id] : enrolment.mates(this.id.zone)
    const contacts = joining ? enrolment.first(this.id) : enrolment.contacts(this.id)
    const wall = EPOCH + queue.now
    return {
      ...{
        mesh: mesh.id,
        membership: this.id.membership,
        roots: [mesh.root],
        rootFloor: 1,
        incarnation: this.#incarnation,
      },
      memberships: mates.map(({ membership }) => membership),
      contacts: contacts.map((contact) => ({ contact, wall })),
      ...{ rows: [], wall, recordPeriodMin: limits.recordPeriodMin, viewFlushPeriod: limits.viewFlushPeriod },
      ...{ publishers: NO_PUBLISHERS, targetsFloor: 0, artifacts: { holdings: [], pieceLists: [] }, installs: [] },
      ...{ statements: [], audit: [], facts: FACTS, mirror: false, directory: false },
      relay: joining ? 'auto' : 'never',
      ...{ reachable: [this.id.address], localHealth: this.#a.localHealth },
    }
  }
}
