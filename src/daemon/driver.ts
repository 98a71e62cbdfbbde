// The driver: turns what happens into inputs for the core and performs its effects. The only place where the two meet.
// Inputs are handled one at a time, in order; effects never wait, their outcome comes back as an input.
// An effect that fails unexpectedly costs only itself. A core that throws has broken an invariant, so nothing that it would say
// afterwards can be trusted: the driver takes no input any more, and whoever started it ends the process.
import type { Millis, NodeId } from '../core/env.ts'
import type {
  Admission,
  AnyRequest,
  AnyResponse,
  Effect,
  Input,
  QueryResult,
  RefusalCode,
  Ticket,
  Verdict,
} from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import type { DescentAnswer } from '../core/fleet/descents.ts'
import { metricValues } from '../core/fleet/metrics.ts'
import type { SightAnswer, SightQuestion } from '../core/fleet/sightings.ts'
import type { HistoryAnswer, HistoryQuestion } from '../core/history/inquiries.ts'
import { limits } from '../core/limits.ts'
import type { NodeCore } from '../core/node.ts'
import type { NodeEvent } from '../core/node-events.ts'
import { PROTOCOLS, type ProtocolName } from '../core/protocols.ts'
import { isDirectoryEffect } from '../core/swarm/directory-effects.ts'
import { announcementTopic } from '../core/topics.ts'
import type { AnnouncementDocument, Encoding } from '../core/trust/announcement.ts'
import type { Beacon } from '../core/trust/beacon.ts'
import type { Membership, RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import type { StatementDocument } from '../core/trust/statement.ts'
import type { Clock } from '../ports/clock.ts'
import type { Directory } from '../ports/directory.ts'
import type { Gossip } from '../ports/gossip.ts'
import type { Links } from '../ports/links.ts'
import type { Probe } from '../ports/probe.ts'
import type { Store } from '../ports/store.ts'
import type { Streams } from '../ports/streams.ts'
import { signBeacon } from '../wire/beacon.ts'
import type { Credential } from '../wire/credential.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, messageBytes } from '../wire/messages.ts'
import type { Signatory } from '../wire/signed.ts'
import { changesToWrites } from '../wire/state.ts'
import { Directing } from './directing.ts'
import { envelopeInput, headInput } from './gossip-inputs.ts'
import { Linking } from './linking.ts'
import { PieceTraffic } from './piece-traffic.ts'
import { Speaking } from './speaking.ts'
import { type TransferPorts, Transfers } from './transfers.ts'

export interface Ports extends TransferPorts {
  clock: Clock
  store: Store
  probe: Probe
  gossip: Gossip
  streams: Streams
  links: Links
  directory: Directory
}

export type Sampled = Omit<Extract<Input, { type: 'sampled' }>, 'type'>

export interface DriverOptions {
  core: NodeCore
  mesh8: string
  /** Our membership id, named in every envelope. */
  membership: string
  /** Signs with the node's key. */
  sign: (bytes: Uint8Array) => Uint8Array
  /** Signs beacons; undefined on a machine that holds no beacon key. */
  beaconKey?: Signatory | undefined
  onEvent: (event: NodeEvent) => void
  /** A sample was taken, unrounded; what of it goes into a record is the core's. */
  onSample?: (sample: Sampled) => void
  /** The membership to show in the gate from now on. */
  onCredential: (membership: Membership) => void
  /** Something unexpected failed; the node goes on without it. */
  onDefect: (detail: string) => void
  /** The core broke: the node must end, without a goodbye. Called once. */
  onBroken: (error: unknown) => void
}

interface Waiting {
  resolve: (outcome: never) => void
  reject: (reason: Failure) => void
}

export class Driver {
  /** What was exchanged of pieces. */
  readonly pieces: PieceTraffic
  readonly #ports: Ports
  readonly #o: DriverOptions
  readonly #queue: Input[] = []
  readonly #waiting = new Map<Ticket, Waiting>()
  readonly #abort = new AbortController()
  readonly #transfers: Transfers
  readonly #linking: Linking
  readonly #directing: Directing
  readonly #speaking: Speaking
  /** The topic of heads; every other one carries envelopes. */
  readonly #heads: string
  #draining = false
  #ticket: Ticket = 0
  /** Writes in the order in which core asked for them. */
  #writes: Promise<void> = Promise.resolve()
  readonly #left = Promise.withResolvers<void>()
  #stopping: Promise<void> | undefined
  /** Why nothing is answered any more. */
  #over: Failure | undefined

  constructor(ports: Ports, options: DriverOptions) {
    this.#ports = ports
    this.#o = options
    this.#heads = announcementTopic(options.mesh8)
    const feeding = { feed: (input: Input) => this.feed(input), signal: this.#abort.signal }
    this.#linking = new Linking(ports.links, feeding)
    this.#directing = new Directing(ports.directory, feeding)
    this.#speaking = new Speaking(ports.gossip, { ...options, feed: feeding.feed })
    this.pieces = new PieceTraffic((peer) => options.core.linkWith(peer))
    this.#transfers = new Transfers(ports, { ...feeding, traffic: this.pieces, onDefect: options.onDefect })
  }

  /** Registers the handlers of the mesh; call once, before anything is linked. */
  async attach(): Promise<void> {
    await this.#transfers.attach()
    this.#ports.gossip.onMessage((topic, bytes, from) => this.#heard(topic, bytes, from))
    for (const protocol of Object.keys(PROTOCOLS) as ProtocolName[]) {
      await this.#ports.streams.handle(protocol, (peer, request) => this.#asked(peer, protocol, request))
    }
  }

  /** Hands one input to the core, and performs what it answers, before it returns (or after the inputs already queued). */
  feed(input: Input): void {
    if (this.#over !== undefined) return
    this.#queue.push(input)
    if (this.#draining) return
    this.#draining = true
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        for (const effect of this.#o.core.step(next, this.#ports.clock.now())) this.#attempt(effect)
      }
    } catch (error) {
      this.#break(error)
    } finally {
      this.#draining = false
      this.#arm()
    }
  }

  /** Judges what a peer showed in the gate; undefined where it showed nothing that parses. `replaces`: see the input. */
  admit(remote: NodeId, shown: Credential | undefined, replaces: boolean): Promise<Admission> {
    const { membership, witness, mesh } = shown ?? { membership: undefined, witness: undefined, mesh: undefined }
    const input = { type: 'credential', remote, membership, witness, claimedMesh: mesh, replaces } as const
    return this.#await((ticket) => ({ ...input, ticket }))
  }

  /** Asks the fleet for rows. */
  query(zones: readonly string[] | undefined, timeout: Millis): Promise<QueryResult> {
    return this.#await((ticket) => ({ type: 'query', ticket, zones, timeout }))
  }

  /** Asks for the values of a node over time. */
  history(question: HistoryQuestion): Promise<HistoryAnswer> {
    return this.#await((ticket) => ({ type: 'askHistory', ticket, question }))
  }

  /** Asks for the zones below inner zones: these, or all. */
  descend(zones: readonly string[] | undefined, timeout: Millis): Promise<DescentAnswer> {
    return this.#await((ticket) => ({ type: 'descend', ticket, zones, timeout }))
  }

  /** Asks by whom a node is seen. */
  sight(question: SightQuestion): Promise<SightAnswer> {
    return this.#await((ticket) => ({ type: 'askSight', ticket, question }))
  }

  /**
   * Hands in what a publisher on this machine signed; `imported` are the encodings whose bytes were taken already.
   * Resolves once it is in force, with undefined, or with the code why it was refused.
   */
  submit(
    announcement: AnnouncementDocument,
    targets: TargetsDocument | undefined,
    imported: readonly { encoding: Encoding; pieceList: Uint8Array }[],
  ): Promise<RefusalCode | undefined> {
    return this.#await((ticket) => ({ type: 'submitted', ticket, targets, announcement, imported }))
  }

  /** Hands in targets that were signed on this machine. Resolves once they are in force, with undefined, or with the code why not. */
  delegate(targets: TargetsDocument): Promise<RefusalCode | undefined> {
    return this.#await((ticket) => ({ type: 'delegated', ticket, targets }))
  }

  /** Hands in a statement that was signed on this machine. Resolves once it is in force, with undefined, or with the code why not. */
  state(statement: StatementDocument): Promise<RefusalCode | undefined> {
    return this.#await((ticket) => ({ type: 'stated', ticket, statement }))
  }

  /** Hands in roots that were signed on this machine. Resolves once the newest is in force, with undefined, or with the code why not. */
  root(roots: readonly RootDocument[]): Promise<RefusalCode | undefined> {
    return this.#await((ticket) => ({ type: 'rooted', ticket, roots }))
  }

  /** Says goodbye, waits until it and all writes are out, and stops taking inputs. Whoever waits for an answer gets a Failure. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.feed({ type: 'leaving' })
    await this.#left.promise
    this.#end(new Failure('E_NO_DAEMON', 'this daemon is stopping'))
    await this.#speaking.settled()
    this.#abort.abort(this.#over)
    await this.#transfers.stop()
    await this.#writes
  }

  #break(error: unknown): void {
    this.#queue.length = 0
    this.#end(new Failure('E_INTERNAL', `this daemon ends because of a defect: ${reasonOf(error)}`, { cause: error }))
    this.#abort.abort(this.#over)
    this.#left.resolve()
    this.#o.onBroken(error)
  }

  /** From here on nothing is taken, and nobody waits. */
  #end(why: Failure): void {
    this.#over ??= why
    this.#arm()
    for (const { reject } of this.#waiting.values()) reject(this.#over)
    this.#waiting.clear()
  }

  #arm(): void {
    const deadline = this.#over === undefined ? this.#o.core.deadline() : undefined
    this.#ports.clock.arm(deadline, () => this.feed({ type: 'woken' }))
  }

  #await<T>(input: (ticket: Ticket) => Input): Promise<T> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    this.#ticket += 1
    const ticket = this.#ticket
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(ticket, { resolve: resolve as (outcome: never) => void, reject })
      this.feed(input(ticket))
    })
  }

  #resolve(ticket: Ticket, outcome: unknown): void {
    this.#waiting.get(ticket)?.resolve(outcome as never)
    this.#waiting.delete(ticket)
  }

  /** Performs one effect; the others of its step do not suffer when it cannot be done. */
  #attempt(effect: Effect): void {
    try {
      this.#perform(effect)
    } catch (error) {
      this.#o.onDefect(`the effect "${effect.type}" failed: ${reasonOf(error)}`)
    }
  }

  #perform(effect: Effect): void {
    if (isDirectoryEffect(effect)) return this.#directing.perform(effect)
    switch (effect.type) {
      case 'sample':
        return this.#sample()
      case 'publish':
      case 'publishDigest':
      case 'publishSummary':
      case 'publishHead':
      case 'vote':
      case 'subscribe':
      case 'unsubscribe':
        return this.#speaking.perform(effect)
      case 'verdict':
        return this.#resolve(effect.ticket, effect.verdict)
      case 'admit':
        return this.#resolve(effect.ticket, effect.admission)
      case 'queryDone':
        return this.#resolve(effect.ticket, effect.result)
      case 'historyDone':
      case 'sightDone':
      case 'descentDone':
        return this.#resolve(effect.ticket, effect.answer)
      case 'reply':
        return this.#resolve(effect.ticket, effect)
      case 'persist':
        return this.#persist(effect)
      case 'dial':
      case 'close':
      case 'improve':
      case 'reserve':
      case 'release':
      case 'offerRelay':
      case 'pulse':
        return this.#linking.perform(effect)
      case 'ask':
        return this.#ask(effect)
      case 'credential':
        return this.#o.onCredential(effect.membership)
      case 'event':
        return this.#o.onEvent(effect.event)
      case 'left':
        return this.#left.resolve()
      case 'submission':
        return this.#resolve(effect.ticket, effect.refused)
      case 'signBeacon':
        return this.#signBeacon(effect.beacon)
      default:
        return this.#transfers.perform(effect)
    }
  }

  #signBeacon(beacon: Beacon): void {
    const { beaconKey } = this.#o
    if (beaconKey !== undefined) this.feed({ type: 'beaconSigned', beacon: signBeacon(beacon, beaconKey) })
  }

  #sample(): void {
    this.feed({ type: 'wall', wall: this.#ports.clock.wall(), offset: this.#ports.clock.offset() })
    const sample = async () => {
      const { metrics, ...beside } = await this.#ports.probe.sample({ signal: this.#abort.signal })
      return { metrics: metricValues(metrics), ...beside }
    }
    sample().then(
      (sampled) => {
        this.#o.onSample?.(sampled)
        this.feed({ type: 'sampled', ...sampled })
      },
      (error: unknown) => this.#over ?? this.#o.onDefect(`a sample failed: ${reasonOf(error)}`),
    )
  }

  #persist({ ticket, changes, sync }: Extract<Effect, { type: 'persist' }>): void {
    const write = () => this.#ports.store.write(changesToWrites(changes), { sync })
    this.#writes = this.#writes.then(write).then(
      () => this.feed({ type: 'persisted', ticket }),
      (error: unknown) => this.feed({ type: 'persistFailed', ticket, reason: reasonOf(error) }),
    )
  }

  #ask(ask: Extract<Effect, { type: 'ask' }>): void {
    const { ticket, peer, protocol } = ask
    const options = { signal: this.#within(limits.requestTimeout), maxBytes: messageBytes[protocol].response }
    const failed = (error: unknown, malformed: boolean) =>
      this.feed({ type: 'askFailed', ticket, peer, protocol, reason: reasonOf(error), malformed })
    const answered = (bytes: Uint8Array) => {
      let response: AnyResponse
      try {
        response = decodeResponse(protocol, bytes)
      } catch (error) {
        return failed(error, true)
      }
      this.feed({ type: 'answered', ticket, peer, ...response })
    }
    const question = async () => this.#ports.streams.ask(peer, protocol, encodeRequest(ask), options)
    question().then(answered, (error: unknown) => failed(error, false))
  }

  async #heard(topic: string, bytes: Uint8Array, from: NodeId): Promise<Verdict> {
    let input: (ticket: Ticket) => Input
    try {
      input = topic === this.#heads ? headInput(from, topic, bytes) : envelopeInput(from, topic, bytes)
    } catch {
      return 'reject'
    }
    // Only a daemon that ends gives none.
    return await this.#await<Verdict>(input).catch(() => 'ignore')
  }

  async #asked(peer: NodeId, protocol: ProtocolName, bytes: Uint8Array): Promise<Uint8Array> {
    const request: AnyRequest = decodeRequest(protocol, bytes)
    return encodeResponse(await this.#await<AnyResponse>((ticket) => ({ type: 'asked', ticket, peer, ...request })))
  }

  #within(timeout: Millis): AbortSignal {
    return AbortSignal.any([this.#abort.signal, AbortSignal.timeout(timeout)])
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
