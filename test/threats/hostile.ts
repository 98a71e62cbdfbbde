// A hostile member: it has a genuine membership and real libp2p, and none of our manners. It admits everybody, says on gossip
// what it likes to whom it likes, answers questions with what a test puts into its mouth, and writes raw bytes on any stream.
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, Stream } from '@libp2p/interface'
import type { NodeId } from '../../src/core/env.ts'
import type { Envelope, Row } from '../../src/core/fleet/rows.ts'
import { type Hello, NOTHING, PROTOCOLS, type SyncRequest } from '../../src/core/protocols.ts'
import { announcementTopic, recordTopic } from '../../src/core/topics.ts'
import { EMPTY_VECTOR, type Head, type VersionVector } from '../../src/core/trust/announcement.ts'
import type { Membership, RootDocument } from '../../src/core/trust/documents.ts'
import { type Joined, readJoined } from '../../src/daemon/folder.ts'
import { memberGate } from '../../src/daemon/gate.ts'
import { makeSigner } from '../../src/keys/ed25519.ts'
import type { MeshDirectory } from '../../src/mesh/directory.ts'
import { type Composed, composeMesh } from '../../src/mesh/node.ts'
import { PIECES_PROTOCOL } from '../../src/mesh/pieces.ts'
import { decodeEnvelope, RECORD_KIND, sealEnvelope } from '../../src/wire/envelope.ts'
import { encodeHead } from '../../src/wire/head.ts'
import { decodeResponse, encodeRequest, encodeResponse } from '../../src/wire/messages.ts'
import { hexBytes, MessageWriter } from '../../src/wire/protobuf.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { decodeSyncRequest } from '../../src/wire/sync.ts'
import { QUIET } from '../mesh/quiet.ts'
import { closeLater, type Member, until } from './fleet.ts'
import { Lane } from './lane.ts'

/** What it answers; what is not there is answered with nothing. */
export interface Tricks {
  rootVersion: number
  roots: readonly RootDocument[]
  memberships: readonly Membership[]
  rows: readonly Row[]
  /** Which record of the asker it claims to hold. */
  yours: Hello['yours']
  /** Whether it says that it relays: then others take it for a server of the directory, too. */
  relays: boolean
  /** What it claims to hold of the publishers. */
  vector: VersionVector
  /** Its targets document: bytes that need not parse. */
  targets: Uint8Array
  /** What it gives for the hash of an announcement: bytes that need not be one. */
  bodies: ReadonlyMap<string, Uint8Array>
  /** What it gives for the hash of a piece list. */
  pieceLists: ReadonlyMap<string, Uint8Array>
}

type Asked = { [K in keyof Tricks]?: Tricks[K] }

/** Heads in one RPC: as many as a member takes at once. */
const RPC_HEADS = 500

interface Sealed {
  kind?: string
  membership?: string
  body: Uint8Array
}

export class Hostile {
  readonly tricks: Asked = {}
  /** Every envelope that it heard on the topics it listens to, in order. */
  readonly captured: Envelope[] = []
  readonly joined: Joined
  readonly #composed: Composed
  readonly #linked: Set<NodeId>
  /** What it was asked by sync, in order; but for the summary. */
  readonly asked: { peer: NodeId; request: SyncRequest }[] = []
  /** Streams of pieces that members opened towards it, in order; each was answered. */
  readonly lanes: Lane[] = []
  /** Called with each of these, before anything comes on it. */
  onLane: (lane: Lane) => void = () => undefined
  /** Who asked for rows. */
  readonly #told: NodeId[] = []
  /** What it says that it holds of the publishers, unless a trick says otherwise. */
  #agreed: VersionVector = EMPTY_VECTOR
  #barriers = 0
  #sayings = 0

  private constructor(joined: Joined, composed: Composed, linked: Set<NodeId>) {
    this.joined = joined
    this.#composed = composed
    this.#linked = linked
    composed.mesh.gossip.onMessage(async (_topic, bytes) => {
      this.captured.push(decodeEnvelope(bytes))
      return 'accept'
    })
  }

