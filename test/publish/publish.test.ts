import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FailureCode } from '../../src/core/failure.ts'
import { DAY, HOUR, limits } from '../../src/core/limits.ts'
import { judgeMembership } from '../../src/core/trust/membership.ts'
import { signedBy, walkRoots } from '../../src/core/trust/roots.ts'
import { judgeStatement } from '../../src/core/trust/statement.ts'
import { meshTargets } from '../../src/publish/delegations.ts'
import { type InviteOptions, makeInvite, planInvite, signInvite } from '../../src/publish/invite.ts'
import { makeMembership, openToken } from '../../src/publish/membership.ts'
import { initMesh, type Mesh, meshKeys, openMesh } from '../../src/publish/mesh.ts'
import { keepStatement, planStatement, signStatement } from '../../src/publish/statement.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseTargets } from '../../src/wire/targets.ts'
import { encodeToken } from '../../src/wire/token.ts'
import { env, keyOf, NOW, nodeOf, seedOf } from '../fixtures/documents.ts'
import { rotateRoot } from '../fixtures/rotate-root.ts'

let home: string
let dir: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pimesh-publish-'))
  dir = join(home, 'deep', 'mesh')
})
afterEach(() => rmSync(home, { recursive: true }))

const failure = (code: FailureCode, text = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(text) })
const VIA = [`/ip4/192.168.1.5/tcp/31415/p2p/${nodeOf('member')}`]
const invite = (mesh: Mesh, options: Partial<InviteOptions> = {}) =>
  makeInvite(mesh, { zone: '/uk/glasgow', via: VIA, ...options }, NOW)
const files = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort()

describe('init', () => {
  it('makes keys that only their owner reads, a root that signs itself, and targets', () => {
    const mesh = initMesh({ dir, name: 'acme', rootLifetimeDays: 30 }, NOW)
    const keys = ['keys/enrol.key', 'keys/publisher.key', 'keys/root.key', 'keys/targets.key']
    expect(files(dir)).toEqual(['keys', ...keys, 'root', 'root/1.json', 'targets', 'targets/1.json'])
    for (const key of keys) expect(statSync(join(dir, key)).mode & 0o777).toBe(0o600)
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    expect(mesh.id).toBe(mesh.root.hash)
    expect(mesh.root.signed.expires).toBe(NOW + 30 * DAY)
    const targets = parseTargets(readFileSync(join(dir, 'targets', '1.json')))
    expect(targets.signed.roles).toMatchObject([{ name: 'acme', paths: ['acme/*'], threshold: 1, epoch: 1 }])
    expect(signedBy(targets, mesh.root.signed.keys, mesh.root.signed.roles.targets, env)).toBe(true)
    expect(openMesh(dir)).toEqual(mesh)
    expect(readdirSync(join(home, 'deep'))).toEqual(['mesh'])
  })

  it('takes an empty folder, and refuses any other without touching it', () => {
    mkdirSync(dir, { recursive: true })
    const mesh = initMesh({ dir }, NOW)
    expect(() => initMesh({ dir }, NOW)).toThrow(failure('E_MESH_EXISTS', dir))
    expect(openMesh(dir).id).toBe(mesh.id)
    const file = join(home, 'file')
    writeFileSync(file, 'mine')
    expect(() => initMesh({ dir: file }, NOW)).toThrow(failure('E_MESH_EXISTS'))
    expect(() => initMesh({ dir: join(file, 'mesh') }, NOW)).toThrow(failure('E_DATA_WRITE'))
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })

  it('leaves nothing when it is interrupted', () => {
    let calls = 0
    const random = () => {
      if (++calls > 4) throw new Error('unexpected')
      return calls === 4 ? new Uint8Array(5) : new Uint8Array(32).fill(calls)
    }
    expect(() => initMesh({ dir }, NOW, random)).toThrow('32 bytes')
    expect(existsSync(dir)).toBe(false)
    expect(existsSync(join(home, 'deep')) ? readdirSync(join(home, 'deep')) : []).toEqual([])
  })

  it('names what is wrong', () => {
    expect(() => initMesh({ dir, name: 'A B' }, NOW)).toThrow(failure('E_USAGE', 'A B'))
    expect(() => initMesh({ dir, name: 'root' }, NOW)).toThrow(failure('E_ROLE', 'names something else'))
    for (const rootLifetimeDays of [0, -1, Number.NaN, 1e9])
      expect(() => initMesh({ dir, rootLifetimeDays }, NOW)).toThrow(failure('E_USAGE', 'days'))
    expect(() => initMesh({ dir: process.cwd() }, NOW)).toThrow(failure('E_USAGE', 'folder of its own'))
    expect(existsSync(dir)).toBe(false)
  })
})

