import { describe, expect, it } from 'vitest'
import { concat, utf8 } from '../../src/core/bytes.ts'
import type { Change } from '../../src/core/events.ts'
import { limits } from '../../src/core/limits.ts'
import type { Contact } from '../../src/core/protocols.ts'
import type { InstallEntry, Underway } from '../../src/core/rollout/states.ts'
import type { Cached } from '../../src/core/swarm/cache.ts'
import type { AuditEntry } from '../../src/core/trust/audit.ts'
import type { StoreWrite } from '../../src/ports/store.ts'
import { signBeacon } from '../../src/wire/beacon.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { changesToWrites, readState, type SavedState, STATE_FORMAT } from '../../src/wire/state.ts'
import { announcementOf, identityOf, keyOf, NO_PUBLISHERS, NOW, statementOf, targetsOf } from '../fixtures/documents.ts'
import { sampleEnvelope, sampleMembership, sampleNode, sampleRoot } from './samples.ts'

const contact: Contact = {
  node: sampleNode(3),
  zone: '/uk/glasgow/lab3',
  addresses: ['/ip4/10.0.0.3/tcp/31415'],
  age: 5_000,
  serves: true,
}
const [node, envelope] = [sampleNode(4), sampleEnvelope()]
const row = { node, envelope, status: 'late', heardWall: 1_790_000_000_000 } as const
const { encoding, list } = identityOf(new Uint8Array(600_000))
const roleFloor = { role: 'acme', epoch: 3, version: 2 ** 31 - 1 }
const beacon = signBeacon(
  {
    ...{ mesh: 'ab'.repeat(32), counter: 7, time: 7 * 3_600_000, rootVersion: 1, rootHash: 'cd'.repeat(32) },
    vector: { targetsVersion: 0, targetsHash: undefined, heads: [] },
  },
  keyOf('beacon'),
)
const beaconFloor = { counter: 7, role: 'ef'.repeat(32) }
const pathFloor = { role: 'acme', epoch: 3, path: 'acme/agent', counter: 12, artifact: encoding.hash }
const installed = {
  role: 'acme',
  epoch: 2,
  release: 'ab'.repeat(32),
  counter: 11,
  version: '1:2.4.0~rc1',
  artifact: 'cd'.repeat(32),
}
const entry: InstallEntry = {
  path: 'acme/agent',
  installed,
  underway: {
    ...{ ...installed, counter: 12, state: 'staged', length: 2 ** 34 },
    encoding: { type: 'zstd', hash: 'ef'.repeat(32), sha256: 'ee'.repeat(32) },
    installer: { type: 'file', file: 'agent.tar', executable: false },
  },
  failed: [
    { release: '01'.repeat(32), reason: 'badArtifact' },
    { release: '02'.repeat(32), reason: 'oldCounter' },
  ],
}
const patching: InstallEntry = {
  ...entry,
  path: 'acme/patched',
  installed: { ...installed, saved: 35_000_000 },
  underway: entry.underway && {
    ...entry.underway,
    saved: 1,
    encoding: { type: 'zstd-patch', hash: 'ef'.repeat(32), sha256: 'ee'.repeat(32), base: 'dd'.repeat(32) },
  },
}
const audited: AuditEntry = {
  ...{ seq: 9, slot: 3, kind: 'announcement', role: 'acme', epoch: 3, version: 8, hash: 'ab'.repeat(32) },
  ...{ outcome: 'badSignature', peer: sampleNode(5), incarnation: 12, since: NOW, wall: NOW + 5, count: 40_000 },
}
const usage = { month: 24_322, up: 7_000_000_000, down: 12_345_678_901, elapsed: 1_234_567_890 }
const { type: _, ...plain } = encoding
const cached: Cached = { encoding: plain, kind: 'old', order: 3 }
const changes: Change[] = [
  { type: 'incarnation', incarnation: 12 },
  { type: 'root', root: sampleRoot(10) },
  { type: 'root', root: sampleRoot(2) },
  { type: 'beacon', beacon },
  { type: 'beaconFloor', floor: beaconFloor },
  { type: 'timeBound', time: 1_790_000_000_002 },
  { type: 'reachable', addresses: ['/ip4/198.51.100.7/tcp/31415', '/ip4/198.51.100.7/tcp/443'] },
  { type: 'membership', membership: sampleMembership(1) },
  { type: 'contact', contact, wall: 1_790_000_000_001 },
  { type: 'row', ...row },
  { type: 'targets', targets: targetsOf() },
  { type: 'targetsFloor', version: 7 },
  { type: 'announcement', side: 'held', announcement: announcementOf({ version: 2 }) },
  { type: 'announcement', side: 'rival', announcement: announcementOf({ version: 2, expires: NOW }) },
  { type: 'roleFloor', floor: roleFloor },
  { type: 'pathFloor', floor: pathFloor },
  { type: 'pieceList', hash: encoding.pieceList, list },
  { type: 'holding', encoding: encoding.hash, bits: Uint8Array.of(5) },
  { type: 'cached', cached },
  { type: 'install', entry },
  { type: 'statement', statement: statementOf({ nodes: new Map([[node, NOW]]) }) },
  { type: 'audit', entry: audited },
  { type: 'usage', usage },
]
const FOR_GOOD = ['incarnation', 'timeBound', 'beaconFloor', 'targetsFloor', 'roleFloor', 'pathFloor']