  /** Comes up with the membership of a folder that has joined. */
  static async start(data: string): Promise<Hostile> {
    const joined = await readJoined(data)
    const linked = new Set<NodeId>()
    let { membership } = joined
    const keeper = memberGate({
      mesh: joined.mesh,
      node: membership.claims.node,
      sign: makeSigner(joined.secret).sign,
      own: () => membership,
      admit: async () => ({ admitted: true, countersign: undefined }),
      countersigned: (better) => {
        membership = better
      },
      refused: () => undefined,
    })
    const composed = await composeMesh({
      secret: joined.secret,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: [],
      mesh8: joined.mesh.slice(0, 16),
      mdns: false,
      keeper,
      events: {
        ...QUIET,
        connected: (peer) => void linked.add(peer),
        disconnected: (peer) => void linked.delete(peer),
      },
    })
    closeLater(() => composed.mesh.stop())
    const hostile = new Hostile(joined, composed, linked)
    await hostile.#serve()
    return hostile
  }

  get id(): NodeId {
    return this.#composed.mesh.nodeId
  }

  get directory(): MeshDirectory {
    return this.#composed.directory
  }

  get mesh8(): string {
    return this.joined.mesh.slice(0, 16)
  }

  get membership(): Membership {
    return this.joined.membership
  }

  /** Captures the records of a zone from now on. */
  listen(zone: string): void {
    this.#composed.mesh.gossip.subscribe(recordTopic(this.mesh8, zone))
  }

