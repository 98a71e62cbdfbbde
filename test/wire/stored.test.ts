// Every form on the wire and on disk is read as it was first written, and written as it was first read: the number of a field, the name of a
// key, a place in a list of names cannot be changed without a test that fails.
import { describe, expect, it } from 'vitest'
import type { Change } from '../../src/core/events.ts'
import { METRICS } from '../../src/core/fleet/metrics.ts'
import type { HealthRecord } from '../../src/core/fleet/record.ts'
import { packBlock } from '../../src/core/history/block.ts'
import type { SavedBlock } from '../../src/core/history/node-history.ts'
import { type Hello, NOTHING, type SyncRequest, type SyncResponse } from '../../src/core/protocols.ts'
import type { InstallEntry } from '../../src/core/rollout/states.ts'
import type { Cached } from '../../src/core/swarm/cache.ts'
import { EMPTY_VECTOR } from '../../src/core/trust/announcement.ts'
import type { AuditEntry } from '../../src/core/trust/audit.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { beaconJson, parseBeacon } from '../../src/wire/beacon.ts'
import { canonicalBytes, type JsonObject } from '../../src/wire/canonical.ts'
import { decodeDigest, encodeDigest } from '../../src/wire/digest.ts'
import { decodeEnvelope } from '../../src/wire/envelope.ts'
import { decodeHead, encodeHead } from '../../src/wire/head.ts'
import { inviteJson } from '../../src/wire/invite.ts'
import { claimsJson, parseMembership } from '../../src/wire/membership.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/wire/messages.ts'
import { decodePieceMessage, encodePieceData, encodePieceMessage } from '../../src/wire/pieces.ts'
import { decodeRecord, encodeRecord } from '../../src/wire/record.ts'
import { parseRoot, rootJson } from '../../src/wire/root.ts'
import { changesToWrites, readState, type SavedState } from '../../src/wire/state.ts'
import { parseStatement, statementJson } from '../../src/wire/statement.ts'
import { decodeSummary, encodeSummary } from '../../src/wire/summary.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { sampleDigest, sampleSummary } from './samples.ts'
import { stored, storedNames, unread } from './stored.ts'

const NODE = '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2'
const hash = (digit: string) => digit.repeat(64)
const WALL = 1_790_000_000_000
const documents = {
  root: parseRoot(stored('root')),
  targets: parseTargets(stored('targets')),
  former: parseTargets(stored('targets-former')),
  later: parseTargets(stored('targets-epoch')),
  laterRoot: parseRoot(stored('root-epoch')),
  bundle: parseAnnouncement(stored('announcement-bundle')),
  announcement: parseAnnouncement(stored('announcement')),
  membership: parseMembership(stored('membership')),
  statement: parseStatement(stored('statement')),
  beacon: parseBeacon(stored('beacon')),
}

