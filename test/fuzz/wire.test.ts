// Whatever bytes a peer sends: a decoder gives a value or throws a Failure, quickly, and without memory beyond a multiple of what was sent.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { AGGREGATES, BlockReader, type Column, packBlock } from '../../src/core/history/block.ts'
import { merged, periodOf, readingsOf, stepsOf } from '../../src/core/history/timeline.ts'
import { limits } from '../../src/core/limits.ts'
import { type HistoryResponse, NOTHING } from '../../src/core/protocols.ts'
import type { InstallEntry } from '../../src/core/rollout/states.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { decodeContact, encodeContact } from '../../src/wire/contact.ts'
import { decodeDialback, decodeDialledBack, encodeDialback, encodeDialledBack } from '../../src/wire/dialback.ts'
import { decodeDigest, encodeDigest } from '../../src/wire/digest.ts'
import { decodeEnvelope, sealEnvelope } from '../../src/wire/envelope.ts'
import { decodeHead, encodeHead } from '../../src/wire/head.ts'
import { decodeHello, encodeHello } from '../../src/wire/hello.ts'
import { decodeHistoryResponse, decodeSavedBlock, encodeSavedBlock, historyName } from '../../src/wire/history.ts'
import { decodeInstallEntry, encodeInstallEntry } from '../../src/wire/journal.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/wire/messages.ts'
import { decodePieceMessage, encodePieceData, encodePieceMessage } from '../../src/wire/pieces.ts'
import { decodePunch, encodePunch } from '../../src/wire/punch.ts'
import { decodeRecord, encodeRecord } from '../../src/wire/record.ts'
import {
  decodeCaller,
  decodeRelayAnswer,
  decodeRelayRequest,
  encodeCaller,
  encodeRelayAnswer,
  encodeRelayRequest,
} from '../../src/wire/relay.ts'
import { changesToWrites, readState } from '../../src/wire/state.ts'
import { decodeSummary, encodeSummary } from '../../src/wire/summary.ts'
import { decodeSyncResponse } from '../../src/wire/sync.ts'
import { decodeVote, encodeVote } from '../../src/wire/vote.ts'
import { announcementOf, identityOf, targetsOf } from '../fixtures/documents.ts'
import {
  fullRecord,
  sampleDigest,
  sampleEnvelope,
  sampleMembership,
  sampleNode,
  sampleRoot,
  sampleRow,
  sampleSummary,
} from '../wire/samples.ts'

const contact = { node: sampleNode(1), zone: '/uk/a', addresses: ['/ip4/10.0.0.1/tcp/31415'], age: 7, serves: true }
const head = { role: 'acme', epoch: 1, version: 7, hash: 'ab'.repeat(32) }
const hello = {
  rootVersion: 3,
  rootHash: 'ab'.repeat(32),
  zone: '/uk/a',
  serves: true,
  addresses: contact.addresses,
  contacts: [contact, contact],
  yours: { incarnation: 2, counter: 3 },
  vector: { targetsVersion: 3, targetsHash: 'ab'.repeat(32), heads: [{ ...head, rival: 'cd'.repeat(32) }] },
}
const { encoding, list } = identityOf(new Uint8Array(300_000))
const published = { targets: targetsOf(), announcements: [announcementOf()], pieceList: list }
const documents = { ...NOTHING, memberships: [sampleMembership(1)], roots: [sampleRoot(1), sampleRoot(2)] }
const bitfield = { type: 'bitfield', encoding: encoding.hash, bits: Uint8Array.of(5), wants: true } as const
const release = { role: 'acme', epoch: 1, release: 'ab'.repeat(32), counter: 1, version: '1', artifact: encoding.hash }
const entry: InstallEntry = {
  path: 'acme/agent',
  installed: release,
  underway: {
    ...{
      ...release,
      state: 'staged',
      length: 1,
      encoding: { type: 'zstd', hash: encoding.hash, sha256: encoding.sha256 },
    },
    installer: { type: 'file', file: 'agent', executable: true },
  },
  failed: [{ release: release.release, reason: 'badArtifact' }],
}
const query = { zone: '/uk/a', want: 'rows', after: sampleNode(9) } as const
const answer = { refused: undefined, counts: { up: 1, late: 2, down: 3, left: 4 }, rows: [sampleRow()], more: true }
const ids = { type: 'memberships', ids: ['00'.repeat(16)] } as const

