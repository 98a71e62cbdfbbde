// A publisher's role that changes its own keys, as its commands make it: who signs, in which order, what is carried on, and every mistake
// as one sentence that changes nothing (clause ROTATION).
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { TOMBSTONE } from '../../src/core/trust/rotations.ts'
import { type KeyFile, writeKeyFile } from '../../src/keys/key-file.ts'
import { isSignedUnder, keepAnnouncement, meshTargets, publisherFloors } from '../../src/publish/delegations.ts'
import { describeRequest } from '../../src/publish/describe-request.ts'
import { groundOfMesh } from '../../src/publish/ground.ts'
import { judgeAnnouncement } from '../../src/publish/judge-registers.ts'
import { initMesh, type Mesh, meshKeys, readKey } from '../../src/publish/mesh.ts'
import { withChanged } from '../../src/publish/next-targets.ts'
import { type PeerHolds, planRelease, signRelease } from '../../src/publish/release.ts'
import { draftSelfRotation, rotationLines, type SelfRotation, signInTurn } from '../../src/publish/self-rotation.ts'
import {
  addSignature,
  encodeRequest,
  missingSignatures,
  readRequest,
  type SigningRequest,
} from '../../src/publish/signing-request.ts'
import { checkSubmission, requireAnnouncement } from '../../src/publish/submission.ts'
import { rotated } from '../../src/publish/trust-change.ts'
import { trustJson } from '../../src/publish/trust-view.ts'
import { planWithdrawal, signWithdrawal } from '../../src/publish/withdrawal.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { identityOf, keyOf, NOW, seedOf } from '../fixtures/documents.ts'

let home: string
let mesh: Mesh
let own: KeyFile
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pimesh-rotate-'))
  mesh = initMesh({ dir: join(home, 'mesh'), name: 'acme' }, NOW)
  own = [...meshKeys(mesh).values()].find(({ path }) => path.endsWith('publisher.key')) as KeyFile
})
afterEach(() => rmSync(home, { recursive: true }))

const NOBODY: PeerHolds = { targets: null, roles: [], counters: {} }
const holding = ({ raw }: { raw: Uint8Array }): PeerHolds => ({
  targets: Buffer.from(meshTargets(mesh).raw).toString(),
  roles: [{ role: 'acme', frozen: false, announcement: Buffer.from(raw).toString() }],
  counters: {},
})
const publicOf = (name: string) => `ed25519:${Buffer.from(keyOf(name).publicKey).toString('hex')}`
const fileOf = (name: string) => {
  const path = join(home, `${name}.key`)
  if (!existsSync(path)) writeKeyFile(path, seedOf(name))
  return path
}
const wanted = (some: Partial<SelfRotation>): SelfRotation => ({ role: 'acme', out: [], in: [], end: false, ...some })
const draft = (some: Partial<SelfRotation>, held = NOBODY) => draftSelfRotation(mesh, held, wanted(some), NOW).request
const failure = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) })

function publish(name: string, held = NOBODY, keyFile?: string) {
  const [path, version] = name.split('@') as [string, string]
  const bytes = Buffer.from(name)
  const { encoding } = identityOf(bytes)
  const installer = { type: 'file' as const, file: 'agent', executable: true }
  const plan = planRelease(mesh, held, { path, version, to: 'true', installer, keyFile }, NOW)
  return signRelease(plan, { artifact: { hash: encoding.sha256, length: bytes.length }, encoding })
}

/** Signed one after the other, by way of the file. */
function signedBy(request: SigningRequest, ...keys: { keyId: string; sign(bytes: Uint8Array): Uint8Array }[]) {
  return keys.reduce((one, key) => readRequest(encodeRequest(addSignature(one, key, NOW)), 'it'), request)
}
const documentOf = (request: SigningRequest) => request.document as AnnouncementDocument

/** The role after `own` gave it to a key that follows from a name. */
function handedTo(name: string, held = NOBODY): AnnouncementDocument {
  return documentOf(signedBy(draft({ out: [own.keyId], in: [publicOf(name)] }, held), own, keyOf(name)))
}