describe('signed documents', () => {
  it.each<[string, { signedBytes: Uint8Array; raw: Uint8Array }, JsonObject]>([
    ['root', documents.root, rootJson(documents.root.signed)],
    ['targets', documents.targets, targetsJson(documents.targets.signed)],
    ['targets of former roles', documents.former, targetsJson(documents.former.signed)],
    ['targets of a later epoch', documents.later, targetsJson(documents.later.signed)],
    ['root that names that epoch', documents.laterRoot, rootJson(documents.laterRoot.signed)],
    ['statement', documents.statement, statementJson(documents.statement.signed)],
    ['beacon', documents.beacon, beaconJson(documents.beacon.signed)],
    ['invite of the membership', documents.membership.invite, inviteJson(documents.membership.invite.signed)],
    ['claims of the membership', documents.membership.document, claimsJson(documents.membership.claims)],
  ])('nothing of a %s is left unread', (_, { signedBytes }, json) => {
    expect(canonicalBytes(json)).toEqual(signedBytes)
  })

  it('the first forms have fewer fields', () => {
    expect(parseRoot(stored('root-1')).signed).toMatchObject({ version: 1, enrolment: { sealed: undefined } })
    expect(parseStatement(stored('statement-1')).signed).toMatchObject({ version: 1, policies: [] })
    expect(parseBeacon(stored('beacon-1')).signed.vector).toEqual({
      targetsVersion: 0,
      targetsHash: undefined,
      heads: [],
    })
    expect(parseTargets(stored('targets-1')).signed.roles[0]).not.toHaveProperty('whenStale')
  })

  it('an announcement says all that it said', () => {
    expect(documents.announcement.signed).toMatchObject({
      role: 'acme',
      epoch: 2,
      version: 7,
      expires: Date.UTC(2026, 8, 29),
    })
    expect(documents.announcement.signed.releases).toMatchObject([
      {
        ...{ path: 'acme/agent', counter: 7, version: '7.0.0', to: 'has(labels.room)', unsupported: undefined },
        installer: { type: 'file', file: 'agent', executable: true },
        artifact: { length: 10 },
        encodings: [{ type: 'identity', length: 10, pieceLength: 262_144 }],
      },
    ])
  })

  it('a bundle says what it requires and what was withdrawn', () => {
    expect(documents.bundle.signed.releases).toMatchObject([
      { path: 'acme/agent', counter: 8, requires: ['cd'.repeat(32)], withdraws: undefined, unsupported: undefined },
      {
        ...{ path: 'acme/lib', counter: 1, to: 'false', requires: [], unsupported: undefined },
        withdraws: 'eda4bc01d77fa6efbe1baf7d03a0a86396c95a9296513ac199e7b6f5053564e6',
      },
    ])
  })

  it('a membership says who met the node', () => {
    const { by, byMembership, at } = documents.membership.countersignature ?? {}
    const witness = '12D3KooWGPp87VKUP9TyfCAQa2gQq6BJMLaeVd6WA2CB3ddkXuJ5'
    expect([by, byMembership, at]).toEqual([witness, 'ab'.repeat(16), Date.UTC(2026, 6, 1, 1)])
  })
})

const CONTACT = { node: NODE, zone: '/uk/a', addresses: ['/ip4/10.0.0.1/tcp/31415'], age: 7, serves: true }
const VECTOR = {
  ...{ targetsVersion: 4, targetsHash: hash('b') },
  heads: [
    { role: 'acme', epoch: 2, version: 7, hash: hash('c'), rival: hash('d') },
    { role: 'tools', epoch: 1, version: 1, hash: hash('e'), rival: undefined },
  ],
}
const HELLO: Hello = {
  ...{ rootVersion: 3, rootHash: hash('a'), zone: '/uk/a', serves: true, addresses: CONTACT.addresses },
  ...{ contacts: [CONTACT], yours: { incarnation: 2, counter: 300 }, vector: VECTOR },
}
const REACH = { relays: true, nat: 'random' } as const
const BEACONS = [{ role: 'beacon', epoch: 5, version: 495_000, hash: hash('1') }]

describe('hello (clause HELLO)', () => {
  it.each<[string, Hello]>([
    ['hello-1', { ...HELLO, vector: EMPTY_VECTOR }],
    ['hello-2', HELLO],
    ['hello-3', { ...HELLO, statements: hash('f') }],
    ['hello-4', { ...HELLO, statements: hash('f'), beacons: BEACONS }],
    ['hello-5', { ...HELLO, contacts: [{ ...CONTACT, relays: true }], reach: REACH }],
  ])('%s', (name, body) => {
    const message = { protocol: 'hello', body } as const
    expect(decodeRequest('hello', stored(name))).toEqual(message)
    expect(encodeRequest(message)).toEqual(stored(name))
    expect(encodeResponse(message)).toEqual(stored(name))
  })

  it('a head', () => {
    expect(decodeHead(stored('head'))).toEqual(BEACONS[0])
    expect(encodeHead(BEACONS[0] as (typeof BEACONS)[number])).toEqual(stored('head'))
  })
})

const SUMMARY = decodeEnvelope(stored('summary'))