  /** Resolves when there is a link to the member. */
  async dial(member: Member): Promise<void> {
    const { links } = this.#composed.mesh
    const address = member.address.slice(0, member.address.lastIndexOf('/p2p/'))
    await links.dial(member.id, [address], { signal: AbortSignal.timeout(10_000) })
    await until('a link', () => this.#linked.has(member.id))
  }

  /**
   * Tells the member these rows, each as heard just now, and resolves when it has judged them. It is restarted, so that it dials
   * us: whoever dials greets, and asks for the rows when our greeting claims to know a newer record of it.
   */
  async tell(member: Member, rows: readonly Pick<Row, 'node' | 'envelope'>[]): Promise<void> {
    await this.dial(member)
    await this.greet(member)
    this.tricks.yours = { incarnation: 99, counter: 1 }
    this.tricks.rows = rows.map(({ node, envelope }) => {
      return { node, envelope, record: decodeRecord(envelope.body), status: 'up', age: 0, alerts: [] }
    })
    await member.stop()
    const before = this.#told.length
    await member.start()
    await until(`${member.name} asks`, () => this.#told.slice(before).includes(member.id))
    await this.barrier(member)
    delete this.tricks.yours
    delete this.tricks.rows
  }

  /** Resolves when the member has taken what it was sent on streams before: it answers a question that came behind. */
  async settle(member: Member): Promise<void> {
    await this.ask(member, { protocol: 'sync', body: { type: 'targets' } })
  }

  /**
   * Resolves when the link is gone on both sides: what the member knew of our streams is forgotten. gossipsub may not hear us on
   * the next link for some seconds, so nothing that relinks should rely on gossip.
   */
  async hangUp(member: Member): Promise<void> {
    await this.#composed.mesh.links.close(member.id)
    await until('no link', async () => !(await member.status()).links.some(({ node }) => node === this.id))
  }

  /** Sends one gossip message to one member, past every rule of gossipsub about whom to send what. */
  async say(member: Member, zone: string, data: Uint8Array): Promise<void> {
    await this.#send(member, recordTopic(this.mesh8, zone), data)
  }

  /** Sends the head of an announcement, each time in bytes that gossip has not seen. */
  async sayHead(member: Member, head: Head): Promise<void> {
    const extra = new MessageWriter().uint(9, ++this.#sayings).finish()
    await this.#send(member, announcementTopic(this.mesh8), Buffer.concat([encodeHead(head), extra]))
  }

  async #send(member: Member, topic: string, data: Uint8Array): Promise<void> {
    await until('a stream for gossip', () => this.#rpc(member, [{ topic, data }]))
  }

  /** Says all of these on the topic of heads, as fast as the link takes them; nobody waits for what becomes of them. */
  async floodHeads(member: Member, messages: readonly Uint8Array[]): Promise<void> {
    const topic = announcementTopic(this.mesh8)
    for (let at = 0; at < messages.length; at += RPC_HEADS) {
      const batch = messages.slice(at, at + RPC_HEADS).map((data) => ({ topic, data }))
      await until('room for gossip', () => !this.isLinked(member) || this.#rpc(member, batch))
    }
  }

  isLinked(member: Member): boolean {
    return this.#linked.has(member.id)
  }

  #rpc(member: Member, messages: { topic: string; data: Uint8Array }[]): boolean {
    const gossip = this.#composed.libp2p.services.gossip as GossipSub & {
      sendRpc(peer: NodeId, rpc: { subscriptions: []; messages: typeof messages }): boolean
    }
    return gossip.sendRpc(member.id, { subscriptions: [], messages })
  }

  /** A stream of any protocol, for raw bytes. */
  stream(member: Member, protocol: string): Promise<Stream> {
    return this.#connection(member).newStream([protocol])
  }

  /** Opens a stream of pieces, and resolves when the member has answered. */
  async lane(member: Member): Promise<Lane> {
    const lane = new Lane(member.id, await this.stream(member, PIECES_PROTOCOL))
    await lane.answered
    return lane
  }

  /** Answers sync by raw bytes while `work` goes on. */
  async servingRaw<T>(serve: (stream: Stream) => void, work: () => Promise<T>): Promise<T> {
    const { libp2p } = this.#composed
    await libp2p.handle(PROTOCOLS.sync, (stream) => serve(stream), { force: true })
    try {
      return await work()
    } finally {
      await libp2p.unhandle(PROTOCOLS.sync)
      await this.#serveSync()
    }
  }

  #connection(member: Member): Connection {
    const [connection] = this.#composed.libp2p
      .getConnections()
      .filter(({ remotePeer }) => `${remotePeer}` === member.id)
    if (connection === undefined) throw new Error(`there is no link with ${member.name}`)
    return connection
  }

  async ask(member: Member, request: Parameters<typeof encodeRequest>[0]) {
    const options = { signal: AbortSignal.timeout(10_000), maxBytes: 262_144 }
    const { streams } = this.#composed.mesh
    return decodeResponse(
      request.protocol,
      await streams.ask(member.id, request.protocol, encodeRequest(request), options),
    )
  }

  /** The rows that the member serves of its zone: genuine envelopes of their authors. */
  async rowsOf(member: Member): Promise<readonly Row[]> {
    const answer = await this.ask(member, {
      protocol: 'query',
      body: { zone: member.zone, want: 'rows', after: undefined },
    })
    return answer.protocol === 'query' ? answer.body.rows : []
  }

  /** An envelope with a genuine signature of its own. */
  seal({ kind = RECORD_KIND, membership = this.membership.id, body }: Sealed): Uint8Array {
    return sealEnvelope({ kind, mesh8: this.mesh8, membership, body }, makeSigner(this.joined.secret).sign)
  }

  /** What it said to the member before has been judged when this resolves: what follows it is refused, and that is counted. */
  async barrier(member: Member): Promise<void> {
    const before = await member.refused('wrongKind')
    this.#barriers += 1
    const body = new TextEncoder().encode(`barrier ${this.#barriers}`)
    await this.say(member, member.zone, this.seal({ kind: 'none', body }))
    await until('the message behind', async () => (await member.refused('wrongKind')) > before)
  }

  #hello(): Hello {
    const { roots, membership } = this.joined
    const root = roots.at(-1) as RootDocument
    return {
      rootVersion: this.tricks.rootVersion ?? root.signed.version,
      rootHash: root.hash,
      zone: membership.claims.zone,
      serves: true,
      addresses: this.#composed.mesh.listening(),
      contacts: [],
      yours: this.tricks.yours,
      vector: this.tricks.vector ?? this.#agreed,
      ...(this.tricks.relays && { reach: { relays: true, nat: 'none' } }),
    }
  }