describe('a role that changes its own keys (clause ROTATION)', () => {
  it('is signed by those who go, then by those who come; releases stay, and what is published next carries it on', () => {
    const { document, release } = publish('acme/agent@1')
    const request = draft({ out: [own.keyId], in: [publicOf('next')] }, holding(document))
    expect(missingSignatures(request).map(({ name, count }) => [name, count])).toEqual([
      ['the role "acme" as it is now', 1],
      ['the role "acme" as it will be', 1],
    ])
    const half = signedBy(request, own)
    expect([half.quorums.map(({ signed }) => signed.length), half.document.signatures]).toEqual([[1, 0], []])
    const whole = signedBy(half, keyOf('next'))
    expect(missingSignatures(whole)).toEqual([])
    const rotated = documentOf(whole)
    expect(rotated.signed).toMatchObject({ version: 2, rotation: 1, releases: [release] })
    expect(isSignedUnder(rotated, meshTargets(mesh).signed)).toBe(true)
    expect(rotationLines(whole)).toEqual([
      `the role "acme" has other keys: 1 of 1 sign from now on, ${keyOf('next').keyId.slice(0, 16)}`,
    ])
    expect(checkSubmission(requireAnnouncement(whole, 'it') as never, holding(document))).toBeUndefined()

    const next = publish('acme/map@1', holding(rotated), fileOf('next')).document
    expect(next.signed).toMatchObject({ version: 3, rotation: 1 })
    expect(isSignedUnder(next, meshTargets(mesh).signed)).toBe(true)
    const withdrawal = planWithdrawal(mesh, holding(next), { name: 'acme/map', keyFile: fileOf('next') }, NOW)
    expect(signWithdrawal(withdrawal).document.signed).toMatchObject({ version: 4, rotation: 1 })
    expect(() => publish('acme/map@2', holding(rotated))).toThrow(failure('E_KEY', 'has no key of the role "acme"'))
  })

  it('can do so before it announced anything, and again; the folder alone knows of it, and so do its invites', () => {
    const rotated = handedTo('next')
    keepAnnouncement(mesh, rotated, 'accepted')
    expect(publisherFloors(mesh).roles).toEqual([{ role: 'acme', epoch: 1, rotation: 1, version: 1 }])
    expect(publish('acme/agent@1', NOBODY, fileOf('next')).document.signed).toMatchObject({ rotation: 1, version: 2 })
    const again = draft({ in: [publicOf('more')], threshold: 2 })
    const twice = documentOf(signedBy(again, keyOf('next'), keyOf('more')))
    expect(twice.signed).toMatchObject({ rotation: 2, version: 2 })
    expect(isSignedUnder(twice, meshTargets(mesh).signed)).toBe(true)
  })

  it('is signed once by who has the keys of now and then, when that completes the change', () => {
    const kept = signedBy(draft({ in: [publicOf('more')] }), own)
    expect([missingSignatures(kept), documentOf(kept).signed.rotation]).toEqual([[], 1])
  })

  it('ends with one signature of the keys that it has, for good', () => {
    const { document } = publish('acme/agent@1')
    const request = draft({ end: true }, holding(document))
    expect(request.quorums.map(({ name }) => name)).toEqual(['the role "acme"'])
    const ended = documentOf(signedBy(request, own))
    expect(ended.signed).toMatchObject({ rotation: TOMBSTONE, releases: [] })
    expect(isSignedUnder(ended, meshTargets(mesh).signed)).toBe(true)
    expect(rotationLines({ ...request, document: ended } as SigningRequest)[0]).toContain('has ended')
    const held = holding(ended)
    expect(() => publish('acme/agent@2', held)).toThrow(failure('E_ROLE', '--raise-epoch'))
    expect(() => draft({ end: true }, held)).toThrow(failure('E_ROLE', 'has ended itself'))
  })

  it('shows a key holder which keys go and come, and that an end has no way back', () => {
    const { document } = publish('acme/agent@1')
    const { changes, unchanged } = describeRequest(
      draft({ out: [own.keyId], in: [publicOf('next')] }, holding(document)),
    )
    const keys = `${own.keyId.slice(0, 16)} -> ${keyOf('next').keyId.slice(0, 16)}`
    expect(changes).toEqual([
      {
        what: 'changed',
        name: 'the keys of the role "acme"',
        facts: [
          ['keys', keys],
          ['needs', '1 of 1 keys'],
        ],
      },
    ])
    expect(unchanged).toEqual(['acme/agent'])
    const end = describeRequest(draft({ end: true }, holding(document)))
    expect(end.changes.map(({ what, name }) => [what, name])).toEqual([
      ['changed', 'the keys of the role "acme"'],
      ['removed', 'acme/agent'],
    ])
    expect(end.notes.join()).toContain('there is no way back')
    expect(describeRequest(draft({ end: true })).notes.join()).not.toContain('does not understand')
  })

  it('is shown by trust show, and judged by trust check', () => {
    const rotated = handedTo('next')
    const documents = { mesh: mesh.id, root: mesh.root, targets: meshTargets(mesh), statements: [], bound: 0 }
    const shown = (document: AnnouncementDocument) =>
      trustJson({ ...documents, announcements: [{ document, frozen: false }] }, NOW).publishers[0]
    expect(shown(rotated)).toMatchObject({
      keys: [own.keyId],
      rotated: { keys: [keyOf('next').keyId], threshold: 1, number: 1, ended: false },
    })
    const end = documentOf(signedBy(draft({ end: true }, holding(rotated)), keyOf('next')))
    expect(shown(end)?.rotated).toMatchObject({ ended: true, number: 2 })
    expect(shown(publish('acme/agent@1').document)?.rotated).toBeNull()
    const ground = (...announcements: AnnouncementDocument[]) => ({ ...groundOfMesh(mesh), announcements })
    expect(judgeAnnouncement(rotated, ground())).toMatchObject({
      verdict: 'accepted',
      quorums: [{ signed: [keyOf('next').keyId] }],
    })
    const old = publish('acme/agent@1').document
    expect(judgeAnnouncement(old, ground(rotated))).toMatchObject({
      code: 'keysRotated',
      reason: expect.stringContaining('changed its keys itself'),
    })
    expect(judgeAnnouncement(rotated, ground(end))).toMatchObject({
      code: 'roleEnded',
      reason: expect.stringContaining('has ended itself'),
    })
  })

  it('is not undone by the owner without a new epoch', () => {
    const rotated = handedTo('next')
    const targets = meshTargets(mesh).signed
    const change = (some: object) =>
      withChanged(targets, 'acme', { out: [], in: [], ...some }, [rotated]).roles[0]?.epoch
    const { keyId, publicKey } = keyOf('owner')
    expect([change({ in: [{ keyId, publicKey }] }), change({ whenStale: 'refuse' })]).toEqual([2, 1])
  })
})

