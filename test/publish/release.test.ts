// Signing releases: what is announced next, and every mistake of a publisher that is refused before anything is encoded.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FailureCode } from '../../src/core/failure.ts'
import { DAY, limits } from '../../src/core/limits.ts'
import { ENCODING_BYTES_MAX } from '../../src/core/swarm/pieces.ts'
import type { Encoding } from '../../src/core/trust/announcement.ts'
import type { Delegation, Targets } from '../../src/core/trust/documents.ts'
import { signedBy } from '../../src/core/trust/roots.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { keepAnnouncement, meshTargets, publisherFloors } from '../../src/publish/delegations.ts'
import { makeInvite } from '../../src/publish/invite.ts'
import { openToken } from '../../src/publish/membership.ts'
import { initMesh, type Mesh, meshKeys } from '../../src/publish/mesh.ts'
import {
  checkRequest,
  type PeerHolds,
  planRelease,
  type ReleaseRequest,
  signRelease,
} from '../../src/publish/release.ts'
import { announcementJson, parseAnnouncement } from '../../src/wire/announcement.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { encodingOf } from '../../src/wire/release.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { env, keyOf, NOW, seedOf } from '../fixtures/documents.ts'

let home: string
let mesh: Mesh
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pimesh-release-'))
  mesh = initMesh({ dir: join(home, 'mesh'), name: 'acme' }, NOW)
})
afterEach(() => rmSync(home, { recursive: true }))

const failure = (code: FailureCode, text = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(text) })
const NOBODY: PeerHolds = { targets: null, roles: [], counters: {} }

function request(some: Partial<ReleaseRequest> = {}): ReleaseRequest {
  return {
    path: 'acme/agent',
    version: '1.0',
    to: 'true',
    installer: { type: 'file', file: 'agent', executable: true },
    ...some,
  }
}

function made(name = 'a'): { artifact: { hash: string; length: number }; encoding: Encoding } {
  const hash = Buffer.from(seedOf(name)).toString('hex')
  const artifact = { hash, length: 1_000 }
  const pieceList = Buffer.from(seedOf(`${name} list`)).toString('hex')
  const encoding = encodingOf({
    type: 'identity',
    sha256: hash,
    length: 1_000,
    pieceLength: limits.pieceBytesMin,
    pieceList,
  })
  return { artifact, encoding }
}

const publish = (some: Partial<ReleaseRequest> = {}, held: PeerHolds = NOBODY, artifact = 'a') =>
  signRelease(planRelease(mesh, held, request(some), NOW), made(artifact))

/** What a peer holds after it accepted these. */
function holding(...signed: ReturnType<typeof publish>[]): PeerHolds {
  const roles = signed.map(({ document }) => ({
    role: document.signed.role,
    frozen: false,
    announcement: Buffer.from(document.raw).toString(),
  }))
  return { targets: Buffer.from(meshTargets(mesh).raw).toString(), roles, counters: {} }
}

/** What a peer holds of a role that announces so many paths, p0 and on, in one document. */
function announcing(paths: number, to = 'true'): ReturnType<typeof publish> {
  const plan = planRelease(mesh, NOBODY, request({ path: 'acme/p0', to }), NOW)
  const { release, document } = signRelease(plan, made())
  const terms = { ...release, installer: plan.request.installer, requires: [] }
  const releases = Object.fromEntries(Array.from({ length: paths }, (_, i) => [`acme/p${i}`, terms]))
  const raw = encodeSigned(announcementJson(document.signed, releases), [plan.key])
  return { release, document: parseAnnouncement(raw) }
}

