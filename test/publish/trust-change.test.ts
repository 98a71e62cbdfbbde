// Changes of trust, decided and signed: what the next root says when a role's keys change or a key is revoked, whose signatures it needs,
// and that the targets follow where they have to. What is signed here is walked as a node walks it.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FailureCode } from '../../src/core/failure.ts'
import { MINUTE } from '../../src/core/limits.ts'
import type { TargetsDocument } from '../../src/core/trust/documents.ts'
import { walkRoots } from '../../src/core/trust/roots.ts'
import { verifyStrict } from '../../src/keys/ed25519.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { completeRequest } from '../../src/publish/complete-request.ts'
import { isTargets, newestKnown } from '../../src/publish/delegations.ts'
import { initMesh, type Mesh, meshKeys, openMesh, readKey } from '../../src/publish/mesh.ts'
import { takeTargets } from '../../src/publish/newer-roots.ts'
import { addSignature, missingSignatures, type SigningRequest } from '../../src/publish/signing-request.ts'
import { keepStatement, planStatement, signStatement } from '../../src/publish/statement.ts'
import {
  keyRevoked,
  placesOf,
  roleRevoked,
  rotated,
  type TrustBase,
  type TrustChange,
} from '../../src/publish/trust-change.ts'
import { nextRequest, signersFor, withRoot } from '../../src/publish/trust-requests.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { announcementOf, keyOf, NOW, nodeOf, releaseOf, seedOf } from '../fixtures/documents.ts'

const [ADA, BOB] = ['ada', 'bob'].map(keyOf) as [ReturnType<typeof keyOf>, ReturnType<typeof keyOf>]
const STEP = { out: [], in: [] }

let home: string
let mesh: Mesh
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pimesh-change-'))
  mesh = initMesh({ dir: join(home, 'mesh'), name: 'acme' }, NOW)
})
afterEach(() => rmSync(home, { recursive: true }))

const failure = (code: FailureCode, text: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(text) })
const base = (some: Partial<TrustBase> = {}): TrustBase => ({
  mesh,
  targets: newestKnown(mesh, null),
  announced: [],
  statements: [],
  ...some,
})
const idOf = (role: 'root' | 'targets' | 'enrol') => mesh.root.signed.roles[role].keyIds[0] as string
const publisher = () => newestKnown(mesh, null)?.signed.roles[0]?.keyIds[0] as string
/** A key file that is not in the folder. */
const fileOf = (name: string) => {
  const path = join(home, `${name}.key`)
  writeKeyFile(path, seedOf(name))
  return readKey(path)
}

/** Signs all of a change with the folder's keys and these, takes it in as a command does, and gives the kinds that it took. */
function make(change: TrustChange, names: string[] = [], from = base()): string[] {
  const keys = [...meshKeys(mesh).values(), ...names.map(fileOf)]
  const signed: SigningRequest[] = []
  for (let known = mesh; ; ) {
    let request = nextRequest(from, change, { mesh: known, now: NOW })
    if (request === undefined) break
    for (const key of signersFor(request, keys)) request = addSignature(request, key, NOW)
    expect(missingSignatures(request)).toEqual([])
    signed.push(request)
    if (request.kind !== 'root') break
    expect(walkRoots(known.root, [request.document], { mesh: mesh.id }, { verifyStrict }).problem).toBeUndefined()
    known = withRoot(known, request.document)
  }
  for (const request of signed) {
    completeRequest(mesh, request)
    mesh = openMesh(mesh.dir)
  }
  return signed.map(({ kind }) => kind)
}

describe('the keys of the root', () => {
  it('are changed with the signatures of old and new', () => {
    const old = idOf('root')
    const change = rotated(base(), 'root', { out: [old], in: [ADA, BOB], threshold: 2 })
    expect(() => make(change)).toThrow(failure('E_SIGNATURES', /2 more of the root keys of version 2 are needed/))
    expect(() => make(change, ['ada'])).toThrow(
      failure('E_SIGNATURES', `1 more .*, by the key ${BOB.keyId.slice(0, 16)}`),
    )
    expect(make(change, ['ada', 'bob'])).toEqual(['root'])
    const { roles, keys } = mesh.root.signed
    expect([roles.root, keys.has(old)]).toEqual([{ keyIds: [ADA.keyId, BOB.keyId], threshold: 2 }, false])
    // No more than are needed sign, though three could have.
    expect(mesh.root.signatures).toHaveLength(3)
  })

  it('may be fewer, as long as enough are left', () => {
    make(rotated(base(), 'root', { ...STEP, in: [ADA], threshold: 2 }), ['ada'])
    expect(() => rotated(base(), 'root', { ...STEP, out: [ADA.keyId] })).toThrow(
      failure('E_ROLE', '1 key and need 2 signatures'),
    )
    expect(() => keyRevoked(base(), ADA.keyId)).toThrow(
      failure('E_ROLE', 'lower the threshold with "pimesh trust rotate root --threshold 1"'),
    )
    expect(() => rotated(base(), 'root', { ...STEP, threshold: 9 })).toThrow(failure('E_ROLE', '8 signatures at most'))
    make(rotated(base(), 'root', { out: [ADA.keyId], in: [], threshold: 1 }), ['ada'])
    expect(mesh.root.signed.roles.root).toEqual({ keyIds: [idOf('root')], threshold: 1 })
  })
})

