// What the tests of reporters share: digests, who signs them, and one reporter with everything around it in hand. A signature is right
// when it begins with 1.
import { createHash } from 'node:crypto'
import type { Env, Millis, NodeId } from '../../../src/core/env.ts'
import type { Effect } from '../../../src/core/events.ts'
import { Alerts } from '../../../src/core/fleet/alerts.ts'
import { Day } from '../../../src/core/fleet/day.ts'
import type { Digest } from '../../../src/core/fleet/digest.ts'
import { DigestGossip } from '../../../src/core/fleet/digest-gossip.ts'
import { type Figures, NO_FIGURES } from '../../../src/core/fleet/figures.ts'
import type { Spoken } from '../../../src/core/fleet/level.ts'
import { Reporting } from '../../../src/core/fleet/reporting.ts'
import type { Envelope } from '../../../src/core/fleet/rows.ts'
import { View } from '../../../src/core/fleet/view.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { SyncResponse } from '../../../src/core/protocols.ts'
import type { Membership } from '../../../src/core/trust/documents.ts'
import { Refusals } from '../../../src/core/trust/refusals.ts'
import { envelope, record, T } from './helpers.ts'

export const DAY_0 = 20_000
const WALL = DAY_0 * 86_400_000
export const D = 3 * T

export const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest())

export function figuresOf(up: number, changes: Partial<Figures> = {}): Figures {
  return { ...NO_FIGURES, zones: 1, counts: { up, late: 0, down: 0, left: 0 }, ...changes }
}

export function digest(zone: string, up: number, changes: Partial<Digest> = {}): Digest {
  const order = { incarnation: 1, counter: 1, day: DAY_0, promise: D, age: 0 }
  return { zone, leaf: true, ...order, figures: figuresOf(up), commitment: '00'.repeat(16), contacts: [], ...changes }
}

/** The envelope of a digest or summary. */
export function signed(by: NodeId, kind: 'dig' | 'sum' = 'dig', changes: Partial<Envelope> = {}): Envelope {
  return { ...envelope(), kind, membership: membershipId(by), signature: Uint8Array.of(1), ...changes }
}

export function spoken(by: NodeId, said: Digest, at: Millis): Spoken {
  return { by, digest: said, envelope: signed(by), at }
}

export const membershipId = (node: NodeId) => `id of ${node}`

export function membershipOf(node: NodeId, zone: string, capabilities = ['node']): Membership {
  return {
    id: membershipId(node),
    claims: { node, zone, expires: Number.MAX_SAFE_INTEGER },
    invite: { signed: { capabilities } },
  } as unknown as Membership
}

export interface Options {
  node?: NodeId
  zone?: string
  operator?: boolean
  random?: () => number
  /** Members of other zones that the book knows. */
  known?: readonly { node: NodeId; zone: string }[]
  /** Ids of memberships that were revoked. */
  revoked?: readonly string[]
  /** Those that are linked. */
  linked?: readonly { node: NodeId; zone: string }[]
  /** Zones that an earlier run heard of. */
  zones?: readonly { zone: string; leaf: boolean; heardWall: Millis }[]
}

/** A node that may report, without a mesh around it. */
export function reporter(options: Options = {}) {
  const {
    node = 'self',
    zone = '/uk/a',
    operator = false,
    random = () => 0.5,
    known = [],
    linked = [],
    revoked = [],
    zones = [],
  } = options
  const out = new Outbox()
  const env = {
    sha256,
    random,
    nodeKey: () => new Uint8Array(32),
    verify: (_key: Uint8Array, _message: Uint8Array, signature: Uint8Array) => signature[0] === 1,
  } as unknown as Env
  const self = {
    ...{ node, zone, isNode: !operator, mesh8: '00'.repeat(8), synchronised: true, addresses: ['/ip4/10.0.0.1/tcp/1'] },
    ...{ time: { bound: 0, wall: 0, synchronised: true } },
    wallAt: (now: Millis) => WALL + now,
    wallLabel: (now: Millis) => WALL + now,
  }
  const entries = known.map((one) => ({ ...one, addresses: ['/ip4/10.0.0.2/tcp/1'], serves: true }) as unknown as Entry)
  const book = {
    get: (who: NodeId) => entries.find((entry) => entry.node === who),
    inZone: (of: string | undefined) => entries.filter((entry) => entry.zone === of),
    outside: () => entries,
  }
  const dialled: NodeId[] = []
  const links = {
    get: (who: NodeId) => linked.find((one) => one.node === who) as never,
    wantFor: (entry: Entry) => dialled.push(entry.node),
  }
  const view = new View(node, out)
  const alerts = new Alerts(out)
  const refusals = new Refusals(out)
  const day = new Day(self as never)
  const members = new Map<string, Membership>()
  const authors = {
    size: 0,
    get: (id: string) => members.get(id),
    learn: (membership: Membership) => members.set(membership.id, membership) !== undefined,
  }
  const topics = { digests: (of: string) => `dig${of}`, records: `rec${zone}` }
  const heartbeat = { incarnation: 1, started: true }
  const parts = { env, out, self, view, alerts, heartbeat, book, links, day, topics, minimum: T, zones }
  const reporting = new Reporting(parts as never, 0)
  const statements = { isFound: (id: string) => revoked.includes(id), endOf: () => Number.MAX_SAFE_INTEGER }
  const hears = { env, out, self, authors, reporting, refusals, statements, day, topic: topics.records, gap: T / 2 }
  const gossip = new DigestGossip(hears as never)
  return {
    ...{ out, view, alerts, refusals, reporting, gossip, day, dialled },
    /** A member whose membership is known here. */
    knows: (who: NodeId, of: string, capabilities?: string[]) =>
      void members.set(membershipId(who), membershipOf(who, of, capabilities)),
    /** A zone-mate, or this node itself, sent its so many-eth record. */
    record: (who: NodeId, counter: number, now: Millis, flags = 0) =>
      view.accept(who, record(1, counter, { flags }), envelope(), now),
    effects: <K extends Effect['type']>(type: K) =>
      out.drain().filter((effect): effect is Extract<Effect, { type: K }> => effect.type === type),
    memberships: (...list: Membership[]) => ({ memberships: list }) as unknown as SyncResponse,
  }
}

/** A zone's members in the order of its reporters on a day. */
export function named(count: number, prefix = 'n'): NodeId[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`)
}
