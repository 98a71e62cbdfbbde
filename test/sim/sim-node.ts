// A simulated machine: runs the real NodeCore, performs its effects in virtual time, and can crash and start again.
// What the daemon does with sockets, timers and LevelDB is done here with the faulty network, queue and disk.
import type { Millis, NodeId } from '../../src/core/env.ts'
import type { Effect, Input, Ticket, Verdict } from '../../src/core/events.ts'
import { limits } from '../../src/core/limits.ts'
import { NodeCore } from '../../src/core/node.ts'
import type { Membership } from '../../src/core/trust/documents.ts'
import { encodeCredential, encodeGateReply, parseCredential, parseGateReply } from '../../src/wire/credential.ts'
import { decodeEnvelope, RECORD_KIND, sealEnvelope } from '../../src/wire/envelope.ts'
import { countersign, withCountersignature } from '../../src/wire/membership.ts'
import { decodeRecord, encodeRecord } from '../../src/wire/record.ts'
import { changesToWrites, readState } from '../../src/wire/state.ts'
import { NodeClock } from './clock.ts'
import type { SimKey } from './crypto.ts'
import { SimDisk } from './disk.ts'
import type { Doorkeeper } from './gate.ts'
import type { Machine } from './network.ts'
import type { Prng } from './prng.ts'
import { sample } from './sensors.ts'
import { SimStreams } from './streams.ts'
import type { RecordMessage, Surroundings } from './surroundings.ts'
import { Tickets } from './tickets.ts'

/** A probe that takes longer than the core waits for it: one in so many. */
const SLOW_PROBE = 0.02
/** Share of steps of the wall clock that the process is told of at once; others show at the next sample. */
const STEP_NOTICED = 0.5

export interface Identity {
  index: number
  /** `n007`: what traces and reports call it. */
  name: string
  key: SimKey
  membership: Membership
  address: string
  hidden: boolean
  /** Members whose addresses came with its invite. */
  bootstrap: readonly Identity[]
}

export class SimNode implements Machine, Doorkeeper {
  readonly id: Identity
  readonly clock: NodeClock
  readonly disk: SimDisk
  readonly streams: SimStreams
  readonly zone: string
  readonly hidden: boolean
  readonly #world: Surroundings
  readonly #prng: Prng
  readonly #coreRandom: Prng
  #core: NodeCore | undefined
  #run = 0
  #started: Millis = 0
  #credential: Membership
  #armed: Millis | undefined
  #armedAs = 0
  readonly #tickets = new Tickets()