describe('the keys of the targets', () => {
  it('sign their document anew with the root that names them, where the old signature does not count', () => {
    const change = rotated(base(), 'targets', { out: [idOf('targets')], in: [ADA] })
    expect(() => make(change)).toThrow(failure('E_SIGNATURES', `the role "targets".*${ADA.keyId.slice(0, 16)}`))
    expect(make(change, ['ada'])).toEqual(['root', 'targets'])
    const targets = newestKnown(mesh, null) as TargetsDocument
    expect([targets.signed.epoch, targets.signed.version, isTargets(targets, mesh)]).toEqual([2, 1, true])
  })

  it('of a new epoch come into a folder that is behind, whose versions were higher', () => {
    make({ targets: newestKnown(mesh, null)!.signed, notes: [] })
    const old = join(home, 'old')
    cpSync(mesh.dir, old, { recursive: true })
    make(rotated(base(), 'targets', { out: [idOf('targets')], in: [ADA] }), ['ada'])
    cpSync(join(mesh.dir, 'root'), join(old, 'root'), { recursive: true })
    const { hash, raw, signed } = newestKnown(mesh, null) as TargetsDocument
    expect(signed).toMatchObject({ epoch: 2, version: 1 })
    expect(takeTargets(openMesh(old), Buffer.from(raw).toString())?.hash).toBe(hash)
    expect(newestKnown(openMesh(old), null)?.hash).toBe(hash)
  })

  it('leave it as it is where its signature goes on counting', () => {
    expect(make(rotated(base(), 'targets', { ...STEP, in: [ADA] }))).toEqual(['root'])
    expect(isTargets(newestKnown(mesh, null) as TargetsDocument, mesh)).toBe(true)
  })
})