const told = sealEnvelope(
  { kind: 'dig', mesh8: 'ab'.repeat(8), membership: 'cd'.repeat(16), body: encodeDigest(sampleDigest) },
  () => new Uint8Array(64),
)
const child = { zone: '/uk', leaf: false, dark: false }
const children = [
  { ...child, told: { envelope: decodeEnvelope(told), digest: sampleDigest, age: 7 } },
  { ...child, leaf: true, dark: true, told: undefined },
]

const sight = {
  status: 'late',
  age: 17_000,
  route: 'lan',
  roundTrip: 1.25,
  witnesses: [sampleNode(2), sampleNode(3)],
} as const
const handedDown = sealEnvelope(
  { kind: 'sum', mesh8: 'ab'.repeat(8), membership: 'cd'.repeat(16), body: encodeSummary(sampleSummary) },
  () => new Uint8Array(64),
)
const summary = { envelope: decodeEnvelope(handedDown), summary: sampleSummary, held: 7 }

/** Rows with a gap, of a metric of pimesh as a mean with its least and largest sample, and of a series of a collector. */
const uneven = [54.3, null, 61.8, 61.8, 49.9]
const temperature = { name: 'node_thermal_zone_temp', unit: 'celsius', kind: 'gauge' } as const
const columns: Column[] = [
  ...AGGREGATES.map((aggregate) => ({ series: temperature, aggregate, values: uneven })),
  {
    series: { name: 'door_open_total', unit: '', kind: 'counter' },
    aggregate: 'value',
    values: [1, 2, null, 3, 0.1 + 0.2],
  },
]
const payload = packBlock([100, 160, 220, 280, 341], columns)
const saved = {
  node: sampleNode(5),
  tier: 'minutes',
  block: { run: 7, first: 100, last: 341, wall: 1_700_000_000_000, trusted: true, period: 60_000, payload },
} as const
const savedName = historyName(saved.node, saved.tier, saved.block.run, saved.block.first)
const inquiry = { node: sampleNode(5), tier: 'minutes', series: ['door_open_total'], since: 86_400_000 } as const
const toldBlocks = [7, 6].map((run) => ({
  run,
  first: 100,
  age: 600_000 * (8 - run),
  certain: run === 7,
  period: 60_000,
  payload,
}))
const values: HistoryResponse = {
  ...{ refused: undefined, own: false, tier: 'minutes', more: true, keepers: [sampleNode(1), sampleNode(2)] },
  names: [{ name: 'door_open_total', unit: '', kind: 'counter', value: 3 }],
  blocks: toldBlocks,
}

/** A packed block is read without a Failure of its own: it is left out by whoever reads a row of them. */
function unpack(bytes: Uint8Array): void {
  const reader = BlockReader.of(bytes)
  if (reader?.seconds(100) === undefined) throw new Failure('E_PROTOCOL', 'it is no block')
  for (const { name } of reader.series)
    for (const aggregate of AGGREGATES) checkValues(reader.values(name, aggregate), reader)
}

function checkValues(read: (number | null)[] | undefined, { rows }: BlockReader): void {
  if (read !== undefined) expect(read).toHaveLength(rows)
  for (const value of read ?? []) if (value !== null) expect(Number.isFinite(value)).toBe(true)
}

