// T09: compromise of fewer keys than the threshold. t - 1 keys of a publisher, or of the owner, sign; one key signs several times,
// under its own id, under others', and is listed under two. Nothing of it is accepted, by real nodes and by the one check they share.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signedBy } from '../../src/core/trust/roots.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned, sha256Hex } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { announcementOf, delegationOf, env, keyOf, NOW } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import {
  announce,
  artifactOf,
  holdings,
  holds,
  ownerKey,
  publish,
  releaseFor,
  targetsFor,
  textOf,
} from './publishing.ts'

const KEYS = ['one', 'two', 'three']
const EVIL = artifactOf('evil')
const roles = [delegationOf({ by: KEYS, threshold: 2 })]

let fleet: Fleet
let member: Member
let other: Member
let hostile: Hostile

beforeAll(async () => {
  fleet = await Fleet.create()
  other = await fleet.found('other')
  member = await fleet.add('member', other)
  await fleet.join('hostile', fleet.token({ through: [member] }))
  hostile = await Hostile.start(fleet.data('hostile'))
  await hostile.dial(member)
  const first = announce(fleet, { by: ['one', 'two'], releases: {} })
  await publish(member, first, { targets: targetsFor(fleet, { roles, keys: KEYS }) })
  for (const each of [member, other]) await holds(each, first)
})
afterAll(closeFleets)

/** The next version, with these signatures: each a key, and the key under whose id it stands. */
function signedAs(signatures: readonly { by: string; as?: string }[]): Uint8Array {
  const { signed } = jsonOf(announce(fleet, { version: 2, releases: { 'acme/agent': releaseFor(EVIL) } }).raw) as {
    signed: JsonObject
  }
  return encodeSigned(
    signed,
    signatures.map(({ by, as = by }) => ({ ...keyOf(by), keyId: keyOf(as).keyId })),
  )
}

/** A peer tells of it and gives it, and a publisher's machine hands it in. */
async function expectRefused(raw: Uint8Array, code: string, told: string): Promise<void> {
  const [before, counted] = [await holdings(member), await member.refused(code)]
  const hash = sha256Hex(canonicalBytes((jsonOf(raw) as { signed: JsonObject }).signed))
  hostile.tricks.bodies = new Map([[hash, raw]])
  await hostile.agree(member)
  await hostile.sayHead(member, { role: 'acme', epoch: 1, version: 2, hash })
  await until('a refusal', async () => (await member.refused(code)) > counted)
  await expect(publish(member, { raw } as never)).rejects.toMatchObject({ message: expect.stringContaining(told) })
  for (const each of [member, other]) expect(await holdings(each)).toEqual(before)
}

test('T09 one of two keys, and others that no role lists', async () => {
  await expectRefused(
    signedAs([{ by: 'one' }, { by: 'stranger' }, { by: 'thief' }]),
    'badSignature',
    'a signature is wrong',
  )
})

test('T09 one key counts once, whatever ids it signs under', () => {
  const { signed, ...document } = parseAnnouncement(
    signedAs([{ by: 'one' }, { by: 'one', as: 'two' }, { by: 'one', as: 'three' }]),
  )
  const listed = new Map(KEYS.map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
  const role = { keyIds: [...listed.keys()], threshold: 2 }
  expect(signed.version).toBe(2)
  expect(signedBy(document, listed, role, env)).toBe(false)
  // Also where a document could list one key under two ids: keys count by their bytes.
  const twice = new Map(KEYS.map((name) => [keyOf(name).keyId, keyOf('one').publicKey]))
  expect(signedBy(document, twice, role, env)).toBe(false)
  expect(signedBy(document, twice, { ...role, threshold: 1 }, env)).toBe(true)
})

test('T09 one signature given twice under one id is refused before it is checked', () => {
  expect(() => parseAnnouncement(signedAs([{ by: 'one' }, { by: 'one' }]))).toThrow(/two signatures by the same key/)
})

test('T09 targets that list one key under two ids are refused, though their owner signed them', async () => {
  const before = await holdings(member)
  const { keyId, publicKey } = keyOf('one')
  const other = keyOf('two').keyId
  const listed = new Map([
    [keyId, publicKey],
    [other, publicKey],
  ])
  const delegation = delegationOf({ keyIds: [keyId, other], threshold: 2 })
  const json = targetsJson({ version: 3, expires: Date.now() + 1e9, keys: listed, roles: [delegation] })
  const raw = encodeSigned(json, [ownerKey(fleet)])
  expect(() => parseTargets(raw)).toThrow(/key/)
  await expect(publish(member, announcementOf(), { targets: { raw } as never })).rejects.toMatchObject({
    code: 'E_DOCUMENT',
  })
  expect(await holdings(member)).toEqual(before)
})

test('T09 targets signed by no key of the owner, however many others there are', async () => {
  const before = await holdings(member)
  const evil = [delegationOf({ by: ['thief'] })]
  const forged = targetsFor(fleet, { version: 9, roles: evil, keys: ['thief'], by: keyOf('thief') })
  hostile.tricks.targets = forged.raw
  hostile.tricks.vector = { targetsVersion: 9, targetsHash: forged.hash, heads: [] }
  await hostile.greet(member)
  await until('a refusal', async () =>
    (await member.api.audit()).entries.some(({ what, outcome }) => what === 'targets' && outcome === 'badSignature'),
  )
  expect(textOf(forged)).not.toBe(before.targets)
  for (const each of [member, other]) expect(await holdings(each)).toEqual(before)
})

test('T09 with the second key it is accepted', async () => {
  const document = parseAnnouncement(signedAs([{ by: 'one' }, { by: 'stranger' }, { by: 'three' }]))
  expect(document.signed.expires).toBeGreaterThan(NOW)
  await publish(member, document)
  for (const each of [member, other]) await holds(each, document)
})