  /**
   * Says from now on that it goes by the targets of the member, and resolves when that one was told: only then is a bad signature,
   * or a path outside a role, its fault.
   */
  async agree(member: Member): Promise<void> {
    const answer = await this.ask(member, { protocol: 'sync', body: { type: 'targets' } })
    const targets = answer.protocol === 'sync' ? answer.body.targets : undefined
    this.#agreed = { ...EMPTY_VECTOR, targetsVersion: targets?.signed.version ?? 0, targetsHash: targets?.hash }
    await this.greet(member)
  }

  /** Greets the member: it learns which root we claim to hold. */
  async greet(member: Member): Promise<void> {
    await this.ask(member, { protocol: 'hello', body: this.#hello() })
  }

  async #serve(): Promise<void> {
    const { streams } = this.#composed.mesh
    await streams.handle('hello', async () => encodeResponse({ protocol: 'hello', body: this.#hello() }))
    await this.#serveSync()
    const serve = (stream: Stream, { remotePeer }: Connection) => {
      const lane = new Lane(remotePeer.toString(), stream)
      this.lanes.push(lane)
      this.onLane(lane)
      lane.frame(new Uint8Array(0))
    }
    await this.#composed.libp2p.handle(PIECES_PROTOCOL, serve)
    await streams.handle('query', async (peer) => {
      this.#told.push(peer)
      const counts = { up: 0, late: 0, down: 0, left: 0 }
      const { rows = [] } = this.tricks
      return encodeResponse({ protocol: 'query', body: { refused: undefined, counts, rows, more: false } })
    })
  }

  async #serveSync(): Promise<void> {
    await this.#composed.mesh.streams.handle('sync', async (peer, bytes) => {
      const request = decodeSyncRequest(bytes)
      // The summary of the fleet is asked for on the first link of a run, whatever else goes on.
      if (request.type !== 'summary') this.asked.push({ peer, request })
      return this.#syncAnswer(request)
    })
  }

  /** Field by field, since what it gives need not be what it should be (clause SYNC). */
  #syncAnswer(request: SyncRequest): Uint8Array {
    const { memberships = [], roots = [], targets, bodies, pieceLists } = this.tricks
    const message = new MessageWriter()
    switch (request.type) {
      case 'memberships':
        return encodeResponse({ protocol: 'sync', body: { ...NOTHING, memberships } })
      case 'roots':
        return encodeResponse({ protocol: 'sync', body: { ...NOTHING, roots } })
      case 'targets':
        return targets === undefined ? message.finish() : message.bytes(3, targets).finish()
      case 'announcements':
        for (const body of request.hashes.flatMap((hash) => bodies?.get(hash) ?? [])) message.bytes(4, body)
        return message.finish()
      case 'statements':
      case 'beacons':
      case 'summary':
        return message.finish()
      case 'pieceList': {
        const list = pieceLists?.get(request.hash)
        return list === undefined ? message.finish() : message.bytes(5, list).finish()
      }
    }
  }
}

/** The envelope with some fields replaced, and the signature as it was. `extra` bytes follow in a field that nobody knows. */
export function forge(
  envelope: Envelope,
  changes: Partial<Pick<Envelope, 'kind' | 'mesh8' | 'membership'>>,
  extra?: Uint8Array,
): Uint8Array {
  const { kind, mesh8, membership, body, signature } = { ...envelope, ...changes }
  const message = new MessageWriter()
    .text(1, kind)
    .bytes(2, hexBytes(mesh8, 8, 'mesh id'))
    .bytes(3, hexBytes(membership, 16, 'membership id'))
    .bytes(4, body)
    .bytes(5, signature)
  return (extra === undefined ? message : message.bytes(6, extra)).finish()
}
