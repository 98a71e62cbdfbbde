import { beforeEach, describe, expect, it } from 'vitest'
import type { AnyResponse } from '../../../src/core/events.ts'
import { HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { NOTHING } from '../../../src/core/protocols.ts'
import type { BeaconDocument } from '../../../src/core/trust/beacon.ts'
import type { RootDocument } from '../../../src/core/trust/documents.ts'
import { beaconJson, parseBeacon } from '../../../src/wire/beacon.ts'
import { encodeSigned } from '../../../src/wire/signed.ts'
import {
  announcementOf,
  delegationOf,
  keyOf,
  MESH,
  NOW,
  ROOT,
  releaseOf,
  rootOf,
  signRoot,
  targetsOf,
} from '../../fixtures/documents.ts'
import { LittleMesh, type Member } from './little-mesh.ts'

const KEYS = ['beacon 1', 'beacon 2', 'beacon 3'] as const

/** A root whose beacons are signed by so many of these keys. */
function beaconRoot(
  changes: { version?: number; names?: readonly string[]; threshold?: number; issued?: number } = {},
) {
  const { version = 2, names = KEYS, threshold = 2, issued = NOW } = changes
  const plain = rootOf({ version })
  const beacon = { keyIds: names.map((name) => keyOf(name).keyId), threshold }
  const listed = [...plain.keys, ...names.map((name) => [keyOf(name).keyId, keyOf(name).publicKey] as const)]
  return signRoot({ ...plain, keys: new Map(listed), roles: { ...plain.roles, beacon }, issued }, ['root'])
}
const ROOTS: readonly RootDocument[] = [ROOT, beaconRoot()]
const of = (version: number) => announcementOf({ version, releases: { 'acme/agent': releaseOf({ counter: version }) } })
const REFUSING = targetsOf({ roles: [delegationOf({ whenStale: 'refuse' })] })

let mesh: LittleMesh
let holders: Member[]
let node: Member
const freshness = (member: Member) => member.core.releases.freshness(mesh.now)
const newest = (member: Member) => member.core.releases.beacons.newest?.signed

/** Three holders, and a plain node that is linked to all of them. */
function build(roots = ROOTS): void {
  mesh = new LittleMesh()
  holders = KEYS.map((beacon, at) => mesh.add(`holder-${at}`, { beacon, roots }))
  node = mesh.add('node', { roots })
  mesh.link(node, ...holders)
}

/** A beacon of this period, as its holders would sign it, or not quite. */
function forge(
  counter: number,
  changes: { by?: readonly string[]; time?: number; mesh?: string } = {},
): BeaconDocument {
  const { by = KEYS.slice(0, 2), time = counter * HOUR } = changes
  const root = ROOTS[1] as RootDocument
  const vector = { targetsVersion: 0, targetsHash: undefined, heads: [] }
  const terms = { mesh: changes.mesh ?? MESH, counter, time, rootVersion: 2, rootHash: root.hash, vector }
  return parseBeacon(encodeSigned(beaconJson(terms), by.map(keyOf)))
}
/** A linked member that answers with these beacons, and tells of all that would be news. */
function liar(member: Member, documents: readonly BeaconDocument[]): void {
  member.lies = (request): AnyResponse | undefined =>
    request.protocol === 'sync' && request.body.type === 'beacons'
      ? { protocol: 'sync', body: { ...NOTHING, beacons: documents } }
      : undefined
}
function tell(from: Member, to: Member, document: BeaconDocument, mask = 7): void {
  const head = { role: 'beacon', epoch: mask, version: document.signed.counter, hash: document.hash }
  const topic = `/pimesh/1/${MESH.slice(0, 16)}/ann`
  to.feed({ type: 'headHeard', ticket: to.ticket(), from: from.node, topic, head })
  mesh.run(limits.beaconAskPause + SECOND)
}
const slot = () => Math.floor((NOW + mesh.now) / HOUR)

describe('beacons of two of three holders (clause BEACON)', () => {
  beforeEach(() => build())

  it('come once a period, and make everybody fresh', () => {
    expect(freshness(node)).toBe('unproven')
    mesh.run(5 * MINUTE)
    const [first] = [newest(node)]
    expect(first).toMatchObject({ counter: slot(), time: slot() * HOUR, rootVersion: 2 })
    expect([node, ...holders].map(freshness)).toEqual(['fresh', 'fresh', 'fresh', 'fresh'])
    mesh.run(HOUR)
    expect(newest(node)?.counter).toBe((first?.counter ?? 0) + 1)
    const told = node.events.filter(({ type }) => type === 'beaconAccepted')
    expect(told).toHaveLength(2)
  })

  it('come when one of three holders is off, and not when two are', () => {
    const [one, two] = holders as [Member, Member]
    mesh.cut(one, node)
    mesh.run(5 * MINUTE)
    expect(freshness(node)).toBe('fresh')
    mesh.cut(two, node)
    mesh.run(4 * HOUR)
    expect(freshness(node)).toBe('stale')
    mesh.link(node, one)
    mesh.run(HOUR)
    expect(freshness(node)).toBe('fresh')
  })

  it('are signed by nobody whose clock is not believed', () => {
    for (const holder of holders.slice(0, 2)) holder.setClock(NOW + mesh.now, false)
    mesh.run(HOUR)
    expect(newest(node)).toBeUndefined()
    holders[0]?.setClock(0, true)
    mesh.run(HOUR)
    expect(newest(node)).toBeUndefined()
    holders[0]?.setClock(NOW + mesh.now, true)
    mesh.run(HOUR)
    expect(newest(node)?.counter).toBe(slot())
  })

  it('name what the holders hold, and wait until they agree', () => {
    holders[0]?.submit(of(1), targetsOf())
    mesh.run(5 * MINUTE)
    expect(newest(node)?.vector.heads).toMatchObject([{ role: 'acme', epoch: 1, version: 1, hash: of(1).hash }])
  })

  it('move the lower bound on time, and nothing but them and roots does (clause CLOCK 1)', () => {
    mesh.run(5 * MINUTE)
    mesh.run(HOUR)
    expect(node.core.snapshot().time.bound).toBe(slot() * HOUR)
    expect(Buffer.from(node.disk.get('timeBound') ?? []).toString()).toBe(String(slot() * HOUR))
  })

  it('are on disk before they count', () => {
    node.diskFull = true
    mesh.run(10 * MINUTE)
    expect([newest(node), node.core.snapshot().time.bound, freshness(node)]).toEqual([undefined, NOW, 'unproven'])
    node.diskFull = false
    mesh.run(HOUR)
    expect(freshness(node)).toBe('fresh')
  })

  it('are not proven again after a restart until a newer one comes', async () => {
    mesh.run(5 * MINUTE)
    const counter = newest(node)?.counter
    await node.restart()
    mesh.link(node, ...holders)
    mesh.run(5 * MINUTE)
    expect([newest(node)?.counter, freshness(node)]).toEqual([counter, 'unproven'])
    mesh.run(HOUR)
    expect(freshness(node)).toBe('fresh')
  })
})

describe('a beacon is refused', () => {
  let evil: Member
  beforeEach(() => {
    mesh = new LittleMesh()
    node = mesh.add('node', { roots: ROOTS })
    evil = mesh.add('evil', { roots: ROOTS })
    mesh.link(node, evil)
    mesh.run(MINUTE)
  })
  const refusals = () => node.core.snapshot().refusals
  const give = (...documents: BeaconDocument[]) => {
    liar(evil, documents)
    tell(evil, node, documents[0] as BeaconDocument)
  }

  it('with too few signatures, and two halves make a whole', () => {
    give(forge(slot(), { by: [KEYS[0]] }))
    expect(newest(node)).toBeUndefined()
    give(forge(slot(), { by: [KEYS[2]] }))
    expect(newest(node)?.counter).toBe(slot())
    expect(node.core.releases.beacons.newest?.signatures.map(({ keyId }) => keyId).sort()).toEqual(
      [KEYS[0], KEYS[2]].map((name) => keyOf(name).keyId).sort(),
    )
    const raw = node.disk.get('beacon/newest') as Uint8Array
    expect(parseBeacon(raw).hash).toBe(forge(slot()).hash)
  })

  it.each([
    ['signed by others', 'thief'],
    ['signed twice by one key', KEYS[0]],
  ])('%s', (_, name) => {
    give(forge(slot(), { by: [name] }))
    give(forge(slot(), { by: [name] }))
    expect(newest(node)).toBeUndefined()
  })

  it.each([
    ['of another mesh', () => forge(slot(), { mesh: 'f'.repeat(64) }), 'foreignMesh'],
    ['whose time is not that of its counter', () => forge(slot(), { time: (slot() + 1) * HOUR }), 'malformed'],
    [
      'beyond the end of its root: online keys prove no more than offline keys lent them',
      () => forge(slot() + 366 * 24),
      'expired',
    ],
    [
      'with a wrong signature',
      () => {
        const good = forge(slot())
        const signatures = good.signatures.map(({ keyId }) => ({ keyId, signature: new Uint8Array(64) }))
        return {
          ...good,
          signatures,
          raw: Buffer.from(
            Buffer.from(good.raw)
              .toString()
              .replace(/"sig":"[0-9a-f]{8}/, '"sig":"00000000'),
          ),
        }
      },
      'badSignature',
    ],
  ])('%s', (_, make, code) => {
    give(make())
    expect([newest(node), refusals()]).toEqual([undefined, { [code]: 1 }])
  })

  it('that is older than one that counted, also after a restart and without the beacon (T08)', async () => {
    give(forge(slot() + 2))
    give(forge(slot() + 1))
    expect(newest(node)?.counter).toBe(slot() + 2)
    node.disk.delete('beacon/newest')
    await node.restart()
    mesh.link(node, evil)
    give(forge(slot() + 1))
    give(forge(slot() + 2))
    expect([newest(node), freshness(node)]).toEqual([undefined, 'unproven'])
    give(forge(slot() + 3))
    expect(newest(node)?.counter).toBe(slot() + 3)
  })

  it('of a stolen key alone, which takes no place from the others', () => {
    for (const far of [100, 200, 300]) give(forge(slot() + far, { by: [KEYS[0]] }))
    give(forge(slot(), { by: [KEYS[1]] }))
    give(forge(slot(), { by: [KEYS[2]] }))
    expect(newest(node)?.counter).toBe(slot())
    expect(node.core.releases.beacons.documents().length).toBeLessThanOrEqual(KEYS.length)
  })

  it('signed before other keys were given the role; the new ones count anew', () => {
    const far = forge(slot() + 30 * 24, { by: [KEYS[0], KEYS[2]] })
    give(far)
    expect(newest(node)?.counter).toBe(far.signed.counter)
    const names = [KEYS[0], KEYS[1], 'beacon 4']
    const next = beaconRoot({ version: 3, names, issued: NOW + 10 * HOUR })
    node.feed({
      ...{ type: 'answered', ticket: 1, peer: evil.node, protocol: 'sync' },
      body: { ...NOTHING, roots: [next] },
    })
    mesh.run(SECOND)
    expect([node.core.snapshot().root.signed.version, newest(node), freshness(node)]).toEqual([
      3,
      undefined,
      'unproven',
    ])
    give(forge(slot() + 2))
    expect(newest(node)).toBeUndefined()
    const ahead = slot() + 11
    give(forge(ahead, { by: [KEYS[1], 'beacon 4'] }))
    expect(newest(node)?.counter).toBe(ahead)
    // What was proved once stays proved.
    expect(node.core.snapshot().time.bound).toBe(far.signed.time)
  })
})

describe('T05 freeze: the newest signed state, replayed', () => {
  function freeze(targets = targetsOf()): void {
    build()
    holders[0]?.submit(of(1), targets)
    mesh.run(5 * MINUTE)
    expect([freshness(node), node.begun]).toEqual(['fresh', ['acme/agent@1.0.0']])
    // Their keys are silent from now on; what they hold they serve for ever.
    for (const holder of holders) holder.setClock(0, false)
  }

  it('is said to be stale after three periods of uptime, and not before', () => {
    freeze()
    mesh.run(limits.beaconSilence * HOUR - 10 * MINUTE)
    expect(freshness(node)).toBe('fresh')
    mesh.run(10 * MINUTE)
    expect(freshness(node)).toBe('stale')
    expect(node.events.filter(({ type }) => type === 'freshness')).toEqual([
      { type: 'freshness', freshness: 'fresh' },
      { type: 'freshness', freshness: 'stale' },
    ])
  })

  it('is said to be stale by a node that was started during it', async () => {
    freeze()
    await node.restart()
    mesh.link(node, ...holders)
    mesh.run(limits.beaconSilence * HOUR + MINUTE)
    expect(freshness(node)).toBe('stale')
  })

  it('installs nothing of a role that refuses, and goes on when beacons come again', () => {
    freeze(REFUSING)
    mesh.run(limits.beaconSilence * HOUR)
    holders[0]?.submit(of(2))
    mesh.greet()
    expect(node.core.releases.publishers().current[0]).toMatchObject({ stale: true, document: { hash: of(2).hash } })
    expect(node.begun).toEqual(['acme/agent@1.0.0'])
    const [release] = of(2).signed.releases
    expect(release && node.core.releases.release(release).state).toMatchObject({ state: 'announced', reason: 'stale' })
    for (const holder of holders) holder.setClock(NOW + mesh.now, true)
    mesh.run(5 * MINUTE)
    expect([freshness(node), node.begun]).toEqual(['fresh', ['acme/agent@1.0.0', 'acme/agent@2.0.0']])
  })

  it('goes on installing of a role that only warns', () => {
    freeze()
    mesh.run(limits.beaconSilence * HOUR)
    holders[0]?.submit(of(2))
    mesh.greet()
    expect([freshness(node), node.begun]).toEqual(['stale', ['acme/agent@1.0.0', 'acme/agent@2.0.0']])
  })

  it('is seen when beacons are let through, and what they name is not', () => {
    build()
    const [near, ...others] = holders as [Member, Member, Member]
    mesh.cut(node, ...others)
    mesh.link(near, ...others)
    near.submit(of(1), targetsOf())
    mesh.run(5 * MINUTE)
    expect(freshness(node)).toBe('fresh')
    // The only contact withholds the next announcement from now on, and passes on each beacon.
    near.lies = (request, peer) =>
      peer === node.node && request.protocol === 'sync' && request.body.type === 'announcements'
        ? { protocol: 'sync', body: NOTHING }
        : undefined
    near.submit(of(2))
    mesh.run(HOUR)
    expect(newest(node)?.vector.heads[0]?.version).toBe(2)
    mesh.run(2 * HOUR)
    expect(newest(node)?.counter).toBe(slot())
    expect(freshness(node)).toBe('stale')
    near.lies = undefined
    mesh.greet()
    expect(freshness(node)).toBe('fresh')
  })

  it('is not proven by a mesh without beacons, which refuses nothing', () => {
    build([ROOT])
    mesh.run(4 * HOUR)
    expect(freshness(node)).toBe('unproven')
    holders[0]?.submit(of(1), REFUSING)
    mesh.greet()
    expect(node.begun).toEqual(['acme/agent@1.0.0'])
  })
})

describe('T14 eclipse', () => {
  /** Members that show the state of the beginning, whatever they hold. */
  function eclipse(hostile: number): Member[] {
    build()
    mesh.cut(node, ...holders)
    const enemies = Array.from({ length: hostile }, (_, at) => mesh.add(`enemy-${at}`, { roots: ROOTS }))
    mesh.link(node, ...enemies)
    for (const enemy of enemies)
      enemy.lies = (request) => {
        if (request.protocol === 'query' || request.protocol === 'history') return undefined
        if (request.protocol === 'sync') return { protocol: 'sync', body: NOTHING }
        const vector = { targetsVersion: 0, targetsHash: undefined, heads: [] }
        return { protocol: 'hello', body: { ...request.body, vector, beacons: [], contacts: [] } }
      }
    const [first, ...rest] = holders as [Member, Member, Member]
    mesh.link(first, ...rest)
    first.submit(of(1), REFUSING)
    return enemies
  }

  it('by all but one of the neighbours learns the newest', () => {
    eclipse(7)
    mesh.link(node, holders[1] as Member)
    mesh.run(10 * MINUTE)
    expect([freshness(node), node.begun]).toEqual(['fresh', ['acme/agent@1.0.0']])
  })

  it('by all of them is said to be stale, and nothing is installed that is not the newest', () => {
    const [enemy] = eclipse(8) as [Member]
    mesh.run(3 * HOUR + MINUTE)
    expect([freshness(node), node.begun]).toEqual(['stale', []])
    // They show an old, genuine announcement in the end: it is not begun while nobody proves that it is the newest.
    node.feed({ type: 'submitted', ticket: node.ticket(), targets: REFUSING, announcement: of(1), imported: [] })
    mesh.run(MINUTE)
    expect([freshness(node), node.begun]).toEqual(['stale', []])
    mesh.cut(node, enemy)
    mesh.link(node, holders[0] as Member)
    mesh.run(HOUR + 5 * MINUTE)
    expect([freshness(node), node.begun]).toEqual(['fresh', ['acme/agent@1.0.0']])
  })
})

describe('a beacon that would last', () => {
  it('proves that an announcement has ended, on a clock that says nothing (T29)', () => {
    build()
    node.setClock(0, false)
    holders[0]?.submit(announcementOf({ expires: NOW + 2 * HOUR }), targetsOf())
    mesh.run(4 * HOUR)
    expect(node.core.releases.publishers().current[0]?.expiry).toBe('expired')
  })
})
