// A simulated machine: runs the real NodeCore, performs its effects in virtual time, and can crash and start again.
// What the daemon does with sockets, timers and LevelDB is done here with the faulty network, queue and disk.
import type { Millis, NodeId } from '../../src/core/env.ts'
import type { Effect, Input, RefusalCode, Ticket } from '../../src/core/events.ts'
import { limits } from '../../src/core/limits.ts'
import { NodeCore } from '../../src/core/node.ts'
import { type DirectoryEffect, isDirectoryEffect } from '../../src/core/swarm/directory-effects.ts'
import type { Beacon } from '../../src/core/trust/beacon.ts'
import type { Membership } from '../../src/core/trust/documents.ts'
import type { StatementDocument } from '../../src/core/trust/statement.ts'
import { signBeacon } from '../../src/wire/beacon.ts'
import { encodeCredential, encodeGateReply, parseGateReply } from '../../src/wire/credential.ts'
import { encodeHead } from '../../src/wire/head.ts'
import { countersign, withCountersignature } from '../../src/wire/membership.ts'
import { changesToWrites, readState } from '../../src/wire/state.ts'
import { NodeClock } from './clock.ts'
import { SimDisk } from './disk.ts'
import type { FlowMachine } from './flows.ts'
import type { Doorkeeper } from './gate.ts'
import type { HandedIn, Identity } from './identity.ts'
import { Liar } from './liar.ts'
import type { Machine, Way } from './network.ts'
import type { Prng } from './prng.ts'
import { sample } from './sensors.ts'
import { SimGossip } from './sim-gossip.ts'
import { SimStreams } from './streams.ts'
import type { Surroundings } from './surroundings.ts'
import { Tickets } from './tickets.ts'
import { isTransfer, SimTransfers } from './transfers.ts'

/** Searches in the directory, and rounds of telling, that come to nothing: one in so many. */
const DIRECTORY_LOST = 0.1
/** A probe that takes longer than the core waits for it: one in so many. */
const SLOW_PROBE = 0.02
/** Share of steps of the wall clock that the process is told of at once; others show at the next sample. */
const STEP_NOTICED = 0.5