const decoders: [name: string, valid: Uint8Array, decode: (bytes: Uint8Array) => unknown][] = [
  ['envelope', sampleEnvelope().raw, decodeEnvelope],
  ['record', encodeRecord(fullRecord), decodeRecord],
  ['vote', encodeVote({ node: sampleNode(9), incarnation: 3, counter: 17, voter: 9, met: true }), decodeVote],
  ['digest', encodeDigest(sampleDigest), decodeDigest],
  ['summary', encodeSummary(sampleSummary), decodeSummary],
  [
    'children of a zone',
    encodeResponse({ protocol: 'query', body: { ...answer, rows: [], children } }),
    (bytes) => decodeResponse('query', bytes),
  ],
  ['contact', encodeContact(contact), decodeContact],
  ['hello', encodeHello(hello), decodeHello],
  ['sync request', encodeRequest({ protocol: 'sync', body: ids }), (bytes) => decodeRequest('sync', bytes)],
  ['sync response', encodeResponse({ protocol: 'sync', body: documents }), (bytes) => decodeResponse('sync', bytes)],
  [
    'sync response of a publisher',
    encodeResponse({ protocol: 'sync', body: { ...NOTHING, ...published } }),
    (bytes) => decodeResponse('sync', bytes),
  ],
  ['head', encodeHead(head), decodeHead],
  ['announcement', announcementOf().raw, parseAnnouncement],
  ['bitfield', encodePieceMessage(bitfield), decodePieceMessage],
  [
    'request of a piece',
    encodePieceMessage({ type: 'request', encoding: encoding.hash, index: 3 }),
    decodePieceMessage,
  ],
  ['piece', encodePieceData(encoding.hash, 3, new Uint8Array(100)), decodePieceMessage],
  ['message about a path', encodePunch({ kind: 'offer', addresses: contact.addresses }), decodePunch],
  ['request to relay', encodeRelayRequest({ type: 'connect', peer: contact.node }), decodeRelayRequest],
  ['answer of a relay', encodeRelayAnswer({ status: 'ok', addresses: contact.addresses }), decodeRelayAnswer],
  ['caller', encodeCaller(contact.node), decodeCaller],
  ['question to dial back', encodeDialback([31415, 443]), decodeDialback],
  ['what came of dialling back', encodeDialledBack(contact.addresses), decodeDialledBack],
  ['journal', encodeInstallEntry(entry), (bytes) => decodeInstallEntry(bytes, entry.path)],
  ['query request', encodeRequest({ protocol: 'query', body: query }), (bytes) => decodeRequest('query', bytes)],
  ['query response', encodeResponse({ protocol: 'query', body: answer }), (bytes) => decodeResponse('query', bytes)],
  [
    'question for children, and for one member',
    encodeRequest({ protocol: 'query', body: { ...query, want: 'sight', afterChild: '/uk/a', about: sampleNode(3) } }),
    (bytes) => decodeRequest('query', bytes),
  ],
  [
    'how a member is seen',
    encodeResponse({ protocol: 'query', body: { ...answer, rows: [], sight } }),
    (bytes) => decodeResponse('query', bytes),
  ],
  [
    'summary that a member tells',
    encodeResponse({ protocol: 'sync', body: { ...NOTHING, summary } }),
    (bytes) => decodeResponse('sync', bytes),
  ],
  [
    'question about values',
    encodeRequest({ protocol: 'history', body: { ...inquiry, before: { run: 7, first: 100 } } }),
    (bytes) => decodeRequest('history', bytes),
  ],
  [
    'answer with values',
    encodeResponse({ protocol: 'history', body: values }),
    (bytes) => decodeResponse('history', bytes),
  ],
  ['packed block of values', payload, unpack],
  ['saved block of values', encodeSavedBlock(saved), (bytes) => decodeSavedBlock(bytes, savedName)],
]

/** The failure's code, or undefined when the bytes were accepted; anything but a Failure fails the test. */
function refusal(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string | undefined {
  try {
    decode(bytes)
    return undefined
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    expect(['E_PROTOCOL', 'E_DOCUMENT']).toContain(error.code)
    expect(error.message.length).toBeLessThan(500)
    return error.code
  }
}

/** Bytes with a few of them replaced, cut out or put in. */
function mutated(valid: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({ at: fc.nat(valid.length), cut: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) })
  return fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map((edits) =>
      edits.reduce(
        (bytes, { at, cut, put }) =>
          Uint8Array.from([...bytes.subarray(0, at), ...put, ...bytes.subarray(Math.min(at + cut, bytes.length))]),
        valid,
      ),
    )
}

describe.each(decoders)('the decoder of %s', (_name, valid, decode) => {
  it('accepts what is valid', () => {
    expect(refusal(decode, valid)).toBeUndefined()
  })

  it('only ever refuses arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void refusal(decode, bytes)),
      { numRuns: 300 },
    )
  })

  it('only ever refuses a message that was tampered with', () => {
    fc.assert(
      fc.property(mutated(valid), (bytes) => void refusal(decode, bytes)),
      { numRuns: 500 },
    )
  })

  it('refuses, or reads as an older version would, a message cut at any length', () => {
    for (let length = 0; length < valid.length; length++) {
      const cut = valid.slice(0, length)
      const code = refusal(decode, cut)
      // Cut between two fields it is a message with fewer of them, all of which must be valid still.
      if (code === undefined) expect(refusal(decode, Uint8Array.from([...cut, 0x80]))).toBeDefined()
    }
  })

  it('refuses what is larger than its bound before it reads it', () => {
    const huge = new Uint8Array(limits.pieceBytesMax + limits.pieceFrameBytes + 1)
    expect(refusal(decode, huge)).toBeDefined()
  })
})

