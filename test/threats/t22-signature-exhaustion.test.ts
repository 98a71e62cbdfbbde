// T22: signature exhaustion. A member gives announcements with a thousand signatures, with as many as are allowed and key ids that
// nobody knows, and with huge fields; and publishers' machines hand such things in. All are refused before any signature is checked.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { signedBy } from '../../src/core/trust/roots.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { sha256Hex } from '../../src/wire/signed.ts'
import { parseTargets } from '../../src/wire/targets.ts'
import { delegated } from '../core/trust/announcing-world.ts'
import { announcementOf, delegationOf, keyOf, targetsOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import { announce, holdings, holds, publish, targetsFor } from './publishing.ts'

const THOUSAND = 1_000
const stranger = (i: number) => ({ keyid: sha256Hex(Buffer.from(`key ${i}`)), sig: 'ab'.repeat(64) })

/** The document with other signatures, and fields added to what is signed. */
function changed(raw: Uint8Array, signatures: object[], added: JsonObject = {}): Uint8Array {
  const { signed } = jsonOf(raw) as { signed: JsonObject }
  return canonicalBytes({ signed: { ...signed, ...added }, signatures } as never)
}

const many = Array.from({ length: THOUSAND }, (_, i) => stranger(i))
const most = many.slice(0, limits.documentSignatures)
const custom = { custom: { note: 'x'.repeat(limits.announcementBytes) } }

interface Attack {
  what: string
  raw: (plain: Uint8Array) => Uint8Array
  code: string
  told: string
}
const attacks: Attack[] = [
  { what: 'a thousand signatures', raw: (raw) => changed(raw, many), code: 'malformed', told: 'bytes' },
  {
    ...{ what: 'one signature more than is allowed', raw: (raw) => changed(raw, many.slice(0, most.length + 1)) },
    ...{ code: 'malformed', told: 'signatures' },
  },
  { what: 'only key ids that nobody knows', raw: (raw) => changed(raw, most), code: 'badSignature', told: 'signature' },
  { what: 'a huge field', raw: (raw) => changed(raw, most, custom), code: 'malformed', told: 'bytes' },
]

describe('real members', () => {
  let fleet: Fleet
  let member: Member
  let hostile: Hostile
  let version = 1

  beforeAll(async () => {
    fleet = await Fleet.create()
    const other = await fleet.found('other')
    member = await fleet.add('member', other)
    await fleet.join('hostile', fleet.token({ through: [member] }))
    hostile = await Hostile.start(fleet.data('hostile'))
    await hostile.dial(member)
    const first = announce(fleet, { releases: {} })
    await publish(member, first, { targets: targetsFor(fleet) })
    await holds(member, first)
  })
  afterAll(closeFleets)

  test.each(attacks)(
    'T22 $what: refused, counted and audited, from a peer and on the spot',
    async ({ raw, code, told }) => {
      version += 1
      const bytes = raw(announce(fleet, { version, releases: {} }).raw)
      const hash = sha256Hex(canonicalBytes((jsonOf(bytes) as { signed: JsonObject }).signed))
      const [before, counted] = [await holdings(member), await member.refused(code)]
      hostile.tricks.bodies = new Map([[hash, bytes]])
      await hostile.agree(member)
      await hostile.sayHead(member, { role: 'acme', epoch: 1, version, hash })
      await until('a refusal', async () => (await member.refused(code)) === counted + 1)
      await expect(publish(member, { raw: bytes } as never)).rejects.toMatchObject({
        message: expect.stringContaining(told),
      })
      const { entries } = await member.api.audit()
      expect(entries.filter(({ peer, outcome }) => peer === hostile.id && outcome === code)).toMatchObject([
        { version },
      ])
      expect(await holdings(member)).toEqual(before)
    },
  )

  test('T22 after that the publisher is heard', async () => {
    const document = announce(fleet, { version: version + 1, releases: {} })
    await publish(member, document)
    await holds(member, document)
  })
})

describe('before any crypto', () => {
  const refusing = { verifyStrict: () => expect.unreachable('a signature was checked') }

  test('T22 what is too long or has too many signatures does not even parse, announcement or targets', () => {
    for (const signatures of [many, many.slice(0, most.length + 1)]) {
      expect(() => parseAnnouncement(changed(announcementOf().raw, signatures))).toThrow(/not valid/)
      expect(() => parseTargets(changed(targetsOf().raw, signatures))).toThrow(/not valid/)
    }
    expect(() => parseAnnouncement(changed(announcementOf().raw, most, custom))).toThrow(/bytes/)
  })

  test('T22 signatures under ids that no role lists are never checked', () => {
    const world = delegated()
    world.receive(parseAnnouncement(changed(announcementOf({ version: 9 }).raw, most)))
    expect([world.checks, world.refusals.all(), world.held()]).toEqual([0, { badSignature: 1 }, ''])
  })

  test('T22 nor where too few of them are left to reach the threshold', () => {
    const names = Array.from({ length: limits.documentSignatures }, (_, i) => `key ${i}`)
    const role = delegationOf({ by: names, threshold: 3 })
    const keys = new Map(names.map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
    const two = names.slice(0, 2).map((name) => ({ keyid: keyOf(name).keyId, sig: 'ab'.repeat(64) }))
    const document = parseAnnouncement(changed(announcementOf().raw, [...two, ...most.slice(2)]))
    expect(signedBy(document, keys, role, refusing)).toBe(false)
  })
})