  constructor(world: Surroundings, id: Identity, prng: Prng) {
    this.#world = world
    this.id = id
    this.zone = id.membership.claims.zone
    this.hidden = id.hidden
    this.#prng = prng
    this.#coreRandom = prng.fork('core')
    this.clock = new NodeClock(prng.fork('clock'))
    this.disk = new SimDisk(world.queue, prng.fork('disk'), world.scenario.disk)
    this.#credential = id.membership
    this.streams = new SimStreams(world, id.index, this.#tickets, (input) => this.feed(input))
    // What joining a mesh leaves on disk before the daemon's first start.
    this.disk.install(changesToWrites([{ type: 'root', root: world.mesh.root }]))
  }

  get node(): NodeId {
    return this.id.membership.claims.node
  }

  get isNode(): boolean {
    return this.id.membership.invite.signed.capabilities.includes('node')
  }

  get core(): NodeCore | undefined {
    return this.#core
  }

  alive(): boolean {
    return this.#core !== undefined
  }

  run(): number {
    return this.#run
  }

  /** Monotonic time as this machine shows it. */
  now(): Millis {
    return this.clock.monotonic(this.#world.queue.now)
  }

  /** Its clock claims that its membership has expired: it believes nobody then, and rightly so. */
  clockLies(): boolean {
    return this.clock.wall(this.#world.queue.now) >= this.id.membership.claims.expires
  }

  /** The incarnation that would survive a power cut now; 0 for none. */
  durableIncarnation(): number {
    const value = this.disk.durable('incarnation')
    return value === undefined ? 0 : Number(new TextDecoder().decode(value))
  }

  /** Starts the process from what its disk holds. */
  async start(): Promise<void> {
    if (this.alive()) return
    const { queue, mesh, keys, scenario, gossip } = this.#world
    this.#run++
    this.#started = queue.now
    this.clock.restart(queue.now, this.#prng)
    const state = await readState(this.disk.reader())
    if (state.damaged.length > 0) throw new Error(`${this.id.name} wrote state that does not parse: ${state.damaged}`)
    const own = state.memberships.find(({ id }) => id === this.id.membership.id)
    this.#credential = own ?? this.id.membership
    const { recordPeriodMin, viewFlushPeriod } = scenario
    const wall = this.clock.wall(queue.now)
    const setup = { mesh: mesh.id, membership: this.#credential, rootFloor: 1, wall, recordPeriodMin, viewFlushPeriod }
    const env = keys.env(this.#coreRandom)
    this.#core = new NodeCore(env, { ...setup, ...state }, this.now())
    gossip.join(this.id.index, (message, from) => this.#heard(message, from))
    this.#world.watch.started(this, state.incarnation)
    this.feed({ type: 'wall', wall })
    this.feed({ type: 'listening', addresses: [this.id.address] })
    for (const peer of this.id.bootstrap) this.#discover(peer, 'bootstrap')
    this.feed({ type: 'woken' })
  }

  /** Ends the process without a word to it. */
  crash(kind: 'killed' | 'powerCut'): void {
    if (this.#core === undefined) return
    this.#stop(kind)
    this.disk.crash(kind)
    this.#world.network.crash(this.id.index, kind === 'powerCut')
  }

  /** Asks the process to end. */
  leave(): void {
    if (this.#core !== undefined) this.feed({ type: 'leaving' })
  }

  stepWall(): void {
    this.clock.stepWall(this.#world.queue.now, this.#prng)
    this.#trace(`clock ${this.clock.wall(this.#world.queue.now)}`)
    if (this.alive() && this.#prng.chance(STEP_NOTICED)) this.#tellWall()
  }

  /** mDNS says that `peer` is on this LAN. */
  sees(peer: Identity): void {
    if (this.alive()) this.#discover(peer, 'mdns')
  }

  /** An operator asks for all rows. */
  query(timeout: Millis, done: (effect: Extract<Effect, { type: 'queryDone' }>) => void): void {
    if (this.#core === undefined) return
    const ticket = this.#tickets.expect('queryDone', done)
    this.feed({ type: 'query', ticket, zones: undefined, timeout })
  }

  linked(peer: number, address: string, direction: 'inbound' | 'outbound'): void {
    this.feed({ type: 'connected', peer: this.#world.nodeOf(peer), address, direction })
  }

  unlinked(peer: number): void {
    if (this.#core === undefined) return
    this.feed({ type: 'disconnected', peer: this.#world.nodeOf(peer) })
    this.streams.unlinked(peer)
  }

  credential(): Uint8Array {
    return encodeCredential({ mesh: this.#world.mesh.id, membership: this.#credential, witness: this.#core?.witness() })
  }

  judge(remote: number, credential: Uint8Array, answer: (admitted: boolean, reply: Uint8Array) => void): void {
    const shown = parseCredential(credential)
    const ticket = this.#tickets.expect('admit', ({ admission }) => {
      const none = { takenSeats: [], countersignature: undefined, code: undefined }
      if (!admission.admitted) return answer(false, encodeGateReply({ ...none, ...admission }))
      const due = admission.countersign
      const by = { by: this.node, byMembership: this.#credential.id }
      const countersignature = due && countersign({ ...due, ...by }, this.id.key.sign)
      answer(true, encodeGateReply({ ...none, admitted: true, countersignature }))
    })
    const { membership, witness, mesh } = shown
    const remoteNode = this.#world.nodeOf(remote)
    this.feed({ type: 'credential', ticket, remote: remoteNode, membership, witness, claimedMesh: mesh })
    this.#later(limits.gateTimeout, () => this.#requireAnswer(ticket, 'a credential'))
  }

  answered(_remote: number, reply: Uint8Array): boolean {
    const { admitted, countersignature } = parseGateReply(reply)
    if (admitted && countersignature !== undefined)
      this.feed({ type: 'countersigned', membership: withCountersignature(this.#credential, countersignature) })
    return admitted
  }

  /** One input: steps the core, has the step checked, and performs its effects. */
  feed(input: Input): void {
    const core = this.#core
    if (core === undefined) return
    const { watch } = this.#world
    watch.before(this, input)
    let effects: Effect[]
    try {
      effects = core.step(input, this.now())
    } catch (error) {
      watch.threw(this, input, error)
      return
    }
    for (const effect of effects) {
      watch.effect(this, effect)
      this.#perform(effect)
    }
    if (this.#core !== core) return
    watch.after(this, core, input)
    this.#arm(core)
  }

  #perform(effect: Effect): void {
    const { network, gossip } = this.#world
    switch (effect.type) {
      case 'sample':
        return this.#sample()
      case 'publish':
        return this.#publish(effect)
      case 'subscribe':
        return gossip.subscribe(this.id.index, effect.topic)
      case 'verdict':
      case 'admit':
      case 'queryDone':
      case 'reply':
        return this.#tickets.answer(effect)
      case 'persist':
        return this.#persist(effect)
      case 'dial':
        return this.#dial(effect.peer, effect.addresses)
      case 'close':
        return this.#soon(() => network.close(this.id.index, this.#world.indexOf(effect.peer)))
      case 'ask':
        return this.streams.ask(effect)
      case 'credential':
        this.#credential = effect.membership
        return
      case 'event':
        return
      case 'left':
        return this.#left()
      default:
        throw new Error(`the simulator does not know the effect "${(effect as { type: string }).type}"`)
    }
  }

  #sample(): void {
    this.#soon(() => this.#tellWall())
    const time = this.#prng.chance(SLOW_PROBE) ? 3_000 : this.#prng.int(5, 200)
    this.#later(time, () => {
      const metrics = sample(this.#prng, this.#world.queue.now - this.#started)
      this.feed({ type: 'sampled', metrics, clockTrusted: this.clock.trusted })
    })
  }

  #publish({ topic, record }: Extract<Effect, { type: 'publish' }>): void {
    const { mesh, gossip } = this.#world
    const { sign } = this.id.key
    const membership = this.#credential.id
    const mesh8 = mesh.id.slice(0, 16)
    const bytes = sealEnvelope({ kind: RECORD_KIND, mesh8, membership, body: encodeRecord(record) }, sign)
    const envelope = decodeEnvelope(bytes)
    const message = { topic, author: this.id.index, bytes, envelope, record: decodeRecord(envelope.body) }
    gossip.publish(message)
    this.#soon(() => this.feed({ type: 'published', envelope, record: message.record }))
  }

  #heard({ topic, envelope, record }: RecordMessage, from: number): Verdict {
    let verdict: Verdict = 'ignore'
    const ticket = this.#tickets.expect('verdict', (effect) => {
      verdict = effect.verdict
    })
    this.feed({ type: 'gossip', ticket, from: this.#world.nodeOf(from), topic, envelope, record })
    this.#requireAnswer(ticket, 'a record')
    return verdict
  }

  #persist({ ticket, changes, sync }: Extract<Effect, { type: 'persist' }>): void {
    const run = this.#run
    this.disk.write(changesToWrites(changes), sync, (failure) => {
      if (this.#run !== run) return
      this.feed(
        failure === undefined ? { type: 'persisted', ticket } : { type: 'persistFailed', ticket, reason: failure },
      )
    })
  }

  #dial(peer: NodeId, addresses: readonly string[]): void {
    const address = addresses.find((candidate) => this.#world.at(candidate) !== undefined) ?? addresses[0] ?? ''
    const listener = this.#world.at(address)
    const right = listener !== undefined && this.#world.nodeOf(listener) === peer
    this.#world.gate.dial(this.id.index, right ? listener : undefined, address, (reason) =>
      this.feed({ type: 'dialFailed', peer, reason }),
    )
  }

  #left(): void {
    this.#stop('left')
    this.disk.settle()
    this.#world.network.leave(this.id.index)
  }

  #stop(how: 'killed' | 'powerCut' | 'left'): void {
    this.#core = undefined
    this.#armed = undefined
    this.#armedAs++
    this.#tickets.clear()
    this.streams.clear()
    this.#world.gossip.leave(this.id.index)
    this.#world.watch.stopped(this, how)
    this.#trace(how)
  }

  #discover(peer: Identity, source: 'mdns' | 'bootstrap'): void {
    this.feed({ type: 'discovered', peer: peer.membership.claims.node, addresses: [peer.address], source })
  }

  #tellWall(): void {
    this.feed({ type: 'wall', wall: this.clock.wall(this.#world.queue.now) })
  }

  /** The node has one timer: whatever was armed before no longer counts. */
  #arm(core: NodeCore): void {
    const deadline = core.deadline()
    if (deadline === this.#armed) return
    this.#armed = deadline
    const arming = ++this.#armedAs
    if (deadline === undefined) return
    const { queue } = this.#world
    queue.at(Math.max(queue.now, this.clock.reaches(deadline)), () => {
      if (arming !== this.#armedAs) return
      this.#armed = undefined
      this.feed({ type: 'woken' })
    })
  }

  /** Gossip waits for a verdict without a time-out, so it must come out of the same step; the gate's within its time. */
  #requireAnswer(ticket: Ticket, what: string): void {
    if (this.alive() && this.#tickets.has(ticket)) this.#world.watch.silent(this, what)
  }

  #soon(run: () => void): void {
    this.#later(0, run)
  }

  #later(delay: Millis, run: () => void): void {
    const started = this.#run
    this.#world.queue.after(delay, () => {
      if (this.#run === started && this.alive()) run()
    })
  }

  #trace(what: string): void {
    this.#world.trace.add(this.#world.queue.now, this.id.name, what)
  }
}