describe('values that a member tells', () => {
  const wanted = { series: { name: 'door_open_total', unit: '', kind: 'counter' } } as const
  const [since, step, tick] = [3_600_000, 60_000, 60_000]
  /** What `pimesh history` makes of them. */
  const stepsIn = (bytes: Uint8Array) => {
    const { own, tier, names, blocks } = decodeHistoryResponse(bytes)
    const sources = [{ by: sampleNode(1), own, tier, names, blocks, partial: false }]
    const all = sources.map((source) => readingsOf(source, wanted, tick))
    return stepsOf(merged(all, periodOf(sources, tick)), since, step)
  }

  it('are steps of finite numbers and gaps, whatever stands in the blocks', () => {
    const valid = encodeResponse({ protocol: 'history', body: values })
    expect(stepsIn(valid).filter(({ value }) => value !== null).length).toBeGreaterThan(0)
    const check = (bytes: Uint8Array) => {
      if (refusal(decodeHistoryResponse, bytes) !== undefined) return
      const steps = stepsIn(bytes)
      expect(steps).toHaveLength(since / step)
      for (const { age, value, least, most } of steps)
        for (const number of [age, value ?? 0, least ?? 0, most ?? 0]) expect(Number.isFinite(number)).toBe(true)
    }
    const anyBlocks = fc.array(mutated(payload), { minLength: 1, maxLength: 3 })
    fc.assert(fc.property(mutated(valid), check), { numRuns: 500 })
    fc.assert(
      fc.property(anyBlocks, (payloads) => {
        const blocks = payloads
          .filter(({ length }) => length > 0)
          .map((one, at) => ({ ...toldBlocks[0]!, run: 9 - at, payload: one }))
        check(encodeResponse({ protocol: 'history', body: { ...values, blocks } }))
      }),
      { numRuns: 500 },
    )
  })
})

describe('the largest messages that do nothing useful', () => {
  const filled = (bytes: number, ...pattern: number[]) =>
    Uint8Array.from({ length: bytes }, (_, index) => pattern[index % pattern.length] as number)

  it('are refused at the bound of a list, however many entries they hold', () => {
    const empties = filled(limits.syncBytes, 0x12, 0x01, 0x00)
    expect(refusal(decodeSyncResponse, empties)).toBe('E_PROTOCOL')
    // An unknown field may repeat: it is skipped, and kept nowhere.
    expect(refusal(decodeSyncResponse, filled(limits.syncBytes, 0x7a, 0x00))).toBeUndefined()
  })

  it('cannot make a decoder recurse', () => {
    expect(refusal(decodeSyncResponse, filled(limits.syncBytes, 0x0b))).toBe('E_PROTOCOL')
  })

  it('cannot make a decoder allocate by a number that they hold', () => {
    const length = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]
    for (const tag of [0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x3a, 0x7a])
      for (const [, , decode] of decoders) expect(refusal(decode, Uint8Array.of(tag, ...length))).toBeDefined()
  })
})

describe('a damaged store', () => {
  const [node, envelope] = [sampleNode(4), sampleEnvelope()]
  const written = changesToWrites([
    { type: 'root', root: sampleRoot(1) },
    { type: 'membership', membership: sampleMembership(1) },
    { type: 'contact', contact, wall: 1 },
    { type: 'row', node, envelope, status: 'up', heardWall: 1 },
    { type: 'announcement', side: 'held', announcement: announcementOf() },
    { type: 'announcement', side: 'rival', announcement: announcementOf({ version: 2 }) },
    { type: 'pieceList', hash: encoding.pieceList, list },
    { type: 'install', entry },
    { type: 'history', saved },
    { type: 'zone', zone: '/uk/a', leaf: true, heardWall: 1 },
  ]).slice(1)

  it('costs what is damaged and nothing else', async () => {
    const anyDamage = fc
      .nat(written.length - 1)
      .chain((index) =>
        fc
          .oneof(fc.uint8Array({ maxLength: 50 }), mutated(written[index]?.value as Uint8Array))
          .map((value) => ({ index, value })),
      )
    await fc.assert(
      fc.asyncProperty(anyDamage, async ({ index, value }) => {
        const entries = written.map((entry, at) => ({
          key: entry.key,
          value: at === index ? value : (entry.value as Uint8Array),
        }))
        const state = await readState({
          get: async () => undefined,
          entries: async (prefix) => entries.filter(({ key }) => key.startsWith(prefix)),
        })
        const { roots, memberships, contacts, rows, zones, history, publishers, artifacts, installs } = state
        const documents = [roots, memberships, publishers.announcements, artifacts.pieceLists, installs]
        const lists = [...documents, contacts, rows, zones, history]
        const kept = lists.reduce((sum, { length }) => sum + length, 0)
        expect(kept + state.damaged.length).toBe(written.length)
        expect(state.damaged.every((key) => key === written[index]?.key)).toBe(true)
      }),
    )
  })
})