/** The same statement in the third place. */
function thirdOf(added: JsonObject | undefined): JsonObject {
  return { signed: { ...(added?.signed as JsonObject), number: 3 }, signatures: [] }
}

describe('a mistake in a change of keys is one sentence, and changes nothing', () => {
  const gone = () => ({ out: [own.keyId] })
  it.each<[string, string, () => Partial<SelfRotation>]>([
    ['E_ROLE', 'would have 0 keys and need 1 signature: rotate to a new key with "pimesh trust rotate-self acme', gone],
    ['E_ROLE', 'would have 2 keys and need 3 signatures', () => ({ in: [publicOf('a')], threshold: 3 })],
    ['E_ROLE', 'this mesh has no publisher "acne"; did you mean "acme"?', () => ({ role: 'acne', end: true })],
    ['E_USAGE', 'is given twice', () => ({ in: [publicOf('a'), publicOf('a')] })],
    ['E_KEY', 'is one of the role "acme" already', () => ({ in: [own.path] })],
    ['E_KEY', 'is not one of the keys of the role "acme"', () => ({ out: ['0123456789abcdef'], in: [publicOf('a')] })],
  ])('%s: %s', (code, text, some) => {
    expect(() => draft(some())).toThrow(failure(code, text))
    expect(existsSync(join(mesh.dir, 'announcements'))).toBe(false)
  })

  it('E_KEY: a key that went does not come back', () => {
    const rotated = handedTo('next')
    expect(() => draft({ in: [own.path] }, holding(rotated))).toThrow(failure('E_KEY', 'does not come back'))
    const twice = documentOf(
      signedBy(
        draft({ out: [keyOf('next').keyId], in: [publicOf('last')] }, holding(rotated)),
        keyOf('next'),
        keyOf('last'),
      ),
    )
    for (const text of [own.path, fileOf('next')])
      expect(() => draft({ in: [text] }, holding(twice))).toThrow(failure('E_KEY', 'does not come back'))
  })

  it('E_ROLE: as often as a role can change its keys, and then only its end', () => {
    let held = NOBODY
    let [last, key]: [string, { keyId: string; sign(bytes: Uint8Array): Uint8Array }] = [own.keyId, own]
    for (let at = 1; at < limits.rotations; at++) {
      const next = keyOf(`k${at}`)
      const rotated = documentOf(signedBy(draft({ out: [last], in: [publicOf(`k${at}`)] }, held), key, next))
      expect(isSignedUnder(rotated, meshTargets(mesh).signed)).toBe(true)
      ;[held, last, key] = [holding(rotated), next.keyId, next]
    }
    expect(() => draft({ in: [publicOf('more')] }, held)).toThrow(failure('E_ROLE', 'can only end itself now'))
    expect(documentOf(signedBy(draft({ end: true }, held), key)).signed.rotation).toBe(TOMBSTONE)
  })

  it('E_KEY: out of turn, a stranger, and again', () => {
    const request = draft({ in: [publicOf('a'), publicOf('b')], out: [own.keyId], threshold: 2 })
    expect(() => signedBy(request, keyOf('a'))).toThrow(failure('E_KEY', 'is not one of the role "acme" as it is now'))
    const half = signedBy(request, own)
    expect(() => signedBy(half, own)).toThrow(failure('E_KEY', 'is not one of the role "acme" as it will be'))
    const more = signedBy(half, keyOf('a'))
    expect(() => signedBy(more, keyOf('a'))).toThrow(failure('E_KEY', 'has signed it already'))
    expect(() => requireAnnouncement(more, 'it')).toThrow(
      failure('E_SIGNATURES', '1 more of the role "acme" as it will be'),
    )
    expect(missingSignatures(signedBy(more, keyOf('b')))).toEqual([])
  })

  it('E_SIGNATURES: too few keys are here, which is said before any signs', async () => {
    const request = draft({ in: [publicOf('a')], out: [own.keyId] })
    const sign = () => Promise.reject(new Error('nobody is to sign'))
    await expect(signInTurn(request, [own], sign)).rejects.toThrow(
      failure('E_SIGNATURES', 'the keys that are here are too few'),
    )
    const both = [own, readKey(fileOf('a'))]
    const document = await signInTurn(request, both, async (one, key) => addSignature(one, key, NOW))
    expect(isSignedUnder(document, meshTargets(mesh).signed)).toBe(true)
  })

  it('E_REQUEST: signed by those who come before those who go, and with another chain than the one before', () => {
    const altered =
      (request: SigningRequest, signed: JsonObject, ...by: Parameters<typeof encodeSigned>[1]) =>
      () => {
        const document = parseAnnouncement(encodeSigned(signed, by))
        return readRequest(encodeRequest({ ...request, document } as SigningRequest), 'it')
      }
    const request = draft({ out: [own.keyId], in: [publicOf('next')] })
    const early = jsonOf(request.document.signedBytes)
    expect(altered(request, early, keyOf('next'))).toThrow(
      failure('E_REQUEST', 'not yet by the role "acme" as it is now'),
    )
    const rotated = handedTo('next')
    const second = draft({ in: [publicOf('more')] }, holding(rotated))
    const signed = jsonOf(second.document.signedBytes)
    const [, added] = signed.rotations as JsonObject[]
    const [other] = jsonOf(handedTo('other').signedBytes).rotations as JsonObject[]
    for (const rotations of [[other], [other, added]])
      expect(altered(second, { ...signed, rotations } as JsonObject)).toThrow(
        failure('E_REQUEST', 'do not follow those before it'),
      )
    expect(
      altered(second, { ...signed, rotations: [...(signed.rotations as JsonObject[]), thirdOf(added)] } as JsonObject),
    ).toThrow(failure('E_REQUEST', 'do not follow those before it'))
  })

  it('E_USAGE: nothing that changes', () => {
    const { document } = publish('acme/agent@1')
    expect(() => draft({ threshold: 1 }, holding(document))).toThrow(failure('E_USAGE', 'nothing changes'))
  })

  it('an epoch that the owner begins undoes it, and that is said', () => {
    const announced = handedTo('next')
    const base = { mesh, targets: meshTargets(mesh), announced: [announced] }
    const step = { out: [], in: [], threshold: undefined, whenStale: undefined, raiseEpoch: true }
    const { notes } = rotated(base as never, 'acme', step)
    const [id, next] = [own.keyId, keyOf('next').keyId].map((keyId) => keyId.slice(0, 16))
    expect(notes.join('; ')).toContain(`${id}, which it had taken out, signs again, and ${next} does not`)
  })

  it('E_REQUEST: an altered chain, and one that somebody overtook', () => {
    const { document } = publish('acme/agent@1')
    const half = signedBy(draft({ out: [own.keyId], in: [publicOf('next')] }, holding(document)), own)
    const text = Buffer.from(encodeRequest(half)).toString()
    const forged = text.replaceAll(keyOf('next').keyId, keyOf('thief').keyId)
    expect(() => readRequest(Buffer.from(forged), 'it')).toThrow(failure('E_REQUEST', 'altered'))
    const other = handedTo('other', holding(document))
    const whole = signedBy(half, keyOf('next'))
    expect(() => checkSubmission(requireAnnouncement(whole, 'it') as never, holding(other))).toThrow(
      failure('E_REQUEST', 'overtaken'),
    )
  })
})
