// The directory: kad-dht of libp2p, with everything that it would do by itself taken away (docs/decisions/0016). It walks towards a key
// and speaks its messages; whom it dials, what it believes of addresses, what it keeps for others and how much of all that are
// ours. It is not a service of libp2p, which would dial, walk and discover by it, and it is loaded when it is first needed: a node
// that neither serves nor asks has nothing of it.
import type { Connection, Libp2p, PeerId, RoutingOptions, Stream } from '@libp2p/interface'
import type { KadDHT, KadDHTComponents, QueryEvent } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create as digestOf } from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { Told } from '../core/swarm/directory.ts'
import type { Directory } from '../ports/directory.ts'
import type { Dialler } from './dialler.ts'
import { DirectoryPeers } from './directory-peers.ts'
import { DirectoryRecords } from './directory-records.ts'
import type { Pairing } from './pairing.ts'
import { Turns } from './turns.ts'

export const DIRECTORY_PROTOCOL = '/pimesh/kad/1'

const OVER = new Failure('E_PROTOCOL', 'the directory stops')
const ENOUGH = new Failure('E_NO_MEMBER', 'this search has dialled enough')

export interface DirectoryParts {
  libp2p: Libp2p
  pairing: Pairing
  dialler: Dialler
  near: (address: Multiaddr) => boolean
  /** A server was dialled for a question: its link passes. */
  visited: (peer: NodeId) => void
}

/** One search, or one round of telling. */
class Question {
  readonly signal: AbortSignal
  #dials: number = limits.directoryDials
  /** Who was named: the best place that an answer gave it, and the addresses of each answer. */
  readonly #named = new Map<NodeId, { place: number; told: readonly (readonly string[])[] }>()

  constructor(signal: AbortSignal) {
    this.signal = signal
  }

  /** False when it has dialled enough. */
  mayDial(): boolean {
    this.#dials -= 1
    return this.#dials >= 0
  }

  /** One answer: who is named first, first. */
  hear(answer: readonly Told[]): void {
    for (const [place, { node, addresses }] of answer.entries()) {
      const { place: before, told } = this.#named.get(node) ?? { place, told: [] }
      this.#named.set(node, { place: Math.min(before, place), told: [...told, addresses] })
    }
  }

  /** In turn of all answers, so that no server hides what others say, neither members nor where they are. */
  named(): Told[] {
    const all = [...this.#named].sort(([, a], [, b]) => a.place - b.place || b.told.length - a.told.length)
    return all.map(([node, { told }]) => ({ node, addresses: inTurn(told).slice(0, limits.addressesPerContact) }))
  }
}

/** kad-dht hands its options through to whoever opens streams. */
interface Asking extends RoutingOptions {
  question?: Question
}

type Ask = (to: PeerId, message: object, options: Asking) => AsyncIterable<QueryEvent>
type Serve = (stream: Stream, connection: Connection) => Promise<void>

interface Kept {
  addProvider(key: CID, provider: PeerId): Promise<void>
  getProviders(key: CID): Promise<PeerId[]>
}

/** What kad-dht has and its interface does not show. */
interface Insides {
  network: { sendRequest: Ask }
  routingTable: {
    add(peer: PeerId): Promise<void>
    remove(peer: PeerId): Promise<void>
    closestPeerTagger: unknown
  }
  /** What is kept here, for others to ask. */
  providers: Kept
  /** Walks. */
  contentRouting: { providers: Kept }
  querySelf: unknown
  reprovider: unknown
  routingTableRefresh: unknown
  start(): Promise<void>
  stop(): Promise<void>
}

type Kad = KadDHT & Insides

/** In the place of what works in the background. */
const IDLE = {}

export class MeshDirectory implements Directory {
  readonly #parts: DirectoryParts
  readonly #records = new DirectoryRecords()
  readonly #peers: DirectoryPeers
  readonly #turns = new Turns({ atOnce: limits.directoryTurns, period: limits.directoryTurnPeriod })
  readonly #stopped = new AbortController()
  /** Servers that gave no answer, and until when they are left alone. */
  readonly #avoided = new Map<NodeId, Millis>()
  #known: readonly NodeId[] = []
  #kad: Promise<Kad> | undefined
  /** Changes of the mode and of the table, one after the other. */
  #changes: Promise<void> = Promise.resolve()

  constructor(parts: DirectoryParts) {
    this.#parts = parts
    const { libp2p, pairing, near } = parts
    const linkedAt = (peer: NodeId) => pairing.connection(peer)?.remoteAddr
    this.#peers = new DirectoryPeers({ self: libp2p.peerId, linkedAt, near })
  }

  /** Records that are kept for others. */
  get kept(): number {
    return this.#records.size
  }

