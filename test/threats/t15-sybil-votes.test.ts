// T15: sybil votes. A thousand keys without a membership of this mesh report health, time and rollout results: by gossip, by a
// neighbour that vouches for them and serves memberships of their own making, and at the gate. Nothing of it is shown, counted or
// believed, nothing grows with their number, and nobody's clock is asked.
import { beforeEach, expect, test } from 'vitest'
import type { Effect, Input } from '../../src/core/events.ts'
import { metricValues } from '../../src/core/fleet/metrics.ts'
import type { HealthRecord } from '../../src/core/fleet/record.ts'
import { limits, MINUTE } from '../../src/core/limits.ts'
import { NodeCore } from '../../src/core/node.ts'
import { NOTHING } from '../../src/core/protocols.ts'
import { recordTopic } from '../../src/core/topics.ts'
import type { Membership } from '../../src/core/trust/documents.ts'
import { decodeEnvelope, RECORD_KIND, sealEnvelope } from '../../src/wire/envelope.ts'
import { decodeRecord, encodeRecord } from '../../src/wire/record.ts'
import {
  env,
  inviteOf,
  keyOf,
  MESH,
  membershipOf,
  met,
  NO_PUBLISHERS,
  NOW,
  nodeOf,
  ROOT,
} from '../fixtures/documents.ts'

const SYBILS = 1_000
const ZONE = '/uk/glasgow'
const TOPIC = recordTopic(MESH.slice(0, 16), ZONE)
const RELEASE = 'ab'.repeat(8)

const own = membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) })
const mate = met(membershipOf({ node: 'mate' }), 'host', NOW, own.id)
/** Signed by an enrol key that they made themselves, and countersigned by one of them, in a hundred years. */
const grant = inviteOf({ seats: 1_024 }, 'sybil enrol')
const sybilOf = (i: number): Membership => {
  const membership = membershipOf({ node: `sybil ${i}`, invite: grant, claims: { seat: i, name: `sybil-${i}` } })
  return met(membership, `sybil ${(i + 1) % SYBILS}`, NOW + 100 * 365 * 24 * 60 * MINUTE)
}

let core: NodeCore
let now: number
let ticket: number

function feed(input: Input): Effect[] {
  now += 1
  return core.step(input, now)
}

const take = <T extends Effect['type']>(effects: readonly Effect[], type: T) =>
  effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type)

/** A record that its author really signed, saying that a release failed on it. */
function recordBy(name: string, membership: Membership, changes: Partial<HealthRecord> = {}): Input {
  const installs = [{ release8: RELEASE, state: 'failed', reason: 'badArtifact', percent: 0 }] as const
  const record = {
    incarnation: 9,
    counter: 1,
    promise: 10_000,
    flags: 1,
    metrics: metricValues({}),
    installs,
    ...changes,
  }
  const fields = { kind: RECORD_KIND, mesh8: MESH.slice(0, 16), membership: membership.id, body: encodeRecord(record) }
  const envelope = decodeEnvelope(sealEnvelope(fields, keyOf(name).sign))
  ticket += 1
  const from = mate.claims.node
  return { type: 'gossip', ticket, from, topic: TOPIC, envelope, record: decodeRecord(envelope.body) }
}

beforeEach(() => {
  now = 0
  ticket = 100_000
  core = new NodeCore(
    env,
    {
      ...{
        mesh: MESH,
        membership: own,
        roots: [ROOT],
        rootFloor: 1,
        incarnation: 4,
        memberships: [mate],
        contacts: [],
      },
      ...{ rows: [], wall: NOW, recordPeriodMin: 10_000, viewFlushPeriod: 10 * MINUTE },
      ...NO_PUBLISHERS,
    },
    now,
  )
  feed({ type: 'wall', wall: NOW })
  feed({ type: 'connected', peer: mate.claims.node, address: '/ip4/10.0.0.2/tcp/1', direction: 'inbound' })
  expect(take(feed(recordBy('mate', mate)), 'verdict')).toMatchObject([{ verdict: 'accept' }])
})

const seen = () => ({
  nodes: core.rows(now).map(({ node }) => node),
  reports: core.rows(now).flatMap(({ record }) => record.installs).length,
  counts: core.snapshot().counts,
  alerts: core.snapshot().alerts,
})