describe('the keys that enrol', () => {
  it('are retired when others take their place, and their last statement is sealed', () => {
    const plan = planStatement(
      mesh,
      { zone: undefined, offered: [] },
      { nodes: new Map([[nodeOf('thief'), NOW + MINUTE]]) },
      NOW,
    )
    const statement = signStatement(plan)
    const old = idOf('enrol')
    const statements = [Buffer.from(statement.raw).toString()]
    const change = rotated(base({ statements }), 'enrol', { out: [old], in: [ADA] })
    const short = old.slice(0, 16)
    const note = `the key ${short} is retired: who has it can still let machines in, until "pimesh trust revoke ${short}" voids it, and all that it granted`
    expect(change.notes).toEqual([note])
    make(change)
    const { roles, enrolment } = mesh.root.signed
    expect([roles.enrol.keyIds, enrolment.retired, enrolment.sealed]).toEqual([
      [ADA.keyId],
      [old],
      new Map([[old, statement.hash]]),
    ])
    // Revoking it afterwards leaves nothing of it.
    make(keyRevoked(base(), old))
    const { keys, enrolment: after } = mesh.root.signed
    expect([keys.has(old), after.retired, after.sealed]).toEqual([false, [], new Map()])
  })

  it('stay confined to a zone when one takes the place of another', () => {
    const enrol = { add: [{ keyId: ADA.keyId, zone: '/uk' }] }
    make({ root: { enrol, keys: [ADA] }, notes: [] })
    make(rotated(base(), 'enrol', { out: [ADA.keyId], in: [BOB] }))
    const { roles, enrolment } = mesh.root.signed
    expect(roles.enrol.keyIds).toEqual([idOf('enrol'), BOB.keyId])
    expect(enrolment.zones).toEqual(new Map([ADA, BOB].map(({ keyId }) => [keyId, '/uk'])))
  })

  it('begin a new epoch, which voids all that they granted, and say so', () => {
    const change = rotated(base(), 'enrol', { ...STEP, raiseEpoch: true })
    expect(change.notes).toEqual([expect.stringContaining('every membership and invite that was ever granted is void')])
    make(change)
    expect(mesh.root.signed.enrolment).toMatchObject({ epoch: 2, retired: [] })
  })

  it('are never none, need one signature, and do not come back', () => {
    const old = idOf('enrol')
    expect(() => keyRevoked(base(), old)).toThrow(
      failure('E_ROLE', `pimesh trust rotate enrol --out-key ${old.slice(0, 16)}`),
    )
    expect(() => rotated(base(), 'enrol', { ...STEP, in: [ADA], threshold: 2 })).toThrow(
      failure('E_ROLE', 'one signature always'),
    )
    expect(() =>
      rotated(base(), 'enrol', { ...STEP, in: [{ keyId: idOf('root'), publicKey: ADA.publicKey }] }),
    ).toThrow(failure('E_KEY', 'another task'))
    const gone = { keyId: old, publicKey: mesh.root.signed.keys.get(old) as Uint8Array }
    make(rotated(base(), 'enrol', { out: [old], in: [ADA] }))
    expect(() => rotated(base(), 'enrol', { ...STEP, in: [gone] })).toThrow(failure('E_KEY', 'was retired'))
  })

  it('are not changed without a peer that says what they revoked', () => {
    const alone = base({ statements: undefined })
    for (const change of [
      () => rotated(alone, 'enrol', { ...STEP, in: [ADA] }),
      () => keyRevoked(base({ statements: undefined, mesh: withRetired() }), ADA.keyId),
    ])
      expect(change).toThrow(failure('E_NO_DAEMON', 'none runs here'))
  })

  function withRetired(): Mesh {
    make(rotated(base(), 'enrol', { ...STEP, in: [ADA] }))
    return mesh
  }

  it('take all that they granted and stated with them when they are revoked, which is said', () => {
    make(rotated(base(), 'enrol', { ...STEP, in: [ADA] }))
    const keys = meshKeys(mesh)
    const statement = signStatement(
      planStatement(mesh, { zone: undefined, offered: [] }, { nodes: new Map([[nodeOf('thief'), NOW + MINUTE]]) }, NOW),
    )
    keepStatement(mesh, statement)
    expect(keys.has(idOf('enrol'))).toBe(true)
    const change = keyRevoked(base(), idOf('enrol'))
    expect(change.notes.join(' ')).toMatch(new RegExp(`granted is void.*comes back: revoke again .*${nodeOf('thief')}`))
    make(change)
    expect(mesh.root.signed.roles.enrol.keyIds).toEqual([ADA.keyId])
  })
})

describe('the beacon role', () => {
  it('begins, changes and ends', () => {
    expect(() => rotated(base(), 'beacon', { ...STEP, in: [BOB] })).toThrow(failure('E_ROLE', 'has no beacons'))
    expect(() => roleRevoked(base(), 'beacon')).toThrow(failure('E_ROLE', 'has no beacons'))
    make({ root: { beacon: { keys: [ADA], threshold: 1, period: MINUTE } }, notes: [] })
    make(rotated(base(), 'beacon', { ...STEP, in: [BOB], threshold: 2 }))
    expect(mesh.root.signed).toMatchObject({
      beaconPeriod: MINUTE,
      roles: { beacon: { keyIds: [ADA.keyId, BOB.keyId], threshold: 2 } },
    })
    expect(() => keyRevoked(base(), BOB.keyId)).toThrow(failure('E_ROLE', '1 key and need 2'))
    make(rotated(base(), 'beacon', { ...STEP, out: [ADA.keyId], threshold: 1 }))
    make(roleRevoked(base(), 'beacon'))
    expect(mesh.root.signed.roles).not.toHaveProperty('beacon')
    expect([...mesh.root.signed.keys.keys()]).not.toContain(BOB.keyId)
  })
})

