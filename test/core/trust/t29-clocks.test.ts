import { beforeEach, describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { changesToWrites, readState } from '../../../src/wire/state.ts'
import { announcementOf, NOW, releaseOf, rootOf, signRoot, targetsOf } from '../../fixtures/documents.ts'
import { LittleMesh, type Member } from './little-mesh.ts'

const FUTURE = Date.UTC(2106, 1, 7)
const PAST = 0
const of = (version: number, changes: { counter?: number; expires?: number } = {}) => {
  const { counter = version, expires = NOW + 90 * DAY } = changes
  return announcementOf({ version, expires, releases: { 'acme/agent': releaseOf({ counter }) } })
}

let mesh: LittleMesh
let [publisher, node]: Member[] = []
/** The node's clock is what the test is about; the publisher's is right. */
function world(wall: number, synchronised: boolean): { publisher: Member; node: Member } {
  mesh = new LittleMesh()
  const members = { publisher: mesh.add('publisher-node'), node: mesh.add('node', { wall, synchronised }) }
  mesh.link(members.node, members.publisher)
  return members
}
const expiryOn = (member: Member) => member.core.releases.publishers().current[0]?.expiry

describe('T29 a clock at 1970', () => {
  beforeEach(() => {
    const members = world(PAST, false)
    publisher = members.publisher
    node = members.node
  })

  it('takes the newest release all the same, under "unknown", and says so', () => {
    publisher?.submit(of(1), targetsOf())
    mesh.greet()
    expect([node && expiryOn(node), node?.begun]).toEqual(['unknown', ['acme/agent@1.0.0']])
    expect(node?.events).toContainEqual({ type: 'expiryUnknown', name: 'acme/agent@1.0.0' })
    expect(publisher?.events.map(({ type }) => type)).not.toContain('expiryUnknown')
  })

  it('does so as well when the kernel calls it synchronised, since it is proven wrong', () => {
    node?.setClock(PAST, true)
    publisher?.submit(of(1), targetsOf())
    mesh.greet()
    expect([node && expiryOn(node), node?.begun]).toEqual(['unknown', ['acme/agent@1.0.0']])
  })

  it('is no reason to doubt any more once it shows the truth', () => {
    publisher?.submit(of(1), targetsOf())
    mesh.greet()
    node?.setClock(NOW + HOUR, true)
    expect(node && expiryOn(node)).toBe('valid')
  })
})

describe('T29 a clock at 2106', () => {
  it('locks nothing out: neither while it lasts, nor after the truth returns', () => {
    const { publisher, node } = world(NOW, true)
    publisher.submit(of(1), targetsOf())
    mesh.greet()
    // It is called synchronised: whoever sends the time may lie.
    node.setClock(FUTURE, true)
    expect(expiryOn(node)).toBe('unknown')
    publisher.submit(of(2))
    mesh.greet()
    expect(node.begun).toEqual(['acme/agent@1.0.0', 'acme/agent@2.0.0'])
    node.setClock(NOW + HOUR, true)
    expect(expiryOn(node)).toBe('valid')
    publisher.submit(of(3))
    mesh.greet()
    expect(node.begun).toEqual(['acme/agent@1.0.0', 'acme/agent@2.0.0', 'acme/agent@3.0.0'])
  })

  it('leaves nothing behind over a restart', async () => {
    const { node } = world(FUTURE, true)
    mesh.run(HOUR)
    await node.restart()
    expect(node.core.snapshot().time.bound).toBe(NOW)
    node.setClock(NOW, true)
    expect(node.core.snapshot().time).toEqual({ bound: NOW, wall: node.wall, synchronised: true })
  })
})

describe('T29 the lower bound on time (clause CLOCK 1)', () => {
  const next = (issued: number) =>
    signRoot({ ...rootOf({ version: 2 }), issued, expires: issued + 365 * DAY }, ['root'])
  const bring = (member: Member, root: ReturnType<typeof next>) => {
    const { node: peer } = publisher as Member
    const nothing = { memberships: [], targets: undefined, announcements: [], pieceList: undefined, statements: [] }
    member.feed({ type: 'answered', ticket: 1, peer, protocol: 'sync', body: { ...nothing, roots: [root] } })
    mesh.run(SECOND)
  }
  beforeEach(() => {
    const members = world(NOW, true)
    publisher = members.publisher
    node = members.node
  })

  it('is not moved by the date of one publisher', () => {
    publisher?.submit(of(1, { expires: FUTURE }), targetsOf())
    mesh.greet()
    publisher?.submit(of(2, { expires: NOW + DAY }))
    mesh.greet()
    expect(node?.core.snapshot().time.bound).toBe(NOW)
    expect(node?.begun).toEqual(['acme/agent@1.0.0', 'acme/agent@2.0.0'])
  })

  it('is moved by a root, and then an announcement that ended before is expired on every clock', () => {
    publisher?.submit(of(1, { expires: NOW + DAY }), targetsOf())
    for (const member of [publisher, node]) if (member) bring(member, next(NOW + 2 * DAY))
    mesh.greet()
    for (const clock of [PAST, NOW, FUTURE]) {
      node?.setClock(clock, true)
      expect(node && expiryOn(node)).toBe('expired')
    }
    publisher?.submit(of(2))
    mesh.greet()
    node?.setClock(NOW + 3 * DAY, true)
    expect(node && expiryOn(node)).toBe('valid')
  })

  it('holds what ends before it: nothing of it begins', () => {
    if (node) bring(node, next(NOW + 2 * DAY))
    publisher?.submit(of(1, { expires: NOW + DAY }), targetsOf())
    mesh.greet()
    expect([node && expiryOn(node), node?.begun]).toEqual(['expired', []])
    publisher?.submit(of(2))
    mesh.greet()
    expect(node?.begun).toEqual(['acme/agent@2.0.0'])
  })

  it('is of the targets, too: what they delegate ends with them', () => {
    if (node) bring(node, next(NOW + 366 * DAY))
    publisher?.submit(of(1, { expires: NOW + 900 * DAY }), targetsOf())
    mesh.greet()
    expect([node && expiryOn(node), node?.begun]).toEqual(['expired', []])
  })

  it('is on disk with the root, before anything follows, and never falls', async () => {
    if (node === undefined) return
    node.diskFull = true
    bring(node, next(NOW + 2 * DAY))
    expect([node.core.snapshot().root.signed.version, node.core.snapshot().time.bound]).toEqual([1, NOW])
    node.diskFull = false
    bring(node, next(NOW + 2 * DAY))
    expect(Buffer.from(node.disk.get('timeBound') ?? []).toString()).toBe(String(NOW + 2 * DAY))
    // The disk loses the root, and keeps what it proved.
    node.disk.delete('root/0000000002')
    await node.restart()
    expect(node.core.snapshot().time.bound).toBe(NOW + 2 * DAY)
    bring(node, next(NOW + MINUTE))
    expect([node.core.snapshot().root.signed.version, node.core.snapshot().time.bound]).toEqual([2, NOW + 2 * DAY])
  })

  it('is not guessed when it is damaged', async () => {
    const disk = new Map(changesToWrites([{ type: 'timeBound', time: NOW }]).map(({ key, value }) => [key, value]))
    const store = { get: async (key: string) => disk.get(key), entries: async () => [] }
    expect((await readState(store)).timeBound).toBe(NOW)
    for (const text of ['', '-1', '1.5', 'x', '9'.repeat(17)]) {
      disk.set('timeBound', new Uint8Array(Buffer.from(text)))
      await expect(readState(store)).rejects.toMatchObject({ code: 'E_STATE' })
    }
  })
})