/** Signs the next targets document with these roles, each held by the named keys. */
function delegate(
  roles: (Partial<Delegation> & { name: string; by: string[] })[],
  version = 2,
  dir = mesh.dir,
): string {
  const keys = [...meshKeys(mesh).values()]
  const targetsKey = keys.find(({ keyId }) => mesh.root.signed.roles.targets.keyIds.includes(keyId))!
  const publisher = parseTargets(readFileSync(join(dir, 'targets', '1.json'))).signed.roles[0]!.keyIds[0]!
  const named = new Map(keys.map((key) => [key.keyId, key.publicKey]))
  const list = roles.map(({ by, name, ...some }): Delegation => {
    const keyIds = by.map((key) => (key === 'publisher' ? publisher : keyOf(key).keyId))
    for (const key of by) if (key !== 'publisher') named.set(keyOf(key).keyId, keyOf(key).publicKey)
    return { name, keyIds, threshold: 1, paths: [`${name}/*`], terminating: false, epoch: 1, ...some }
  })
  const used = new Map([...named].filter(([keyId]) => list.some((role) => role.keyIds.includes(keyId))))
  const targets: Targets = { version, expires: NOW + DAY, keys: used, roles: list }
  const raw = encodeSigned(targetsJson(targets), [targetsKey])
  writeFileSync(join(dir, 'targets', `${version}.json`), raw)
  return Buffer.from(raw).toString()
}

