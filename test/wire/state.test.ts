import { describe, expect, it } from 'vitest'
import { concat, utf8 } from '../../src/core/bytes.ts'
import type { Change } from '../../src/core/events.ts'
import type { Contact } from '../../src/core/protocols.ts'
import type { StoreWrite } from '../../src/ports/store.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { changesToWrites, readState, STATE_FORMAT } from '../../src/wire/state.ts'
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
const changes: Change[] = [
  { type: 'incarnation', incarnation: 12 },
  { type: 'root', root: sampleRoot(10) },
  { type: 'root', root: sampleRoot(2) },
  { type: 'membership', membership: sampleMembership(1) },
  { type: 'contact', contact, wall: 1_790_000_000_001 },
  { type: 'row', ...row },
]

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
const put = (key: string, text: string): StoreWrite[] => [{ key, value: utf8(text) }]
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('saved state', () => {
  it('comes back as it was written, roots in order of version', async () => {
    expect(await readState(storeWith(changesToWrites(changes)))).toEqual({
      incarnation: 12,
      roots: [sampleRoot(2), sampleRoot(10)],
      memberships: [sampleMembership(1)],
      contacts: [{ contact, wall: 1_790_000_000_001 }],
      rows: [{ ...row, record: decodeRecord(envelope.body) }],
      damaged: [],
    })
  })

  it('is empty before the first start, with incarnation 0', async () => {
    const empty = { incarnation: 0, roots: [], memberships: [], contacts: [], rows: [], damaged: [] }
    expect(await readState(storeWith())).toEqual(empty)
    expect(changesToWrites([])).toEqual([])
  })

  it('forgets what it is told to forget', async () => {
    const forget: Change[] = [
      { type: 'forgetMembership', id: sampleMembership(1).id },
      { type: 'forgetContact', node: contact.node },
      { type: 'forgetRow', node },
    ]
    const store = storeWith(changesToWrites(changes), changesToWrites(forget))
    expect(store.keys()).toEqual(['format', 'incarnation', 'root/0000000002', 'root/0000000010'])
  })

  it('skips and names what is damaged, and keeps the rest', async () => {
    const written = changesToWrites(changes)
    for (const { key, value } of written) {
      if (key === 'format' || key === 'incarnation') continue
      const cut = { key, value: (value as Uint8Array).slice(0, -1) }
      const state = await readState(storeWith(written, [cut]))
      expect(state.damaged).toEqual([key])
      const kept = state.roots.length + state.memberships.length + state.contacts.length + state.rows.length
      expect(kept).toBe(written.length - 3)
    }
  })

  it('takes a value under the key of another for damage', async () => {
    const written = changesToWrites(changes)
    const moved = written
      .filter(({ key }) => /^(membership|contact|row)/.test(key))
      .map(({ key, value }) => ({ key: `${key.slice(0, key.indexOf('/'))}/elsewhere`, value }))
    const state = await readState(storeWith(written, moved))
    expect(state.damaged.sort()).toEqual(['contact/elsewhere', 'membership/elsewhere', 'row/elsewhere'])
  })

  it('does not guess a damaged incarnation', async () => {
    for (const text of ['', '0', '-1', '1.5', '12x', String(2 ** 31)])
      await expect(readState(storeWith(put('incarnation', text)))).rejects.toEqual(failure('E_STATE', /incarnation/))
  })

  it('says which pimesh reads a newer format', async () => {
    const newer = put('format', `${STATE_FORMAT.number + 1} 3.4.5`)
    await expect(readState(storeWith(newer))).rejects.toEqual(failure('E_STATE', /install pimesh 3\.4\.5 or newer/))
    await expect(readState(storeWith(put('format', 'nonsense')))).rejects.toEqual(failure('E_STATE', /"format"/))
  })

  it('puts its format into every batch', () => {
    for (const change of changes) expect(changesToWrites([change])[0]).toEqual(put('format', '1 0.1.0')[0])
  })

  it('ignores fields that a later version added to a row', async () => {
    const written = changesToWrites(changes).map(({ key, value }) =>
      key.startsWith('row/') ? { key, value: concat([value as Uint8Array, Uint8Array.of(0x48, 1)]) } : { key, value },
    )
    expect((await readState(storeWith(written))).rows).toHaveLength(1)
  })
})