const QUESTIONS: Record<SyncRequest['type'], SyncRequest> = {
  memberships: { type: 'memberships', ids: ['00'.repeat(16), 'ff'.repeat(16)] },
  roots: { type: 'roots', from: 7 },
  targets: { type: 'targets' },
  announcements: { type: 'announcements', hashes: [hash('a'), hash('b')] },
  pieceList: { type: 'pieceList', hash: hash('c') },
  statements: { type: 'statements', held: ['0123456789abcdef', 'fedcba9876543210'] },
  beacons: { type: 'beacons' },
  summary: { type: 'summary' },
}
const ANSWERS: Record<keyof SyncResponse, Partial<SyncResponse>> = {
  memberships: { memberships: [documents.membership] },
  roots: { roots: [documents.root, parseRoot(stored('root-1'))] },
  targets: { targets: documents.targets },
  announcements: { announcements: [documents.announcement] },
  pieceList: { pieceList: new Uint8Array(64).fill(9) },
  statements: { statements: [documents.statement, parseStatement(stored('statement-1'))] },
  beacons: { beacons: [documents.beacon, parseBeacon(stored('beacon-1'))] },
  summary: { summary: { envelope: SUMMARY, summary: sampleSummary, held: 1_234 } },
}

describe('sync (clause SYNC)', () => {
  it.each(Object.entries(QUESTIONS))('asks for %s', (name, body) => {
    const message = { protocol: 'sync', body } as const
    expect(decodeRequest('sync', stored(`sync-request/${name}`))).toEqual(message)
    expect(encodeRequest(message)).toEqual(stored(`sync-request/${name}`))
  })

  it.each(Object.entries(ANSWERS))('answers with %s', (name, answer) => {
    const message = { protocol: 'sync', body: { ...NOTHING, ...answer } } as const
    expect(decodeResponse('sync', stored(`sync-response/${name}`))).toEqual(message)
    expect(encodeResponse(message)).toEqual(stored(`sync-response/${name}`))
  })
})

describe('digests and summaries (clauses DIGEST and SUMMARY)', () => {
  it('a digest', () => {
    expect(decodeDigest(stored('digest'))).toEqual(sampleDigest)
    expect(encodeDigest(sampleDigest)).toEqual(stored('digest'))
  })

  it('a summary', () => {
    expect(decodeSummary(SUMMARY.body)).toEqual(sampleSummary)
    expect(encodeSummary(sampleSummary)).toEqual(SUMMARY.body)
  })
})

const RECORD: HealthRecord = {
  ...{
    incarnation: 12,
    counter: 3_500,
    promise: 16_000,
    flags: 5,
    metrics: METRICS.map((_, at) => (at === 5 ? 1 : null)),
  },
  installs: [{ release8: 'ab'.repeat(8), state: 'fetching', reason: 'diskFull', percent: 42 }],
  refused: undefined,
}
const PIECES = [
  { type: 'bitfield', encoding: hash('a'), bits: Uint8Array.of(5), wants: true },
  { type: 'have', encoding: hash('a'), index: 3 },
  { type: 'request', encoding: hash('a'), index: 3 },
  { type: 'cancel', encoding: hash('a'), index: 3 },
  { type: 'refuse', encoding: hash('a'), index: 3 },
] as const

describe('records and pieces (clauses REC and PIECES)', () => {
  it.each<[string, HealthRecord]>([
    ['record-1', RECORD],
    ['record-2', { ...RECORD, refused: { total: 300, most: 'malformed' } }],
    ['record-3', { ...RECORD, refused: { total: 1, most: 'wrongTopic' } }],
  ])('%s', (name, record) => {
    expect(decodeRecord(stored(name))).toEqual(record)
    expect(encodeRecord(record)).toEqual(stored(name))
  })

  it.each(PIECES)('$type', (message) => {
    expect(decodePieceMessage(stored(`pieces/${message.type}`))).toEqual(message)
    expect(encodePieceMessage(message)).toEqual(stored(`pieces/${message.type}`))
  })

  it('a piece', () => {
    const piece = { type: 'data', encoding: hash('a'), index: 3, bytes: Uint8Array.of(1, 2, 3) }
    expect(decodePieceMessage(stored('pieces/data'))).toEqual(piece)
    expect(encodePieceData(piece.encoding, piece.index, piece.bytes)).toEqual(stored('pieces/data'))
  })
})