/** A store in which these batches were written. */
function storeWith(...batches: StoreWrite[][]) {
  const all = new Map<string, Uint8Array>()
  for (const { key, value } of batches.flat()) {
    if (value === undefined) all.delete(key)
    else all.set(key, value)
  }
  return {
    keys: () => [...all.keys()].sort(),
    get: async (key: string) => all.get(key),
    entries: async (prefix: string) =>
      [...all].map(([key, value]) => ({ key, value })).filter(({ key }) => key.startsWith(prefix)),
  }
}
const HASH = 'ab'.repeat(32)
const put = (key: string, text: string): StoreWrite[] => [{ key, value: utf8(text) }]
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

/** How many values were read, the incarnation and floors apart. */
function kept(state: SavedState): number {
  const { roots, reachable, memberships, contacts, rows, publishers, artifacts, installs, statements, audit, usage } =
    state
  const targets = [publishers.targets, publishers.beacon].filter((it) => it !== undefined).length
  const open = (reachable.length > 0 ? 1 : 0) + (usage === undefined ? 0 : 1)
  const lists = [
    roots,
    memberships,
    contacts,
    rows,
    publishers.announcements,
    artifacts.holdings,
    artifacts.pieceLists,
    artifacts.cached ?? [],
    statements,
    audit,
  ]
  return lists.reduce((sum, { length }) => sum + length, installs.length + targets + open)
}