test('T15 records of a thousand strangers, and a neighbour that vouches for them, change nothing', () => {
  const before = seen()
  let asked = 0
  for (let i = 0; i < SYBILS; i++) {
    const sybil = sybilOf(i)
    const effects = feed(recordBy(`sybil ${i}`, sybil))
    expect(take(effects, 'verdict')).toMatchObject([{ verdict: 'ignore' }])
    for (const ask of take(effects, 'ask')) {
      asked += 1
      const body = { ...NOTHING, memberships: [sybil] }
      feed({ type: 'answered', ticket: ask.ticket, peer: ask.peer, protocol: 'sync', body })
    }
  }
  expect(asked).toBe(SYBILS)
  expect(seen()).toEqual(before)
  expect(before.nodes).toEqual([mate.claims.node])
  expect(core.snapshot().refusals).toMatchObject({ unknownEnroller: SYBILS })
  const sizes = core.sizes()
  expect([sizes.memberships, sizes.view]).toEqual([2, 1])
  expect(sizes.parked).toBeLessThanOrEqual(limits.parkedRecords)
})

test('T15 nor do memberships of theirs that name genuine ones: a member has one vote, and it is its own', () => {
  const before = seen()
  for (let i = 0; i < SYBILS; i++) {
    const verdicts = take(feed(recordBy(`sybil ${i}`, mate, { incarnation: 10 + i })), 'verdict')
    expect(verdicts).toMatchObject([{ verdict: 'reject' }])
  }
  expect(seen()).toEqual(before)
  expect(core.snapshot().refusals).toMatchObject({ badSignature: SYBILS })
})

test('T15 nor their rows in the answer of a zone-mate', () => {
  const before = seen()
  feed({ type: 'wall', wall: NOW })
  const [catchUp] = take(
    [
      ...feed({ type: 'disconnected', peer: mate.claims.node }),
      ...feed({ type: 'connected', peer: mate.claims.node, address: '/ip4/10.0.0.2/tcp/1', direction: 'inbound' }),
    ],
    'ask',
  ).filter(({ protocol }) => protocol === 'query')
  const rows = Array.from({ length: limits.queryRows }, (_, i) => {
    const input = recordBy(`sybil ${i}`, sybilOf(i)) as Extract<Input, { type: 'gossip' }>
    const { envelope, record } = input
    return {
      node: nodeOf(`sybil ${i}`),
      envelope,
      record: record as HealthRecord,
      status: 'up' as const,
      age: 0,
      alerts: [],
    }
  }).sort((a, b) => (a.node < b.node ? -1 : 1))
  const counts = { up: 1_000, late: 0, down: 0, left: 0 }
  const effects = feed({
    ...{ type: 'answered', ticket: catchUp!.ticket, peer: mate.claims.node, protocol: 'query' },
    body: { refused: undefined, counts, rows, more: false },
  })
  for (const ask of take(effects, 'ask')) {
    const body = { ...NOTHING, memberships: Array.from({ length: limits.syncMemberships }, (_, i) => sybilOf(i)) }
    feed({ type: 'answered', ticket: ask.ticket, peer: ask.peer, protocol: 'sync', body })
  }
  expect(seen()).toEqual(before)
})

test('T15 none of them passes the gate, and no date of theirs moves a clock', () => {
  for (let i = 0; i < SYBILS; i++) {
    const membership = sybilOf(i)
    const remote = membership.claims.node
    const witness = sybilOf((i + 1) % SYBILS)
    ticket += 1
    const effects = feed({ type: 'credential', ticket, remote, membership, witness, claimedMesh: MESH })
    expect(take(effects, 'admit')).toMatchObject([{ admission: { admitted: false, code: 'unknownEnroller' } }])
  }
  expect(core.sizes().memberships).toBe(2)
  // The clock is still that of the machine: a newcomer whose invite has not ended then is admitted.
  const newcomer = membershipOf({ node: 'newcomer', invite: inviteOf({ seats: 8 }), claims: { seat: 5 } })
  ticket += 1
  const { node: remote } = newcomer.claims
  const shown = {
    type: 'credential',
    ticket,
    remote,
    membership: newcomer,
    witness: undefined,
    claimedMesh: MESH,
  } as const
  expect(take(feed(shown), 'admit')).toMatchObject([
    { admission: { admitted: true, countersign: { at: NOW + SYBILS + 3 } } },
  ])
})