describe('open', () => {
  it('finds no mesh, or a damaged one', () => {
    expect(() => openMesh(dir)).toThrow(failure('E_NO_MESH', 'pimesh init'))
    initMesh({ dir }, NOW)
    const path = join(dir, 'root', '1.json')
    const whole = readFileSync(path)
    writeFileSync(path, whole.subarray(0, 100))
    expect(() => openMesh(dir)).toThrow(failure('E_ROOT_INVALID', path))
    writeFileSync(path, encodeSigned(jsonOf(whole).signed as never, [keyOf('thief')]))
    expect(() => openMesh(dir)).toThrow(failure('E_ROOT_INVALID', 'not signed'))
  })
})

describe('invite and join', () => {
  it('end in a membership that every member accepts offline', () => {
    const mesh = initMesh({ dir }, NOW)
    const labels = { room: 'lab3' }
    const { token, invite: made } = invite(mesh, { labels, seats: 3, cells: 4, expiresInMs: HOUR })
    const opened = openToken(`  ${token}\n`, NOW)
    expect(opened).toMatchObject({
      mesh: mesh.id,
      via: VIA,
      invite: made,
      roots: [],
      floor: { version: 1, hash: mesh.id },
    })
    const membership = makeMembership({ token: opened, nodeSecret: seedOf('node'), seat: 2, name: 'pi-3', now: NOW })
    expect(membership.claims).toMatchObject({ node: nodeOf('node'), seat: 2, name: 'pi-3' })
    expect(membership.invite.signed.labels).toEqual(labels)
    const terms = { mesh: mesh.id, root: mesh.root, remote: nodeOf('node'), wall: NOW }
    expect(judgeMembership(membership, terms, env)).toBeUndefined()
    expect(judgeMembership(membership, { ...terms, wall: NOW + 2 * HOUR }, env)).toBe('inviteExpired')
  })

  it('a founding invite carries all roots, needs no address and no member to meet', () => {
    rotateRoot(initMesh({ dir }, NOW), NOW, { newRootKey: true })
    const mesh = openMesh(dir)
    const { token } = invite(mesh, { via: [], founding: true })
    const { roots, floor, ...opened } = openToken(token, NOW)
    expect(walkRoots(undefined, roots, { mesh: opened.mesh, floor }, env).root).toEqual(mesh.root)
    const first = { token: { ...opened, roots, floor }, nodeSecret: seedOf('n'), seat: 0, name: 'n', now: NOW }
    const terms = { mesh: mesh.id, root: mesh.root, remote: undefined, wall: NOW + 300 * DAY }
    expect(judgeMembership(makeMembership(first), terms, env)).toBeUndefined()
  })

  it.each<[FailureCode, string, Partial<InviteOptions>]>([
    ['E_ZONE', 'must start', { zone: 'uk' }],
    ['E_ZONE', 'reserved for cells', { zone: '/uk/~01' }],
    ['E_ZONE', 'for operators', { zone: '/' }],
    ['E_ZONE', 'for operators', { zone: '/', capabilities: ['operator'], cells: 2 }],
    ['E_LABEL', 'a-b=c', { labels: { 'a-b': 'c' } }],
    ['E_LABEL', '1 to 64 characters', { labels: { a: '' } }],
    ['E_LABEL', 'at most 16', { labels: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) }],
    [
      'E_LABEL',
      'too long together',
      { labels: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, '宇'.repeat(64)])) },
    ],
    ['E_USAGE', 'seats', { seats: 0 }],
    ['E_USAGE', 'seats', { seats: limits.inviteSeats + 1 }],
    ['E_USAGE', 'cells', { cells: 1.5 }],
    ['E_USAGE', 'one seat', { founding: true, seats: 2 }],
    ['E_USAGE', 'capability', { capabilities: [] }],
    ['E_USAGE', 'must last', { expiresInMs: 0 }],
    ['E_USAGE', 'must last', { membershipLifetimeMs: Number.NaN }],
    ['E_USAGE', '/ip4/1.2.3.4', { via: ['/ip4/1.2.3.4/tcp/1'] }],
    ['E_USAGE', "without the relay's own id", { via: [VIA[0]!.replace('/p2p/', '/p2p-circuit/p2p/')] }],
    ['E_USAGE', 'at most 8', { via: Array.from({ length: 9 }, () => VIA[0]!) }],
    ['E_NO_ADDRESS', '--via', { via: [] }],
  ])('%s: %s', (code, text, options) => {
    const mesh = initMesh({ dir }, NOW)
    expect(() => invite(mesh, options)).toThrow(failure(code, text))
  })

  it('an operator may be anywhere, also in zone /', () => {
    const { invite: made } = invite(initMesh({ dir }, NOW), { zone: '/', capabilities: ['operator', 'operator'] })
    expect(made.signed).toMatchObject({ zone: '/', capabilities: ['operator'] })
  })

  it('needs an enrol key', () => {
    const mesh = initMesh({ dir }, NOW)
    rmSync(join(dir, 'keys', 'enrol.key'))
    expect(() => invite(mesh)).toThrow(failure('E_STATE', 'enrol key'))
  })

  it('a token that does not serve is named so', () => {
    const mesh = initMesh({ dir }, NOW)
    const { token } = invite(mesh, { expiresInMs: HOUR })
    expect(() => openToken(token, NOW + 2 * HOUR)).toThrow(failure('E_TOKEN_EXPIRED', '2026-07-01T01:00:00Z'))
    const opened = openToken(token, undefined)
    const mine = { token: opened, nodeSecret: seedOf('node'), seat: 0, name: 'pi', now: NOW }
    expect(() => makeMembership({ ...mine, now: NOW + 2 * HOUR })).toThrow(failure('E_TOKEN_EXPIRED'))
    expect(() => makeMembership({ ...mine, seat: 1 })).toThrow(failure('E_TOKEN_USED'))
    expect(() => makeMembership({ ...mine, name: 'my pi' })).toThrow(failure('E_USAGE', 'my pi'))
    const swapped = encodeToken({ ...opened, inviteSecret: seedOf('thief') })
    expect(() => openToken(swapped, NOW)).toThrow(failure('E_TOKEN_DAMAGED', 'does not fit'))
  })
})