const RELEASE = {
  ...{ role: 'acme', epoch: 2, release: hash('a'), counter: 11, version: '1:2.4.0~rc1', artifact: hash('c') },
}
const ENTRY: InstallEntry = {
  path: 'acme/agent',
  installed: RELEASE,
  underway: {
    ...{ ...RELEASE, counter: 12, state: 'staged', length: 2 ** 34 },
    encoding: { type: 'zstd', hash: hash('e'), sha256: hash('f') },
    installer: { type: 'file', file: 'agent.tar', executable: true },
  },
  failed: [{ release: hash('1'), reason: 'badArtifact' }],
}
const subject = { role: 'acme', epoch: 3, version: 8, hash: hash('a') }
const when = { incarnation: 12, since: WALL, wall: WALL + 5 }
const AUDIT: AuditEntry[] = [
  {
    ...subject,
    ...when,
    ...{ seq: 9, slot: 3, kind: 'announcement', outcome: 'badSignature', peer: NODE, count: 40_000 },
  },
  {
    ...subject,
    ...when,
    ...{ seq: 10, slot: 4, kind: 'targets', role: undefined, epoch: undefined, outcome: 'accepted' },
  },
  {
    ...subject,
    ...when,
    ...{ seq: 11, slot: 5, kind: 'root', role: undefined, epoch: undefined, outcome: 'oldVersion' },
  },
].map((entry) => ({ peer: undefined, count: 1, ...entry }) as AuditEntry)
const ROW = { node: NODE, envelope: decodeEnvelope(stored('envelope')), status: 'late', heardWall: WALL } as const
const FLOOR = { role: 'acme', epoch: 3, path: 'acme/agent', counter: 12, artifact: hash('c') }
const LIST = new Uint8Array(64).fill(9)
const LIST_HASH = 'aa725e51a9d8e9a8abe3cefa68561d19a4b06c6f1526e46e3a55a23aef753c73'

const USAGE = { month: 24_322, up: 7_000_000_000, down: 12_345_678_901, elapsed: 1_234_567_890 }
const ZONES = [
  { zone: '/uk', leaf: false, heardWall: WALL },
  { zone: '/uk', leaf: true, heardWall: WALL },
]
const CACHED: Cached = {
  encoding: {
    hash: 'f7fce9235a2581df46fb50a3252cbb0821fb8d7c014527059575264de22414e3',
    ...{ sha256: hash('f'), length: 300_000, pieceLength: 262_144, pieceList: hash('d') },
  },
  kind: 'forwarded',
  order: 7,
}

const HISTORY: SavedBlock = {
  node: CONTACT.node,
  tier: 'minutes',
  block: {
    ...{ run: 12, first: 3_600, last: 3_720, wall: WALL, trusted: true, period: 60_000 },
    payload: packBlock(
      [3_600, 3_660, 3_720],
      [{ series: { name: 'node_load1', unit: '1', kind: 'gauge' }, aggregate: 'value', values: [0.25, null, 1.5] }],
    ),
  },
}

