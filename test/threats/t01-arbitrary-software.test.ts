// T01: software that the publisher did not sign. A hostile member tells of announcements and targets that are unsigned, signed by
// another key, by one of two, bit-flipped, or of another type, and gives their bodies; and a publisher's machine hands them in.
// All are refused, the reason is counted, the teller is not asked again, nobody else hears of it, and nothing changes.
import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { EMPTY_VECTOR } from '../../src/core/trust/announcement.ts'
import { Registers, type Terms } from '../../src/core/trust/registers.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned, sha256Hex } from '../../src/wire/signed.ts'
import { announcementOf, delegationOf, env, keyOf, MESH, targetsOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import {
  announce,
  artifactOf,
  head,
  holdings,
  holds,
  installed,
  PATH,
  publish,
  reaches,
  releaseFor,
  targetsFor,
  textOf,
} from './publishing.ts'

const GOOD = artifactOf('good')
const EVIL = artifactOf('evil')
const roles = [delegationOf(), delegationOf({ name: 'pair', by: ['first', 'second'], threshold: 2, paths: ['pair/*'] })]
const keys = ['publisher', 'first', 'second']

interface Stage {
  fleet: Fleet
  /** Who is attacked, and a neighbour of it. */
  member: Member
  other: Member
  hostile: Hostile
}
let stage: Stage

beforeAll(async () => {
  const fleet = await Fleet.create()
  const other = await fleet.found('other')
  const member = await fleet.add('member', other)
  await fleet.join('hostile', fleet.token({ through: [member] }))
  const hostile = await Hostile.start(fleet.data('hostile'))
  await hostile.dial(member)
  const targets = targetsFor(fleet, { roles, keys })
  const pair = { role: 'pair', by: ['first', 'second'], releases: { 'pair/agent': releaseFor(GOOD) } }
  await publish(member, announce(fleet, { releases: { [PATH]: releaseFor(GOOD) } }), { targets, artifacts: [GOOD] })
  await publish(member, announce(fleet, pair))
  for (const each of [member, other]) {
    await reaches(each, 'committed', 1)
    await reaches(each, 'committed', 1, 'pair/agent')
  }
  stage = { fleet, member, other, hostile }
})
afterAll(closeFleets)

/** What would be the next version of a role, naming software that its publisher did not sign; each time another text. */
const next = (fleet: Fleet, role: 'acme' | 'pair', by: string[]): Uint8Array => {
  const [path, counter] = [role === 'acme' ? PATH : 'pair/agent', ++counters]
  return announce(fleet, { role, version: 2, by, releases: { [path]: releaseFor(EVIL, { counter }) } }).raw
}
let counters = 1

/** With its signatures changed. */
function resigned(raw: Uint8Array, change: (signatures: { keyid: string; sig: string }[]) => unknown): Uint8Array {
  const { signed, signatures } = jsonOf(raw) as { signed: JsonObject; signatures: { keyid: string; sig: string }[] }
  change(signatures)
  return canonicalBytes({ signed, signatures })
}

const rehex = (hex: string) => (hex.startsWith('0') ? `1${hex.slice(1)}` : `0${hex.slice(1)}`)

/** A signature of 64 bytes, as Ed25519 has them, by a key on the curve P-256. */
function p256Signature(raw: Uint8Array): string {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return sign('sha256', canonicalBytes(jsonOf(raw).signed as JsonObject), { key, dsaEncoding: 'ieee-p1363' }).toString(
    'hex',
  )
}

/** Signed by the publisher, and not an announcement. */
function ofType(type: string, fleet: Fleet): Uint8Array {
  const { signed } = jsonOf(next(fleet, 'acme', [])) as { signed: JsonObject }
  return encodeSigned({ ...signed, _type: type }, [keyOf('publisher')])
}

interface Attack {
  what: string
  role: 'acme' | 'pair'
  raw: (fleet: Fleet) => Uint8Array
  /** How it is counted when a peer gives it; and what a publisher's machine is told. */
  code: string
  told: string
}

const wrong = { role: 'acme', code: 'badSignature', told: 'a signature is wrong' } as const
const attacks: Attack[] = [
  { ...wrong, what: 'unsigned', raw: (fleet) => next(fleet, 'acme', []) },
  { ...wrong, what: 'signed by a key that no role lists', raw: (fleet) => next(fleet, 'acme', ['stranger']) },
  { ...wrong, what: 'signed by a key of another role', raw: (fleet) => next(fleet, 'acme', ['first', 'second']) },
  {
    ...wrong,
    what: "signed by another key under the publisher's key id",
    raw: (fleet) =>
      resigned(next(fleet, 'acme', ['stranger']), ([only]) =>
        Object.assign(only!, { keyid: keyOf('publisher').keyId }),
      ),
  },
  { ...wrong, what: 'signed by 1 of 2', role: 'pair', raw: (fleet) => next(fleet, 'pair', ['first']) },
  {
    ...wrong,
    what: 'signed by 1 of 2 and a stranger',
    role: 'pair',
    raw: (fleet) => next(fleet, 'pair', ['second', 'stranger']),
  },
  {
    ...wrong,
    what: 'with a flipped bit of its signature',
    raw: (fleet) =>
      resigned(next(fleet, 'acme', ['publisher']), ([only]) => Object.assign(only!, { sig: rehex(only!.sig) })),
  },
  {
    ...wrong,
    what: 'with a flipped bit of what is signed',
    raw: (fleet) => {
      const text = Buffer.from(next(fleet, 'acme', ['publisher'])).toString()
      return Buffer.from(text.replace(EVIL.encoding.pieceList, rehex(EVIL.encoding.pieceList)))
    },
  },
  {
    ...wrong,
    what: 'signed by a key of another type',
    raw: (fleet) => {
      const raw = next(fleet, 'acme', ['publisher'])
      return resigned(raw, ([only]) => Object.assign(only!, { sig: p256Signature(raw) }))
    },
  },
  ...['root', 'timestamp'].map((type) => ({
    ...{ what: `of type "${type}"`, role: 'acme' as const, raw: (fleet: Fleet) => ofType(type, fleet) },
    ...{ code: 'malformed', told: 'field "_type" must be "targets"' },
  })),
]

test.each(attacks)('T01 an announcement $what is refused, from a peer and on the spot', async (attack) => {
  const { fleet, member, other, hostile } = stage
  const { code, told, role } = attack
  const raw = attack.raw(fleet)
  const hash = sha256Hex(canonicalBytes(jsonOf(raw).signed as JsonObject))
  const [before, refusals] = [await holdings(member), (await member.status()).refusals]
  const othersRefusals = (await other.status()).refusals

  hostile.tricks.bodies = new Map([[hash, raw]])
  await hostile.agree(member)
  const asked = hostile.asked.length
  await hostile.sayHead(member, { role, epoch: 1, version: 2, hash })
  await until(`one ${code} more`, async () => (await member.refused(code)) > (refusals[code] ?? 0))
  await hostile.sayHead(member, { role, epoch: 1, version: 2, hash })
  await hostile.barrier(member)
  expect(hostile.asked.slice(asked)).toEqual([{ peer: member.id, request: { type: 'announcements', hashes: [hash] } }])

  await expect(publish(member, { raw } as never)).rejects.toMatchObject({ message: expect.stringContaining(told) })
  const { wrongKind: _, ...counted } = (await member.status()).refusals
  const { wrongKind: __, ...countedBefore } = refusals
  expect(counted).toEqual({ ...countedBefore, [code]: (refusals[code] ?? 0) + 1 })
  expect((await other.status()).refusals).toEqual(othersRefusals)
  for (const each of [member, other]) {
    expect(await holdings(each)).toEqual(before)
    expect(await installed(each)).toBe(GOOD.hash)
  }
})

test('T01 what a member gives that holds other targets is counted too', async () => {
  const { fleet, member, hostile } = stage
  const document = parseAnnouncement(next(fleet, 'acme', ['stranger']))
  hostile.tricks.vector = EMPTY_VECTOR
  await hostile.greet(member)
  delete hostile.tricks.vector
  const before = await member.refused('badSignature')
  hostile.tricks.bodies = new Map([[document.hash, document.raw]])
  await hostile.sayHead(member, head(document))
  const isIt = ({ request }: (typeof hostile.asked)[number]) =>
    request.type === 'announcements' && request.hashes.includes(document.hash)
  await until('a question', () => hostile.asked.some(isIt))
  for (let i = 0; i < 3; i++) await hostile.settle(member) // by then the answer has come, and was judged
  expect(await member.refused('badSignature')).toBe(before + 1)
})

test('T01 targets that the owner did not sign delegate to nobody', async () => {
  const { fleet, member, other, hostile } = stage
  const before = await holdings(member)
  const evil = { version: 9, roles: [delegationOf({ by: ['stranger'] })], keys: ['stranger'] }
  const targets = targetsFor(fleet, { ...evil, by: keyOf('stranger') })
  const release = { releases: { [PATH]: releaseFor(EVIL, { counter: 9 }) } }
  const document = announce(fleet, { version: 9, by: ['stranger'], ...release })
  const refusal = () => member.logged('refused').filter((text) => text.includes('at the targets (badSignature)'))

  hostile.tricks.targets = targets.raw
  hostile.tricks.bodies = new Map([[document.hash, document.raw]])
  hostile.tricks.vector = {
    targetsVersion: 9,
    targetsHash: targets.hash,
    heads: [{ ...head(document), rival: undefined }],
  }
  await hostile.greet(member)
  await until('a refusal', () => refusal().length > 0)
  delete hostile.tricks.vector
  await expect(publish(member, document, { targets })).rejects.toMatchObject({
    code: 'E_ANNOUNCEMENT',
    message: expect.stringContaining('a signature is wrong'),
  })
  const rsa = textOf(targets).replaceAll('"keytype":"ed25519"', '"keytype":"rsa"')
  await expect(publish(member, document, { targets: { raw: Buffer.from(rsa) } as never })).rejects.toMatchObject({
    code: 'E_DOCUMENT',
    message: expect.stringContaining('"keytype" must be "ed25519"'),
  })
  for (const each of [member, other]) expect(await holdings(each)).toEqual(before)
})

test('T01 after all that the publisher is heard', async () => {
  const { fleet, member, other } = stage
  const better = artifactOf('better')
  const document = announce(fleet, { version: 2, releases: { [PATH]: releaseFor(better, { counter: 2 }) } })
  await publish(member, document, { artifacts: [better] })
  for (const each of [member, other]) {
    await holds(each, document)
    await reaches(each, 'committed', 2)
    expect(await installed(each)).toBe(better.hash)
  }
})

test('T01 no announcement with any byte changed is taken', () => {
  const { keys: listed } = targetsOf().signed
  const terms: Terms = { mesh: MESH, delegation: delegationOf(), keys: listed, env }
  const { raw } = announcementOf()
  expect(outcomeOf(raw, terms)).toBe('newer')
  for (const at of raw.keys()) {
    const changed = fc.integer({ min: 1, max: 255 }).map((mask) => raw.with(at, (raw[at] as number) ^ mask))
    const refused = fc.property(changed, (bytes) => !['newer', 'rival', 'same'].includes(outcomeOf(bytes, terms)))
    fc.assert(refused, { numRuns: 1 })
  }
})

/** What a node that holds nothing makes of these bytes. */
function outcomeOf(raw: Uint8Array, terms: Terms): string {
  try {
    return new Registers([]).judge(parseAnnouncement(raw), terms)
  } catch (error) {
    if (error instanceof Failure) return error.code
    throw error
  }
}