describe('rotation of the root', () => {
  it('makes a version that every node can follow', () => {
    const first = initMesh({ dir }, NOW)
    const second = rotateRoot(first, NOW + DAY, { newRootKey: true, rootLifetimeDays: 10 })
    const third = rotateRoot(openMesh(dir), NOW + DAY, {})
    const mesh = openMesh(dir)
    expect(mesh.roots.map(({ hash }) => hash)).toEqual([first.id, second.hash, third.hash])
    expect(mesh.id).toBe(first.id)
    expect(walkRoots(first.root, [second, third], { mesh: first.id }, env)).toMatchObject({
      root: third,
      problem: undefined,
    })
    expect(second.signed.expires).toBe(NOW + 11 * DAY)
    expect(second.signed.roles.root.keyIds).not.toEqual(first.root.signed.roles.root.keyIds)
    expect(second.signed.keys.has(first.root.signed.roles.root.keyIds[0]!)).toBe(false)
    expect(statSync(join(dir, 'keys', 'root-2.key')).mode & 0o777).toBe(0o600)
  })

  it('begins the versions of targets anew when asked to, and only then (clause ROOT 9)', () => {
    const mesh = initMesh({ dir: join(home, 'epochs') }, NOW)
    const second = rotateRoot(mesh, NOW, { raiseTargetsEpoch: true })
    expect(second.signed.targetsEpoch).toBe(2)
    const again = openMesh(mesh.dir)
    expect(() => meshTargets(again)).toThrow(failure('E_STATE'))
    expect(rotateRoot(again, NOW, {}).signed.targetsEpoch).toBe(2)
    expect(rotateRoot(openMesh(mesh.dir), NOW, { raiseTargetsEpoch: true }).signed.targetsEpoch).toBe(3)
  })

  it('retires enrol keys without voiding memberships, and voids them with a new epoch', () => {
    const join1 = (mesh: Mesh) => {
      const token = openToken(invite(mesh).token, NOW)
      return makeMembership({ token, nodeSecret: seedOf('node'), seat: 0, name: 'pi', now: NOW })
    }
    const first = initMesh({ dir }, NOW)
    const old = join1(first)
    rotateRoot(first, NOW, { newEnrolKey: true })
    const second = openMesh(dir)
    const judged = (membership: typeof old, mesh: Mesh) =>
      judgeMembership(membership, { mesh: mesh.id, root: mesh.root, remote: undefined, wall: NOW }, env)
    expect([judged(old, second), judged(join1(second), second)]).toEqual([undefined, undefined])
    expect(judged(join1(second), first)).toBe('unknownEnroller')
    rotateRoot(second, NOW, { raiseEpoch: true })
    const third = openMesh(dir)
    expect([judged(old, third), judged(join1(third), third)]).toEqual(['unknownEnroller', undefined])
  })

  it('seals the last statement of an enrol key that it retires, and lets those of a zone be (clause STATEMENT 3)', () => {
    const first = initMesh({ dir }, NOW)
    const [enroller] = first.root.signed.roles.enrol.keyIds as [string]
    const state = (mesh: Mesh, node: string, offered: string[] = []) =>
      signStatement(
        planStatement(mesh, { zone: undefined, offered }, { nodes: new Map([[nodeOf(node), NOW + DAY]]) }, NOW),
      )
    const kept = state(first, 'a')
    keepStatement(first, kept)
    // The peer has a newer one, which this folder never saw.
    const newer = state(first, 'b', [Buffer.from(kept.raw).toString()])
    rotateRoot(first, NOW, { newEnrolKey: true, statements: [Buffer.from(newer.raw).toString()] })
    const second = openMesh(dir)
    const { enrolment, roles } = second.root.signed
    expect(enrolment.sealed).toEqual(new Map([[enroller, newer.hash]]))
    expect([...newer.signed.nodes.keys()].sort()).toEqual([nodeOf('a'), nodeOf('b')].sort())
    const terms = { mesh: second.id, root: second.root }
    expect([judgeStatement(newer, terms, env), judgeStatement(kept, terms, env)]).toEqual([
      undefined,
      'unknownEnroller',
    ])
    expect(state(second, 'c').signed.enroller).toBe(roles.enrol.keyIds[0])
    rotateRoot(second, NOW, { newEnrolKey: true })
    expect(openMesh(dir).root.signed.enrolment.sealed).toEqual(enrolment.sealed)
  })
})

describe('with encrypted keys', () => {
  const passphrase = 'correct horse'

  it('init encrypts all of them, and what they signed holds', () => {
    const mesh = initMesh({ dir, passphrase }, NOW)
    const keys = [...meshKeys(mesh).values()]
    expect(keys.map((key) => [key.encrypted, key.locked])).toEqual(keys.map(() => [true, true]))
    expect(keys).toHaveLength(4)
    expect(openMesh(dir).id).toBe(mesh.id)
  })

  it('an invite is checked before its key is opened, and signed with that key alone', () => {
    const mesh = initMesh({ dir, passphrase }, NOW)
    expect(() => planInvite(mesh, { zone: 'uk', via: VIA }, NOW)).toThrow(failure('E_ZONE'))
    const plan = planInvite(mesh, { zone: '/uk', via: VIA }, NOW)
    expect(plan.enroller.keyId).toBe(mesh.root.signed.roles.enrol.keyIds[0])
    expect(() => signInvite(plan)).toThrow(failure('E_PASSPHRASE', 'enrol.key'))
    plan.enroller.unlock(passphrase)
    expect(openToken(signInvite(plan).token, NOW).mesh).toBe(mesh.id)
  })
})