describe('saved state (clause STATE)', () => {
  it('comes back as it was written, roots in order of version', async () => {
    expect(await readState(storeWith(changesToWrites(changes)))).toEqual({
      incarnation: 12,
      roots: [sampleRoot(2), sampleRoot(10)],
      timeBound: 1_790_000_000_002,
      reachable: ['/ip4/198.51.100.7/tcp/31415', '/ip4/198.51.100.7/tcp/443'],
      memberships: [sampleMembership(1)],
      contacts: [{ contact, wall: 1_790_000_000_001 }],
      rows: [{ ...row, record: decodeRecord(envelope.body) }],
      zones: [],
      publishers: {
        targets: targetsOf(),
        targetsFloor: 7,
        announcements: [
          { side: 'held', announcement: announcementOf({ version: 2 }) },
          { side: 'rival', announcement: announcementOf({ version: 2, expires: NOW }) },
        ],
        roleFloors: [roleFloor],
        pathFloors: [pathFloor],
        beacon,
        beaconFloor,
      },
      artifacts: {
        pieceLists: [{ hash: encoding.pieceList, list }],
        holdings: [{ encoding: encoding.hash, bits: Uint8Array.of(5) }],
        cached: [cached],
      },
      installs: [entry],
      statements: [statementOf({ nodes: new Map([[node, NOW]]) })],
      audit: [audited],
      usage,
      history: [],
      damaged: [],
    })
  })

  it('is empty before the first start, with incarnation 0', async () => {
    const { publishers, artifacts, installs, statements, audit } = NO_PUBLISHERS
    const nothing = { publishers, artifacts, installs, statements, audit }
    const empty = {
      incarnation: 0,
      roots: [],
      timeBound: 0,
      reachable: [],
      memberships: [],
      contacts: [],
      rows: [],
      zones: [],
      ...nothing,
      history: [],
      damaged: [],
    }
    expect(await readState(storeWith())).toEqual(empty)
    expect(changesToWrites([])).toEqual([])
  })

  it('forgets what it is told to forget', async () => {
    const forget: Change[] = [
      { type: 'reachable', addresses: [] },
      { type: 'forgetMembership', id: sampleMembership(1).id },
      { type: 'forgetContact', node: contact.node },
      { type: 'forgetRow', node },
      { type: 'forgetStatement', enroller: keyOf('enrol').keyId },
      { type: 'forgetAnnouncement', side: 'held', role: 'acme' },
      { type: 'forgetAnnouncement', side: 'rival', role: 'acme' },
      { type: 'forgetPieceList', hash: encoding.pieceList },
      { type: 'forgetHolding', encoding: encoding.hash },
      { type: 'forgetCached', encoding: encoding.hash },
      { type: 'forgetPathFloor', role: 'acme', path: 'acme/agent' },
    ]
    const store = storeWith(changesToWrites(changes), changesToWrites(forget))
    const kept = [
      'audit/refused/3',
      'beacon/newest',
      'beaconFloor',
      'format',
      'incarnation',
      'install/acme/agent',
      'roleFloor/acme',
    ]
    expect(store.keys()).toEqual([
      ...kept,
      'root/0000000002',
      'root/0000000010',
      'targets/newest',
      'targetsFloor',
      'timeBound',
      'usage',
    ])
  })

  it('skips and names what is damaged, and keeps the rest', async () => {
    const written = changesToWrites(changes)
    for (const { key, value } of written) {
      if (key === 'format' || FOR_GOOD.includes(key.split('/')[0] as string)) continue
      const cut = { key, value: (value as Uint8Array).slice(0, -1) }
      const state = await readState(storeWith(written, [cut]))
      expect(state.damaged).toEqual([key])
      // Without the damaged one, the format, the incarnation, the bound on time and four floors.
      expect(kept(state)).toBe(written.length - 8)
    }
  })

  it('takes a value under the key of another for damage', async () => {
    const written = changesToWrites(changes)
    const moved = written
      .filter(({ key }) =>
        /^(membership|contact|row|announcement[/]held|pieceList|holding|cached|audit[/]refused)/.test(key),
      )
      .map(({ key, value }) => ({ key: `${key.slice(0, key.indexOf('/'))}/elsewhere`, value }))
    const state = await readState(storeWith(written, moved))
    expect(state.damaged.sort()).toEqual([
      'audit/elsewhere',
      'cached/elsewhere',
      'contact/elsewhere',
      'holding/elsewhere',
      'membership/elsewhere',
      'pieceList/elsewhere',
      'row/elsewhere',
    ])
  })

  it('does not guess a damaged incarnation', async () => {
    for (const text of ['', '0', '-1', '1.5', '12x', String(2 ** 31)])
      await expect(readState(storeWith(put('incarnation', text)))).rejects.toEqual(failure('E_STATE', /incarnation/))
  })

  it.each([
    ['roleFloor/acme', ['', '1', '0 1', '1 0', '1 x', '1 1 1', '1.0 1', '1.256 1', `1 ${2 ** 31}`]],
    ['roleFloor/NoRole', ['1 1']],
    [
      'pathFloor/acme/acme/agent',
      [
        '',
        '1',
        `1 ${HASH}`,
        `1 0 ${HASH}`,
        `0 1 ${HASH}`,
        `1 1 ${'ab'.repeat(31)}`,
        `1 ${2 ** 31} ${HASH}`,
        `${2 ** 31} 1 ${HASH}`,
      ],
    ],
    ['pathFloor/acme/../etc', [`1 1 ${HASH}`]],
    ['pathFloor/NoRole/agent', [`1 1 ${HASH}`]],
    ['pathFloor/acme', [`1 1 ${HASH}`]],
    ['targetsFloor', ['', '0', '-1', '1 1', '2 0', '2  1', '2 1 1', `2 ${2 ** 31}`, `${2 ** 31} 1`, String(2 ** 31)]],
  ])('T08 does not guess a damaged floor: %s', async (key, values) => {
    for (const value of values)
      await expect(readState(storeWith(put(key, value)))).rejects.toEqual(failure('E_STATE', /join again/))
  })

  it('keeps the rotation of a role with its floor, when there is one', async () => {
    const floors = [
      { role: 'acme', epoch: 3, rotation: 255, version: 7 },
      { role: 'plain', epoch: 3, version: 7 },
    ]
    const writes = changesToWrites(floors.map((floor) => ({ type: 'roleFloor' as const, floor })))
    const texts = writes.map(({ value }) => Buffer.from(value as Uint8Array).toString())
    expect(texts.slice(1)).toEqual(['3.255 7', '3 7'])
    expect((await readState(storeWith(writes))).publishers.roleFloors).toEqual(floors)
  })

  it('keeps the epoch of the targets with their floor, unless it is the first', async () => {
    const change = { type: 'targetsFloor' as const, version: 7, epoch: 2 }
    const written = (one: Change) => {
      const write = changesToWrites([one]).find(({ key }) => key === 'targetsFloor')
      return Buffer.from(write?.value ?? []).toString()
    }
    expect(written(change)).toBe('2 7')
    const { publishers } = await readState(storeWith(put('targetsFloor', '2 7')))
    expect(publishers).toMatchObject({ targetsFloor: 7, targetsFloorEpoch: 2 })
    expect(written({ ...change, epoch: 1 })).toBe('7')
    const first = await readState(storeWith(put('targetsFloor', '7')))
    expect(first.publishers.targetsFloorEpoch).toBeUndefined()
  })

  it('says which pimesh reads a newer format', async () => {
    const newer = put('format', `${STATE_FORMAT.number + 1} 3.4.5`)
    await expect(readState(storeWith(newer))).rejects.toEqual(failure('E_STATE', /install pimesh 3\.4\.5 or newer/))
    await expect(readState(storeWith(put('format', 'nonsense')))).rejects.toEqual(failure('E_STATE', /"format"/))
  })

  it('puts its format into every batch', () => {
    for (const change of changes) expect(changesToWrites([change])[0]).toEqual(put('format', '1 0.1.0')[0])
  })

  it('keeps the base of a patch that is under way, and takes nothing else with a base', async () => {
    const writes = changesToWrites([{ type: 'install', entry: patching }])
    expect(await readState(storeWith(writes))).toMatchObject({ installs: [patching], damaged: [] })
    const { underway } = patching as { underway: Underway }
    for (const encoding of [
      { ...underway.encoding, type: 'zstd' as const },
      { type: 'zstd-patch' as const, hash: 'ef'.repeat(32), sha256: 'ee'.repeat(32) },
    ]) {
      const odd = changesToWrites([{ type: 'install', entry: { ...patching, underway: { ...underway, encoding } } }])
      expect(await readState(storeWith(odd))).toMatchObject({ installs: [], damaged: [expect.anything()] })
    }
  })

  it('keeps the newest failures of a journal of the largest size', async () => {
    const failed = Array.from({ length: limits.failedReleases + 3 }, (_, i) => ({
      ...{ release: String(i).padStart(64, '0'), reason: 'oldCounter' as const },
    }))
    const name = { role: 'r'.repeat(32), epoch: 2 ** 31 - 1 }
    const largest = {
      ...installed,
      ...name,
      version: 'v'.repeat(limits.versionLength),
      counter: 2 ** 31 - 1,
      saved: 2 ** 34,
    }
    const installer = { type: 'file', file: 'f'.repeat(limits.pathLength), executable: true } as const
    const underway = { ...(entry.underway as Underway), ...largest, installer }
    const full = { path: 'p'.repeat(limits.pathLength), installed: largest, underway, failed }
    const state = await readState(storeWith(changesToWrites([{ type: 'install', entry: full }])))
    expect(state).toMatchObject({ installs: [{ ...full, failed: failed.slice(3) }], damaged: [] })
  })

  it('ignores fields that a later version added to a row', async () => {
    const written = changesToWrites(changes).map(({ key, value }) =>
      key.startsWith('row/') ? { key, value: concat([value as Uint8Array, Uint8Array.of(0x48, 1)]) } : { key, value },
    )
    expect((await readState(storeWith(written))).rows).toHaveLength(1)
  })
})