type Kept = Exclude<Change['type'], `forget${string}`>
/** Every kind of change that leaves something on disk. */
const CHANGES: { [Type in Kept]: Extract<Change, { type: Type }>[] } = {
  incarnation: [{ type: 'incarnation', incarnation: 12 }],
  root: [{ type: 'root', root: documents.root }],
  timeBound: [{ type: 'timeBound', time: WALL }],
  reachable: [{ type: 'reachable', addresses: ['/ip4/10.0.0.1/tcp/31415'] }],
  beacon: [{ type: 'beacon', beacon: documents.beacon }],
  beaconFloor: [{ type: 'beaconFloor', floor: { counter: 7, role: hash('f') } }],
  membership: [{ type: 'membership', membership: documents.membership }],
  statement: [{ type: 'statement', statement: documents.statement }],
  contact: [{ type: 'contact', contact: CONTACT, wall: WALL }],
  row: [{ type: 'row', ...ROW }],
  zone: ZONES.map((zone) => ({ type: 'zone', ...zone })),
  targets: [{ type: 'targets', targets: documents.targets }],
  targetsFloor: [{ type: 'targetsFloor', version: 7 }],
  announcement: [
    { type: 'announcement', side: 'held', announcement: documents.announcement },
    { type: 'announcement', side: 'rival', announcement: documents.announcement },
  ],
  roleFloor: [{ type: 'roleFloor', floor: { role: 'acme', epoch: 3, version: 8 } }],
  pathFloor: [{ type: 'pathFloor', floor: FLOOR }],
  pieceList: [{ type: 'pieceList', hash: LIST_HASH, list: LIST }],
  holding: [{ type: 'holding', encoding: hash('e'), bits: Uint8Array.of(5) }],
  cached: [{ type: 'cached', cached: CACHED }],
  install: [{ type: 'install', entry: ENTRY }],
  audit: AUDIT.map((entry) => ({ type: 'audit', entry })),
  usage: [{ type: 'usage', usage: USAGE }],
  history: [{ type: 'history', saved: HISTORY }],
}
const STATE: SavedState = {
  ...{
    incarnation: 12,
    roots: [documents.root],
    timeBound: WALL,
    reachable: ['/ip4/10.0.0.1/tcp/31415'],
    memberships: [documents.membership],
  },
  ...{
    contacts: [{ contact: CONTACT, wall: WALL }],
    rows: [{ ...ROW, record: RECORD }],
    installs: [ENTRY],
    zones: ZONES,
  },
  publishers: {
    ...{ targets: documents.targets, targetsFloor: 7, beacon: documents.beacon },
    announcements: [
      { side: 'held', announcement: documents.announcement },
      { side: 'rival', announcement: documents.announcement },
    ],
    ...{ roleFloors: [{ role: 'acme', epoch: 3, version: 8 }], pathFloors: [FLOOR] },
    beaconFloor: { counter: 7, role: hash('f') },
  },
  artifacts: {
    pieceLists: [{ hash: LIST_HASH, list: LIST }],
    holdings: [{ encoding: hash('e'), bits: Uint8Array.of(5) }],
    cached: [CACHED],
  },
  ...{ statements: [documents.statement], audit: AUDIT, usage: USAGE, history: [HISTORY], damaged: [] },
}

describe('a node’s disk (clause STATE)', () => {
  const disk = storedNames('state/').map((name) => ({ key: name.slice('state/'.length), value: stored(name) }))

  it('is read as it was written', async () => {
    const state = await readState({
      get: async (key) => disk.find((entry) => entry.key === key)?.value,
      entries: async (prefix) => disk.filter(({ key }) => key.startsWith(prefix)),
    })
    expect(state).toEqual({ ...STATE, audit: expect.any(Array) })
    expect(state.audit.toSorted((a, b) => a.seq - b.seq)).toEqual(AUDIT)
  })

  it('has the epoch of the targets where it is not the first', async () => {
    const change = { type: 'targetsFloor', epoch: 4, version: 7 } as const
    const value = stored('targetsFloor-epoch')
    expect(changesToWrites([change])[1]).toEqual({ key: 'targetsFloor', value })
    const get = async (key: string) => (key === 'targetsFloor' ? value : undefined)
    const { publishers } = await readState({ get, entries: async () => [] })
    expect(publishers).toMatchObject({ targetsFloor: 7, targetsFloorEpoch: 4 })
  })

  it('is written as it was', () => {
    const writes = changesToWrites(Object.values(CHANGES).flat())
    const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1)
    expect(writes.toSorted(byKey)).toEqual(disk.toSorted(byKey))
  })
})

it('each of the samples is read', () => {
  expect(unread()).toEqual([])
})