describe('the next announcement', () => {
  it('is signed by a key of the role, and says what was asked for', () => {
    const origin = ['/ip4/192.0.2.1/tcp/31415/p2p/12D3KooWHGgdSPZDQohsZHLLVtxu87ioSi1pgjdHTUTRFAcYacMm']
    const { document, release } = publish({ to: 'zone.startsWith("/uk")', origin, lifetime: 3 * DAY })
    const targets = meshTargets(mesh).signed
    expect(signedBy(document, targets.keys, targets.roles[0]!, env)).toBe(true)
    expect(document.signed).toMatchObject({ mesh: mesh.id, role: 'acme', epoch: 1, version: 1, expires: NOW + 3 * DAY })
    expect(release).toMatchObject({
      path: 'acme/agent',
      counter: 1,
      version: '1.0',
      to: 'zone.startsWith("/uk")',
      origin,
    })
    expect(release).toMatchObject({ artifact: made().artifact, encodings: [made().encoding], unsupported: undefined })
    expect(parseAnnouncement(document.raw)).toEqual(document)
  })

  it('replaces one path and keeps every other, under the next version', () => {
    const first = publish()
    const second = publish({ path: 'acme/map', version: undefined }, holding(first), 'b')
    const third = publish({ version: '1.1' }, holding(second), 'c')
    expect(third.document.signed.version).toBe(3)
    const [agent, map] = third.document.signed.releases
    expect([agent?.version, agent?.counter, map?.version, map?.counter]).toEqual(['1.1', 2, '1', 1])
    expect(map?.hash).toBe(second.release.hash)
  })

  it('requires what the role announces already, by path, version or hash, and says so with its hash (clause BUNDLE 1)', () => {
    const lib = publish({ path: 'acme/lib' })
    const both = publish({ path: 'acme/map' }, holding(lib), 'b')
    const [{ hash }, map] = [lib.release, both.release]
    for (const word of ['acme/lib', 'acme/lib@1.0', hash, hash.slice(0, 6)]) {
      const { release, document } = publish({ requires: [word, 'acme/lib', 'acme/map'] }, holding(both), 'c')
      expect(release).toMatchObject({ requires: [hash, map.hash], unsupported: undefined })
      expect(document.signed.releases).toContainEqual(lib.release)
    }
    expect(publish({}, holding(both)).release.requires).toEqual([])
  })

  it.each<[string, string[], string]>([
    [
      'another version',
      ['acme/lib@1.1'],
      'the role "acme" does not announce "acme/lib@1.1": did you mean "acme/lib@1.0"?',
    ],
    [
      'a far one',
      ['acme/lib@2027-09'],
      'the role "acme" does not announce "acme/lib@2027-09": it announces acme/lib@1.0',
    ],
    ['nothing like it', ['zz/agent'], 'does not announce "zz/agent": "pimesh releases" lists what is announced'],
    [
      'itself',
      ['acme/agent'],
      'acme/agent cannot require acme/agent@1.0, whose place it takes: leave out --requires acme/agent',
    ],
  ])('cannot require %s', (_, requires, sentence) => {
    const held = holding(publish({}, holding(publish({ path: 'acme/lib' }))))
    expect(() => publish({ requires }, held)).toThrow(failure('E_PATH', sentence))
  })

  it('cannot require more than a release may', () => {
    const requires = Array<string>(limits.releaseRequires + 1).fill('acme/lib')
    expect(() => checkRequest(mesh, request({ requires }))).toThrow(failure('E_USAGE', 'requires at most 16 others'))
  })

  it('says whose bundle it breaks when it takes the place of what another one requires', () => {
    const lib = publish({ path: 'acme/lib' })
    const agent = publish({ requires: ['acme/lib'] }, holding(lib), 'b')
    const { notes } = planRelease(mesh, holding(agent), request({ path: 'acme/lib' }), NOW)
    expect(notes).toEqual([
      'acme/agent@1.0 requires acme/lib@1.0: nodes that have it in use take this one together with the next acme/agent, so publish that with --requires acme/lib',
    ])
    expect(planRelease(mesh, holding(agent), request({ path: 'acme/map' }), NOW).notes).toEqual([])
  })

  it('builds on the newer of what the peer holds and what was signed here', () => {
    const first = publish()
    const second = publish({ path: 'acme/map' }, holding(first))
    keepAnnouncement(mesh, second.document, 'accepted')
    expect(publish({}, holding(first)).document.signed).toMatchObject({ version: 3, releases: [{}, {}] })
    keepAnnouncement(mesh, first.document, 'accepted')
    expect(publish({}, holding(second)).document.signed).toMatchObject({ version: 3, releases: [{}, {}] })
  })

  it('spends the version and the counter of what was signed and perhaps never arrived, but takes nothing else from it', () => {
    const first = publish()
    const lost = publish({ path: 'acme/lost' }, holding(first))
    keepAnnouncement(mesh, lost.document, 'pending')
    const next = publish({ path: 'acme/map' }, holding(first))
    expect(next.document.signed.version).toBe(3)
    expect(next.document.signed.releases.map(({ path }) => path)).toEqual(['acme/agent', 'acme/map'])
    expect(publish({ path: 'acme/lost' }, holding(first)).release.counter).toBe(2)
    keepAnnouncement(mesh, next.document, 'accepted')
    expect(readdirSync(join(mesh.dir, 'announcements'))).toEqual(['acme.json'])
  })

  it('keeps what a newer pimesh wrote', () => {
    const first = publish()
    const signed = jsonOf(first.document.signedBytes) as Record<string, never>
    const raw = encodeSigned(
      { ...signed, later: 'field' },
      [...meshKeys(mesh).values()].filter(({ keyId }) => meshTargets(mesh).signed.roles[0]!.keyIds.includes(keyId)),
    )
    const newer = { document: parseAnnouncement(raw), release: first.release }
    expect(jsonOf(publish({}, holding(newer)).document.signedBytes)).toMatchObject({ later: 'field' })
  })

  it('believes nothing that a peer cannot prove', () => {
    const { document } = publish({ path: 'acme/evil', counter: 99 })
    const forged = encodeSigned(jsonOf(document.signedBytes) as never, [keyOf('thief')])
    const announcement = Buffer.from(forged).toString()
    const lying = {
      targets: '{"signed":{"version":9}}',
      roles: [{ role: 'acme', frozen: false, announcement }],
      counters: {},
    }
    const plan = planRelease(mesh, lying, request(), NOW)
    expect(plan.newTargets).toEqual(meshTargets(mesh))
    const thief = { name: 'acme', keyIds: [keyOf('thief').keyId], threshold: 1, paths: ['acme/*'] }
    const keys = new Map([[keyOf('thief').keyId, keyOf('thief').publicKey]])
    const roles = [{ ...thief, terminating: true, epoch: 1 }]
    const stolen = encodeSigned(targetsJson({ version: 2, expires: NOW + DAY, keys, roles }), [keyOf('thief')])
    const held = { ...lying, targets: Buffer.from(stolen).toString() }
    expect(planRelease(mesh, held, request(), NOW).newTargets).toEqual(meshTargets(mesh))
    expect(signRelease(plan, made()).document.signed).toMatchObject({ version: 1, releases: [{ path: 'acme/agent' }] })
  })

  it('of a new epoch begins with version 1 and nothing of the old', () => {
    const old = publish({ path: 'acme/evil' })
    delegate([{ name: 'acme', by: ['publisher'], epoch: 2 }])
    expect(publish({}, holding(old)).document.signed).toMatchObject({
      epoch: 2,
      version: 1,
      releases: [{ path: 'acme/agent' }],
    })
  })

  it('hands in the targets document only where the peer does not hold it', () => {
    expect(planRelease(mesh, NOBODY, request(), NOW).newTargets?.signed.version).toBe(1)
    const held = holding()
    expect(planRelease(mesh, held, request(), NOW).newTargets).toBeUndefined()
    const targets = delegate([{ name: 'acme', by: ['publisher'] }])
    expect(planRelease(mesh, held, request(), NOW).newTargets?.signed.version).toBe(2)
    rmSync(join(mesh.dir, 'targets', '2.json'))
    const plan = planRelease(mesh, { ...held, targets }, request(), NOW)
    expect([plan.newTargets, plan.targets.signed.version]).toEqual([undefined, 2])
  })

  it('says so when two were signed under one version', () => {
    const one = publish()
    const other = publish({ to: 'false' })
    expect(planRelease(mesh, holding(one), request(), NOW).notes).toEqual([])
    keepAnnouncement(mesh, one.document, 'accepted')
    const plan = planRelease(mesh, holding(other), request(), NOW)
    expect(plan.notes).toEqual([expect.stringMatching(/two different announcements.*somebody else has its key/)])
    expect([plan.terms.version, plan.previous?.hash]).toEqual([2, one.document.hash])
    const frozen = { ...holding(one), roles: holding(one).roles.map((role) => ({ ...role, frozen: true })) }
    expect(planRelease(mesh, frozen, request(), NOW).notes).toHaveLength(1)
  })
})