describe('a key that is revoked', () => {
  it('goes out of every role that it stands in, over both documents', () => {
    make(rotated(base(), 'root', { ...STEP, in: [ADA] }), ['ada'])
    make(rotated(base(), 'targets', { ...STEP, in: [ADA] }))
    make(rotated(base(), 'acme', { ...STEP, in: [ADA] }))
    expect(placesOf(base(), ADA.keyId)).toEqual(['root', 'targets', 'acme'])
    expect(make(keyRevoked(base(), ADA.keyId))).toEqual(['root', 'targets'])
    expect(placesOf(base(), ADA.keyId)).toEqual([])
    expect([...mesh.root.signed.keys.keys()]).not.toContain(ADA.keyId)
  })

  it('is refused where too few would be left, and nothing is signed', () => {
    expect(() => keyRevoked(base(), publisher())).toThrow(
      failure('E_ROLE', /"acme" would have 0 keys .* rotate to a new key with .* --pub NEW"$/),
    )
    expect(() => keyRevoked(base(), idOf('targets'))).toThrow(failure('E_ROLE', '"targets" would have 0 keys'))
  })
})

describe('a key that enrols or signs beacons', () => {
  it('has no other task, and none of another role gets one of these', () => {
    const keyAt = (role: 'root' | 'enrol') => {
      const publicKey = mesh.root.signed.keys.get(idOf(role)) as Uint8Array
      return { keyId: idOf(role), publicKey }
    }
    const own = { keyId: publisher(), publicKey: newestKnown(mesh, null)?.signed.keys.get(publisher()) as Uint8Array }
    make({ root: { beacon: { keys: [BOB], threshold: 1 } }, notes: [] })
    for (const [role, key, other] of [
      ['beacon', keyAt('root'), 'root'],
      ['beacon', own, 'acme'],
      ['beacon', keyAt('enrol'), 'enrol'],
      ['enrol', own, 'acme'],
      ['enrol', BOB, 'beacon'],
      ['root', keyAt('enrol'), 'enrol'],
      ['targets', BOB, 'beacon'],
      ['acme', keyAt('enrol'), 'enrol'],
    ] as const)
      expect(() => rotated(base(), role, { ...STEP, in: [key] }), `${role}, ${other}`).toThrow(
        failure('E_KEY', `another task in this mesh already, that of "${other}"`),
      )
    make(rotated(base(), 'enrol', { out: [idOf('enrol')], in: [ADA] }))
    const [retired] = mesh.root.signed.enrolment.retired as [string]
    const gone = { keyId: retired, publicKey: mesh.root.signed.keys.get(retired) as Uint8Array }
    expect(() => rotated(base(), 'root', { ...STEP, in: [gone] })).toThrow(
      failure('E_KEY', 'that of "enrol .retired."'),
    )
  })

  it('is not one of root, targets or a publisher, which one holder may have together', () => {
    for (const role of ['root', 'targets', 'acme']) make(rotated(base(), role, { ...STEP, in: [ADA] }), ['ada'])
    expect(placesOf(base(), ADA.keyId)).toEqual(['root', 'targets', 'acme'])
  })
})

describe('what a change voids', () => {
  /** Signed by the publisher of this mesh. */
  const release = () => {
    const frame = { mesh: mesh.id, role: 'acme', epoch: 1, version: 3, releases: { 'acme/agent': releaseOf() } }
    const key = meshKeys(mesh).get(publisher()) as ReturnType<typeof readKey>
    return parseAnnouncement(encodeSigned(jsonOf(announcementOf(frame).signedBytes), [key]))
  }

  it('is said by its paths before it is signed', () => {
    const announced = [release()]
    const { notes } = rotated(base({ announced }), 'acme', { out: [publisher()], in: [ADA] })
    expect(notes).toEqual([
      expect.stringMatching(/nothing that "acme" announced \(acme\/agent\) counts any more until it publishes/),
    ])
    expect(roleRevoked(base({ announced }), 'acme').notes).toEqual([expect.stringContaining('what is installed stays')])
    expect(rotated(base({ announced }), 'acme', { ...STEP, whenStale: 'refuse' }).notes).toEqual([])
    // Nothing is known here of what it announced, and something may be in force elsewhere.
    expect(rotated(base(), 'acme', { out: [publisher()], in: [ADA] }).notes).toEqual([
      'nothing that "acme" announced counts any more until it publishes it again; what is installed stays',
    ])
  })

  it('no role of the root can be revoked, renamed or told about beacons', () => {
    for (const name of ['root', 'targets', 'enrol'])
      expect(() => roleRevoked(base(), name)).toThrow(failure('E_ROLE', `pimesh trust rotate ${name}`))
    expect(() => rotated(base(), 'root', { ...STEP, whenStale: 'refuse' })).toThrow(
      failure('E_USAGE', '--when-stale is for publishers'),
    )
    expect(() => rotated(base(), 'root', { ...STEP, raiseEpoch: true })).toThrow(
      failure('E_USAGE', '"root" has no epoch'),
    )
    expect(rotated(base(), 'targets', { ...STEP, raiseEpoch: true }).root?.raiseTargetsEpoch).toBe(true)
    expect(rotated(base(), 'enrol', { ...STEP, raiseEpoch: true }).root?.raiseTargetsEpoch).toBeUndefined()
    expect(() => rotated(base(), 'enroll', STEP)).toThrow(failure('E_ROLE', 'did you mean "enrol"?'))
    expect(() => rotated(base({ targets: undefined }), 'acme', STEP)).toThrow(failure('E_STATE', 'no targets document'))
  })
})
