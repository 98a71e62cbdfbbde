// A few whole nodes in one process, linked by hand, in virtual time: their messages go through wire/, their disks obey, and each has a
// wall clock of its own. Pieces do not travel: an installation has begun when its first edge is in the journal.
import type { Millis, NodeId } from '../../../src/core/env.ts'
import type { AnyRequest, AnyResponse, Effect, Input, RefusalCode } from '../../../src/core/events.ts'
import type { CollectorTrouble } from '../../../src/core/fleet/named-values.ts'
import type { HealthRecord } from '../../../src/core/fleet/record.ts'
import { limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { NodeCore } from '../../../src/core/node.ts'
import type { NodeEvent } from '../../../src/core/node-events.ts'
import type { AnnouncementDocument } from '../../../src/core/trust/announcement.ts'
import type { BeaconDocument } from '../../../src/core/trust/beacon.ts'
import type { Membership, RootDocument, TargetsDocument } from '../../../src/core/trust/documents.ts'
import type { MeshKey } from '../../../src/publish/mesh.ts'
import { signBeacon } from '../../../src/wire/beacon.ts'
import { decodeHead, encodeHead } from '../../../src/wire/head.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../../src/wire/messages.ts'
import { changesToWrites, readState } from '../../../src/wire/state.ts'
import { env, inviteOf, keyOf, MESH, membershipOf, NO_PUBLISHERS, NOW, nodeOf, ROOT } from '../../fixtures/documents.ts'

type Of<T extends Effect['type']> = Extract<Effect, { type: T }>

export interface MemberOptions {
  /** What its wall clock shows at the beginning of the world. */
  wall?: Millis
  synchronised?: boolean
  roots?: readonly RootDocument[]
  /** The name of the beacon key that it holds. */
  beacon?: string
}

const FAR = Number.POSITIVE_INFINITY
const INVITE = inviteOf({ seats: 100 })
/** Records are no part of these tests. */
const RECORDS = 10 * MINUTE

export class Member {
  readonly name: string
  readonly node: NodeId
  readonly membership: Membership
  /** What its wall clock shows beyond the time of the world. */
  ahead: Millis
  synchronised: boolean
  /** What its samples say of custom collectors. */
  troubles: readonly CollectorTrouble[] = []
  core: NodeCore
  /** Keys and values on its disk. */
  readonly disk = new Map<string, Uint8Array>()
  readonly links = new Set<Member>()
  readonly events: NodeEvent[] = []
  readonly records: HealthRecord[] = []
  /** `path@version` of each installation that was begun, in order. */
  readonly begun: string[] = []
  /** What it was told to be refused of what was handed in; `accepted` when nothing. */
  readonly submitted: (RefusalCode | 'accepted')[] = []
  /** Its disk refuses what is written. */
  diskFull = false
  /** Takes the place of its core in answering; undefined: the core answers. */
  lies: ((request: AnyRequest, peer: NodeId) => AnyResponse | undefined) | undefined
  readonly #mesh: LittleMesh
  readonly #roots: readonly RootDocument[]
  readonly #beacon: MeshKey | undefined
  #ticket = 1_000_000

  constructor(mesh: LittleMesh, name: string, seat: number, options: MemberOptions) {
    this.#mesh = mesh
    this.name = name
    this.node = nodeOf(name)
    this.membership = membershipOf({ node: name, invite: INVITE, claims: { seat } })
    this.ahead = (options.wall ?? NOW) - NOW
    this.synchronised = options.synchronised ?? true
    this.#roots = options.roots ?? [ROOT]
    this.#beacon = options.beacon === undefined ? undefined : keyOf(options.beacon)
    this.core = this.#newCore({})
  }

  /** What its wall clock shows. */
  get wall(): Millis {
    return NOW + this.#mesh.now + this.ahead
  }

  feed(input: Input): void {
    const core = this.core
    for (const effect of core.step(input, this.#mesh.now)) if (this.core === core) this.#perform(effect)
  }

  ticket(): number {
    return ++this.#ticket
  }

  /** Sets its clock, as the next sample would tell. */
  setClock(wall: Millis, synchronised: boolean): void {
    this.ahead = wall - NOW - this.#mesh.now
    this.synchronised = synchronised
    this.#sample()
  }

  submit(announcement: AnnouncementDocument, targets?: TargetsDocument): void {
    this.feed({ type: 'submitted', ticket: this.ticket(), targets, announcement, imported: [] })
  }

  /** The process ends, and another one starts from what is on the disk; its links are to be made anew. */
  async restart(): Promise<void> {
    for (const other of [...this.links]) this.#mesh.cut(this, other)
    const state = await readState({
      get: async (key) => this.disk.get(key),
      entries: async (prefix) =>
        [...this.disk].flatMap(([key, value]) => (key.startsWith(prefix) ? [{ key, value }] : [])),
    })
    const roots = [...this.#roots, ...state.roots]
    this.core = this.#newCore({ ...state, roots, memberships: [], contacts: [], rows: [] })
    this.start()
  }

  start(): void {
    this.feed({ type: 'wall', wall: this.wall })
    this.feed({ type: 'listening', addresses: [] })
  }

  #newCore(saved: object): NodeCore {
    return new NodeCore(
      env,
      {
        ...NO_PUBLISHERS,
        ...{ mesh: MESH, membership: this.membership, roots: this.#roots, rootFloor: 1, incarnation: 0 },
        ...{ memberships: [], contacts: [], rows: [], wall: this.wall },
        ...{ recordPeriodMin: RECORDS, viewFlushPeriod: limits.viewFlushPeriod },
        ...(this.#beacon && { beaconKey: this.#beacon.keyId }),
        ...saved,
      },
      this.#mesh.now,
    )
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'sample':
        return this.#mesh.later(() => this.#sample())
      case 'persist':
        return this.#mesh.later(() => this.#write(effect))
      case 'ask':
        return this.#mesh.later(() => this.#ask(effect))
      case 'publish':
        this.records.push(effect.record)
        return
      case 'signBeacon':
        if (this.#beacon === undefined) throw new Error(`${this.name} holds no beacon key`)
        return this.sign(signBeacon(effect.beacon, this.#beacon))
      case 'publishHead':
        return this.#gossip(effect)
      case 'submission':
        this.submitted.push(effect.refused ?? 'accepted')
        return
      case 'event':
        this.events.push(effect.event)
    }
  }

  /** A signature is made outside of the core, and comes back. */
  sign(beacon: BeaconDocument): void {
    this.#mesh.later(() => this.feed({ type: 'beaconSigned', beacon }))
  }

  #sample(): void {
    this.feed({ type: 'wall', wall: this.wall })
    this.feed({ type: 'sampled', metrics: [], clockTrusted: this.synchronised, troubles: this.troubles })
  }

  #write({ ticket, changes }: Of<'persist'>): void {
    if (this.diskFull) return this.feed({ type: 'persistFailed', ticket, reason: 'ENOSPC' })
    for (const { key, value } of changesToWrites(changes)) {
      if (value === undefined) this.disk.delete(key)
      else this.disk.set(key, value)
    }
    for (const change of changes) {
      if (change.type !== 'install' || change.entry.underway?.state !== 'fetching') continue
      this.begun.push(`${change.entry.path}@${change.entry.underway.version}`)
    }
    this.feed({ type: 'persisted', ticket })
  }

  #ask({ ticket, peer, ...ask }: Of<'ask'>): void {
    const other = [...this.links].find(({ node }) => node === peer)
    const { protocol } = ask
    const answer = other?.answer(this.node, decodeRequest(protocol, encodeRequest(ask)))
    if (answer === undefined) return this.feed({ type: 'askFailed', ticket, peer, protocol, reason: 'silence' })
    this.feed({ type: 'answered', ticket, peer, ...decodeResponse(protocol, encodeResponse(answer)) })
  }

  /** What it answers to a question of a linked member. */
  answer(peer: NodeId, request: AnyRequest): AnyResponse | undefined {
    const lie = this.lies?.(request, peer)
    if (lie !== undefined) return lie
    const ticket = this.ticket()
    let reply: AnyResponse | undefined
    for (const effect of this.core.step({ type: 'asked', ticket, peer, ...request }, this.#mesh.now)) {
      if (effect.type === 'reply' && effect.ticket === ticket) reply = effect
      else this.#perform(effect)
    }
    return reply
  }

  #gossip({ topic, head }: Of<'publishHead'>): void {
    for (const peer of this.links) {
      const heard = decodeHead(encodeHead(head))
      this.#mesh.later(() => {
        const input = { ticket: peer.ticket(), from: this.node, topic, head: heard }
        if (peer.links.has(this)) peer.feed({ type: 'headHeard', ...input })
      })
    }
  }
}

export class LittleMesh {
  now: Millis = 1_000
  readonly members: Member[] = []
  #soon: (() => void)[] = []

  add(name: string, options: MemberOptions = {}): Member {
    const member = new Member(this, name, this.members.length, options)
    this.members.push(member)
    member.start()
    this.#settle()
    return member
  }

  link(a: Member, ...others: Member[]): void {
    for (const b of others) {
      for (const [near, far] of [[a, b] as const, [b, a] as const]) {
        const shown = { membership: far.membership, witness: undefined, claimedMesh: MESH }
        near.feed({ type: 'credential', ticket: near.ticket(), remote: far.node, ...shown })
        near.links.add(far)
      }
      a.feed({ type: 'connected', peer: b.node, address: '/ip4/10.0.0.1/tcp/1', direction: 'outbound' })
      b.feed({ type: 'connected', peer: a.node, address: '/ip4/10.0.0.2/tcp/1', direction: 'inbound' })
    }
    this.#settle()
  }

  cut(a: Member, ...others: Member[]): void {
    for (const b of others)
      for (const [near, far] of [[a, b] as const, [b, a] as const]) {
        near.links.delete(far)
        near.feed({ type: 'disconnected', peer: far.node })
      }
    this.#settle()
  }

  /** What follows after the step that is under way. */
  later(then: () => void): void {
    this.#soon.push(then)
  }

  /** Lets so much time pass. */
  run(span: Millis): void {
    const until = this.now + span
    this.#settle()
    for (let steps = 0; ; steps++) {
      if (steps > 1_000_000) throw new Error('the world does not come to rest')
      const next = Math.min(...this.members.map(({ core }) => core.deadline() ?? FAR))
      if (next > until) break
      this.now = Math.max(next, this.now)
      for (const member of this.members) if ((member.core.deadline() ?? FAR) <= this.now) member.feed({ type: 'woken' })
      this.#settle()
    }
    this.now = until
    for (const member of this.members) member.feed({ type: 'woken' })
    this.#settle()
  }

  /** Long enough for a hello on every link, and what follows from it. */
  greet(): void {
    this.run(2 * limits.helloPeriod + 10 * SECOND)
  }

  #settle(): void {
    for (let then = this.#soon.shift(); then !== undefined; then = this.#soon.shift()) then()
  }
}