describe('the role and its key', () => {
  it('are the first that cover the path and have a key here', () => {
    delegate([
      { name: 'lab', by: ['elsewhere'], paths: ['acme/a*'] },
      { name: 'acme', by: ['publisher'] },
    ])
    expect(publish().document.signed.role).toBe('acme')
    writeKeyFile(join(mesh.dir, 'keys', 'lab.key'), seedOf('elsewhere'))
    expect(publish().document.signed.role).toBe('lab')
    expect(publish({ path: 'acme/map' }).document.signed.role).toBe('acme')
  })

  it('may be named by a key file', () => {
    delegate([{ name: 'acme', by: ['publisher', 'stick'] }])
    const keyFile = join(home, 'stick.key')
    writeKeyFile(keyFile, seedOf('stick'))
    const { document } = publish({ keyFile })
    expect(document.signatures.map(({ keyId }) => keyId)).toEqual([keyOf('stick').keyId])
  })

  it('may be encrypted: all is checked while it is locked, and it signs once it is not', () => {
    delegate([{ name: 'acme', by: ['publisher', 'stick'] }])
    const keyFile = join(home, 'stick.key')
    writeKeyFile(keyFile, seedOf('stick'), { passphrase: 'correct horse' })
    expect(() => planRelease(mesh, NOBODY, request({ keyFile, counter: 0 }), NOW)).toThrow(failure('E_USAGE'))
    const plan = planRelease(mesh, NOBODY, request({ keyFile }), NOW)
    expect(() => signRelease(plan, made())).toThrow(failure('E_PASSPHRASE', keyFile))
    plan.key.unlock('correct horse')
    const { document } = signRelease(plan, made())
    expect(document.signatures.map(({ keyId }) => keyId)).toEqual([keyOf('stick').keyId])
  })

  it('must not stand behind a role that decides about the path', () => {
    const roles = (terminating: boolean) => [
      { name: 'lab', by: ['elsewhere'], paths: ['acme/*'], terminating },
      { name: 'acme', by: ['publisher'] },
    ]
    delegate(roles(true))
    expect(() => publish()).toThrow(failure('E_KEY', 'decided by the role "lab", which comes before "acme"'))
    delegate(roles(false), 3)
    writeKeyFile(join(mesh.dir, 'keys', 'lab.key'), seedOf('elsewhere'))
    const lab = publish()
    rmSync(join(mesh.dir, 'keys', 'lab.key'))
    expect(() => publish({}, holding(lab))).toThrow(failure('E_KEY', 'decided by the role "lab"'))
    expect(publish({ path: 'acme/map' }, holding(lab)).document.signed.role).toBe('acme')
  })

  it('need one signature only', () => {
    delegate([{ name: 'acme', by: ['publisher', 'second'], threshold: 2 }])
    expect(() => publish()).toThrow(failure('E_KEY', 'needs 2 signatures'))
  })
})

