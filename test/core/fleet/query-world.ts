// A world for tests of queries: contacts that are linked, live or dark, and an asker whose effects are carried out with delays.
import type { Effect, QueryResult, ZoneAnswer } from '../../../src/core/events.ts'
import { Queries } from '../../../src/core/fleet/query.ts'
import type { Row } from '../../../src/core/fleet/rows.ts'
import { Book } from '../../../src/core/links/book.ts'
import type { Link } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { QueryResponse } from '../../../src/core/protocols.ts'
import { Self } from '../../../src/core/self.ts'
import type { Membership } from '../../../src/core/trust/documents.ts'
import { inviteOf, keyOf, MESH, membershipOf, NOW, ROOT } from '../../fixtures/documents.ts'
import { testEnv } from '../env.ts'
import { envelope, record } from './helpers.ts'

export const ZONE = '/uk/glasgow'
const INVITE = inviteOf({ seats: 1_024 })
const OPERATOR = inviteOf({ zone: '/', capabilities: ['operator'], key: keyOf('operators').publicKey })

export type Ask = Extract<Effect, { type: 'ask' }>
export type Done = Extract<Effect, { type: 'queryDone' }>

export function member(name: string, seat = 0): Membership {
  return membershipOf({ node: name, invite: INVITE, claims: { seat } })
}

/** `count` members of ZONE in order of node id, as a view tells them. */
export function members(count: number): Membership[] {
  const all = Array.from({ length: count }, (_, i) => member(`m${i}`, i))
  return all.sort((a, b) => (a.claims.node < b.claims.node ? -1 : 1))
}

/** A row that its author signed; with `signed` false, one that he did not. */
export function rowOf(author: Membership, signed = true): Row {
  const signature = Uint8Array.of(signed ? 1 : 0)
  const sealed = { ...envelope(), mesh8: MESH.slice(0, 16), membership: author.id, signature }
  return { node: author.claims.node, envelope: sealed, record: record(1, 1), status: 'up', age: 1, alerts: [] }
}

export function response(rows: readonly Row[], changes: Partial<QueryResponse> = {}): QueryResponse {
  const counts = { up: rows.length, late: 0, down: 0, left: 0 }
  return { refused: undefined, counts, rows, more: false, ...changes }
}

/** An operator's peer with nobody on its roster but `met`, whose dice show `random`. */
export function asker(met: readonly Membership[] = [], random: () => number = () => 0.5) {
  const out = new Outbox()
  const env = { ...testEnv(), random }
  const self = new Self(MESH, membershipOf({ node: 'me', invite: OPERATOR, by: 'operators' }), ROOT, NOW, 0)
  const book = new Book(self.node, self.zone)
  const linked = new Map<string, Link>()
  const dialled: string[] = []
  const queries = new Queries({
    env,
    out,
    self,
    book,
    links: { get: (node) => linked.get(node), wantFor: (entry) => dialled.push(entry.node) },
    roster: { byId: (id) => met.find((membership) => membership.id === id) },
    gatekeeper: { problemOf: (membership) => (membership.claims.name === 'bad' ? 'badSignature' : undefined) },
    local: (): ZoneAnswer => {
      throw new Error('an operator has no zone')
    },
  })
  const know = (node: string, zone: string) =>
    book.hearsay({ node, zone, addresses: ['/ip4/10.0.0.1/tcp/1'], age: 0, serves: true }, 0)
  const link = (peer: string, zone: string | undefined = undefined) =>
    linked.set(peer, { peer, zone, address: '/ip4/10.0.0.1/tcp/1', direction: 'outbound', route: 'direct', since: 0 })
  return { queries, out, self, book, dialled, know, link, linked }
}
export type Asker = ReturnType<typeof asker>

/** What came out of the asker: its questions, and the result when it is there. */
export function drained({ out }: Asker): { asks: Ask[]; done: QueryResult | undefined; effects: Effect[] } {
  const effects = out.drain()
  const done = effects.find((effect): effect is Done => effect.type === 'queryDone')
  return { asks: effects.filter((effect): effect is Ask => effect.type === 'ask'), done: done?.result, effects }
}

/**
 * Runs a query of all zones: members whose name begins with `live` are linked `delay` ms after they were dialled and answer so
 * long after they were asked; the dial of every other member fails after 10 s.
 */
export function runQuery(
  world: Asker,
  timeout: number,
  delay: number,
): { zones: readonly ZoneAnswer[]; dials: number } {
  const { queries, dialled, link } = world
  const due: { at: number; act: (now: number) => void }[] = []
  let dials = 0
  const soon = (at: number, act: (now: number) => void) => due.push({ at, act })
  queries.start(1, undefined, timeout, 0)
  for (let now = 0; ; ) {
    const { asks, done } = drained(world)
    if (done !== undefined) return { zones: done.zones, dials }
    for (const { ticket, peer } of asks) {
      if (peer.startsWith('live')) soon(now + delay, (at) => queries.answered(ticket, peer, response([]), at))
    }
    for (const node of dialled.splice(0)) {
      dials += 1
      if (!node.startsWith('live')) soon(now + 10_000, (at) => queries.lost(node, at))
      else
        soon(now + delay, (at) => {
          link(node)
          queries.linked(node)
          queries.check(at)
        })
    }
    due.sort((a, b) => a.at - b.at)
    const [first] = due
    const deadline = queries.deadline() ?? Number.POSITIVE_INFINITY
    if (first === undefined && deadline === Number.POSITIVE_INFINITY) throw new Error('the query never ends')
    if (deadline <= now && (first?.at ?? deadline) > now) throw new Error('the deadline lies in the past')
    now = Math.min(first?.at ?? deadline, deadline)
    if (first?.at === now) due.shift()?.act(now)
    else queries.check(now)
  }
}