  serve(on: boolean): void {
    if (!on && this.#kad === undefined) return
    this.#change(async (kad) => kad.setMode(on ? 'server' : 'client'))
  }

  servers(known: readonly Told[]): void {
    const before = this.#known
    const some = known.slice(0, limits.directoryServers)
    for (const { node, addresses } of some) this.#peers.learn(node, addresses)
    this.#known = some.map(({ node }) => node)
    if (this.#kad === undefined) return
    const gone = before.filter((node) => !this.#known.includes(node))
    this.#change(async ({ routingTable }) => {
      for (const node of gone) await routingTable.remove(peerIdFromString(node))
      await this.#fill(routingTable)
    })
  }

  async provide(key: string, addresses: readonly string[], { signal }: { signal: AbortSignal }): Promise<number> {
    this.#peers.own = addresses
    let told = 0
    await this.#ask(signal, async (kad, options) => {
      for await (const event of kad.provide(cidOf(key), options)) {
        if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') told += 1
      }
    })
    return told
  }

  withdraw(key: string): void {
    if (this.#kad !== undefined) this.#change((kad) => kad.cancelReprovide(cidOf(key)))
  }

  async find(key: string, { signal }: { signal: AbortSignal }): Promise<readonly Told[]> {
    const self = this.#parts.libp2p.peerId.toString()
    const question = await this.#ask(signal, async (kad, options, asked) => {
      const kept = (await kad.providers.getProviders(cidOf(key))).map(String)
      asked.hear(kept.map((node) => ({ node, addresses: this.#peers.addressesOf(node) })))
      for await (const _ of kad.findProviders(cidOf(key), options)) {
        // Whom servers name is heard in #hear.
      }
    })
    const found = question.named().filter(({ node, addresses }) => addresses.length > 0 && node !== self)
    return found.slice(0, limits.directoryProviders)
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    this.#stopped.abort(OVER)
    await this.#changes
    const kad = await this.#kad?.catch(() => undefined)
    await kad?.stop()
  }

  /** Whatever goes wrong, what was heard until then counts. */
  async #ask(
    signal: AbortSignal,
    work: (kad: Kad, options: Asking, question: Question) => Promise<void>,
  ): Promise<Question> {
    const ends = [signal, this.#stopped.signal, AbortSignal.timeout(limits.directoryTime)]
    const question = new Question(AbortSignal.any(ends))
    try {
      const kad = await this.#load()
      await this.#changes
      if (!question.signal.aborted) await work(kad, { signal: question.signal, question } as Asking, question)
    } catch {
      // its time is over, or this node stops
    }
    return question
  }

  /** What fails of them, fails because this node stops. */
  #change(work: (kad: Kad) => Promise<void>): void {
    const step = async () => {
      if (!this.#stopped.signal.aborted) await work(await this.#load())
    }
    this.#changes = this.#changes.then(step).catch(() => undefined)
  }

  #load(): Promise<Kad> {
    this.#kad ??= this.#start()
    return this.#kad
  }

  async #start(): Promise<Kad> {
    const { kadDHT, passthroughMapper } = await import('@libp2p/kad-dht')
    const make = kadDHT({
      protocol: DIRECTORY_PROTOCOL,
      clientMode: true,
      allowQueryWithZeroPeers: true,
      kBucketSize: limits.directoryNearest,
      alpha: limits.directoryAtOnce,
      disjointPaths: 1,
      maxInboundStreams: limits.directoryStreams,
      maxOutboundStreams: limits.directoryStreams,
      peerInfoMapper: passthroughMapper,
      networkDialTimeout: { minTimeout: limits.requestTimeout, maxTimeout: limits.requestTimeout },
    })
    const kad = make(this.#components()) as Kad
    Object.assign(kad, { querySelf: IDLE, reprovider: IDLE, routingTableRefresh: IDLE })
    kad.routingTable.closestPeerTagger = IDLE
    // A search would end when enough are known here: they may be away, or lie.
    const { providers } = kad
    kad.contentRouting.providers = {
      addProvider: (...what) => providers.addProvider(...what),
      getProviders: async () => [],
    }
    const ask = kad.network.sendRequest.bind(kad.network)
    kad.network.sendRequest = (to, message, options) => this.#hear(kad, to, ask(to, message, options), options.question)
    await kad.start()
    await this.#fill(kad.routingTable)
    return kad
  }

  /** As much of libp2p as kad-dht uses; a test notices when it begins to use more. */
  #components(): KadDHTComponents {
    const { libp2p } = this.#parts
    const registrar = {
      handle: (protocol: string, serve: Serve, options: object) =>
        libp2p.handle(protocol, (stream, connection) => this.#serve(stream, connection, serve), options),
      unhandle: (protocol: string) => libp2p.unhandle(protocol),
      // Who serves, core says: nobody is looked at because it is linked.
      register: async () => DIRECTORY_PROTOCOL,
      unregister: () => undefined,
    }
    const parts = {
      peerId: libp2p.peerId,
      logger: libp2p.logger,
      registrar,
      addressManager: { getAddresses: () => this.#peers.own.map((text) => multiaddr(text)) },
      peerStore: this.#peers,
      datastore: this.#records,
      connectionManager: {
        isDialable: async (addresses: readonly Multiaddr[]) => addresses.length > 0,
        openStream: (to: PeerId, _protocol: string, options: Asking) => this.#open(to, options),
      },
      ping: { ping: async (peer: PeerId) => this.#vouch(peer.toString()) },
    }
    return parts as unknown as KadDHTComponents
  }

  /** Into the table comes who serves as far as core knows, or is linked and answered. */
  #vouch(peer: NodeId): Millis {
    if (this.#isAvoided(peer) || !(this.#known.includes(peer) || this.#parts.pairing.linked(peer))) {
      throw new Failure('E_NO_MEMBER', `${peer} is not known to serve`)
    }
    return 0
  }

  async #fill(table: Insides['routingTable']): Promise<void> {
    for (const node of this.#known) if (!this.#isAvoided(node)) await table.add(peerIdFromString(node))
  }

  #isAvoided(peer: NodeId): boolean {
    const now = performance.now()
    for (const [each, until] of this.#avoided) if (until <= now) this.#avoided.delete(each)
    return this.#avoided.has(peer)
  }

  /** What a server answers is cut to what is believed of it before anything follows from it. */
  async *#hear(
    kad: Insides,
    to: PeerId,
    events: AsyncIterable<QueryEvent>,
    question: Question | undefined,
  ): AsyncGenerator<QueryEvent> {
    const from = to.toString()
    for await (const event of events) {
      const isOurs = question?.signal.aborted === true || (event.name === 'QUERY_ERROR' && event.error === ENOUGH)
      if (event.name === 'QUERY_ERROR' && !isOurs) await this.#avoid(kad, to)
      if (event.name !== 'PEER_RESPONSE') {
        yield event
        continue
      }
      const believed = (peers: typeof event.closer, most: number) =>
        peers.slice(0, most).flatMap(({ id }, at) => {
          const addresses = this.#peers.believed(from, peers[at]?.multiaddrs ?? [])
          return addresses.length === 0 ? [] : [{ id, addresses }]
        })
      const providers = believed(event.providers, limits.directoryProviders)
      question?.hear(providers.map(({ id, addresses }) => ({ node: id.toString(), addresses })))
      const closer = believed(event.closer, limits.directoryNearest + 1)
      for (const { id, addresses } of closer) this.#peers.learn(id.toString(), addresses)
      const infos = closer.map(({ id, addresses }) => ({ id, multiaddrs: addresses.map((text) => multiaddr(text)) }))
      // Without providers: kad-dht would end its search when one server has named enough.
      yield { ...event, closer: infos, providers: [] }
    }
  }

  async #avoid(kad: Insides, peer: PeerId): Promise<void> {
    this.#avoided.set(peer.toString(), performance.now() + limits.directoryAvoid)
    for (const node of this.#avoided.keys()) if (this.#avoided.size > limits.directoryPeers) this.#avoided.delete(node)
    await kad.routingTable.remove(peer)
  }

  /** A stream to a server, over the link that there is or one that is made for it: through our dialler, and so through the gate. */
  async #open(to: PeerId, { signal, question }: Asking): Promise<Stream> {
    const peer = to.toString()
    const { pairing, dialler, visited } = this.#parts
    const ends = [this.#stopped.signal, ...(signal ? [signal] : [])]
    const until = AbortSignal.any(ends)
    let connection = pairing.connection(peer)
    if (connection === undefined) {
      if (question?.mayDial() !== true) throw ENOUGH
      await dialler.dial(peer, this.#peers.addressesOf(peer), until)
      connection = pairing.connection(peer)
      visited(peer)
    }
    if (connection === undefined) throw new Failure('E_NO_MEMBER', `the link with ${peer} closed`)
    const stream = await connection.newStream([DIRECTORY_PROTOCOL], { signal: until })
    bound(stream, limits.directoryAnswerBytes)
    return stream
  }

  /** Never rejects. Who asks too often, or too much in one stream, ends it without an answer. */
  async #serve(stream: Stream, connection: Connection, serve: Serve): Promise<void> {
    if (!this.#turns.take(connection.remotePeer.toString())) return stream.abort(OVER)
    bound(stream, limits.directoryQuestionBytes)
    try {
      await serve(stream, connection)
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** Ends a stream over which more than this comes; kad-dht itself would take 4 MiB. */
function bound(stream: Stream, most: number): void {
  let came = 0
  stream.addEventListener('message', ({ data }) => {
    came += data.byteLength
    if (came > most) stream.abort(new Failure('E_PROTOCOL', `more than ${most} bytes on a stream of the directory`))
  })
}

function cidOf(key: string): CID {
  return CID.createV1(raw.code, digestOf(sha256.code, Uint8Array.from(Buffer.from(key, 'hex'))))
}

/** The first of each, then the second of each; each once. */
function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  const turns = Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1)))
  return [...new Set(turns.flat())]
}