describe('a mistake of the publisher is one sentence, and changes nothing', () => {
  it.each<[FailureCode, string, Partial<ReleaseRequest>]>([
    ['E_PATH', '"other/agent" is outside what the role "acme" may announce (acme/*)', { path: 'other/agent' }],
    ['E_PATH', 'outside', { path: 'acme/deeper/agent' }],
    ['E_USAGE', '"acme//agent" cannot name a release', { path: 'acme//agent' }],
    ['E_USAGE', '".."', { path: 'acme/..' }],
    ['E_USAGE', '"two words" cannot name a version', { version: 'two words' }],
    ['E_USAGE', "cannot be the file's name", { installer: { type: 'file', file: '../etc', executable: false } }],
    ['E_USAGE', 'must last 1 to 36500 days', { lifetime: 0 }],
    ['E_USAGE', 'whole number from 1', { counter: 0 }],
    ['E_SELECTOR', 'at character 9', { to: 'zone == == "/uk"' }],
    ['E_SELECTOR', 'it ends too early', { to: 'zone ==' }],
    ['E_SELECTOR', 'did you mean "zone"?', { to: 'zoen == "/uk"' }],
    ['E_SELECTOR', 'at character 16: "modle" is not a fact', { to: 'cpus >= 4 && ( modle == "x")' }],
    ['E_SELECTOR', 'not a condition', { to: 'zone' }],
  ])('%s: %s', (code, text, some) => {
    expect(() => checkRequest(mesh, request(some))).toThrow(failure(code, text))
    expect(() => planRelease(mesh, NOBODY, request(some), NOW)).toThrow(failure(code, text))
    expect(existsSync(join(mesh.dir, 'announcements'))).toBe(false)
  })

  it('E_COUNTER with the number that is', () => {
    const first = publish({ counter: 7 })
    const refused = failure(
      'E_COUNTER',
      'the counter 7 of acme/agent is not newer: 7 has been announced; give 8 or more',
    )
    expect(() => publish({ counter: 7 }, holding(first))).toThrow(refused)
    keepAnnouncement(mesh, first.document, 'accepted')
    expect(() => publish({ counter: 7 })).toThrow(refused)
    const accepted = { ...NOBODY, counters: { 'acme/agent': 12 } }
    expect(() => publish({ counter: 12 }, accepted)).toThrow(failure('E_COUNTER', '12 has been announced; give 13'))
    expect(publish({}, accepted).release.counter).toBe(13)
    expect(publish({ counter: 1_761_000_000 }).release.counter).toBe(1_761_000_000)
    expect(() => publish({}, { ...NOBODY, counters: { 'acme/agent': 2 ** 31 - 1 } })).toThrow(
      failure('E_COUNTER', 'used up its counters'),
    )
  })

  it('E_KEY with the role that would be needed', () => {
    const keyFile = join(home, 'thief.key')
    expect(() => publish({ keyFile })).toThrow(failure('E_KEY', `${keyFile} cannot be read (ENOENT)`))
    writeKeyFile(keyFile, seedOf('thief'))
    const none = `the key in ${keyFile} is not one of the role "acme", which announces "acme/agent"`
    expect(() => checkRequest(mesh, request({ keyFile }))).toThrow(failure('E_KEY', none))
    writeFileSync(keyFile, 'no key')
    expect(() => publish({ keyFile })).toThrow(failure('E_KEY', 'is no key file'))
    rmSync(join(mesh.dir, 'keys', 'publisher.key'))
    expect(() => publish()).toThrow(failure('E_KEY', `${mesh.dir}/keys has no key of the role "acme"`))
    expect(() => publish({ path: 'x/y' })).toThrow(
      failure('E_PATH', 'no role of this mesh may announce "x/y", only acme/*'),
    )
  })

  it('E_ANNOUNCEMENT when the role announces too much', () => {
    const almost = holding(announcing(limits.releases - 1))
    const full = holding(publish({ path: 'acme/last' }, almost))
    expect(() => publish({ path: 'acme/more' }, full)).toThrow(failure('E_ANNOUNCEMENT', '64 releases already'))
    expect(publish({ path: 'acme/p0' }, full).document.signed.releases).toHaveLength(limits.releases)
    const to = `name != "${'x'.repeat(1_000)}"`
    const long = holding(announcing(Math.floor(limits.announcementBytes / 1_600), to))
    const fill = () => {
      let held = long
      for (let i = 0; i < limits.releases; i++) held = holding(publish({ path: `acme/q${i}`, to }, held))
    }
    expect(fill).toThrow(failure('E_ANNOUNCEMENT', 'more than 65536: announce some of its paths under another role'))
  })

  it('E_ANNOUNCEMENT before a key is needed, however long the artifact turns out to be', () => {
    const named = (path: string, length: number) => request({ path, to: `name != "${'x'.repeat(length)}"` })
    let held = NOBODY
    let room: number = limits.announcementBytes
    for (let i = 0; room > 1_600; i++) {
      const signed = publish(named(`acme/p${i}`, room > 6_000 ? 1_000 : 300), held)
      held = holding(signed)
      room = limits.announcementBytes - signed.document.raw.length
    }
    const { artifact, encoding } = made()
    const largest = {
      artifact: { ...artifact, length: ENCODING_BYTES_MAX },
      encoding: encodingOf({ ...encoding, length: ENCODING_BYTES_MAX, pieceLength: limits.pieceBytesMax }),
    }
    const planned = (length: number) => planRelease(mesh, held, named('acme/last', length), NOW)
    const { document } = signRelease(planned(0), largest)
    const longest = limits.announcementBytes - document.raw.length
    expect(signRelease(planned(longest), largest).document.raw).toHaveLength(limits.announcementBytes)
    expect(() => planned(longest + 1)).toThrow(failure('E_ANNOUNCEMENT', 'more than 65536'))
  })

  it('E_STATE when the folder is damaged', () => {
    keepAnnouncement(mesh, publish().document, 'accepted')
    writeFileSync(join(mesh.dir, 'announcements', 'acme.json'), '{')
    expect(() => publish()).toThrow(failure('E_STATE', 'acme.json is damaged'))
    const path = join(mesh.dir, 'targets', '1.json')
    writeFileSync(path, encodeSigned(jsonOf(readFileSync(path)).signed as never, [keyOf('thief')]))
    expect(() => publish()).toThrow(failure('E_STATE', 'not signed by the targets key'))
    rmSync(path)
    expect(() => checkRequest(mesh, request())).toThrow(failure('E_STATE', 'No targets document'))
  })
})

describe('an invite', () => {
  const floors = () => {
    const { token } = makeInvite(mesh, { zone: '/uk', founding: true }, NOW)
    return openToken(token, NOW).floors
  }

  it('carries what the folder knows to be in force', () => {
    expect(floors()).toEqual({ targets: 1, roles: [] })
    const first = publish()
    keepAnnouncement(mesh, first.document, 'pending')
    expect(floors().roles).toEqual([])
    keepAnnouncement(mesh, publish({}, holding(first)).document, 'accepted')
    expect(floors()).toEqual({ targets: 1, roles: [{ role: 'acme', epoch: 1, version: 2 }] })
  })

  it('of who may only enrol has no floors', () => {
    rmSync(join(mesh.dir, 'targets'), { recursive: true })
    expect(floors()).toEqual({ targets: 0, roles: [] })
    mkdirSync(join(mesh.dir, 'targets'))
    expect(publisherFloors(mesh)).toEqual({ targets: 0, roles: [] })
  })
})