export class SimNode implements Machine, Doorkeeper, FlowMachine {
  readonly id: Identity
  readonly clock: NodeClock
  readonly disk: SimDisk
  readonly streams: SimStreams
  readonly transfers: SimTransfers
  readonly #gossip: SimGossip
  readonly zone: string
  readonly hidden: boolean
  readonly #world: Surroundings
  readonly #prng: Prng
  readonly #coreRandom: Prng
  #core: NodeCore | undefined
  #run = 0
  #started: Millis = 0
  #credential: Membership
  /** What it showed at a gate last, and what that was made from. */
  #shown: { membership: Membership; witness: Membership | undefined; bytes: Uint8Array } | undefined
  #armed: Millis | undefined
  #armedAs = 0
  /** It does not start while something keeps it away. */
  away = false
  readonly #liar: Liar | undefined
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
    const feed = (input: Input) => this.feed(input)
    const { index, hostile } = id
    const tickets = this.#tickets
    this.#liar = hostile === 'liar' ? new Liar(world.publisher, prng.fork('liar')) : undefined
    this.streams = new SimStreams(world, index, tickets, feed, this.#liar)
    const run = () => this.#run
    this.transfers = new SimTransfers(world, { index, junk: hostile === 'junk', prng: prng.fork('files'), run, feed })
    const silent = (what: string) => this.alive() && world.watch.silent(this, what)
    const membership = () => this.#credential
    this.#gossip = new SimGossip(world, {
      index,
      mute: id.mute,
      sign: id.key.sign,
      membership,
      tickets,
      feed,
      silent,
      run,
    })
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
    if (this.alive() || this.away) return
    const { queue, mesh, keys, scenario } = this.#world
    this.#run++
    this.#started = queue.now
    this.clock.restart(queue.now, this.#prng)
    const state = await readState(this.disk.reader())
    if (state.damaged.length > 0) throw new Error(`${this.id.name} wrote state that does not parse: ${state.damaged}`)
    this.#credential = state.memberships.find(({ id }) => id === this.id.membership.id) ?? this.id.membership
    const { recordPeriodMin, viewFlushPeriod } = scenario
    const wall = this.clock.wall(queue.now)
    const { facts, mirror } = this.id
    const own = { mesh: mesh.id, membership: this.#credential, rootFloor: 1, targetsFloor: 0, facts, mirror }
    const artifacts = this.transfers.open(state)
    const key = mesh.beaconKeys[this.id.index]
    const holder = key === undefined ? {} : { beaconKey: key.keyId }
    const env = keys.env(this.#coreRandom)
    this.#core = new NodeCore(
      env,
      { ...own, ...holder, ...state, artifacts, wall, recordPeriodMin, viewFlushPeriod },
      this.now(),
    )
    this.#gossip.join()
    this.#world.watch.started(this, state)
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

  /** Somebody on this machine publishes; `done` gets why it was refused, and nothing when the process ends before. */
  handIn({ targets, announcement, imported }: HandedIn, done: (refused: RefusalCode | undefined) => void): void {
    if (this.#core === undefined) return
    for (const content of imported) this.transfers.artifacts.import(content)
    const ticket = this.#tickets.expect('submission', ({ refused }) => done(refused))
    this.feed({ type: 'submitted', ticket, targets, announcement, imported })
  }

  /** Whoever enrols hands in a statement here; `done` as in `handIn`. */
  state(statement: StatementDocument, done: (refused: RefusalCode | undefined) => void): void {
    if (this.#core === undefined) return
    const ticket = this.#tickets.expect('submission', ({ refused }) => done(refused))
    this.feed({ type: 'stated', ticket, statement })
  }

  /** A liar tells everybody of something that is not so. */
  lie(topic: string): void {
    const head = this.alive() ? this.#liar?.head() : undefined
    if (head !== undefined) this.#gossip.publishHead(topic, encodeHead(head))
  }

  linked(peer: number, address: string, direction: 'inbound' | 'outbound', way: Way): void {
    const route = way.route ?? (this.#world.machine(peer).zone === this.zone ? 'lan' : 'direct')
    if (this.#world.ways.on) this.#world.ways.linked(this.id.index, peer, route)
    this.feed({ type: 'connected', peer: this.#world.nodeOf(peer), address, direction, route })
  }

  moved(peer: number, address: string, direction: 'inbound' | 'outbound', { route = 'direct' }: Way): void {
    this.feed({ type: 'moved', peer: this.#world.nodeOf(peer), address, direction, route })
  }

  unlinked(peer: number): void {
    this.#world.ways.unlinked(this.id.index, peer)
    if (this.#core === undefined) return
    if (this.#world.flows.unlinked(this.id.index, peer)) this.piecesClosed(peer)
    this.feed({ type: 'disconnected', peer: this.#world.nodeOf(peer) })
    this.streams.unlinked(peer)
  }

  piecesOpened(peer: number): void {
    this.feed({ type: 'piecesOpened', peer: this.#world.nodeOf(peer) })
  }

  piecesClosed(peer: number): void {
    this.feed({ type: 'piecesClosed', peer: this.#world.nodeOf(peer) })
  }

  pieceArrived(peer: number, bytes: Uint8Array, next: () => void): void {
    this.transfers.arrived(peer, bytes, next)
  }

  /** What it shows at gates; made anew only when it changed. */
  credential(): Uint8Array {
    const [membership, witness] = [this.#credential, this.#core?.witness()]
    if (this.#shown?.membership !== membership || this.#shown.witness !== witness) {
      const bytes = encodeCredential({ mesh: this.#world.mesh.id, membership, witness })
      this.#shown = { membership, witness, bytes }
    }
    return this.#shown.bytes
  }

  judge(remote: number, credential: Uint8Array, answer: (admitted: boolean, reply: Uint8Array) => void): void {
    const shown = this.#world.credentialOf(credential)
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
    if (isTransfer(effect)) return this.transfers.perform(effect)
    if (isDirectoryEffect(effect)) return this.#direct(effect)
    switch (effect.type) {
      case 'sample':
        return this.#sample()
      case 'publish':
        return this.#gossip.publish(effect)
      case 'vote':
        return this.#gossip.publishVote(effect)
      case 'publishHead':
        return this.#gossip.publishHead(effect.topic, encodeHead(effect.head))
      case 'signBeacon':
        return this.#signBeacon(effect.beacon)
      case 'publishDigest':
        return this.#gossip.publishDigest(effect)
      case 'publishSummary':
        return this.#gossip.publishSummary(effect)
      case 'unsubscribe':
        return gossip.unsubscribe(this.id.index, effect.topic)
      case 'subscribe':
        return gossip.subscribe(this.id.index, effect.topic)
      case 'verdict':
      case 'admit':
      case 'queryDone':
      case 'reply':
      case 'submission':
        return this.#tickets.answer(effect)
      case 'persist':
        return this.#persist(effect)
      case 'dial':
        return this.#dial(effect.peer, effect.addresses)
      case 'close':
        return this.#soon(() => network.close(this.id.index, this.#world.indexOf(effect.peer)))
      case 'ask':
        return this.streams.ask(effect)
      case 'pulse':
        return this.#pulse(effect.peer, effect.timeout)
      case 'offerRelay':
      case 'reserve':
      case 'release':
      case 'improve':
        return this.#world.ways.perform(this.id.index, effect)
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

  #signBeacon(beacon: Beacon): void {
    const key = this.#world.mesh.beaconKeys[this.id.index]
    if (key !== undefined) this.#soon(() => this.feed({ type: 'beaconSigned', beacon: signBeacon(beacon, key) }))
  }

  #sample(): void {
    this.#soon(() => this.#tellWall())
    const time = this.#prng.chance(SLOW_PROBE) ? 3_000 : this.#prng.int(5, 200)
    this.#later(time, () => {
      const metrics = sample(this.#prng, this.#world.queue.now - this.#started)
      this.feed({ type: 'sampled', metrics, clockTrusted: this.clock.trusted })
    })
  }

  /** Answers of the directory come late, and some searches come to nothing: a server on the way is slow or gone. */
  #direct(effect: DirectoryEffect): void {
    const { directories } = this.#world
    if (effect.type === 'directoryServe') return directories.serve(this.node, effect.on)
    if (effect.type === 'directoryServers') return directories.servers(this.node, effect.known)
    if (effect.type === 'directoryWithdraw') return directories.withdraw(this.node, effect.encoding)
    const { ticket, encoding } = effect
    const lost = this.#prng.chance(DIRECTORY_LOST)
    this.#later(lost ? limits.directoryTime : this.#prng.int(50, 3_000), () => {
      if (effect.type === 'directoryFind') {
        const providers = lost ? [] : directories.find(this.node, encoding)
        return this.feed({ type: 'directoryFound', ticket, providers })
      }
      const servers = lost ? 0 : directories.provide(this.node, encoding, effect.addresses)
      this.feed({ type: 'directoryProvided', ticket, servers })
    })
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
    if (this.#world.ways.on) return this.#dialBy(peer, addresses)
    const address = addresses.find((candidate) => this.#world.at(candidate) !== undefined) ?? addresses[0] ?? ''
    const listener = this.#world.at(address)
    const right = listener !== undefined && this.#world.nodeOf(listener) === peer
    this.#world.gate.dial(this.id.index, right ? listener : undefined, address, (reason) =>
      this.feed({ type: 'dialFailed', peer, reason }),
    )
  }

  /** In a world with NATs; where no way leads, the addresses are dialled in vain. */
  #dialBy(peer: NodeId, addresses: readonly string[]): void {
    const listener = this.#world.indexOf(peer)
    const found = this.#world.ways.find(this.id.index, listener, addresses)
    const fail = (reason: string) => this.feed({ type: 'dialFailed', peer, reason })
    const target = found === undefined ? undefined : listener
    this.#world.gate.dial(this.id.index, target, found?.address ?? '', fail, found?.way)
  }

  #pulse(peer: NodeId, timeout: Millis): void {
    const run = this.#run
    this.#world.network.pulse(this.id.index, this.#world.indexOf(peer), timeout, (roundTrip) => {
      if (this.#run !== run) return
      this.feed(roundTrip === undefined ? { type: 'pulseMissed', peer } : { type: 'pulsed', peer, roundTrip })
    })
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
    this.transfers.crash(how)
    this.#world.gossip.leave(this.id.index)
    this.#world.ways.stopped(this.id.index)
    this.#world.directories.stopped(this.node)
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
